"""The console's one way to the service: opens the runtime, hands it to those who ask, and tells what happens.

Nothing here is heavy to import: the machinery is loaded by `open`, in a thread, while the first screen is painted.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from syncflow.errors import SyncFlowError, UnavailableError
from syncflow.events import News
from syncflow.i18n.catalog import _
from syncflow.settings import Settings

if TYPE_CHECKING:
    from syncflow.runtime import Runtime


ALERT_SECONDS = 60.0


@dataclass(frozen=True)
class Manner:
    """How this console works: `observe` without worker threads, beside a daemon; `read_only` without any act."""

    observe: bool = False
    read_only: bool = False


def _alert(runtime: "Runtime") -> None:
    """Where no daemon looks for what is wrong, the console does."""
    if not runtime.presence.all():
        runtime.neighbour_watch.look()
        runtime.alerts.evaluate()
        runtime.telling.tell()


class Bridge:
    """Holds the runtime while it is open. `tell` is called by worker threads with each event; it must be quick."""

    def __init__(self, settings: Settings, manner: Manner, operator: str, tell: Callable[[News], None]) -> None:
        self.settings = settings
        self.manner = manner
        self.operator = operator
        self._tell = tell
        self._stack = ExitStack()
        self._runtime: Runtime | None = None

    def open(self) -> None:
        """Make the parts, and start watching and working. Blocks. Raises SyncFlowError when something is missing; then
        everything is as before, and it may be tried again."""
        from syncflow.repeating import Repeating
        from syncflow.runtime import open_runtime  # deferred: the first screen need not wait for it

        with ExitStack() as stack:
            runtime = stack.enter_context(open_runtime(self.settings, self._tell, self.operator))
            watch = runtime.watch(self._tell)
            watch.start()
            stack.callback(watch.stop)
            if not (self.manner.observe or self.manner.read_only):
                runtime.worker.start()
                stack.callback(runtime.worker.stop, self.settings.grace_seconds)
                runtime.scheduler.start()
                stack.callback(runtime.scheduler.stop)
                alerting = Repeating("alerts", ALERT_SECONDS, partial(_alert, runtime))
                alerting.start()
                stack.callback(alerting.end)
            self._stack = stack.pop_all()
        self._runtime = runtime

    def close(self) -> None:
        """Stop working at the next checkpoint and let go of everything. Blocks for the grace period at most."""
        self._runtime = None
        self._stack.close()

    @property
    def is_open(self) -> bool:
        return self._runtime is not None

    @property
    def runtime(self) -> "Runtime":
        """Raises UnavailableError while there is none."""
        if self._runtime is None:
            raise UnavailableError(_("SyncFlow is not connected to its database yet."))
        return self._runtime

    def scheduler(self) -> str:
        """Where schedules are kept now: `here`, by a `daemon`, or `nowhere`. Blocks."""
        if self.runtime.scheduler.status().state != "stopped":
            return "here"
        keeps = any(daemon.scheduler_state != "stopped" for daemon in self.runtime.presence.all())
        return "daemon" if keeps else "nowhere"

    def may_act(self) -> SyncFlowError | None:
        """Why nothing may be changed from here; None when it may."""
        if self.manner.read_only:
            return UnavailableError(_("This console is read-only (--read-only): it shows, and changes nothing."))
        return None if self.is_open else UnavailableError(_("SyncFlow is not connected to its database yet."))
