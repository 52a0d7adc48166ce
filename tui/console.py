"""Opening the console in this terminal, and the end of its work."""

import os
import sys
from contextlib import suppress
from typing import TextIO, cast

from syncflow.errors import ConfigurationError
from syncflow.i18n.catalog import _
from syncflow.i18n.languages import of_locale
from syncflow.logs import configure_logs
from syncflow.settings import Settings
from tui.app import Console
from tui.bridge import Manner
from tui.guard import Undo, guarded


def open_console(settings: Settings, operator: str, manner: Manner, language: str | None) -> int:
    """Run the console until the operator leaves; the exit code. `language` is the one that was asked for.
    Raises ConfigurationError without a terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigurationError(
            _("The console needs a terminal, and there is none here. Commands work without one: syncflow --help.")
        )
    if not sys.stderr.isatty():  # Textual draws there; with 2>errors.log nothing would be seen
        os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    return guarded(lambda alive, undo: _run(settings, operator, manner, language, alive, undo))


def _run(settings: Settings, operator: str, manner: Manner, language: str | None, alive: int, undo: Undo) -> int:
    console = Console(settings, manner, operator, parent=alive)
    console.begin_in(language, of_locale(os.environ))
    console.remember_order = undo.keep
    configure_logs(settings.log_level, json=False, stream=cast(TextIO, console.log_tail), secrets=settings.secrets())
    try:
        console.run()
    finally:
        if console.is_stuck:
            undo.leave()
    _say_that_it_stops(console)
    console.bridge.close()
    return console.return_code or 0


def _say_that_it_stops(console: Console) -> None:
    running = console.at_work()
    if running:
        with suppress(OSError):  # the terminal may be gone
            sys.stderr.write(_("Stopping at the next checkpoint: {} ..").format(", ".join(running)) + "\n")
