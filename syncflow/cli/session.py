"""What every command that works begins with: settings, logs, and the parts made of them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from syncflow.cli.output import note
from syncflow.events import Listener
from syncflow.logs import configure_logs
from syncflow.runtime import Runtime, nobody, open_runtime
from syncflow.settings import Settings
from syncflow.settings_loader import load_settings


def start() -> Settings:
    """The settings, with what looks wrong in them said; logs go to standard error from now on."""
    settings = load_settings()
    for warning in settings.warnings:
        note(f"Warning: {warning}")
    send_logs(settings)
    return settings


def send_logs(settings: Settings) -> None:
    """Logs to what is standard error now; a live display puts itself in its place to keep lines whole."""
    configure_logs(settings.log_level, json=False, stream=sys.stderr, secrets=settings.secrets())


@contextmanager
def session(listener: Listener = nobody) -> Iterator[Runtime]:
    """A runtime for one command."""
    settings = start()
    if settings.database_url is None and sys.stderr.isatty():
        note(f"No database is configured: this is the embedded one in {settings.state_dir}.")
    with open_runtime(settings, listener) as runtime:
        yield runtime
