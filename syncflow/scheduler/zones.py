"""Time zones by their IANA names, and what to say of one that is not there."""

from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from syncflow.errors import ConfigurationError
from syncflow.i18n.texts import Text

_OFFERED = 3


def zone_named(name: str) -> ZoneInfo:
    """Raises ConfigurationError, with the nearest names, for one that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(_unknown(name)) from None


def _unknown(name: str) -> Text:
    known = available_timezones()
    if not known:
        return Text(
            "The time zone {name} is not to be had: this machine has no time-zone data. Install the system's tzdata "
            "package, or `pip install tzdata`.",
            name=repr(name),
        )
    near = _nearest(name, known)
    if not near:
        return Text("There is no time zone {name}. It takes an IANA name such as Europe/Berlin.", name=repr(name))
    return Text("There is no time zone {name}. Is it {near}?", name=repr(name), near=_either(near))


def _either(names: list[str]) -> Text | str:
    first, *others = names
    return Text("{one} or {other}", one=first, other=_either(others)) if others else first


def _nearest(name: str, known: set[str]) -> list[str]:
    """By the whole name or by its last part, whatever the case."""
    wanted = name.strip().lower().replace(" ", "_")
    by_city: dict[str, list[str]] = {}
    for each in sorted(known):
        for key in {each.lower(), each.rpartition("/")[2].lower()}:
            by_city.setdefault(key, []).append(each)
    exact = by_city.get(wanted) or by_city.get(wanted.rpartition("/")[2])
    if exact:
        return sorted(exact, key=lambda each: ("/" not in each, each))[:_OFFERED]
    close = get_close_matches(wanted, by_city, n=_OFFERED, cutoff=0.75)
    return list(dict.fromkeys(each for key in close for each in by_city[key]))[:_OFFERED]
