"""The morning's report, sent when the windows of the night have closed; once, whichever process does it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from syncflow.clock import Clock
from syncflow.errors import ConfigurationError
from syncflow.i18n.texts import plain
from syncflow.scheduler.window import Night, Window
from syncflow.schedules import BackgroundSchedule
from syncflow.service.alert_telling import Channel, Origin
from syncflow.service.night_report import NightReport, NightReportService
from syncflow.service.night_report_text import report_lines
from syncflow.store import alerts, background_schedules
from syncflow.store.database import Database

SETTLES = timedelta(minutes=2)
"""So long after the end the last chunk is in the books."""
TOO_LATE = timedelta(hours=6)
"""A morning that nobody was there for is not reported in the evening."""


@dataclass(frozen=True)
class MorningMessage:
    """`text` is the report as `syncflow report` prints it."""

    event: str
    text: str
    report: NightReport
    origin: Origin


class Morning:
    """`channel` None: nobody wants to be told."""

    def __init__(
        self, database: Database, reports: NightReportService, channel: Channel | None, clock: Clock, origin: Origin
    ) -> None:
        self._database = database
        self._reports = reports
        self._channel = channel
        self._clock = clock
        self._origin = origin

    def tell(self) -> None:
        """Send the report if one is due. Raises SyncFlowError when it cannot be sent; it is due still then."""
        if self._channel is None:
            return
        now = self._clock.now()
        with self._database.begin() as connection:
            if not alerts.take_turn(connection):
                return
            night = last_night(background_schedules.load_all(connection).values(), now)
            if night is None or alerts.is_reported(connection, night.closes):
                return
            report = self._reports.report(night.opens)
            message = MorningMessage("report", "\n".join(report_lines(report)), report, self._origin)
            self._channel.send(msgspec.json.encode(message, enc_hook=plain))
            alerts.reported(connection, night.closes, now)


def last_night(schedules: Iterable[BackgroundSchedule], now: datetime) -> Night | None:
    """From the first opening to the last closing of the windows that have closed a while ago; None while another is
    open, and when it is long ago. A window that is always open keeps no morning waiting."""
    closed: list[Night] = []
    for each in schedules:
        try:
            window = Window.of(each)
        except ConfigurationError:
            continue
        if not each.active:
            continue
        for night in window.nights(now - TOO_LATE, 3):
            if night.closes + SETTLES <= now:
                closed.append(night)
            elif night.opens <= now and not window.always:
                return None
    if not closed:
        return None
    last = max(closed, key=lambda night: night.closes)
    return Night(last.date, min(night.opens for night in closed), last.closes)
