"""Lines of styled text put in the order of the screen."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from rich.segment import Segment
from rich.style import Style
from textual.color import TRANSPARENT, Color
from textual.filter import LineFilter
from textual.strip import Strip

from tui.i18n.mirrors import INVERSE
from tui.rtl.line import Manner, Span, has_special, ordered

_EXCHANGED = frozenset(INVERSE.values())


class InOrder(LineFilter):
    """Puts a whole line of a widget in order, styles and all. The line is as wide afterwards as it was before."""

    def __init__(self, manner: Manner) -> None:
        super().__init__()
        self._manner = manner

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's signature
        line = "".join([segment.text for segment in segments])
        spans = ordered(line, self._manner)
        if spans is None or any(segment.control for segment in segments):
            return segments
        styled = _styled(spans, segments)
        return segments if has_special(line) and _width(styled) != _width(segments) else styled


FILTERS = {manner: InOrder(manner) for manner in Manner}
"""One for each manner, so that a strip's own cache of filtered lines serves."""


def put_in_order(strip: Strip, manner: Manner) -> Strip:
    """The strip in the order of the screen; kept in the strip's cache."""
    return strip.apply_filter(FILTERS[manner], TRANSPARENT)


def _width(segments: Sequence[Segment]) -> int:
    """Of each by itself: what ends one and what begins the next are not measured together."""
    return sum(segment.cell_length for segment in segments)


def _styled(spans: Sequence[Span], segments: Sequence[Segment]) -> list[Segment]:
    """The characters of the spans in the styles of those they come from."""
    starts = [0, *accumulate(len(segment.text) for segment in segments)]
    found: list[Segment] = []
    text, style = "", None
    for part, its_style in _parts(spans, segments, starts):
        if its_style is style:
            text += part
            continue
        if text:
            found.append(Segment(text, style))
        text, style = part, its_style
    if text:
        found.append(Segment(text, style))
    return found


def _parts(
    spans: Sequence[Span], segments: Sequence[Segment], starts: Sequence[int]
) -> "list[tuple[str, Style | None]]":
    parts: list[tuple[str, Style | None]] = []
    for text, first, step in spans:
        number = bisect_right(starts, first) - 1
        style = segments[number].style
        if step == 0:
            parts.append((text, _exchanged(style) if text in _EXCHANGED else style))
            continue
        done = 0
        while True:
            room = starts[number + 1] - first - done if step > 0 else first - done - starts[number] + 1
            taken = text[done : done + room]
            if taken:
                parts.append((taken, segments[number].style))
            done += room
            if done >= len(text):
                break
            number += step
    return parts


def _exchanged(style: Style | None) -> Style:
    """Foreground and background exchanged, for a part of a block that has no mirror image of its own."""
    if style is None or style.color is None or style.bgcolor is None:
        return (style or Style()) + Style(reverse=not (style and style.reverse))
    return style + Style(color=style.bgcolor, bgcolor=style.color)
