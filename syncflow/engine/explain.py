"""One record's way through the stages, with every step kept: the stages themselves, run over one row."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import polars as pl

from syncflow.canonical import canonical_text
from syncflow.chunk import DATA, KEY, PARENT, PARENT_REF, REF, ROW, ROWVERSION, Chunk
from syncflow.engine.chunks import identified, keys_of_rejected
from syncflow.engine.extract import Approach
from syncflow.engine.masked import masked_fields, masked_message, masked_parent_key, masked_ref, masked_values
from syncflow.engine.pipeline import STAGES, Timings
from syncflow.engine.plan import target_table
from syncflow.engine.planning import FieldChange, differences
from syncflow.errors import UsageError
from syncflow.field_masks import masked_text
from syncflow.model import Plan, PlanColumn, Transformation
from syncflow.oracle_types import DATETIME_KINDS, NUMERIC_KINDS
from syncflow.protocols import RAW_TEXT, UNREADABLE, Source, Target
from syncflow.stages.s1_fetch import fetch_matching
from syncflow.stages.s9_load import held


@dataclass(frozen=True)
class Step:
    """What one stage made of a value: `rule` says in words what changed it."""

    stage: str
    before: str | None
    after: str | None
    rule: str


@dataclass(frozen=True)
class FieldStory:
    """A field from its raw value to what is loaded (`value`, canonical); `steps` are the stages that changed it.
    `in_hash` says whether it counts for DATA_HASH, `in_key` whether for BK_HASH."""

    source: str
    target: str
    type: str
    raw: str | None
    value: str | None
    steps: tuple[Step, ...]
    in_key: bool
    in_hash: bool


@dataclass(frozen=True)
class Refusal:
    """Why the row leaves the way: `stage` by its module's name."""

    stage: str
    field: str | None
    error_type: str
    message: str


@dataclass(frozen=True)
class ParentStory:
    """A reference of the row: `key` is the parent's readable key, None where the row names no parent."""

    ref: str
    entity: str
    key: str | None
    key_hash: str | None
    is_there: bool | None


@dataclass(frozen=True)
class RowStory:
    """A row as the stages see it now. Of a refused row the fields show how far it came, and `canonical`, the hashes and
    the parents are None or empty. `raw` holds all columns that were sent, also those that are not loaded."""

    raw: Mapping[str, str | None]
    fields: tuple[FieldStory, ...]
    refusal: Refusal | None
    canonical: str | None
    key_hash: str | None
    data_hash: str | None
    rowversion: str | None
    parents: tuple[ParentStory, ...]


@dataclass(frozen=True)
class Held:
    """What the target holds of the row: its values (canonical text) and the data hash it was loaded with."""

    uid: str | None
    data_hash: str
    rowversion: str | None
    values: Mapping[str, str | None]


@dataclass(frozen=True)
class Sought:
    """A record that is asked for: its readable key and its BK_HASH; `first` is the canonical first part of the key."""

    ref: str
    key_hash: str
    first: str


def sought(plan: Plan, parts: Mapping[str, str]) -> Sought:
    """Whom these key parts (target name -> text as the source would write it) name, read by the entity's own rules.
    Raises UsageError for a text that cannot be such a key."""
    columns = tuple(
        replace(column, mapping=replace(column.mapping, validation_rule=None)) for column in plan.key_columns
    )
    only_key = replace(plan, columns=columns, parents=(), hash_exclude=(), rowversion_field=None)
    raw = pl.DataFrame({column.source: [parts[column.target]] for column in columns})
    chunk = identified(0, raw, only_key, Timings())
    if chunk.rows.is_empty():
        raise UsageError(f"This cannot be a key of {plan.entity}: {chunk.rejected['message'][0]}.")
    (row,) = chunk.rows.iter_rows(named=True)
    return Sought(row[REF], row[KEY], row[plan.business_key[0]])


def at_source(source: Source, plan: Plan, approach: Approach, wanted: Sought, typed: str) -> pl.DataFrame:
    """The rows that the source shows under this key, as it sends them. `typed` is the first key part as it was given;
    the source is asked for it and for its canonical form."""
    column = plan.key_columns[0].source
    found = []
    for rows in fetch_matching(source, approach.extract, column, tuple(dict.fromkeys((wanted.first, typed)))):
        chunk = identified(0, rows, plan, Timings())
        keys = pl.concat([chunk.rows.select(ROW, KEY), keys_of_rejected(chunk, plan)])
        ours = keys.filter(pl.col(KEY) == wanted.key_hash)
        found.append(chunk.raw.join(ours, on=ROW, how="semi", maintain_order="left").drop(ROW))
    return pl.concat(found, how="diagonal") if found else pl.DataFrame()


def told(raw: pl.DataFrame, plan: Plan, target: Target) -> RowStory:
    """The way of a single raw row."""
    start = Chunk.of(0, raw)
    if UNREADABLE in raw.columns and raw[UNREADABLE][0] is not None:
        chunk = identified(0, raw, plan, Timings())
        return _story(chunk, {}, plan, target)
    chunk = start.with_rows(start.rows.drop(UNREADABLE, RAW_TEXT, strict=False))
    steps: dict[str, list[Step]] = {}
    for name, stage in STAGES:
        before = chunk
        chunk = stage(chunk, plan)
        _note(steps, name, before, chunk, plan)
        if chunk.rows.is_empty():
            break
    return _story(chunk, steps, plan, target)


