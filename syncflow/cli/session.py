"""What every command that works begins with: settings, logs, and the parts made of them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from syncflow.cli.output import note
from syncflow.events import Event, Listener
from syncflow.i18n.catalog import _
from syncflow.i18n.texts import told
from syncflow.settings import Settings
from syncflow.settings_loader import load_settings

if TYPE_CHECKING:
    from syncflow.runtime import Runtime


def unwatched(_event: Event) -> None:
    """For commands that run no batch."""


def start() -> Settings:
    """The settings, with what looks wrong in them said; logs go to standard error from now on."""
    settings = load_settings()
    for warning in settings.warnings:
        note(_("Warning: {text}").format(text=told(warning)))
    send_logs(settings)
    return settings


def send_logs(settings: Settings) -> None:
    """Logs to what is standard error now; a live display puts itself in its place to keep lines whole."""
    from syncflow.logs import configure_logs  # deferred, too

    configure_logs(settings.log_level, json=False, stream=sys.stderr, secrets=settings.secrets())


@contextmanager
def session(listener: Listener = unwatched) -> Iterator["Runtime"]:
    """A runtime for one command."""
    from syncflow.runtime import open_runtime  # deferred: help need not wait for the whole machinery

    settings = start()
    if settings.database_url is None and sys.stderr.isatty():
        said = _("No database is configured: this is the embedded one in {folder}.")
        note(said.format(folder=settings.state_dir))
    with open_runtime(settings, listener) as runtime:
        yield runtime
