"""The figures of nights, queues and doubt are those of the books."""

from datetime import UTC, datetime, timedelta

import pytest

from syncflow.observe.exposition import text
from syncflow.runtime import Runtime
from syncflow.service.schedules import GivenTerms
from tests.faults.field import BAD, ROWS, SLUG, Field
from tests.observe.scrape import Scrape, parse

pytestmark = pytest.mark.integration


def scraped(runtime: Runtime) -> Scrape:
    return parse(text(runtime.figures.families()))


def test_nights_queues_and_doubt(field: Field) -> None:
    field.configure()
    field.sync()
    now = datetime.now(UTC).replace(microsecond=0)
    begun = (now - timedelta(hours=2)).replace(minute=0, second=0)
    with field.runtime() as runtime:
        window = f"{begun:%H:%M}-{begun + timedelta(hours=4):%H:%M}"
        runtime.schedules.create(SLUG, GivenTerms(window, "UTC", days_to_complete=2))
        assert scraped(runtime).value("syncflow_window_open", entity=SLUG) == 1
        field.execute(
            "UPDATE syncflow.background_sync_schedule SET current_offset = 250, source_rows = 1000, "
            f"cycle_started_at = '{begun - timedelta(days=5)}'"
        )
        field.execute(
            "INSERT INTO syncflow.background_nights SELECT uid, gen_random_uuid(), "
            f"'{begun.date()}', 1, 500, '{begun}', NULL, 250, 3600, NULL FROM syncflow.background_sync_schedule"
        )
        field.execute("UPDATE syncflow.sync_batches SET status = 'interrupted'")
        field.execute("UPDATE syncflow.batch_chunks SET state = 'intent' WHERE number = 0")
        found = scraped(runtime)
    assert found.value("syncflow_window_use_ratio", entity=SLUG) == 0.25
    assert found.value("syncflow_night_planned_rows", entity=SLUG) == 500
    assert found.value("syncflow_night_settled_rows", entity=SLUG) == 250
    assert found.value("syncflow_cycle_progress_ratio", entity=SLUG) == 0.25
    assert found.value("syncflow_forecast_late_seconds", entity=SLUG) > 2 * 86_400
    assert found.value("syncflow_batches", status="interrupted") == 1
    (rows,) = field.ask("SELECT rows FROM batch_chunks WHERE number = 0")[0]
    assert found.value("syncflow_in_doubt_rows") == rows > 0
    assert found.value("syncflow_queue_rows", queue="failed") == len(BAD)
    assert found.value("syncflow_failed_rows", entity=SLUG) == len(BAD)
    assert 0 <= found.value("syncflow_queue_oldest_age_seconds", queue="failed") < 600
    assert rows < ROWS
