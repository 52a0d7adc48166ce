"""The dashboard's figures are those of the books."""

import pytest

from syncflow.model import BatchStatus
from syncflow.service.overview import Need
from syncflow.store.queue_counts import COUNTED_SECONDS
from tests.faults.field import BAD, ROWS, SLUG, Field

pytestmark = pytest.mark.integration


def test_the_figures_are_those_of_the_books_and_the_most_urgent_comes_first(field: Field) -> None:
    field.configure()
    with field.runtime() as runtime:
        before = runtime.overview.snapshot()
        assert [each.need for each in before.attention] == [Need.NEVER_SYNCED]
        assert (before.series, before.running, before.queues.failed.rows) == ((), (), 0)
    field.sync()
    with field.runtime() as runtime:
        after = runtime.overview.snapshot()
        (bucket,) = after.series
        assert (bucket.batches, bucket.rows, bucket.failed) == (1, ROWS, len(BAD))
        assert bucket.success == (ROWS - len(BAD)) / ROWS
        assert (after.queues.failed.rows, after.queues.failed_by_entity) == (len(BAD), {SLUG: len(BAD)})
        assert after.latest[0].batch is not None
        assert after.latest[0].batch.status is BatchStatus.COMPLETED_WITH_ERRORS
        assert [line.at for line in after.latest] == sorted((line.at for line in after.latest), reverse=True)
        field.execute("UPDATE syncflow.sync_batches SET status = 'failed', error_message = 'gone'")
        (failed, records) = runtime.overview.snapshot().attention
        assert (failed.need, failed.message, records.need) == (Need.FAILED_BATCH, "gone", Need.FAILED_RECORDS)
    assert COUNTED_SECONDS <= 5.0
