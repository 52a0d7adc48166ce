"""Work that is done again and again in a thread of its own."""

import threading
from collections.abc import Callable

import structlog

from syncflow.errors import SyncFlowError

_log = structlog.get_logger()
_STOP_SECONDS = 0.2
_LEAST_SECONDS = 2.0


class Repeating:
    """Starts and ends with its owner. `work` is called at once, and again so many seconds after it has ended; what goes
    wrong in it is logged, and it is called again all the same."""

    def __init__(self, name: str, seconds: float, work: Callable[[], object]) -> None:
        self._name = name
        self._seconds = seconds
        self._work = work
        self._ended = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Call it sooner: in two seconds at the latest, however often it is woken."""
        self._woken.set()

    def end(self) -> None:
        """Call it no more."""
        self._ended.set()
        self._woken.set()

    def join(self) -> None:
        """To be called after `end`. Work that waits for somebody else is not waited for, and left to itself."""
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        said: str | None = None
        while not self._ended.is_set():
            self._woken.clear()
            try:
                self._work()
                said = None
            except SyncFlowError as error:
                if str(error) != said and not self._ended.is_set():
                    _log.warning(f"{self._name}: it is tried again", error=str(error))
                said = str(error)
            except Exception as error:  # noqa: BLE001 - it outlives whatever goes wrong in its work
                if not self._ended.is_set():
                    _log.error(f"{self._name} broke down; it is tried again", exc_info=error)
            self._ended.wait(min(_LEAST_SECONDS, self._seconds))
            if not self._ended.is_set():
                self._woken.wait(max(0.0, self._seconds - _LEAST_SECONDS))
