"""What is told, and what is not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from syncflow.model import BatchStatus
from syncflow.scheduler.forecast import Forecast
from syncflow.service.alert_causes import AlertKind, Facts, Limits, causes, undecided
from syncflow.service.neighbours import Health, State, Watched
from syncflow.store.daemons import Daemon
from syncflow.store.observed import LastEnd
from syncflow.store.overview import QueueFigures

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
LIMITS = Limits(timedelta(hours=24), timedelta(minutes=15))
EMPTY = QueueFigures(0, None)
WELL = Facts(NOW, (), {}, {}, {"failed": EMPTY, "pending": EMPTY}, {}, (), ())


def found(facts: Facts, *open_: tuple[str, str], limits: Limits = LIMITS) -> set[tuple[str, str]]:
    return {(cause.kind, cause.subject) for cause in causes(facts, limits, frozenset(open_))}


def test_all_is_well() -> None:
    assert found(WELL) == set()


@pytest.mark.parametrize(
    ("status", "told"), [(BatchStatus.FAILED, True), (BatchStatus.COMPLETED_WITH_ERRORS, False)]
)  # fmt: skip
def test_a_failed_batch(status: BatchStatus, told: bool) -> None:
    facts = replace(WELL, ends=[LastEnd("items", UUID(int=1), status, "items: the target is gone.")])
    assert bool(found(facts)) is told
    if told:
        assert causes(facts, LIMITS, frozenset())[0].text == "The last batch of items failed: the target is gone."


ALWAYS = dict.fromkeys(range(1, 8), True)


@pytest.mark.parametrize(
    ("changed", "was_told", "told"),
    [
        ({0: False, **ALWAYS}, False, True),
        ({0: True, **ALWAYS}, False, False),
        ({0: False, **ALWAYS, 4: False}, False, False),  # it does not always change
        ({0: False, 1: True, 2: True}, False, False),  # nobody knows yet
        (ALWAYS, False, False),  # not synced in the last 24 hours: that is another matter
        ({0: False, 3: True, 4: True, 5: True, 8: True, 9: True, 10: True, 11: True}, False, True),  # weekdays
        ({0: False, 1: False, 2: True}, True, True),  # quiet days do not become usual
        ({1: False, 2: True}, True, True),
        ({0: True, 1: False, 2: True}, True, False),
        ({}, True, False),
    ],
)
def test_nothing_came_from_a_table_that_always_changes(changed: Mapping[int, bool], was_told: bool, told: bool) -> None:
    name = (str(AlertKind.NOTHING_CAME), "items")
    assert found(replace(WELL, changed={"items": changed}), *([name] if was_told else [])) == (
        {name} if told else set()
    )


@pytest.mark.parametrize(("hours", "limit", "told"), [(25, 24, True), (23, 24, False), (9_999, 0, False)])
def test_an_old_queue(hours: int, limit: int, told: bool) -> None:
    old = QueueFigures(5, NOW - timedelta(hours=hours))
    facts = replace(WELL, queues={"failed": EMPTY, "pending": old})
    limits = replace(LIMITS, queue=timedelta(hours=limit))
    assert found(facts, limits=limits) == ({(AlertKind.QUEUE_OLD, "pending")} if told else set())


@pytest.mark.parametrize(
    ("state", "minutes", "was_told", "told"),
    [
        (State.DOWN, 16, False, True),
        (State.DOWN, 14, False, False),
        (State.DOWN, 1, True, True),  # another process judges now, and has not seen how long it has been so
        (State.REFUSED, 16, False, True),
        (State.OK, 16, True, False),
    ],
)
def test_a_neighbour_that_is_away(state: State, minutes: int, was_told: bool, told: bool) -> None:
    name = (str(AlertKind.NEIGHBOUR_DOWN), "APISmith")
    watched = Watched(Health("APISmith", state, "It is gone.", 1.0, NOW), NOW - timedelta(minutes=minutes))
    assert found(replace(WELL, neighbours=[watched]), *([name] if was_told else [])) == ({name} if told else set())


def test_a_neighbour_that_nobody_has_asked_yet_is_not_well_again() -> None:
    asked = Watched(Health("APISmith", State.OK, "apismith", 1.0, NOW), NOW)
    assert undecided(WELL, AlertKind.NEIGHBOUR_DOWN, "APISmith")
    assert not undecided(replace(WELL, neighbours=[asked]), AlertKind.NEIGHBOUR_DOWN, "APISmith")
    assert not undecided(WELL, AlertKind.BATCH_FAILED, "APISmith")


@pytest.mark.parametrize(
    ("late", "late_if_slow", "was_told", "told"),
    [(1, 2, False, True), (0, 1, False, False), (0, 1, True, True), (0, 0, True, False)],
)
def test_a_cycle_that_will_be_late(late: int, late_if_slow: int, was_told: bool, told: bool) -> None:
    name = (str(AlertKind.FORECAST_LATE), "items")
    foreseen = Forecast(7, "UTC", 8, NOW, late, late_if_slow, 10.0, 3)
    assert found(replace(WELL, forecasts={"items": foreseen}), *([name] if was_told else [])) == (
        {name} if told else set()
    )


@pytest.mark.parametrize(("age", "silent", "told"), [(10, 10, False), (130, 10, True), (10, 301, True)])
def test_a_silent_worker(age: float, silent: float, told: bool) -> None:
    daemon = Daemon("syncflow 1", "host", "1.0", "idle", "running", 0, silent, NOW, age, leads=True)
    assert found(replace(WELL, daemons=[daemon])) == ({(AlertKind.WORKER_SILENT, "host")} if told else set())


def test_deletions_that_are_withheld() -> None:
    assert found(replace(WELL, withheld={"items": 12})) == {(AlertKind.DELETIONS_WITHHELD, "items")}
