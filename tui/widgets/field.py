"""A line of input for values from outside: what a terminal would obey is shown as a sign, and kept as it is."""

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.plain import CONTROLS, STEERING


class Field(Input):
    """Shows each character in a place of its own, so that the cursor stands where it seems to stand. The arrows lead to
    the lines above and below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    @property
    def _value(self) -> Text:
        return Text(STEERING.sub("¿", self.value.translate(CONTROLS)), no_wrap=True, overflow="ignore", end="")
