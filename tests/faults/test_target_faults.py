"""What ScheduleHub does wrong: just the rejected rows fail, what is in doubt is read back, nothing is written twice."""

import pytest

from syncflow.model import BatchStatus
from syncflow.sandbox.faults import Fault
from tests.faults.field import BAD, ROWS, Field, item, items

pytestmark = pytest.mark.integration
GOOD = ROWS - len(BAD)
WRITE = "/api/v1/items/batch/*sert"
REASON = "No such plant."


def failed(field: Field) -> list[tuple]:  # type: ignore[type-arg]
    return field.ask(
        "SELECT (raw_data->>'ID')::int, error_message FROM failed_records "
        "WHERE resolved_at IS NULL AND stage_failed = 's9_load' ORDER BY 1"
    )


@pytest.mark.parametrize(
    "fault",
    [
        Fault("reject", path=WRITE, field="name", value="item 42", error=REASON, times=None),
        Fault("fail_request", path=WRITE, field="name", value="item 42", status=500, error=REASON, times=None),
        Fault("fail_request", path=WRITE, field="name", value="item 42", status=422, error=REASON, times=None),
    ],
    ids=["its record alone", "the whole request with 500", "the whole request with 422"],
)
def test_exactly_the_refused_row_fails(hub_field: Field, fault: Fault) -> None:
    hub_field.configure()
    hub_field.break_hub(fault)
    ended = hub_field.sync()
    assert (ended.counters.inserted, ended.counters.failed) == (GOOD - 1, len(BAD) + 1)
    ((number, message),) = failed(hub_field)
    assert number == 42
    assert REASON in message
    hub_field.mend()
    assert hub_field.sync().counters.inserted == 1
    hub_field.check()


PASSING = {
    "a body that is too large": Fault("too_large", path=WRITE, bytes=8_000, times=None),
    "a time-out after the write": Fault("timeout_after_apply", path=WRITE, skip=3, seconds=0.6, times=2),
    "a reset": Fault("reset", path=WRITE, skip=3, times=2),
    "an answer cut short": Fault("truncate", path=WRITE, skip=3, bytes=10, times=2),
    "an HTML page": Fault("html", path=WRITE, skip=3, times=1),
    "500 once": Fault("status", path=WRITE, skip=3, status=500, times=1),
    "503 with Retry-After": Fault("status", path=WRITE, skip=3, status=503, retry_after="1", times=1),
    "502 for a while": Fault("status", path=WRITE, skip=3, status=502, times=2),
    "429": Fault("status", path=WRITE, skip=3, status=429, times=2),
    "a look-up that is cut short": Fault("truncate", path="/api/v1/items/batch/query", skip=2, bytes=30, times=2),
}


@pytest.mark.parametrize("what", PASSING)
def test_one_batch_comes_through(hub_field: Field, what: str) -> None:
    hub_field.configure()
    hub_field.break_hub(PASSING[what])
    ended = hub_field.sync(schedulehub_timeout_seconds=0.5)
    assert ended.status is BatchStatus.COMPLETED_WITH_ERRORS, ended.error_message
    hub_field.check()
    assert (ended.counters.inserted, ended.counters.updated, ended.counters.unchanged) == (GOOD, 0, 0)
    assert hub_field.calls("sert") < 100


def test_updates_without_an_answer_are_read_back(hub_field: Field) -> None:
    hub_field.configure()
    hub_field.sync()
    hub_field.serve([item(n, f"new {n}", n) for n in range(1, ROWS + 1)])
    path = "/api/v1/items/batch/up*"
    hub_field.break_hub(Fault("timeout_after_apply", path=path, skip=2, seconds=0.6, times=2))
    ended = hub_field.sync(schedulehub_timeout_seconds=0.5)
    hub_field.check()
    assert (ended.counters.inserted, ended.counters.updated) == (0, GOOD)


DOWN = {
    "503": Fault("status", skip=12, status=503, times=None),
    "resets": Fault("reset", skip=12, times=None),
    "every write times out": Fault("timeout_after_apply", path=WRITE, skip=4, seconds=0.5, times=None),
    "down from the start": Fault("status", status=503, times=None),
}


@pytest.mark.parametrize(
    "what", ["503", "resets", "down from the start", pytest.param("every write times out", marks=pytest.mark.slow)]
)
def test_a_target_that_is_down_interrupts_the_batch_and_the_next_sync_goes_on(hub_field: Field, what: str) -> None:
    hub_field.configure(", delta_strategy: rowversion, rowversion_field: version")
    hub_field.break_hub(DOWN[what])
    ended = hub_field.sync(schedulehub_timeout_seconds=0.3)
    hub_field.check_books()
    assert ended.status in (BatchStatus.INTERRUPTED, BatchStatus.COMPLETED_WITH_ERRORS)
    if ended.status is BatchStatus.INTERRUPTED:
        assert (hub_field.watermark(), hub_field.statuses()) == (None, ["interrupted"])
    hub_field.mend()
    ended = hub_field.sync()
    hub_field.check()
    assert hub_field.totals("rows_inserted", "rows_updated") == (GOOD, 0)
    assert hub_field.watermark() == str(ROWS)


def test_deletions_without_an_answer_are_read_back(hub_field: Field) -> None:
    hub_field.configure()
    hub_field.sync()
    hub_field.serve(items()[6:])
    hub_field.break_hub(Fault("timeout_after_apply", path="/api/v1/items/batch/delete", seconds=0.6))
    ended = hub_field.sync(schedulehub_timeout_seconds=0.5)
    hub_field.check()
    assert ended.counters.deleted == sum(row["QTY"] != "N/A" for row in items()[:6])


def test_deletions_that_fail_are_made_good(hub_field: Field) -> None:
    hub_field.configure()
    hub_field.sync()
    hub_field.serve(items()[6:])
    hub_field.break_hub(Fault("status", path="/api/v1/items/batch/delete", status=503, times=None))
    assert hub_field.sync().counters.deleted == 0
    hub_field.check_books()
    hub_field.mend()
    hub_field.sync()
    hub_field.check()


def test_database_sessions_that_are_ended_while_rows_are_written(field: Field) -> None:
    """ScheduleHub's own database: what was written but not committed is written again."""
    field.configure()
    field.serve(items(1))
    field.sync()
    field.serve(items())
    trigger = (
        "CREATE SEQUENCE public.hits; CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.id IN (300, 600) AND nextval('public.hits') IN (1, 3) THEN "
        "PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END $$; "
        f'CREATE TRIGGER cut BEFORE INSERT ON "{field.schema}".items FOR EACH ROW EXECUTE FUNCTION cut()'
    )
    field.execute(trigger)
    field.sync()
    field.sync()
    field.check()
    assert field.totals("rows_inserted") == (GOOD,)
