"""Tells the world outside: alerts and recoveries to whom it may concern, and the night in the morning."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec
import structlog

from syncflow.errors import SyncFlowError
from syncflow.store import alerts
from syncflow.store.alerts import AlertLine
from syncflow.store.database import Database

_log = structlog.get_logger()


class Channel(Protocol):
    """A webhook or a command."""

    def send(self, body: bytes) -> None:
        """Returns when it was taken. Raises SyncFlowError."""


@dataclass(frozen=True)
class Origin:
    """Which installation speaks."""

    environment: str
    host: str
    version: str


@dataclass(frozen=True)
class AlertMessage:
    """An alert, or the recovery from it, as JSON. `text` is a sentence that can stand alone; times in UTC."""

    event: str
    kind: str
    subject: str
    text: str
    next_step: str
    since: datetime
    until: datetime | None
    origin: Origin


class AlertTelling:
    """`channels` by their names, which the books know them by."""

    def __init__(self, database: Database, channels: Mapping[str, Channel], origin: Origin) -> None:
        self._database = database
        self._channels = channels
        self._origin = origin

    def tell(self) -> None:
        """Tell each channel what it does not know yet. What cannot be told now is told later, as far as it is true then
        still."""
        for name, channel in self._channels.items():
            with self._database.begin() as connection:
                if not alerts.take_turn(connection):
                    return
                for line in alerts.untold(connection, name):
                    try:
                        channel.send(msgspec.json.encode(self._message(line)))
                    except SyncFlowError as error:
                        _log.warning("an alert could not be told", channel=name, alert=line.kind, error=str(error))
                        break
                    alerts.told(connection, line, name)

    def _message(self, line: AlertLine) -> AlertMessage:
        over = line.ended_at is not None
        return AlertMessage(
            event="recovery" if over else "alert",
            kind=line.kind,
            subject=line.subject,
            text=f"Over: {line.text}" if over else line.text,
            next_step=line.next_step,
            since=line.began_at,
            until=line.ended_at,
            origin=self._origin,
        )
