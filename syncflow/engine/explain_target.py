"""What the target holds of one record, and what a sync would do with the row that the source has of it now."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import polars as pl

from syncflow.chunk import DATA, KEY, OPERATION, PARENT_REF, ROW, ROWVERSION, UID, Chunk, Operation
from syncflow.engine.chunks import identified
from syncflow.engine.explain import Origin, Refusal, RowStory, refusal_of, told
from syncflow.engine.masked import masked_fields, masked_values
from syncflow.engine.overrides import Overrides
from syncflow.engine.pipeline import Timings
from syncflow.engine.plan import target_table
from syncflow.engine.planning import FieldChange, differences
from syncflow.engine.rejected import hashed
from syncflow.field_masks import masked_text
from syncflow.identities import Identities, Known
from syncflow.model import DriftMode, Plan, TargetTable
from syncflow.protocols import FOUND_SCHEMA, Target
from syncflow.stages.s8_delta import Compare, classify
from syncflow.store import failed_decisions
from syncflow.store.database import Database
from syncflow.store.failed_decisions import Override


@dataclass(frozen=True)
class Held:
    """What the target holds of the row: its values (canonical text, masked) and the data hash that it was loaded
    with; one of nothing but zeros says that the row is to be written again whatever it is."""

    uid: str | None
    data_hash: str
    rowversion: str | None
    values: Mapping[str, str | None]


@dataclass(frozen=True)
class Standing:
    """How a record stands in the target: FOUND_SCHEMA of at most one row, and its values as they are, which are for
    comparing and never for showing. `deleted_at` is when it was softly deleted, as the target writes it."""

    identity: pl.DataFrame
    values: Mapping[str, str | None]
    deleted_at: str | None = None

    def shown(self, plan: Plan) -> Held | None:
        if self.identity.is_empty():
            return None
        row, hidden = self.identity.row(0, named=True), masked_fields(plan)
        version = masked_text(row[ROWVERSION]) if plan.rowversion_field in hidden else row[ROWVERSION]
        return Held(row[UID], row[DATA], version, masked_values(self.values, hidden))


class Operations(StrEnum):
    """What stage 8 says of a row; REFUSED: it does not come so far. IGNORED: somebody left it out."""

    INSERT = Operation.INSERT
    UPDATE = Operation.UPDATE
    UNCHANGED = Operation.UNCHANGED
    REFUSED = "refused"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Compared:
    """The row that counts among those of one key. `duplicates` are others that say the same, or that a newer one
    beats; `override` is a decision about it that holds; `changes` are fields in which the target differs from it,
    those left out that are not compared; `parent_refs` are its parents' readable keys as they are, for looking them up
    and never for showing."""

    operation: Operations
    row: RowStory
    duplicates: int = 0
    override: Override | None = None
    changes: tuple[FieldChange, ...] = ()
    parent_refs: Mapping[str, str | None] = field(default_factory=dict)


def standing(target: Target, plan: Plan, key_hash: str) -> Standing:
    """How the target has the record; of a table that is not there, nothing."""
    table, keys = target_table(plan), pl.Series([key_hash], dtype=pl.String)
    nothing = Standing(pl.DataFrame(schema=FOUND_SCHEMA), {})
    if not target.rehearse(TargetTable(table.entity, ()), DriftMode.EVOLVE).exists:
        return nothing
    identity = target.find(table, keys)
    if identity.is_empty():
        deleted = target.deleted_at(table, keys)
        return replace(nothing, deleted_at=None if deleted.is_empty() else deleted["deleted_at"][0])
    values = target.values(table, keys)
    return Standing(identity, {} if values.is_empty() else values.drop(KEY).row(0, named=True))


def compared(
    database: Database, plan: Plan, compare: Compare, raw: pl.DataFrame, there: Standing, origin: Origin
) -> Compared:
    """What a batch that reads these raw rows, all of one key, would do with them: decisions of people, then stage 8."""
    chunk = identified(0, raw, plan, Timings())
    overrides = Overrides(database, plan.entity, {})
    overrides.begin()
    chunk, overridden = overrides.apply(chunk, plan, Timings())
    known = Known.sorted([Identities.of(there.identity, with_rowversion=plan.rowversion_field is not None)])
    nothing_before = pl.Series(dtype=pl.UInt32)
    chunk = classify(chunk, plan, compare, known, nothing_before, lambda _keys: known)
    return _counting(database, plan, chunk, there, origin, ignored=overridden.ignored[ROW])


def _counting(
    database: Database, plan: Plan, chunk: Chunk, there: Standing, origin: Origin, *, ignored: pl.Series
) -> Compared:
    passed = chunk.rows.filter(pl.col(OPERATION) != Operation.DUPLICATE)
    number = (passed if passed.height else chunk.rejected)[ROW][0]
    raw = chunk.raw.filter(pl.col(ROW) == number)
    override = _override(database, plan.entity, raw)
    edit = None if override is None or override.edit is None else override
    story = told(raw.drop(ROW), plan, origin, edit)
    duplicates = chunk.rows.height - passed.height
    if passed.is_empty():
        operation = Operations.IGNORED if number in ignored else Operations.REFUSED
        return Compared(operation, _refused(story, refusal_of(chunk, plan)), duplicates, override)
    row = passed.row(0, named=True)
    refs = {parent.name: row[PARENT_REF + parent.name] for parent in plan.parents}
    return Compared(Operations(row[OPERATION]), story, duplicates, override, _changes(plan, there, row), refs)


def _refused(story: RowStory, refusal: Refusal) -> RowStory:
    """Stages 8 and above refuse rows that have come through all others."""
    return story if story.refusal is not None else replace(story, refusal=refusal)


def _override(database: Database, entity: str, raw: pl.DataFrame) -> Override | None:
    (raw_hash,) = hashed(raw, raw[ROW])["raw_hash"]
    decided = database.insist(lambda connection: failed_decisions.of_rows(connection, entity, [raw_hash]))
    return decided.get(raw_hash)


def _changes(plan: Plan, there: Standing, row: Mapping[str, str | None]) -> tuple[FieldChange, ...]:
    if not there.values:
        return ()
    hidden = masked_fields(plan)
    return tuple(
        FieldChange(each.field, masked_text(each.before), masked_text(each.after)) if each.field in hidden else each
        for each in differences(target_table(plan), dict(there.values), dict(row))
        if each.field not in plan.hash_exclude
    )
