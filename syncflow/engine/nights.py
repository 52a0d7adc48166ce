"""From a claimed batch to the part of a night that it is, with surroundings that keep to its window."""

from dataclasses import dataclass, replace

from syncflow.engine.night import Gate, NightPart, NightSource, Share
from syncflow.engine.night_pass import NightPass
from syncflow.engine.night_slice import NightSlice
from syncflow.engine.runner import Surroundings
from syncflow.errors import UsageError
from syncflow.model import Batch, SyncType
from syncflow.store import night_slices


def all_at_once(source_rows: int, done: int, _nights_left: int, _chunk_rows: int) -> int:
    """The share of who has only one night."""
    return max(0, source_rows - done)


@dataclass(frozen=True)
class NightHabits:
    """`share` plans a night's rows. So many seconds (`grace`) after the window's end the target is not asked again, and
    what was sent without an answer is left in doubt for the next night to settle."""

    share: Share = all_at_once
    grace: float = 30.0


def in_its_night(around: Surroundings, batch: Batch, habits: NightHabits) -> tuple[Surroundings, NightPart | None]:
    """None for a batch that is no night's. Raises UsageError for a slice of no schedule."""
    terms = around.database.insist(lambda connection: night_slices.terms_of(connection, batch.uid))
    if terms is None:
        if batch.sync_type is SyncType.BACKGROUND:
            raise UsageError(
                "The batch {batch} is a slice of {entity}, but of no schedule. Put it away with: syncflow stop {batch}",
                batch=batch.uid,
                entity=batch.entity_name,
            )
        return around, None
    gate = Gate(around.database, around.clock, batch.uid, terms)
    within = replace(
        around,
        source=NightSource(around.source, gate, batch.entity_name),
        target=around.target.until(lambda: gate.has_been_closed(habits.grace)),
    )
    if batch.sync_type is SyncType.BACKGROUND:
        chunk_rows = around.options.chunk_rows
        return within, NightSlice(around.database, around.clock, batch, terms, gate, habits.share, chunk_rows)
    return within, NightPass(around.database, batch, terms, gate)
