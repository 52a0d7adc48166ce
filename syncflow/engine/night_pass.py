"""What changed at the source since the last night, behind the cursor of a cycle and ahead of it: an increment by
rowversion before each night's slice, for entities that have one.

Where everything up to a watermark is settled, it is an ordinary increment. In an entity's first cycle nothing is yet:
it goes by the source's maximum as it was before the cycle's first page, and the entity's watermark stays unset until
the cycle has come to its end.
"""

from dataclasses import replace

from syncflow.engine.extract import Approach, PageSizes, pass_over
from syncflow.engine.night import Gate, Reading, until_closed
from syncflow.engine.reading import END, Progress
from syncflow.engine.watermark import further
from syncflow.errors import SyncFlowError
from syncflow.identities import KeySet
from syncflow.model import Batch, BatchStatus, Counters, Plan
from syncflow.protocols import Source
from syncflow.store import night_slices
from syncflow.store.batch_chunks import Checkpoint
from syncflow.store.database import Connection, Database
from syncflow.store.erp_sync_state import SyncState
from syncflow.store.night_slices import NightTerms


class NightPass:
    """Keeps the promises of `night.NightPart`. Cut short by the window, it is no result: it goes on another night."""

    def __init__(self, database: Database, batch: Batch, terms: NightTerms, gate: Gate) -> None:
        self._database = database
        self._batch = batch
        self._terms = terms
        self._gate = gate
        self._has_watermark = False

    def require_open(self) -> None:
        if not self._gate.look(self._batch.entity_name):
            raise self._gate.closed(self._batch.entity_name)

    def watermark(self, state: SyncState) -> str | None:
        if state.watermark is not None:
            return state.watermark
        schedule, cycle = self._terms.schedule, self._terms.cycle
        return self._database.insist(lambda connection: night_slices.pass_watermark(connection, schedule, cycle))

    def begin(
        self,
        plan: Plan,
        whole: Approach,
        sizes: PageSizes,
        watermark: str | None,
        source: Source,  # noqa: ARG002 - the protocol's
    ) -> Approach:
        self._has_watermark = watermark is not None
        return replace(whole, complete=False) if watermark is None else pass_over(plan, watermark, sizes)

    def notes(self) -> list[str]:
        return []

    def lists_first(self, state: SyncState) -> bool:  # noqa: ARG002 - the protocol's
        return False

    def inherited(self, connection: Connection) -> list[bytes]:  # noqa: ARG002
        return []

    def forget_inherited(self, connection: Connection) -> None:
        pass

    def start(self, checkpoint: Checkpoint | None) -> Progress:
        """Where there is no watermark, nothing can be behind one."""
        if not self._has_watermark:
            return Progress(END, None)
        return Progress() if checkpoint is None else Progress.from_json(checkpoint.cursor)

    def within(self, reading: Reading) -> Reading:
        return until_closed(reading, self._gate)

    def may_begin(self) -> bool:
        return self._gate.look(self._batch.entity_name)

    def seen_before(self) -> KeySet:
        return KeySet()

    def settled(self, connection: Connection, total: Counters, cursor: Progress) -> None:
        pass

    def require_whole(self) -> None:
        self.require_open()

    def judges(self) -> bool:
        return False

    def judged(self) -> None:
        pass

    def seen_in_cycle(self) -> KeySet:
        return KeySet()

    def inserted_in_cycle(self) -> int:
        return 0

    def fetched_in_cycle(self, total: Counters) -> int:
        return total.fetched

    def state_after(
        self, state: SyncState, plan: Plan, total: Counters, watermark_after: str | None
    ) -> SyncState | None:
        """Under which configuration the rest of the table stands is not this pass's to say."""
        if state.watermark is None:
            return None
        watermark = further(state.watermark, watermark_after, plan) if total.fetched else state.watermark
        return replace(state, watermark=watermark, last_completed_batch=self._batch.uid)

    def ended(self, connection: Connection, status: BatchStatus, error: SyncFlowError | None) -> None:
        pass
