"""What APISmith does wrong: no row lost, none counted twice, nothing deleted or passed over on its word."""

import time

import pytest

from syncflow.model import BatchStatus
from syncflow.runtime import nobody
from syncflow.sandbox.apismith.wires import Wire
from syncflow.sandbox.faults import Fault
from syncflow.sandbox.tokens import TokenOptions
from tests.faults.field import BAD, ROWS, SLUG, Field, item, items

pytestmark = pytest.mark.integration
GOOD = ROWS - len(BAD)
EXECUTE = "/api/v1/runtime/*"
BY_VERSION = ", delta_strategy: rowversion, rowversion_field: version"

PASSING = {
    "truncated body": Fault("truncate", path=EXECUTE, skip=3, bytes=700),
    "HTML": Fault("html", path=EXECUTE, skip=3),
    "wrong content type": Fault("content_type", path=EXECUTE, skip=3, text="text/plain"),
    "success: false": Fault("not_success", path=EXECUTE, skip=3),
    "503 with Retry-After": Fault("status", path=EXECUTE, skip=3, status=503, retry_after="1"),
    "429": Fault("status", path=EXECUTE, skip=3, status=429, times=2),
    "500": Fault("status", path=EXECUTE, skip=3, status=500),
    "reset": Fault("reset", path=EXECUTE, skip=3),
    "a page served twice": Fault("repeat_page", path=EXECUTE, skip=5),
    "the first page served again": Fault("repeat_page", path=EXECUTE, skip=2),
    "an empty page": Fault("empty", path=EXECUTE, skip=5),
    "an empty first page": Fault("empty", path=EXECUTE, skip=1),
    "an empty page twice": Fault("empty", path=EXECUTE, skip=6, times=2),
    "sort ignored": Fault("ignore_sort", path=EXECUTE, times=None),
    "sort ignored later": Fault("ignore_sort", path=EXECUTE, skip=6, times=None),
    "total missing": Fault("total_rows", path=EXECUTE, text="missing", times=None),
    "total too small": Fault("total_rows", path=EXECUTE, text="17", times=None),
    "total too large": Fault("total_rows", path=EXECUTE, text="99999", times=None),
    "total changing": Fault("total_rows", path=EXECUTE, text="changing", times=None),
}


@pytest.mark.parametrize("paging", ["keyset", pytest.param("pages", marks=pytest.mark.slow)])
@pytest.mark.parametrize("what", PASSING)
def test_one_batch_comes_through(field: Field, what: str, paging: str) -> None:
    field.configure(f"{BY_VERSION}, paging: {paging}")
    field.break_source(PASSING[what])
    ended = field.sync()
    assert ended.status is BatchStatus.COMPLETED_WITH_ERRORS, ended.error_message
    field.check()
    assert ended.counters.inserted == GOOD
    # Where the order changes in the midst of numbered pages, rows do come twice; they are duplicates then.
    if (what, paging) != ("sort ignored later", "pages"):
        assert (ended.counters.fetched, ended.counters.failed) == (ROWS, len(BAD))
    watermark = int(field.watermark() or 0)
    assert watermark <= ROWS
    assert watermark == ROWS or what == "sort ignored"
    assert field.calls("/execute") < 3 * ROWS / 100 + 10


STAYING = {
    "HTML": Fault("html", path=EXECUTE, skip=4, times=None),
    "truncated body": Fault("truncate", path=EXECUTE, skip=4, bytes=700, times=None),
    "503": Fault("status", path=EXECUTE, skip=4, status=503, times=None),
    "refused connections": Fault("reset", path=EXECUTE, skip=4, times=None),
    "a body that drips": Fault("drip", path=EXECUTE, skip=4, bytes=20, times=None),
    "silence": Fault("delay", path=EXECUTE, skip=4, seconds=2, times=None),
}


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=[] if what in ("HTML", "silence") else pytest.mark.slow) for what in STAYING]
)
def test_what_stays_wrong_interrupts_the_batch(field: Field, what: str) -> None:
    field.configure(BY_VERSION)
    field.break_source(STAYING[what])
    began = time.monotonic()
    ended = field.sync(apismith_timeout_seconds=0.5, max_retries=1)
    assert time.monotonic() - began < 8
    assert (ended.status, field.watermark()) == (BatchStatus.INTERRUPTED, None)
    assert field.calls("/execute") <= 8
    field.check_books()
    field.mend()
    ended = field.sync()
    field.check()
    assert (ended.counters.fetched, ended.counters.inserted) == (ROWS, GOOD)
    assert field.statuses() == ["completed_with_errors"]


@pytest.mark.parametrize("paging", ["keyset", pytest.param("pages", marks=pytest.mark.slow)])
def test_an_empty_extract_deletes_nothing_and_the_watermark_stays(any_field: Field, paging: str) -> None:
    any_field.configure(f", paging: {paging}")
    any_field.sync()
    any_field.break_source(Fault("empty", path=EXECUTE, times=None))
    ended = any_field.sync()
    assert (ended.counters.fetched, ended.counters.deleted, ended.counters.withheld) == (0, 0, GOOD)
    assert any("withheld" in note for note in ended.notes)
    assert any_field.count() == GOOD
    any_field.mend()
    any_field.sync()
    any_field.check()
    assert any_field.ask("SELECT count(*) FROM withheld_deletes WHERE state = 'withheld'") == [(0,)]


