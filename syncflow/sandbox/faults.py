"""Fault switches: what goes wrong, at which calls, how often."""

import threading
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

FaultKind = Literal[
    # of any call
    "delay", "drip", "truncate", "html", "content_type", "status", "reset", "timeout_after_apply",
    "expire_tokens", "refuse_login",
    # of APISmith's execute
    "not_success", "empty", "repeat_page", "ignore_sort", "total_rows",
    # of ScheduleHub's writes
    "reject", "fail_request", "too_large",
]  # fmt: skip


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One switch. It applies to the calls that `path` and `method` name, after `skip` of them, `times` times (None:
    for ever).

    `path`: a glob over the whole path when it starts with `/`, otherwise one segment of the path (a slug, an entity);
    `*` is every call but the control calls.

    delay                wait `seconds`, then answer
    drip                 send the body with `bytes` bytes a second
    truncate             cut the body after `bytes` bytes and the connection with it
    html                 status 200 and a proxy's HTML page
    content_type         the right body under the Content-Type `text`
    status               answer `status`, with `retry_after` (seconds or an HTTP date) when set; nothing is done
    reset                reset the connection before anything is answered; nothing is done
    timeout_after_apply  do the work, answer nothing for `seconds`, then close the connection
    expire_tokens        end all access tokens (`text` "refresh": refresh tokens too), then go on: a 401
    refuse_login         401 at /auth/login
    not_success          status 200 with `{"success": false, "error": text}`
    empty                an empty page with a total of 0
    repeat_page          the page that this API answered before, again
    ignore_sort          rows in another order than asked for, the same at every call
    total_rows           `text`: "missing", "changing", or a wrong number
    reject               records whose `field` equals `value` fail with `error` and `code`
    fail_request         as reject, but the whole request fails with `status`; without `field` always
    too_large            413 for a body of more than `bytes` bytes
    """

    kind: FaultKind
    path: str = "*"
    method: str | None = None
    times: int | None = 1
    skip: int = 0
    status: int = 503
    retry_after: str | None = None
    seconds: float = 0.0
    bytes: int = 0
    text: str = ""
    field: str | None = None
    value: str | int | None = None
    error: str = "The record was refused."
    code: str | None = None

    def matches(self, method: str, path: str) -> bool:
        """Whether a call is one of those that this switch is meant for."""
        if self.method is not None and self.method.upper() != method:
            return False
        if self.kind == "refuse_login":
            return path.endswith("/auth/login")
        if self.path == "*" or self.path.startswith("/"):
            return fnmatchcase(path, self.path)
        return self.path in path.split("/")


class FaultBoard:
    """The switches that are set, with what is left of each. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def list(self) -> tuple[Fault, ...]:
        with self._lock:
            return tuple(self._faults)

    def take(self, method: str, path: str) -> tuple[Fault, ...]:
        """The faults that apply to this call; each is used up by one."""
        taken: list[Fault] = []
        with self._lock:
            left: list[Fault] = []
            for fault in self._faults:
                if not fault.matches(method, path):
                    left.append(fault)
                elif fault.skip > 0:
                    left.append(msgspec.structs.replace(fault, skip=fault.skip - 1))
                else:
                    taken.append(fault)
                    left.extend(_after_use(fault))
            self._faults = left
        return tuple(taken)


def _after_use(fault: Fault) -> tuple[Fault, ...]:
    if fault.times is None:
        return (fault,)
    return (msgspec.structs.replace(fault, times=fault.times - 1),) if fault.times > 1 else ()
