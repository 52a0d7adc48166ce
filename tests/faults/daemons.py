"""A daemon in a process of its own, under a supervisor that hears what it tells systemd."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psycopg

from tests.faults.field import ROOT, SLUG, Field
from tests.waiting import until

COMMAND = Path(sys.executable).parent / "syncflow"


@dataclass
class Running:
    """`told` is what systemd was told, a datagram each; `lines` are its log."""

    process: "subprocess.Popen[bytes]"
    log: Path
    environment: dict[str, str]
    told: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[dict[str, object]]:
        whole = [line for line in self.log.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
        return [json.loads(line) for line in whole]

    def logged(self, event: str) -> list[dict[str, object]]:
        return [line for line in self.lines if line["event"] == event]

    def has_told(self, beginning: str) -> bool:
        return any(message.startswith(beginning) for message in self.told)

    def wait_ready(self) -> None:
        until(lambda: self.has_told("READY=1") or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")

    def ends(self, signal_: signal.Signals, seconds: float = 40.0) -> tuple[int, float]:
        """Its exit code, and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal_)
        return self.process.wait(seconds), time.monotonic() - began

    def status(self) -> dict[str, str]:
        """Of /proc/PID/status."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}

    @property
    def resident_mib(self) -> float:
        return int(self.status()["VmRSS"].split()[0]) / 1024

    @property
    def cpu_seconds(self) -> float:
        parts = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def daemon(at: Field, *options: str, abstract: bool = False, **settings: object) -> Iterator[Running]:
    """It is killed at the end of the block, if it still lives."""
    name = f"{'@' if abstract else str(at.folder) + '/'}{uuid4().hex[:8]}"
    given = {name_.upper(): str(value) for name_, value in {**at.settings, **settings}.items()}
    told = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1500000", "WATCHDOG_PID": ""}
    log = at.folder / f"{uuid4().hex[:8]}.log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear, log.open("wb") as out:
        ear.bind("\0" + name[1:] if abstract else name)
        ear.settimeout(0.1)
        environment = {**os.environ, **given, **told}
        process = subprocess.Popen([COMMAND, "--daemon", *options], cwd=ROOT, env=environment, stdout=out, stderr=out)
        running = Running(process, log, environment)
        ended = threading.Event()
        hearing = threading.Thread(target=_hear, args=(ear, running.told, ended))
        hearing.start()
        try:
            yield running
        finally:
            process.kill()
            process.wait()
            ended.set()
            hearing.join()


def _hear(ear: socket.socket, told: list[str], ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            told.append(ear.recv(65536).decode())
        except TimeoutError:
            continue


def offset(at: Field) -> int:
    """Rows that are settled in the cycle."""
    return int(at.ask(f"SELECT current_offset FROM background_sync_schedule WHERE entity_name = '{SLUG}'")[0][0])


@contextmanager
def without_database(at: Field) -> Iterator[None]:
    """Nobody is let in, and who is in is sent out."""
    name = at.ask("SELECT current_database()")[0][0]
    elsewhere = at.database_url.replace(f"/{name}?", "/postgres?")
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
