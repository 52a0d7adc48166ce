"""What makes a batch a part of a night: it begins nothing when its window is closed, and says in the books of its
schedule how far it has come (see `night_slice` and `night_pass`)."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from typing import Protocol
from uuid import UUID

from syncflow.clock import Clock
from syncflow.engine.chunks import Delivery
from syncflow.engine.extract import Approach, PageSizes
from syncflow.engine.reading import Progress
from syncflow.engine.stops import Paused, WindowClosed
from syncflow.errors import BatchError, RetriableError, SyncFlowError
from syncflow.identities import KeySet
from syncflow.model import ApiDefinition, BatchStatus, Counters, Plan
from syncflow.protocols import Page, PageRequest, Source
from syncflow.store import night_slices
from syncflow.store.batch_chunks import Checkpoint
from syncflow.store.database import Connection, Database
from syncflow.store.erp_sync_state import SyncState
from syncflow.store.night_slices import NightTerms

Reading = Iterator[tuple[Progress, Delivery]]
Share = Callable[[int, int, int, int], int]
"""How many rows a night is to settle: of the source's rows, the rows done, the nights left and the rows of a chunk."""


class Gate:
    """Whether a batch of a night may begin something now. Safe to share among threads."""

    def __init__(self, database: Database, clock: Clock, batch: UUID, terms: NightTerms) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch
        self._window_end = terms.window_end

    @property
    def is_open(self) -> bool:
        return self._window_end is None or self._clock.now() < self._window_end

    def has_been_closed(self, seconds: float) -> bool:
        """Whether the window has ended so many seconds ago."""
        return self._window_end is not None and (self._clock.now() - self._window_end).total_seconds() >= seconds

    def look(self, entity: str) -> bool:
        """What somebody may have changed meanwhile, too. Raises Paused."""
        gate = self._database.insist(lambda connection: night_slices.gate(connection, self._batch))
        self._window_end = gate.window_end
        if not gate.active:
            raise Paused(
                "The schedule of {entity} is paused, disabled or gone, so that nothing more of it is begun. It goes "
                "on where it stands, after: syncflow schedules resume {entity}",
                entity=entity,
            )
        return self.is_open

    def closed(self, entity: str) -> WindowClosed:
        if self._window_end is None:
            return WindowClosed(
                "The window of {entity} closed: nothing more is begun, and the next night goes on where this one "
                "stands. To go on at once: syncflow schedules run-now {entity}",
                entity=entity,
            )
        return WindowClosed(
            "The window of {entity} closed at {at} UTC: nothing more is begun, and the next night goes on where this "
            "one stands. To go on at once: syncflow schedules run-now {entity}",
            entity=entity,
            at=_minutes(self._window_end),
        )


def _minutes(at: datetime) -> str:
    return f"{at:%H:%M on %Y-%m-%d}"


class NightSource:
    """A source that is asked for no page after the window's end: what is under way then is given up."""

    def __init__(self, source: Source, gate: Gate, entity: str) -> None:
        self._source = source.until(lambda: not gate.is_open)
        self._gate = gate
        self._entity = entity

    @property
    def name(self) -> str:
        return self._source.name

    def definition(self, api: str) -> ApiDefinition:
        return self._source.definition(api)

    def definitions(self) -> Iterator[ApiDefinition]:
        return self._source.definitions()

    def page(self, request: PageRequest) -> Page:
        if not self._gate.is_open:
            raise self._gate.closed(self._entity)
        try:
            return self._source.page(request)
        except RetriableError as error:
            if not self._gate.is_open:
                raise self._gate.closed(self._entity) from error
            raise

    def until(self, should_stop: Callable[[], bool]) -> "NightSource":
        return NightSource(self._source.until(should_stop), self._gate, self._entity)


class NightPart(Protocol):
    """What a batch asks its night, in the order of its life. Store functions run in the caller's transaction."""

    def require_open(self) -> None:
        """Raises WindowClosed, Paused."""
        ...

    def watermark(self, state: SyncState) -> str | None:
        """The watermark that a batch which begins now goes by."""
        ...

    def begin(self, plan: Plan, whole: Approach, sizes: PageSizes, watermark: str | None, source: Source) -> Approach:
        """Before the first page: what will be read. `whole` is what the batch would do if it were no night's."""
        ...

    def notes(self) -> list[str]: ...

    def lists_first(self, state: SyncState) -> bool:
        """Whether to read all that the target holds before the first page."""
        ...

    def inherited(self, connection: Connection) -> list[bytes]:
        """Intents that earlier batches have left behind without an outcome."""
        ...

    def forget_inherited(self, connection: Connection) -> None: ...

    def start(self, checkpoint: Checkpoint | None) -> Progress: ...

    def within(self, reading: Reading) -> Reading:
        """As much of it as belongs to this night."""
        ...

    def may_begin(self) -> bool:
        """Right before a chunk is intended. Raises Paused."""
        ...

    def seen_before(self) -> KeySet:
        """The keys that earlier batches of the same extract have counted."""
        ...

    def settled(self, connection: Connection, total: Counters, cursor: Progress) -> None:
        """A chunk is booked, in the same transaction; `total` counts it."""
        ...

    def require_whole(self) -> None:
        """After the last chunk. Raises WindowClosed where a part of it is no result."""
        ...

    def judges(self) -> bool:
        """Whether every row of the source was read by now, so that deletions can be judged."""
        ...

    def judged(self) -> None:
        """They were."""
        ...

    def seen_in_cycle(self) -> KeySet: ...

    def inserted_in_cycle(self) -> int: ...

    def fetched_in_cycle(self, total: Counters) -> int: ...

    def state_after(
        self, state: SyncState, plan: Plan, total: Counters, watermark_after: str | None
    ) -> SyncState | None:
        """The entity's state after a batch that balances; None when nothing of it moves."""
        ...

    def ended(self, connection: Connection, status: BatchStatus, error: SyncFlowError | None) -> None:
        """The end of the batch is booked, in the same transaction."""
        ...


def until_closed(reading: Reading, gate: Gate) -> Reading:
    """Deliveries for as long as the window is open."""
    with closing(reading):  # type: ignore[type-var]
        while gate.is_open:
            try:
                item = next(reading, None)
            except WindowClosed:
                return
            if item is None:
                return
            yield item


def no_longer_there(entity: str) -> BatchError:
    return BatchError(
        "The schedule of {entity} was removed, or its cycle begun anew, while this batch was at work; it stops here. "
        "What it has loaded stays.",
        entity=entity,
    )
