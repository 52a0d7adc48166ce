"""What is wrong enough that a person must know: decided from facts alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from syncflow.i18n.texts import Counted, Text
from syncflow.model import BatchStatus
from syncflow.scheduler.forecast import Forecast
from syncflow.service.neighbours import Watched
from syncflow.store.alerts import Cause
from syncflow.store.daemons import Daemon
from syncflow.store.observed import LastEnd
from syncflow.store.overview import QueueFigures

ALWAYS_DAYS = 7
"""A table that brought something on each of so many days brings something each day."""
SILENT_SECONDS = 300.0
"""A worker or a scheduler that has not turned for so long hangs."""
GONE_SECONDS = 120.0
"""A daemon that has not said anything for so long hangs, or its host is gone."""


class AlertKind(StrEnum):
    BATCH_FAILED = "batch_failed"
    DELETIONS_WITHHELD = "deletions_withheld"
    NOTHING_CAME = "nothing_came"
    QUEUE_OLD = "queue_old"
    FORECAST_LATE = "forecast_late"
    NEIGHBOUR_DOWN = "neighbour_down"
    WORKER_SILENT = "worker_silent"


@dataclass(frozen=True)
class Limits:
    """From when on something is wrong; nothing of zero length is told at all."""

    queue: timedelta
    neighbour: timedelta


@dataclass(frozen=True)
class Facts:
    """Of entities that are enabled alone. `changed` says of each entity on which of the last days something came, or
    nothing: 0 is the last 24 hours; days without a batch are left out. `queues` by name, `withheld` rows by entity;
    `neighbours` without those that were not asked yet."""

    now: datetime
    ends: Sequence[LastEnd]
    withheld: Mapping[str, int]
    changed: Mapping[str, Mapping[int, bool]]
    queues: Mapping[str, QueueFigures]
    forecasts: Mapping[str, Forecast]
    neighbours: Sequence[Watched]
    daemons: Sequence[Daemon]


Open = frozenset[tuple[str, str]]
"""Kind and subject of what was told already."""


def causes(facts: Facts, limits: Limits, open_: Open) -> list[Cause]:
    """Each kind and subject once."""
    return [
        *_failed(facts),
        *_withheld(facts),
        *_nothing_came(facts, open_),
        *_old(facts, limits.queue),
        *_late(facts, open_),
        *_down(facts, limits.neighbour, open_),
        *_silent(facts),
    ]


def _failed(facts: Facts) -> Iterator[Cause]:
    for end in facts.ends:
        if end.status is BatchStatus.FAILED:
            why = (end.error_message or "it does not say why").removeprefix(f"{end.entity}: ").rstrip(".")
            text = Text("The last batch of {entity} failed: {reason}.", entity=end.entity, reason=why)
            yield Cause(AlertKind.BATCH_FAILED, end.entity, str(text), f"syncflow status {end.batch}")


def _withheld(facts: Facts) -> Iterator[Cause]:
    for entity, rows in facts.withheld.items():
        text = Counted(
            "Deletions of {n} row of {entity} are withheld and wait for somebody's word.",
            "Deletions of {n} rows of {entity} are withheld and wait for somebody's word.",
            rows,
            entity=entity,
        )
        yield Cause(AlertKind.DELETIONS_WITHHELD, entity, str(text), "syncflow withheld")


def _nothing_came(facts: Facts, open_: Open) -> Iterator[Cause]:
    """It ends when something comes, and not when the quiet days have become usual."""
    for entity, changed in facts.changed.items():
        days = sorted(changed)
        before = days[1 : ALWAYS_DAYS + 1]
        always = len(before) == ALWAYS_DAYS and all(changed[day] for day in before)
        told = (AlertKind.NOTHING_CAME, entity) in open_
        if days and not changed[days[0]] and (told or (days[0] == 0 and always)):
            text = Text(
                "Nothing has come from {entity} in 24 hours of syncs, and on each of the {days} days before something "
                "did: look whether the source is still being filled.",
                entity=entity,
                days=ALWAYS_DAYS,
            )
            yield Cause(AlertKind.NOTHING_CAME, entity, str(text), f"syncflow history {entity}")


def _old(facts: Facts, limit: timedelta) -> Iterator[Cause]:
    for queue in ("failed", "pending"):
        oldest = facts.queues[queue].oldest
        if limit and oldest is not None and facts.now - oldest > limit:
            since, hours = _clock(oldest), f"{limit / timedelta(hours=1):g}"
            text = _stands(queue, facts.queues[queue].rows, since, hours)
            yield Cause(AlertKind.QUEUE_OLD, queue, str(text), f"syncflow {queue} list")


def _stands(queue: str, rows: int, since: str, hours: str) -> Text:
    if queue == "failed":
        return Text(
            "The oldest of {rows} failed records stands there since {since}, which is more than {hours} hours.",
            rows=rows,
            since=since,
            hours=hours,
        )
    return Text(
        "The oldest of {rows} waiting rows stands there since {since}, which is more than {hours} hours.",
        rows=rows,
        since=since,
        hours=hours,
    )


def _late(facts: Facts, open_: Open) -> Iterator[Cause]:
    """It ends when the cycle would be in time also at the rate of a slow night: a forecast moves from hour to hour."""
    for entity, foreseen in facts.forecasts.items():
        told = (AlertKind.FORECAST_LATE, entity) in open_
        if foreseen.late_nights or (told and foreseen.late_if_slow):
            text = Text("The cycle of {entity} will be late: it {forecast}.", entity=entity, forecast=foreseen.sentence)
            yield Cause(AlertKind.FORECAST_LATE, entity, str(text), f"syncflow schedules show {entity}")


def undecided(facts: Facts, kind: str, subject: str) -> bool:
    """Whether nobody can say now if it is still so: a neighbour that was not asked yet is not well again."""
    asked = {each.health.name for each in facts.neighbours}
    return kind == AlertKind.NEIGHBOUR_DOWN and subject not in asked


def _down(facts: Facts, limit: timedelta, open_: Open) -> Iterator[Cause]:
    """Who judges may be another process than before, which has not seen how long it has been so."""
    for each in facts.neighbours:
        name = each.health.name
        told = (AlertKind.NEIGHBOUR_DOWN, name) in open_
        if limit and not each.well and (told or facts.now - each.since >= limit):
            since = _clock(each.since)
            text = Text(
                "{name} is not to be had since {since}: {reason}", name=name, since=since, reason=each.health.said
            )
            yield Cause(AlertKind.NEIGHBOUR_DOWN, name, str(text), "syncflow doctor")


def _silent(facts: Facts) -> Iterator[Cause]:
    """One alert a host, however many daemons it has."""
    silent: dict[str, str] = {}
    for each in facts.daemons:
        if each.age > GONE_SECONDS:
            seen = _clock(facts.now - timedelta(seconds=each.age))
            text = Text(
                "The daemon on {host} has said nothing since {since}: it hangs, or its host is gone.",
                host=each.host,
                since=seen,
            )
            silent[each.host] = str(text)
        elif each.silent_seconds > SILENT_SECONDS:
            text = Text(
                "The daemon on {host} hangs: its worker or its scheduler does not turn any more.", host=each.host
            )
            silent[each.host] = str(text)
    for host, said in silent.items():
        yield Cause(AlertKind.WORKER_SILENT, host, said, "syncflow health")


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
