"""What is written is what a scraper reads, whatever stands in a label; counters count what was done here, once."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncflow.events import BatchEnded, BatchStarted, ChunkSettled
from syncflow.model import BatchStatus, Counters
from syncflow.observe import process
from syncflow.observe.counting import EventCounts
from syncflow.observe.exposition import Sample, counter, gauge, text
from tests.observe.scrape import Scrape, parse

pytestmark = pytest.mark.unit

BATCH = UUID(int=1)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")),
       st.floats(allow_nan=False) | st.integers())  # fmt: skip
def test_any_label_and_any_number_arrive(label: str, number: float) -> None:
    written = text([gauge("a_gauge", "One \\ line\nof help.", Sample(number, {"entity": label}), Sample(1))])
    assert parse(written).value("a_gauge", entity=label) == float(number)


def test_families_without_samples_are_left_out() -> None:
    assert text([gauge("a", "None."), counter("b_total", "One.", Sample(1.0))]) == (
        "# HELP b_total One.\n# TYPE b_total counter\nb_total 1\n"
    )


def _scraped(counts: EventCounts) -> Scrape:
    return parse(text([*counts.families(), *process.families()]))


def test_a_batch_is_counted_while_it_goes_on_and_not_again_when_it_ends() -> None:
    counts = EventCounts()
    first = Counters(fetched=100, inserted=90, failed=10)
    counts(BatchStarted(BATCH, "items"))
    counts(ChunkSettled(BATCH, "items", 0, first, stage_seconds={"fetch": 1.5}))
    assert _scraped(counts).value("syncflow_rows_total", entity="items", outcome="inserted") == 90
    last = replace(first, fetched=150, inserted=120, updated=20)
    counts(BatchEnded(BATCH, "items", BatchStatus.COMPLETED, last, 3.0, stage_seconds={"fetch": 2.0, "load": 1.0}))
    found = _scraped(counts)
    assert found.value("syncflow_rows_fetched_total", entity="items") == 150
    assert found.value("syncflow_rows_total", entity="items", outcome="inserted") == 120
    assert found.value("syncflow_rows_total", entity="items", outcome="failed") == 10
    assert found.value("syncflow_stage_seconds_total", entity="items", stage="fetch") == 2.0
    assert found.value("syncflow_batches_ended_total", entity="items", status="completed") == 1
    assert found.value("process_resident_memory_bytes") > 1_000_000


def test_what_another_process_did_before_is_not_counted_here() -> None:
    counts = EventCounts()
    before = Counters(fetched=1_000, inserted=1_000)
    counts(BatchStarted(BATCH, "items", 1_000, before))
    counts(ChunkSettled(BATCH, "items", 5, replace(before, fetched=1_200, inserted=1_100, unchanged=100)))
    counts(BatchEnded(UUID(int=2), "sites", BatchStatus.FAILED, before, 0.1))
    found = _scraped(counts)
    assert found.value("syncflow_rows_fetched_total", entity="items") == 200
    assert found.value("syncflow_rows_total", entity="items", outcome="inserted") == 100
    assert found.value("syncflow_rows_fetched_total", entity="sites") == 0
