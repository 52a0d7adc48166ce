"""`syncflow --daemon`: schedules and workers without a screen."""

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import structlog

from syncflow.logs import configure_logs
from syncflow.settings import Settings
from syncflow.settings_loader import load_settings
from syncflow.systemd import Supervisor

if TYPE_CHECKING:
    from syncflow.events import Event


def daemon(*, embedded: bool) -> NoReturn:
    """Serve until a signal ends it. Logs are JSON lines on standard output."""
    from syncflow.daemon import Daemon  # deferred: no command but this one has to do with it
    from syncflow.event_log import log_event
    from syncflow.observation import observing
    from syncflow.observe.counting import EventCounts

    counts = EventCounts()

    def hear(event: "Event") -> None:
        counts(event)
        log_event(event)

    supervisor = Supervisor.of(os.environ)
    code = Daemon(load_settings, _log_from_now_on, supervisor, observing(counts), hear, embedded=embedded).run()
    sys.stdout.flush()
    # Threads that still wait for a network are not waited for: nothing is left to be done.
    os._exit(code)


def _log_from_now_on(settings: Settings) -> None:
    configure_logs(settings.log_level, json=True, stream=sys.stdout, secrets=settings.secrets())
    for warning in settings.warnings:
        structlog.get_logger(__name__).warning("a setting was not read", error=str(warning))
