"""How late a cycle will be, in time; and a schedule that cannot be kept hides no other."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from syncflow.model import Entity
from syncflow.scheduler.forecast import Forecast
from syncflow.scheduler.jobs import Begin, Facts, decide
from syncflow.scheduler.lateness import late_by
from syncflow.schedules import BackgroundSchedule
from syncflow.uuid7 import uuid7

pytestmark = pytest.mark.unit

STARTED = datetime(2026, 11, 20, 18, tzinfo=UTC)  # 19:00 in Berlin: night 1 of 3, which end on 23 November at 06:00 UTC
SCHEDULE = BackgroundSchedule(
    uuid7(), "items", time(19), time(7), "Europe/Berlin", days_to_complete=3, cycle_started_at=STARTED
)
LAST = datetime(2026, 11, 23, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("finishes", "late"),
    [
        (LAST - timedelta(hours=3), timedelta(0)),
        (LAST, timedelta(0)),
        (LAST + timedelta(hours=14), timedelta(hours=14)),
        (None, None),
    ],
)
def test_how_long_after_its_last_night(finishes: datetime | None, late: timedelta | None) -> None:
    foreseen = Forecast(3, "Europe/Berlin", finishes_at=finishes)
    assert late_by(SCHEDULE, foreseen, STARTED) == late


def test_a_zone_that_is_not_known_is_told_and_the_others_begin() -> None:
    names = ("broken", "items")
    decision = decide(
        Facts(
            entities={name: Entity(name, name, ("id",)) for name in names},
            schedules={
                "broken": replace(SCHEDULE, entity="broken", time_zone="Europe/Berln"),
                "items": SCHEDULE,
            },
        ),
        STARTED + timedelta(hours=1),
    )
    assert [each.entity for each in decision.begin if isinstance(each, Begin)] == ["items"]
    (trouble,) = decision.troubles
    assert trouble.startswith("The nights of broken are not worked on: There is no time zone 'Europe/Berln'")
