"""Fault switches: what goes wrong, at which calls, how often."""

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Literal

import msgspec

FaultKind = Literal[
    # of any call
    "delay", "drip", "truncate", "html", "content_type", "status", "reset", "timeout_after_apply",
    "expire_tokens", "refuse_login",
    # of APISmith's execute
    "not_success", "empty", "repeat_page", "ignore_sort", "shift_rows", "total_rows",
    # of APISmith's definitions and execute
    "column_appears", "column_vanishes", "column_type",
    # of ScheduleHub's writes
    "reject", "fail_request", "too_large",
]  # fmt: skip


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One switch. It applies to the calls that `path` and `method` name, after `skip` of them, `times` times (None:
    for ever). With a `chance` below 1 it spares some of these calls; the same `seed` always spares the same ones.

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
    shift_rows           numbered pages but the first begin as if `value` rows had come before them meanwhile (they
                         bring rows again), or gone when negative (they pass rows over)
    total_rows           `text`: "missing", "changing", or a wrong number
    column_appears       there is a new column `field` of type `text` (VARCHAR2(40)), `value` in every row
    column_vanishes      there is no column `field`
    column_type          the column `field` is declared as `text`
    reject               records whose `field` equals `value` fail with `error` and `code`
    fail_request         as reject, but the whole request fails with `status`; without `field` always
    too_large            413 for a body of more than `bytes` bytes
    """

    kind: FaultKind
    path: str = "*"
    method: str | None = None
    times: int | None = 1
    skip: int = 0
    chance: float = 1.0
    seed: int = 0
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


@dataclass(eq=False)
class _Switch:
    """A fault with what is left of it, and how many calls it could have applied to so far."""

    fault: Fault
    calls: int = 0

    def meets(self) -> bool:
        """Whether the next call is hit."""
        self.calls += 1
        fault = self.fault
        return fault.chance >= 1 or Random(f"{fault.seed}/{self.calls}").random() < fault.chance  # noqa: S311 - a game


class FaultBoard:
    """The switches that are set, with what is left of each. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._switches: list[_Switch] = []

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._switches.extend(_Switch(fault) for fault in faults)

    def clear(self) -> None:
        with self._lock:
            self._switches.clear()

    def list(self) -> tuple[Fault, ...]:
        with self._lock:
            return tuple(switch.fault for switch in self._switches)

    def take(self, method: str, path: str) -> tuple[Fault, ...]:
        """The faults that apply to this call; each is used up by one."""
        taken: list[Fault] = []
        with self._lock:
            for switch in [switch for switch in self._switches if switch.fault.matches(method, path)]:
                fault = switch.fault
                if fault.skip > 0:
                    switch.fault = msgspec.structs.replace(fault, skip=fault.skip - 1)
                elif switch.meets():
                    taken.append(fault)
                    self._use_up(switch)
        return tuple(taken)

    def _use_up(self, switch: _Switch) -> None:
        fault = switch.fault
        if fault.times is not None and fault.times <= 1:
            self._switches.remove(switch)
        elif fault.times is not None:
            switch.fault = msgspec.structs.replace(fault, times=fault.times - 1)
