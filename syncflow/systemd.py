"""What a service tells systemd (sd_notify(3), `Type=notify`): a datagram of `NAME=value` lines to $NOTIFY_SOCKET.

Without that variable nobody is told anything; a socket that is gone is no reason to stop.
"""

import os
import socket
import time
from collections.abc import Mapping

import structlog

_log = structlog.get_logger()


class Supervisor:
    """`watchdog_seconds` is how often at least `alive` must be told, None when nobody waits for it."""

    def __init__(self, address: str | None = None, watchdog_seconds: float | None = None) -> None:
        """`address` is a path, or a name in the abstract namespace after an `@`."""
        self._address = address and ("\0" + address[1:] if address.startswith("@") else address)
        self.watchdog_seconds = watchdog_seconds
        self._said: str | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Supervisor":
        """As the environment of this process says."""
        address = environment.get("NOTIFY_SOCKET") or None
        microseconds = environment.get("WATCHDOG_USEC", "")
        meant = environment.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        watched = address is not None and meant and microseconds.isascii() and microseconds.isdecimal()
        return cls(address, int(microseconds) / 1e6 if watched and int(microseconds) else None)

    def ready(self, status: str) -> None:
        """Started, or reloaded."""
        self._said = status
        self._tell(f"READY=1\nSTATUS={_line(status)}")

    def status(self, status: str) -> None:
        """What `systemctl status` shows; told when it changes."""
        if status != self._said:
            self._said = status
            self._tell(f"STATUS={_line(status)}")

    def starting(self, status: str, seconds: float) -> None:
        """Not ready yet, and nothing is wrong with it: so many seconds more."""
        self._said = status
        self._tell(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}\nSTATUS={_line(status)}")

    def reloading(self) -> None:
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str) -> None:
        self._tell(f"STOPPING=1\nSTATUS={_line(status)}")

    def alive(self) -> None:
        if self.watchdog_seconds is not None:
            self._tell("WATCHDOG=1")

    def _tell(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
                sending.settimeout(1.0)
                sending.sendto(message.encode(), self._address)
        except OSError as error:
            _log.warning("systemd was not told", error=str(error), message=message.partition("\n")[0])


def _line(text: str) -> str:
    return text.replace("\n", " ")
