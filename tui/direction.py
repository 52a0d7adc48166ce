"""An application that runs in the direction of its language, and whose keys are found by their place.

Nothing that is needed for languages from right to left alone is imported before one of them is spoken.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Event, InputEvent, Key, Paste
from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget

from syncflow.i18n.catalog import language
from tui.keyboard_layouts import by_place
from tui.terminal import ConsoleDriver, Order

if TYPE_CHECKING:
    from tui.rtl.session import RightToLeft

RIGHT_TO_LEFT = ("ar", "fa")
"""The languages that are written so."""
AUTO, APP, OFF = "auto", "app", "off"
BIDI = (AUTO, APP, OFF)
"""Who puts lines in order: this application, after it told the terminal so (auto) or without a word to it (app), or
nobody here (off): then the terminal does what it does, and the screen is laid out from left to right."""

SETTLE_SECONDS, QUIET_LOOKS, MOST_LOOKS = 0.005, 2, 60
"""How often it is looked whether a key has had its effect, how many times in a row it must have, and how many times it
is waited for: a third of a second."""
CATCH_UP_SECONDS = 0.1
"""How often it is looked whether a line that stood still goes on."""


class Directed(App[None]):
    """`turn` it whenever the language is another."""

    _session: "RightToLeft | None" = None
    _is_turned = False
    _tells_terminal = False
    _cursor = Offset(0, 0)
    _catching_up = False
    _is_settling = False
    remember_order: Callable[[str], None] = staticmethod(lambda _words: None)
    """Told what gives the terminal back its own order, for whoever outlives this process."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[Key | Paste] = deque()

    @property
    def runs_left(self) -> bool:
        """Whether the screen is painted from right to left."""
        return self._is_turned

    def get_driver_class(self) -> type[Driver]:
        found = super().get_driver_class()
        return ConsoleDriver if found is LinuxDriver else found

    def turn_as(self, bidi: str) -> None:
        """Run in the direction of the language, by one of BIDI."""
        left = language() in RIGHT_TO_LEFT and bidi != OFF
        self.turn(left=left, tell_terminal=left and bidi != APP)

    def turn(self, *, left: bool, tell_terminal: bool) -> None:
        """Run from right to left, or from left to right again. `tell_terminal`: it is asked what it is, and told to
        leave the order of the lines alone."""
        if left or tell_terminal:
            from tui.rtl.session import RightToLeft  # deferred: most sessions never need it

            self._session = self._session or RightToLeft(self)
        self._is_turned = left
        self._tells_terminal = tell_terminal
        for stack in self._screen_stacks.values():
            for screen in stack:
                self._dress(screen)
        self._turn_terminal()
        if self._screen_stack_is_there():
            self._paint_all()

    def _dress(self, screen: "Screen[Any]") -> None:
        if self._session is not None:
            (self._session.dress if self._is_turned else self._session.undress)(screen)

    def _turn_terminal(self) -> None:
        if self._session is not None and self._tells_terminal:
            self._session.tell_terminal()
        else:
            self.change_order(None)

    def change_order(self, order: Order | None) -> None:
        """What the terminal is told from now on; None to leave it as it is by itself."""
        driver = self._driver
        if isinstance(driver, ConsoleDriver) and driver.order != order:
            self.remember_order("" if order is None else order.leave)
            driver.change_order(order)
            self._paint_all()

    def terminal_heard(self, order: Order | None, advice: str | None) -> None:
        """The terminal has said what it is. `advice` names one that its user must set right."""
        if self._tells_terminal:
            self.change_order(order)
            if advice is not None:
                self.advise(advice)

    def advise(self, terminal: str) -> None:
        """For those who have something to say to the user of such a terminal."""

    @property
    def is_stuck(self) -> bool:
        """Whether the terminal could not be told at the end that the console is over."""
        return isinstance(self._driver, ConsoleDriver) and self._driver.is_stuck

    def _display(self, screen: "Screen[Any]", renderable: Any) -> None:
        """As Textual's, while the line takes what is written. Otherwise the frame is left out: when the line goes on,
        the screen is painted as it is then."""
        if self._is_behind():
            self._look_again()
        else:
            super()._display(screen, renderable)

    def _is_behind(self) -> bool:
        return isinstance(self._driver, ConsoleDriver) and self._driver.is_behind

    def _look_again(self) -> None:
        if not self._catching_up:
            self._catching_up = True
            self.set_timer(CATCH_UP_SECONDS, self._catch_up)

    def _catch_up(self) -> None:
        self._catching_up = False
        if self._is_behind():
            self._look_again()
        else:
            self._paint_all()

    def _screen_stack_is_there(self) -> bool:
        return bool(self._screen_stacks.get(self._current_mode))

    def _paint_all(self) -> None:
        for screen in self._screen_stack:
            screen._compositor._dirty_regions.add(screen._compositor.size.region)
        self.screen.refresh()
        self.screen._compositor_refresh()

    @on(Driver.SignalResume)
    def _paint_after_sleep(self) -> None:
        """The other screen is empty then, of which Textual paints again only what has changed meanwhile."""
        self._paint_all()

    @contextmanager
    def suspend(self) -> Iterator[None]:
        with super().suspend():
            yield
        self._paint_all()

    def _register(self, parent: Any, *widgets: Widget, **options: Any) -> list[Widget]:
        for widget in widgets:
            if isinstance(widget, Screen):
                self._dress(widget)
        return super()._register(parent, *widgets, **options)

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            self._typed.append(event)
            await self._take_typed()
            return
        if isinstance(event, InputEvent) and not event.is_forwarded:
            event = self._turned(event)
        await super().on_event(event)

    async def _take_typed(self) -> None:
        """What is typed ahead waits until the key before has had its effect, another screen or another focus: over a
        slow line many keys come at once, and `:q` must not open a prompt behind its own letter."""
        while self._typed and not self._is_settling:
            event = self._typed.popleft()
            is_text = isinstance(event, Paste) or self._takes_text(event)
            if isinstance(event, Key) and not is_text:
                event = by_place(event, language(), self._bound)
            await super().on_event(self._turned(event) if isinstance(event, Key) else event)
            if not is_text:
                self._is_settling = True
                self._settle_soon(0, 0)

    def _settle_soon(self, looks: int, quiet: int) -> None:
        self.set_timer(SETTLE_SECONDS, lambda: self._settle(looks + 1, quiet))

    async def _settle(self, looks: int, quiet: int) -> None:
        quiet = quiet + 1 if self._is_quiet() else 0
        if quiet < QUIET_LOOKS and looks < MOST_LOOKS:
            self._settle_soon(looks, quiet)
            return
        self._is_settling = False
        await self._take_typed()

    def _is_quiet(self) -> bool:
        """Whether the screen in front is there, and no message waits on the way from where the focus is to it."""
        front = self.screen
        way = front.focused.ancestors_with_self if front.focused is not None else [front]
        return front.is_mounted and not any(node.message_queue_size for node in way if node is not self)

    def _turned(self, event: Event) -> Event:
        return self._session.turned(event) if self._is_turned and self._session is not None else event

    def _takes_text(self, event: Key) -> bool:
        return self.focused is not None and self.focused.check_consume_key(event.key, event.character)

    def _bound(self) -> Collection[str]:
        return self.screen.active_bindings.keys()

    @property
    def cursor_position(self) -> Offset:
        """Where the terminal's cursor is, on the screen as it is painted."""
        if self._is_turned and self._session is not None and self._screen_stack_is_there():
            return self._session.cursor(self._cursor)
        return self._cursor

    @cursor_position.setter
    def cursor_position(self, place: Offset) -> None:
        self._cursor = place
