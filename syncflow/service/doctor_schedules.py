"""Schedules that cannot be kept, and whether there is anybody to keep them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from syncflow.errors import ConfigurationError
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
from syncflow.model import Entity
from syncflow.scheduler.cadence import cadence_of
from syncflow.scheduler.forecast import forecast
from syncflow.scheduler.zones import zone_named
from syncflow.schedules import BackgroundSchedule, NightRecord
from syncflow.service.findings import Finding, failure, ok, warning
from syncflow.store.daemons import THERE_SECONDS, Daemon

_NAME = N_("schedules")


def examine_schedules(
    entities: Mapping[str, Entity],
    schedules: Mapping[str, BackgroundSchedule],
    default_interval: float,
    time_zone: str,
) -> Iterator[Finding]:
    """Each on its own: one that cannot be kept hides no other."""
    wrong = [*_nights(entities, schedules), *_cadences(entities, schedules, default_interval, time_zone)]
    yield from wrong
    if not wrong:
        timed = sum(
            cadence_of(each, default_interval, time_zone, by_night=name in schedules) is not None
            for name, each in entities.items()
        )
        yield ok(_NAME, Text("{nights} by night, {timed} by interval or cron line", nights=len(schedules), timed=timed))


def _nights(entities: Mapping[str, Entity], schedules: Mapping[str, BackgroundSchedule]) -> Iterator[Finding]:
    for name, schedule in schedules.items():
        try:
            zone_named(schedule.time_zone)
        except ConfigurationError as error:
            said = Text("{entity}: {error}", entity=name, error=error)
            yield failure(_NAME, said, f"syncflow schedules set {name} --zone ..")
        entity = entities.get(name)
        if entity is None or not entity.sync_enabled:
            said = Text("{entity} has nights, and is disabled.", entity=name)
            yield warning(_NAME, said, f"syncflow schedules remove {name}")
        elif schedule.paused:
            said = Text("The nights of {entity} are paused.", entity=name)
            yield warning(_NAME, said, f"syncflow schedules resume {name}")


def _cadences(
    entities: Mapping[str, Entity],
    schedules: Mapping[str, BackgroundSchedule],
    default_interval: float,
    time_zone: str,
) -> Iterator[Finding]:
    for name, entity in entities.items():
        try:
            cadence_of(entity, default_interval, time_zone, by_night=name in schedules)
        except ConfigurationError as error:
            remedy = f"syncflow entities update {name} --set sync_schedule=.."
            yield failure(_NAME, Text("{entity} is not synced by itself: {error}", entity=name, error=error), remedy)


def examine_late(
    schedules: Mapping[str, BackgroundSchedule],
    nights: Mapping[str, Sequence[NightRecord]],
    now: datetime,
    chunk_rows: int,
) -> Iterator[Finding]:
    for name, schedule in schedules.items():
        try:
            foreseen = forecast(schedule, nights[name], now, chunk_rows)
        except ConfigurationError:
            continue  # an unknown zone, which is a finding already
        if foreseen.late_nights:
            said = Text("The cycle of {entity} will be late: it {forecast}.", entity=name, forecast=foreseen.sentence)
            yield warning(
                _NAME, said, Text("Widen its window: syncflow schedules set {entity} --window ..", entity=name)
            )


def examine_daemons(daemons: Sequence[Daemon], *, wanted: bool) -> Iterator[Finding]:
    """`wanted`: something is to be synced by itself."""
    name = N_("daemon")
    there = [each for each in daemons if each.age <= THERE_SECONDS]
    if there:
        hosts = ", ".join(f"{each.host} (SyncFlow {each.version})" for each in there)
        yield ok(name, Text("at work on {hosts}", hosts=hosts))
    elif wanted:
        said = Text("No daemon is at work: what has a schedule is synced only while a console is open.")
        yield warning(name, said, Text("Start it: systemctl start syncflow, or syncflow --daemon."))
