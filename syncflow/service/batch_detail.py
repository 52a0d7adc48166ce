"""Everything about one batch: where its rows went, chunk by chunk, and what it leaves for a person."""

from dataclasses import dataclass

from syncflow.errors import UsageError
from syncflow.model import Batch
from syncflow.service.approvals import ApprovalService, Withheld
from syncflow.service.batches import BatchService
from syncflow.service.failed_records import FailedFilter
from syncflow.service.remedies import FailedGroup, RemedyService
from syncflow.store import batch_chunks
from syncflow.store.batch_chunks import ChunkLine as ChunkLine  # what a detail is made of
from syncflow.store.database import Database

GROUPS = 20
CHUNKS = 2_000


@dataclass(frozen=True)
class BatchDetail:
    """`alive` says that a living process works on it, `in_doubt` how many rows' outcome is not in the books yet.
    `groups` are its failed records that are open, `withheld` its withheld deletions, None without any."""

    batch: Batch
    alive: bool
    in_doubt: int
    chunks: tuple[ChunkLine, ...]
    groups: tuple[FailedGroup, ...]
    withheld: Withheld | None


class BatchDetailService:
    def __init__(
        self, database: Database, batches: BatchService, remedies: RemedyService, approvals: ApprovalService
    ) -> None:
        self._database = database
        self._batches = batches
        self._remedies = remedies
        self._approvals = approvals

    def get(self, beginning: str) -> BatchDetail:
        """The batch whose uid begins like this. Raises UsageError when there is none, or more than one."""
        batch = self._batches.find(beginning)
        with self._database.begin() as connection:
            chunks = batch_chunks.lines(connection, batch.uid, CHUNKS)
        return BatchDetail(
            batch=batch,
            alive=self._batches.alive(batch),
            in_doubt=self._batches.in_doubt(batch),
            chunks=tuple(chunks),
            groups=tuple(self._remedies.groups(FailedFilter(batch=batch.uid), GROUPS)),
            withheld=self._withheld(batch),
        )

    def _withheld(self, batch: Batch) -> Withheld | None:
        try:
            return self._approvals.withheld(str(batch.uid))
        except UsageError:
            return None