def held_values(target: Target, plan: Plan, key_hash: str) -> Held | None:
    """None where the target does not hold the row (or the table is not there)."""
    table = target_table(plan)
    if not target.rehearse(table, plan.drift_mode).exists:
        return None
    keys = pl.Series([key_hash], dtype=pl.String)
    found = target.find(table, keys)
    if found.is_empty():
        return None
    identity = found.row(0, named=True)
    values = target.values(table, keys)
    hidden = masked_fields(plan)
    shown = {} if values.is_empty() else masked_values(values.drop(KEY).row(0, named=True), hidden)
    return Held(identity["@uid"], identity[DATA], identity[ROWVERSION], shown)


def changes(story: RowStory, raw: pl.DataFrame, plan: Plan, target: Target) -> tuple[FieldChange, ...]:
    """The fields in which the target differs from what would be loaded now; both values masked where that is wanted."""
    if story.key_hash is None:
        return ()
    table = target_table(plan)
    values = target.values(table, pl.Series([story.key_hash], dtype=pl.String))
    if values.is_empty():
        return ()
    row = identified(0, raw, plan, Timings()).rows.row(0, named=True)
    hidden = masked_fields(plan)
    return tuple(
        FieldChange(change.field, masked_text(change.before), masked_text(change.after))
        if change.field in hidden
        else change
        for change in differences(table, values.drop(KEY).row(0, named=True), row)
    )


def _note(steps: dict[str, list[Step]], stage: str, before: Chunk, after: Chunk, plan: Plan) -> None:
    for column in plan.columns:
        was = _value(before, column)
        now = _value(after, column)
        if was != now and not after.rows.is_empty():
            rule = _rule(stage, column, was, plan)
            steps.setdefault(column.target, []).append(Step(stage, was, now, rule))


def _value(chunk: Chunk, column: PlanColumn) -> str | None:
    """A field under the name that it has at this point."""
    if chunk.rows.is_empty():
        return None
    name = column.target if chunk.mapped is not None else column.source
    return chunk.rows[name][0] if name in chunk.rows.columns else None


def _rule(stage: str, column: PlanColumn, before: str | None, plan: Plan) -> str:
    """What of the configuration this stage goes by for the field."""
    mapping = column.mapping
    if stage == "coercion":
        replaced = " and replacements" if mapping.replacements else ""
        return f"blanks and NULL texts of {column.type.declared}{replaced}"
    if stage == "string":
        folded = ", Persian and Arabic letters folded" if mapping.fold else ""
        return f"unprintable characters and outer blanks removed, Unicode composed{folded}"
    if stage == "numeric":
        return f"read as a number written {plan.conventions.numbers}"
    if stage == "datetime":
        return "read as a Jalali date" if mapping.jalali else f"read as a date, {plan.conventions.dates} where in doubt"
    if before is None and mapping.default is not None:
        return f"default {mapping.default!r}"
    if mapping.transformation is not Transformation.NONE:
        return str(mapping.transformation)
    return f"as {column.target_type}" if column.type.kind in NUMERIC_KINDS | DATETIME_KINDS else "mapping"


def _story(chunk: Chunk, steps: Mapping[str, list[Step]], plan: Plan, target: Target) -> RowStory:
    hidden = masked_fields(plan)
    raw = chunk.raw.drop(ROW, UNREADABLE, strict=False).row(0, named=True)
    row = None if chunk.rows.is_empty() else chunk.rows.row(0, named=True)
    fields = tuple(_field(column, raw, row, steps.get(column.target, []), plan, hidden) for column in plan.columns)
    if row is None or KEY not in row:
        key_hash = _rejected_key(chunk, plan)
        return RowStory(masked_values(raw, hidden), fields, _refusal(chunk, hidden), None, key_hash, None, None, ())
    data = {column.target: row[column.target] for column in plan.columns if column.target not in plan.hash_exclude}
    return RowStory(
        raw=masked_values(raw, hidden),
        fields=fields,
        refusal=None,
        canonical=canonical_text(masked_values(data, hidden)),
        key_hash=row[KEY],
        data_hash=row[DATA],
        rowversion=row[ROWVERSION],
        parents=tuple(_parents(row, plan, target)),
    )


def _field(
    column: PlanColumn,
    raw: Mapping[str, str | None],
    row: Mapping[str, str | None] | None,
    steps: Collection[Step],
    plan: Plan,
    hidden: Collection[str],
) -> FieldStory:
    shown = masked_text if column.target in hidden else _as_it_is
    return FieldStory(
        source=column.source,
        target=column.target,
        type=column.type.declared,
        raw=shown(raw.get(column.source)),
        value=None if row is None else shown(row.get(column.target)),
        steps=tuple(replace(step, before=shown(step.before), after=shown(step.after)) for step in steps),
        in_key=column.target in plan.business_key,
        in_hash=column.target not in plan.hash_exclude,
    )


def _as_it_is(value: str | None) -> str | None:
    return value


def _refusal(chunk: Chunk, hidden: Collection[str]) -> Refusal:
    row = chunk.rejected.row(0, named=True)
    message = masked_message(row["message"], row["field"], hidden)
    return Refusal(row["stage"], row["field"], row["error_type"], message)


def _rejected_key(chunk: Chunk, plan: Plan) -> str | None:
    keys = keys_of_rejected(chunk, plan)
    return None if keys.is_empty() else str(keys[KEY][0])


def _parents(row: Mapping[str, str | None], plan: Plan, target: Target) -> list[ParentStory]:
    found = []
    for parent in plan.parents:
        key_hash, key = row[PARENT + parent.name], row[PARENT_REF + parent.name]
        there = None if key_hash is None else len(held(target, parent.entity, pl.Series([key_hash]))) > 0
        shown = None if key is None else masked_parent_key(key, parent.name, plan)
        found.append(ParentStory(parent.name, parent.entity, shown, key_hash, there))
    return found


def shown_ref(wanted: Sought, plan: Plan) -> str:
    """The readable key as it may be shown."""
    return masked_ref(wanted.ref, masked_fields(plan))
