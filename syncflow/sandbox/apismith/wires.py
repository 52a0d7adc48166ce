"""The three forms in which a page is served, and which of them a request gets (RFC 9110, section 12.5.1)."""

from collections.abc import Collection
from enum import StrEnum

from syncflow.sandbox.errors import ApiError, SandboxError


class Wire(StrEnum):
    """In the order in which they are taken where a request likes several equally."""

    JSON = "json"
    NDJSON = "ndjson"
    ARROW = "arrow"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    Wire.JSON: "application/json",
    Wire.NDJSON: "application/x-ndjson",
    Wire.ARROW: "application/vnd.apache.arrow.stream",
}
ALL_WIRES = tuple(Wire)
_ALL = "all"


def parse_wires(text: str) -> tuple[Wire, ...]:
    """`json,arrow` or `all`. Raises SandboxError for a name that is none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == [_ALL]:
        return ALL_WIRES
    unknown = [name for name in names if name not in ALL_WIRES]
    if unknown or not names:
        raise SandboxError(
            f"There is no wire {unknown[0] if unknown else text!r}; choose of {', '.join(ALL_WIRES)} with commas "
            f"between, or {_ALL}."
        )
    return tuple(wire for wire in ALL_WIRES if wire in names)


def negotiate(accept: str | None, offered: Collection[Wire]) -> Wire:
    """What is liked best of what is offered. Raises ApiError 406 when nothing of it is."""
    ranges = [_read_range(part) for part in (accept or "*/*").split(",") if part.strip()]
    liked = [(_quality(wire.media_type, ranges), wire) for wire in ALL_WIRES if wire in offered]
    quality, wire = max(liked, key=lambda each: each[0])
    if quality <= 0:
        told = ", ".join(each.media_type for _, each in liked)
        raise ApiError(406, f"None of the media types of Accept is served here; there is: {told}.", code="accept")
    return wire


def _read_range(part: str) -> tuple[str, float]:
    """A media range and its weight; a weight that cannot be read counts as 0."""
    media, *parameters = (each.strip().lower() for each in part.split(";"))
    weights = [each.partition("=")[2] for each in parameters if each.partition("=")[0].strip() == "q"]
    try:
        return media, float(weights[0]) if weights else 1.0
    except ValueError:
        return media, 0.0


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """The weight of the most specific range that takes the type; 0 when none does."""
    for wanted in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        weights = [weight for media, weight in ranges if media == wanted]
        if weights:
            return max(weights)
    return 0.0