def test_an_empty_increment_does_not_move_the_watermark(field: Field) -> None:
    field.configure(BY_VERSION)
    field.sync()
    field.serve([item(n, "new" if n > 900 else None, n + (1_000 if n > 900 else 0)) for n in range(1, ROWS + 1)])
    field.break_source(Fault("empty", path=EXECUTE, skip=1, times=None))
    assert field.sync().counters.fetched == 0
    assert field.watermark() == str(ROWS)
    field.mend()
    field.sync()
    field.check()


def test_an_increment_with_a_hole_is_read_on(field: Field) -> None:
    """One page of the increment comes empty, three times in a row: what stood behind it is read all the same."""
    field.configure(BY_VERSION)
    field.sync()
    field.serve([item(n, "new", n + 10_000) for n in range(1, ROWS + 1)])
    field.break_source(Fault("empty", path=EXECUTE, skip=5, times=3))
    assert field.sync().counters.updated == GOOD
    field.check()


def test_tokens_that_expire_are_renewed_once_and_a_login_that_is_refused_is_tried_once(field: Field) -> None:
    field.configure()
    known = TokenOptions()
    login: dict[str, object] = {"apismith_token": None, "apismith_username": known.username}
    right, wrong = {**login, "apismith_password": known.password}, {**login, "apismith_password": "wrong"}
    field.break_source(Fault("expire_tokens", path=EXECUTE, skip=5))
    field.sync(nobody, **right)
    field.check()
    assert (field.calls("/auth/login"), field.calls("/auth/refresh")) == (1, 1)
    field.apismith.calls.reset()
    field.break_source(Fault("expire_tokens", path=EXECUTE, skip=5, text="refresh"))
    field.sync(nobody, **right)
    assert field.calls("/auth/login") == 2
    field.apismith.calls.reset()
    ended = field.sync(nobody, **wrong)
    assert (ended.status, field.calls("/auth/login")) == (BatchStatus.FAILED, 1)
    assert "APISMITH_PASSWORD" in (ended.error_message or "")
    field.sync(nobody, **right)
    field.check()


def test_a_row_that_cannot_be_decoded_is_rejected_alone(any_field: Field) -> None:
    any_field.wires[:] = [Wire.JSON]  # what cannot be decoded there cannot even be written in Arrow
    any_field.configure()
    any_field.sync()
    odd = [{**item(3), "NAME": "lone \ud800"}, {**item(5), "NAME": {"nested": [1]}}]
    any_field.serve([*(row for row in items() if row["ID"] not in ("3", "5")), *odd])
    ended = any_field.sync()
    assert ended.counters.fetched == ROWS
    assert ended.counters.failed in (len(BAD) + 1, len(BAD) + 2)
    assert ended.counters.deleted == 0
    assert any_field.count() == GOOD
    any_field.check_books()
    any_field.serve(items())
    any_field.sync()
    any_field.check()


def test_rows_that_shift_between_the_pages_of_a_live_table(field: Field) -> None:
    """Rows are inserted in the middle while numbered pages are read."""
    field.configure(", paging: pages, delete_mode: ignore")
    everything = items()
    field.serve(everything[:800])
    field.break_source(Fault("delay", path=EXECUTE, seconds=0.05, times=None))

    def shift(event: object) -> None:
        field.serve(everything)

    ended = field.sync(shift, apismith_max_concurrency=1)
    field.mend()
    assert ended.status is BatchStatus.COMPLETED_WITH_ERRORS
    field.check_books()
    field.sync()
    field.check()


@pytest.mark.parametrize("rows", [3, -3, pytest.param(150, marks=pytest.mark.slow)])
def test_pages_that_shift_are_read_again(field: Field, rows: int) -> None:
    """Rows that came push others onto the next page, where they are read again; rows that went pull others onto a page
    that was read already."""
    field.configure(f"{BY_VERSION}, paging: pages")
    field.break_source(Fault("shift_rows", path=EXECUTE, skip=4, value=rows, times=2))
    ended = field.sync(apismith_max_concurrency=1)
    assert ended.status is BatchStatus.COMPLETED_WITH_ERRORS, ended.error_message
    field.check()
    assert ended.counters.inserted == GOOD
    assert ended.counters.fetched - ended.counters.duplicate == ROWS


def test_columns_that_drift_under_a_sync(field: Field) -> None:
    """What the source's columns do between two days is taken along, and never loses a row or half a chunk."""
    field.configure()
    field.sync()
    drifts = (
        Fault("column_appears", path=SLUG, field="COLOUR", value="red", times=None),
        Fault("column_type", path=SLUG, field="VERSION", text="NUMBER(20,4)", times=None),
        Fault("column_vanishes", path=SLUG, field="VERSION", times=None),
    )
    for drift in drifts:
        field.break_source(drift)
        ended = field.sync()
        assert ended.status is BatchStatus.COMPLETED_WITH_ERRORS, ended.error_message
        assert ended.counters.fetched == ROWS
        field.check()
    colours = f'SELECT DISTINCT colour FROM "{field.schema}".items'
    assert field.ask(colours) == [("red",)]
    field.configure(", drift_mode: freeze")
    field.sync()
    field.break_source(Fault("column_appears", path=SLUG, field="SIZE", value="XL", times=None))
    ended = field.sync()
    assert (ended.status, ended.counters.fetched) == (BatchStatus.FAILED, 0)
    assert "SIZE" in (ended.error_message or "")
    field.mend()
    field.sync()
    field.check()
