"""A console that runs from right to left: its screens, its input, its terminal."""

import os
from typing import TYPE_CHECKING, Any

from textual.events import Event
from textual.geometry import Offset
from textual.screen import Screen

from tui.rtl.compositor import MirroredCompositor
from tui.rtl.inputs import cursor_on_screen, turned
from tui.rtl.terminals import Answers, Question, advice_for, order_for, question_for
from tui.terminal import ConsoleDriver

if TYPE_CHECKING:
    from tui.direction import Directed


class RightToLeft:
    """What turns an application round, and back."""

    def __init__(self, app: "Directed") -> None:
        self._app = app
        self.answers: Answers | None = None
        """What the terminal said of itself, once it did."""

    def dress(self, screen: "Screen[Any]") -> None:
        """From now on the screen is painted from right to left."""
        if not isinstance(screen._compositor, MirroredCompositor):
            screen._compositor = MirroredCompositor.in_place_of(screen._compositor)

    def undress(self, screen: "Screen[Any]") -> None:
        if isinstance(screen._compositor, MirroredCompositor):
            screen._compositor = screen._compositor.as_before()

    def turned(self, event: Event) -> Event:
        return turned(event, self._app)

    def cursor(self, cursor: Offset) -> Offset:
        return cursor_on_screen(self._app, cursor)

    def tell_terminal(self) -> None:
        """Ask the terminal what it is, and tell it then to leave the lines alone; it is asked only once."""
        driver = self._app._driver
        if not isinstance(driver, ConsoleDriver):
            return
        question = question_for(os.environ)
        if self.answers is not None:
            self._app.change_order(order_for(self.answers, os.environ))
        elif question is not None:
            driver.ask(question, Question(self._listen))

    def _listen(self, answers: Answers) -> None:
        """Called by the thread that reads the terminal."""
        self._app.call_later(self._heard, answers)

    def _heard(self, answers: Answers) -> None:
        self.answers = answers
        self._app.terminal_heard(order_for(answers, os.environ), advice_for(answers))
