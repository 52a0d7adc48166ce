"""One record's way through the stages, with every step kept: the stages themselves, run over one row."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import polars as pl

from syncflow.canonical import canonical_text
from syncflow.chunk import DATA, KEY, PARENT, PARENT_REF, ROWVERSION, Chunk
from syncflow.engine.chunks import identified, keys_of_rejected
from syncflow.engine.masked import masked_fields, masked_message, masked_parent_key, masked_values
from syncflow.engine.overrides import with_edits
from syncflow.engine.pipeline import STAGES, Timings
from syncflow.field_masks import masked_text
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
from syncflow.model import Plan, PlanColumn, Replacement, Transformation
from syncflow.oracle_types import DATETIME_KINDS, NUMERIC_KINDS
from syncflow.protocols import RAW_TEXT, UNREADABLE
from syncflow.rules.replacements import replaced
from syncflow.store.failed_decisions import Override

_Shown = Callable[[str | None], str | None]


class Origin(StrEnum):
    """Where a raw row comes from."""

    SOURCE = "source"
    FAILED_RECORD = "failed_record"
    WAITING_ROW = "waiting_row"


@dataclass(frozen=True)
class Step:
    """What one stage made of a value: `rule` says in words what changed it. The stage `edit` stands before all others:
    a value that somebody gave a row that had failed."""

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
    """A reference of the row: `key` is the parent's readable key, None where the row names no parent. `is_there` is
    None where nobody could tell. Of a missing parent, `why` is a sentence and `command` the next step."""

    ref: str
    entity: str
    key: str | None
    key_hash: str | None
    is_there: bool | None = None
    why: str | None = None
    command: str | None = None


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
    origin: Origin = Origin.SOURCE


@dataclass(frozen=True)
class _Way:
    """The way so far: `raw` as it was sent, `chunk` as it stands, `steps` by target names."""

    raw: Mapping[str, str | None]
    chunk: Chunk
    steps: dict[str, list[Step]] = field(default_factory=dict)


def told(raw: pl.DataFrame, plan: Plan, origin: Origin = Origin.SOURCE, edit: Override | None = None) -> RowStory:
    """The way of a single raw row; `edit` gives it other values first. Whether its parents are there is not looked
    for."""
    sent = raw.drop(UNREADABLE, strict=False).row(0, named=True)
    read = raw if edit is None else with_edits(raw.with_columns(raw_hash=pl.lit(edit.raw_hash)), {edit.raw_hash: edit})
    whole = identified(0, read, plan, Timings())
    way = _Way(sent, whole)
    if not whole.rejected["stage"].is_in(["s1_fetch", "internal"]).any():
        way = _step_by_step(sent, read, plan)
    return replace(_story(way, plan), origin=origin)


def _step_by_step(sent: Mapping[str, str | None], read: pl.DataFrame, plan: Plan) -> _Way:
    chunk = Chunk.of(0, read)
    chunk = chunk.with_rows(chunk.rows.drop(UNREADABLE, RAW_TEXT, strict=False))
    steps: dict[str, list[Step]] = {}
    for column in plan.columns:
        was, now = sent.get(column.source), _value(chunk, column)
        if was != now:
            steps[column.target] = [Step("edit", was, now, "the value that somebody gave it")]
    for name, stage in STAGES:
        before = chunk
        chunk = stage(chunk, plan)
        if chunk.rows.is_empty():
            break
        _note(steps, name, before, chunk, plan)
    return _Way(sent, chunk, steps)


def _note(steps: dict[str, list[Step]], stage: str, before: Chunk, after: Chunk, plan: Plan) -> None:
    for column in plan.columns:
        was, now = _value(before, column), _value(after, column)
        if was != now:
            steps.setdefault(column.target, []).append(Step(stage, was, now, _rule(stage, column, was, plan)))


def _value(chunk: Chunk, column: PlanColumn) -> str | None:
    """A field under the name that it has at this point."""
    name = column.target if chunk.mapped is not None else column.source
    return chunk.rows[name][0] if name in chunk.rows.columns else None


def _rule(stage: str, column: PlanColumn, before: str | None, plan: Plan) -> str:
    """What of the configuration this stage goes by for the field."""
    mapping = column.mapping
    if stage == "coercion":
        return _replacement(mapping.replacements, before) or f"blanks and NULL texts of {column.type.declared}"
    if stage == "string":
        folded = ", Persian and Arabic letters folded" if mapping.fold else ""
        return f"unprintable characters and outer blanks removed, Unicode composed{folded}"
    if stage == "numeric":
        return f"read as a number written {plan.conventions.numbers}"
    if stage == "datetime":
        if mapping.jalali:
            return N_("read as a Jalali date")
        return str(Text("read as a date, {order} where in doubt", order=plan.conventions.dates))
    if before is None and mapping.default is not None:
        return f"default {mapping.default!r}"
    if mapping.transformation is not Transformation.NONE:
        return str(mapping.transformation)
    return f"as {column.target_type}" if column.type.kind in NUMERIC_KINDS | DATETIME_KINDS else "mapping"


def _replacement(replacements: tuple[Replacement, ...], value: str | None) -> str | None:
    """The replacement that fits the value, in words."""
    for each in replacements:
        if replaced(pl.Series([value], dtype=pl.String), (each,))[0] != value:
            what = repr(each.match) if each.match is not None else f"/{each.pattern}/"
            by = "NULL" if each.to is None else repr(each.to)
            return str(Text("replacement of {value} by {other}", value=what, other=by))
    return None


def _story(way: _Way, plan: Plan) -> RowStory:
    hidden = masked_fields(plan)
    chunk, raw = way.chunk, masked_values(way.raw, hidden)
    row = None if chunk.rows.is_empty() else chunk.rows.row(0, named=True)
    fields = tuple(_field(column, way, row, plan, hidden) for column in plan.columns)
    if row is None:
        return RowStory(raw, fields, refusal_of(chunk, plan), None, _rejected_key(chunk, plan), None, None, ())
    data = {column.target: row[column.target] for column in plan.columns if column.target not in plan.hash_exclude}
    return RowStory(
        raw=raw,
        fields=fields,
        refusal=None,
        canonical=canonical_text(masked_values(data, hidden)),
        key_hash=row[KEY],
        data_hash=row[DATA],
        rowversion=masked_text(row[ROWVERSION]) if plan.rowversion_field in hidden else row[ROWVERSION],
        parents=tuple(_parents(row, plan)),
    )


def _field(
    column: PlanColumn, way: _Way, row: Mapping[str, str | None] | None, plan: Plan, hidden: Collection[str]
) -> FieldStory:
    shown: _Shown = masked_text if column.target in hidden else _as_it_is
    steps = way.steps.get(column.target, [])
    return FieldStory(
        source=column.source,
        target=column.target,
        type=column.type.declared,
        raw=shown(way.raw.get(column.source)),
        value=None if row is None else shown(row.get(column.target)),
        steps=tuple(replace(step, before=shown(step.before), after=shown(step.after)) for step in steps),
        in_key=column.target in plan.business_key,
        in_hash=column.target not in plan.hash_exclude,
    )


def _as_it_is(value: str | None) -> str | None:
    return value


def refusal_of(chunk: Chunk, plan: Plan) -> Refusal:
    """Why the first of a chunk's rejected rows was rejected, as it may be shown."""
    row = chunk.rejected.row(0, named=True)
    message = masked_message(row["message"], row["field"], hidden_in_messages(plan))
    return Refusal(row["stage"], row["field"], row["error_type"], message)


def hidden_in_messages(plan: Plan) -> frozenset[str]:
    """Masked fields, and references to parents whose keys are masked: an error about one names that key."""
    hidden = masked_fields(plan)
    refs = (
        parent.name
        for parent in plan.parents
        if any(key.child_field in hidden or key.parent_column.mapping.mask for key in parent.keys)
    )
    return hidden | frozenset(refs)


def _rejected_key(chunk: Chunk, plan: Plan) -> str | None:
    keys = keys_of_rejected(chunk, plan)
    return None if keys.is_empty() else str(keys[KEY][0])


def _parents(row: Mapping[str, str | None], plan: Plan) -> list[ParentStory]:
    keys = [(parent, row[PARENT + parent.name], row[PARENT_REF + parent.name]) for parent in plan.parents]
    return [
        ParentStory(
            parent.name, parent.entity, None if key is None else masked_parent_key(key, parent.name, plan), key_hash
        )
        for parent, key_hash, key in keys
    ]
