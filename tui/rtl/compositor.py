"""The whole screen from right to left: what is laid out from left to right is put in order and painted mirrored.

Screens, widgets and style sheets know nothing of it: sizes and places are counted from the left, as always, until a
line is painted. What asks for the widget, the style or the text at a place counts so too (`rtl.inputs` turns a mouse's
column round before anybody sees it).
"""

from collections.abc import Iterable
from itertools import accumulate

from rich.cells import cell_len, get_character_cell_size
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor
from textual.errors import NoWidget
from textual.geometry import Offset, Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, TextArea

from tui.rtl.filters import put_in_order
from tui.rtl.line import Manner, base_of, ordered, source_places

LEFT_TO_RIGHT = "ltr"
"""The class of a widget that stays as it is: logs, code, plots."""
AS_PAINTED = "painted"
"""The class of a widget whose lines are already in the order of the screen."""


class MirroredCompositor(Compositor):
    """Paints from right to left."""

    @classmethod
    def in_place_of(cls, other: Compositor) -> "MirroredCompositor":
        """One that knows all that the other knows."""
        new = cls()
        vars(new).update(vars(other))
        return new

    def as_before(self) -> Compositor:
        """The plain one again."""
        plain = Compositor()
        vars(plain).update(vars(self))
        return plain

    def mirrored(self, region: Region) -> Region:
        """The region on the other side of the screen."""
        x, y, width, height = region
        return Region(self.size.width - x - width, y, width, height)

    @property
    def cuts(self) -> list[list[int]]:
        width = self.size.width
        return [[width - cut for cut in reversed(line)] for line in super().cuts]

    def render_partial_update(self) -> ChopsUpdate | None:
        self._dirty_regions = {self.mirrored(region) for region in self._dirty_regions}
        return super().render_partial_update()

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        """What each widget shows within the crop, which is given on the mirrored screen, as the regions are that are
        given back."""
        wanted = None if crop is None else self.mirrored(crop)
        for widget, (region, clip) in self.visible_widgets.items():
            seen = region.intersection(clip)
            if (wanted is None or wanted.overlaps(clip)) and seen:
                yield self.mirrored(region), self.mirrored(clip), _lines(widget, region, seen)

    def get_style_at(self, x: int, y: int) -> Style:
        return super().get_style_at(self._source(x, y), y)

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        return super().get_widget_and_offset_at(self._source(x, y), y)

    def _source(self, x: int, y: int) -> int:
        """The column of the layout whose character is painted at this column. Fields and islands are asked by the
        column of the character already."""
        try:
            widget, region = self.get_widget_at(x, y)
        except NoWidget:
            return x
        if manner_of(widget) is not Manner.TEXT:
            return x
        return region.x + source_cell(widget, region, x - region.x, y - region.y)


def manner_of(widget: Widget) -> Manner | None:
    """How the widget's lines are read; None where they are already as they are painted."""
    if isinstance(widget, Screen) or widget.has_class(AS_PAINTED):
        return None
    if isinstance(widget, Input):
        return Manner.FIELD_RIGHT if widget.has_class(LEFT_TO_RIGHT) else base_of(widget.value or widget.placeholder)
    return Manner.ISLAND if isinstance(widget, TextArea) or widget.has_class(LEFT_TO_RIGHT) else Manner.TEXT


def source_cell(widget: Widget, region: Region, x: int, y: int) -> int:
    """The cell of a widget's line, as it was before it was put in order, that is painted at the mirrored cell `x`; all
    cells counted from the left of the layout."""
    manner = manner_of(widget)
    lines = widget.render_lines(Region(0, y, region.width, 1)) if manner is not None else []
    if manner is None or not lines:
        return x
    cells = _cells(lines[0].text, manner)
    painted = region.width - 1 - x
    return cells[painted] if 0 <= painted < len(cells) else x


def _cells(text: str, manner: Manner) -> list[int]:
    """The source cell of each cell on the screen, from left to right."""
    spans = ordered(text, manner)
    if spans is None:
        return list(range(cell_len(text)))
    begins = [0, *accumulate(get_character_cell_size(sign) for sign in text)]
    shown = "".join(span.text for span in spans)
    return [
        begins[place] + part
        for sign, place in zip(shown, source_places(spans), strict=True)
        for part in range(get_character_cell_size(sign))
    ]


def _lines(widget: Widget, region: Region, seen: Region) -> list[Strip]:
    """The lines of a widget that are seen, put in order as a whole and cut afterwards."""
    strips = widget.render_lines(Region(0, seen.y - region.y, region.width, seen.height))
    manner = manner_of(widget)
    if manner is not None:
        strips = [put_in_order(strip, manner) for strip in strips]
    if seen.width == region.width:
        return strips
    left = region.right - seen.right
    return [strip.crop(left, left + seen.width) for strip in strips]


def painted_cell(widget: Widget, region: Region, x: int, y: int) -> int:
    """The cell, from the left of the painted widget, of a cell of its line before that was put in order."""
    manner = manner_of(widget)
    lines = widget.render_lines(Region(0, y, region.width, 1)) if manner is not None else []
    cells = _cells(lines[0].text, manner) if manner is not None and lines else []
    return cells.index(x) if x in cells else region.width - 1 - x
