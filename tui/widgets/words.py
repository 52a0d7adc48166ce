"""Texts that follow the language while the console runs."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static


@runtime_checkable
class Speaker(Protocol):
    """A widget that has texts of its own."""

    def speak(self) -> None:
        """Say them in the language as it is now; whatever else it shows stays."""


class Words(Static):
    """A text that is told anew when the language is another."""

    def __init__(self, tell: Callable[[], Content], *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(tell(), id=id, classes=classes)
        self._tell = tell

    def speak(self) -> None:
        self.update(self._tell())


def speak(screen: Screen[Any]) -> None:
    """Everything on the screen in the language as it is now."""
    for widget in screen.walk_children():
        if isinstance(widget, Speaker):
            widget.speak()
        widget.refresh()
