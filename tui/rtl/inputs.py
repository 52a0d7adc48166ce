"""The mouse and the arrow keys of a mirrored screen, as the layout counts them."""

from math import floor
from typing import Any

from textual.app import App
from textual.errors import NoWidget
from textual.events import Event, Key, MouseEvent, MouseScrollLeft, MouseScrollRight
from textual.geometry import Offset
from textual.widget import Widget

from tui.rtl.compositor import manner_of, painted_cell, source_cell
from tui.rtl.line import Manner

_OTHER_SIDE = {"left": "right", "right": "left"}
_OTHER_SCROLL: dict[type[MouseEvent], type[MouseEvent]] = {
    MouseScrollLeft: MouseScrollRight,
    MouseScrollRight: MouseScrollLeft,
}


def turned(event: Event, app: App[Any]) -> Event:
    """The event as if the screen were painted from left to right."""
    if isinstance(event, MouseEvent):
        return _mouse(event, app)
    if isinstance(event, Key) and not _is_island(app.focused):
        return _key(event)
    return event


def _key(event: Key) -> Key:
    *modifiers, last = event.key.split("+")
    if last not in _OTHER_SIDE:
        return event
    return Key("+".join([*modifiers, _OTHER_SIDE[last]]), event.character)


def _is_island(widget: Widget | None) -> bool:
    """Whether left is left in it: the cursor follows the text, and that runs to the right."""
    return widget is not None and manner_of(widget) in (Manner.ISLAND, Manner.FIELD_RIGHT)


def _mouse(event: MouseEvent, app: App[Any]) -> MouseEvent:
    x = _mirrored(event._x, app.size.width)
    x += _shift_in_text(app, int(x), event.y)
    kind = _OTHER_SCROLL.get(type(event), type(event))
    return kind(
        event.widget,
        x,
        event._y,
        -event.delta_x,
        event.delta_y,
        event.button,
        event.shift,
        event.meta,
        event.ctrl,
        screen_x=x,
        screen_y=event._screen_y,
        style=event._style,
    )


def _mirrored(x: float, width: int) -> float:
    """The column on the other side; its fraction, where the terminal counts in pixels, turned round as well."""
    whole = floor(x)
    part = x - whole
    return width - 1 - whole + (1 - part if part else 0)


def _shift_in_text(app: App[Any], x: int, y: int) -> int:
    """In fields and islands, from the cell that was hit to the one whose character is painted there: they tell by it
    where their cursor goes."""
    try:
        widget: Widget = app.mouse_captured or app.get_widget_at(x, y)[0]
    except NoWidget:
        return 0
    region = widget.region
    if manner_of(widget) in (None, Manner.TEXT) or not region.contains(x, region.y):
        return 0
    row = min(max(y - region.y, 0), region.height - 1)
    return region.x + source_cell(widget, region, x - region.x, row) - x


def cursor_on_screen(app: App[Any], cursor: Offset) -> Offset:
    """Where the terminal's cursor stands, for input methods: on the character it stands on in the layout."""
    widget = app.focused
    width = app.size.width
    if widget is None or not widget.region.contains(*cursor):
        return Offset(width - 1 - cursor.x, cursor.y)
    region = widget.region
    cell = painted_cell(widget, region, cursor.x - region.x, cursor.y - region.y)
    return Offset(width - region.right + cell, cursor.y)
