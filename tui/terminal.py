"""The console's driver: Textual's own for Linux, which also tells the terminal who puts lines in order, tells it back
at the end, and hears what the terminal answers to questions without losing a key that is typed meanwhile."""

import os
import selectors
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, Protocol

from textual import constants
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

_ENTER, _LEAVE = "\x1b[?1049h", "\x1b[?1049l"
_KEYS_AS_BEFORE, _KEYS = "\x1b[<u", "\x1b[>25u"
"""Kitty's keyboard protocol, of which each of the two screens has its own state (as Textual sets it)."""
_TICK = 0.1
_MOST_WAITING = 12
"""So many writes wait for a line that stands still, four frames of three writes; then no frame is made until it goes
on."""
_LAST_WORDS_SECONDS = 2.0
"""How long the end of the console waits for such a line."""


class Order(Protocol):
    """What a terminal is told so that it leaves lines as they are, and so that it does as before."""

    @property
    def enter(self) -> str: ...

    @property
    def leave(self) -> str: ...


class Listener(Protocol):
    """Takes answers of the terminal out of what is read from it."""

    def take(self, data: bytes) -> bytes:
        """What was read, without answers."""

    def tick(self) -> bytes:
        """Called when nothing came for a moment: what was held back, since it may have been an answer."""


class ConsoleDriver(LinuxDriver):
    """Textual's driver with `order` around the alternate screen and a `listener` on what comes in."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.order: Order | None = None
        self.listener: Listener | None = None
        self.is_stuck = False
        """Whether, at the end, the line did not take what the terminal was still to be told."""
        if self._file is not None:
            own = os.fdopen(os.dup(self._file.fileno()), "wb")
            self._file = TextIOWrapper(own, encoding="utf-8", errors="backslashreplace", newline="")
        """Its own: whoever writes to a line that stands still holds the file's lock."""

    def start_application_mode(self) -> None:
        """As Textual's, whose queue of writes is bounded: a line that stands still would stop the application's loop,
        and with it every signal."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._writer_thread is not None:
            self._writer_thread._queue.maxsize = 0

    @property
    def is_behind(self) -> bool:
        """Whether the line has not taken what was written some frames ago."""
        return self._writer_thread is not None and self._writer_thread._queue.qsize() >= _MOST_WAITING

    def close(self) -> None:
        """As Textual's, which waits for a line that stands still for ever. Nothing more is said on one that is given
        up, since saying it would wait as well."""
        if self._writer_thread is None:
            return
        waiting = self._writer_thread._queue
        waiting.put(None)
        self._writer_thread.join(_LAST_WORDS_SECONDS)
        if self._writer_thread.is_alive() or not waiting.empty():
            self.is_stuck = True
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for said in (1, 2):
                os.dup2(nowhere, said)
            os.close(nowhere)

    def suspend_application_mode(self) -> None:
        """As Textual's: whoever comes next, a shell or an editor, has the terminal only when it is given back whole,
        however slow the line is."""
        self.stop_application_mode()
        super().close()

    def write(self, data: str) -> None:
        """A row keeps the order it was made in: what the terminal is told comes before the alternate screen is there,
        and is taken back when it is gone."""
        if self.order is not None:
            if data == _ENTER:
                data = self.order.enter + data
            elif data == _LEAVE:
                data += self.order.leave
        super().write(data)

    def change_order(self, order: Order | None) -> None:
        """From now on, with a new alternate screen; everything has to be painted again."""
        self.write(_KEYS_AS_BEFORE)
        self.write(_LEAVE)
        self.order = order
        self.write(_ENTER)
        if not constants.DISABLE_KITTY_KEY:
            self.write(_KEYS)
        self.flush()

    def ask(self, question: str, listener: Listener) -> None:
        """Write a question; the listener hears what comes from now on."""
        self.listener = listener
        self.write(question)
        self.flush()

    def run_input_thread(self) -> None:
        """As Textual's, with the listener in between; and it ends when the terminal is gone, where that one spins."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")().decode
        for data in self._read():
            text = decode(self._heard(data))
            for event in parser.feed(text) if text else ():
                self.process_message(event)
            for event in parser.tick():
                self.process_message(event)
        with suppress(EOFError, ParseError):
            list(parser.feed(""))

    def _heard(self, data: bytes) -> bytes:
        if self.listener is None:
            return data
        return self.listener.take(data) if data else self.listener.tick()

    def _read(self) -> Iterator[bytes]:
        """What comes in, and nothing where a moment passes without."""
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if not selector.select(_TICK):
                    yield b""
                elif data := os.read(self.fileno, 4096):
                    yield data
                else:
                    return
