"""Children whose parents have come: loaded by a batch of their own (`sync_type retry`), from their payload."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby

import polars as pl
import structlog

from syncflow.engine.runner import BatchRun, Surroundings
from syncflow.errors import BusyError, RetriableError, SyncFlowError, UnavailableError, UsageError
from syncflow.events import BatchEnded
from syncflow.model import Batch, BatchStatus, Entity, Plan, SyncType, TargetTable
from syncflow.store import pending_children
from syncflow.store.claims import claimed
from syncflow.store.pending_children import Waiting
from syncflow.store.sync_batches import ask_to_stop, create
from syncflow.uuid7 import uuid7

_log = structlog.get_logger()

PARENTS_AT_ONCE = 10_000


def wake(
    around: Surroundings,
    parents: Iterable[str],
    entities: Mapping[str, Entity],
    make_plan: Callable[[str], Plan],
    requested_by: str,
) -> list[BatchEnded]:
    """Load all children that wait for rows of these entities which are in the target now; their own children next,
    until nobody is left whose parent is there. The work grows with the children that can be loaded, not with those
    that wait. Children of an entity that is configured no longer go on waiting; so do all when the target or the
    metadata database is not to be had."""
    ended: list[BatchEnded] = []
    asking = deque(dict.fromkeys(parents))
    while asking:
        parent = asking.popleft()
        try:
            ready = _ready(around, parent)
        except (RetriableError, UnavailableError) as error:
            _log.warning("children go on waiting for their parents", parent=parent, error=str(error))
            return ended
        for child, rows in groupby(ready, key=lambda waiting: waiting.child_entity):
            if child not in entities:
                continue
            result = _retry(around, entities[child], list(rows), make_plan, requested_by)
            ended.append(result)
            if result.counters.inserted + result.counters.updated and child not in asking:
                asking.append(child)
    return ended


def _ready(around: Surroundings, parent: str) -> list[Waiting]:
    """The children, in the order of their entities, that wait for rows of `parent` which are there now."""
    table = TargetTable(parent, ())
    ready: list[Waiting] = []
    after = ""
    while True:
        with around.database.begin() as connection:
            awaited = pending_children.awaited_parents(connection, parent, PARENTS_AT_ONCE, after)
        if not awaited:
            return sorted(ready, key=lambda waiting: waiting.child_entity)
        after = awaited[-1]
        there = around.target.find(table, pl.Series(awaited, dtype=pl.String))["@key"].to_list()
        if there:
            with around.database.begin() as connection:
                ready += pending_children.waiting_for(connection, parent, there)


def _retry(
    around: Surroundings,
    entity: Entity,
    rows: list[Waiting],
    make_plan: Callable[[str], Plan],
    requested_by: str,
) -> BatchEnded:
    batch = Batch(
        uid=uuid7(),
        entity_name=entity.name,
        sync_type=SyncType.RETRY,
        delta_strategy=entity.delta_strategy,
        source_system=around.source.name,
        status=BatchStatus.QUEUED,
        requested_by=requested_by,
        requested_at=around.clock.now(),
    )
    with around.database.begin() as connection:
        create(connection, batch)
    try:
        return _run(around, batch, rows, make_plan)
    except (BusyError, UsageError) as error:
        with around.database.begin() as connection:
            ask_to_stop(connection, batch.uid)
        return not_begun(replace(batch, status=BatchStatus.CANCELLED), error)


def not_begun(batch: Batch, error: SyncFlowError) -> BatchEnded:
    """The end of a batch that could not be claimed: it stays as it was."""
    return BatchEnded(
        batch.uid,
        batch.entity_name,
        batch.status,
        batch.counters,
        0.0,
        str(error),
        sync_type=batch.sync_type,
        error_exit_code=error.exit_code,
    )


def _run(around: Surroundings, batch: Batch, rows: list[Waiting], make_plan: Callable[[str], Plan]) -> BatchEnded:
    def payload() -> Iterator[pl.DataFrame]:
        step = around.options.chunk_rows
        for start in range(0, len(rows), step):
            part = [row.child_payload for row in rows[start : start + step]]
            columns = dict.fromkeys(name for each in part for name in each)
            yield pl.DataFrame(part, schema=dict.fromkeys(columns, pl.String))

    with claimed(around.database, batch.uid, around.clock.now()) as claim:
        run = BatchRun(around, claim, lambda: make_plan(batch.entity_name), payload)
        return run.complete()
