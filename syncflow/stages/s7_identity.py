"""Stage 7: who a row is, what it says, and who its parents are."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from syncflow.canonical import bk_hash_column, canonical_column, data_hash_column
from syncflow.chunk import DATA, KEY, PARENT, PARENT_REF, REF, ROW, ROWVERSION, Chunk, rejections
from syncflow.i18n.texts import Text
from syncflow.model import Plan, PlanParent, PlanParentKey
from syncflow.oracle_types import CHARACTER_KINDS, DATETIME_KINDS, NUMERIC_KINDS
from syncflow.rules.columns import as_rejections
from syncflow.rules.normalise import normalise
from syncflow.rules.outcome import CANONICAL, VALUE, Outcome, patch, with_value
from syncflow.rules.transformations import default_text, transform

STAGE = "s7_identity"


def identify(chunk: Chunk, plan: Plan) -> Chunk:
    """Adds KEY, DATA, ROWVERSION, REF and, per parent, PARENT and PARENT_REF. A NULL in the business key rejects the
    row; so does a reference that cannot be read under the parent's types."""
    keyed = _with_key(_without_null_keys(chunk, plan), plan)
    for parent in plan.parents:
        keyed = _with_parent(keyed, plan, parent)
    return keyed


def _without_null_keys(chunk: Chunk, plan: Plan) -> Chunk:
    rejected = [
        rejections(
            chunk.rows.filter(pl.col(name).is_null()),
            STAGE,
            name,
            "null_key",
            str(
                Text(
                    "{field} is NULL, but it is part of the business key of {entity}, so the row has no identity. Fill "
                    "it in the source, or choose another business key.",
                    field=name,
                    entity=plan.entity,
                )
            ),
        )
        for name in plan.business_key
        if chunk.rows[name].null_count()
    ]
    return chunk.reject(pl.concat(rejected)) if rejected else chunk


def _with_key(chunk: Chunk, plan: Plan) -> Chunk:
    plain = {column.target for column in plan.columns if column.type.kind not in CHARACTER_KINDS}
    data = [column.target for column in plan.columns if column.target not in plan.hash_exclude]
    refs = canonical_column(chunk.rows, plan.business_key, plain)
    texts = canonical_column(chunk.rows, data, plain)
    rowversion = pl.lit(None, dtype=pl.String) if plan.rowversion_field is None else pl.col(plan.rowversion_field)
    return chunk.with_rows(
        chunk.rows.with_columns(
            bk_hash_column(plan.entity, refs).alias(KEY),
            data_hash_column(texts).alias(DATA),
            rowversion.alias(ROWVERSION),
            refs.alias(REF),
        )
    )


def _with_parent(chunk: Chunk, plan: Plan, parent: PlanParent) -> Chunk:
    """The parent's key as the parent's own batch would make it. All parts NULL: no parent. Some NULL: no parent either,
    as in SQL's MATCH SIMPLE, and counted."""
    outcomes = [_parent_part(chunk, plan, parent, key) for key in parent.keys]
    parts = pl.DataFrame(
        [outcome.values.alias(key.parent_column.target) for key, outcome in zip(parent.keys, outcomes, strict=True)]
    )
    nulls = parts.select(pl.sum_horizontal(pl.all().is_null())).to_series()
    whole = (nulls == 0).arg_true()
    nobody = pl.repeat(None, parts.height, dtype=pl.String, eager=True)
    refs = patch(nobody, whole, canonical_column(parts.select(pl.all().gather(whole)), parts.columns))
    linked = chunk.with_rows(
        chunk.rows.with_columns(
            bk_hash_column(parent.entity, refs).alias(PARENT + parent.name), refs.alias(PARENT_REF + parent.name)
        )
    )
    partly = chunk.rows[ROW].filter((nulls > 0) & (nulls < len(parent.keys)))
    readable = linked.reject(pl.concat(_unreadable(chunk, parent, outcomes)))
    return _with_count(readable, parent, int(readable.rows[ROW].is_in(partly.implode()).sum()))


def _parent_part(chunk: Chunk, plan: Plan, parent: PlanParent, key: PlanParentKey) -> Outcome:
    """The child's value, as it was before the child's own transformation, under the parent's type and mapping. What
    the child's type made canonical is read as that, whatever the parent's conventions are."""
    child, column = plan.column(key.child_field), key.parent_column
    default = default_text(child.mapping, child.type)
    given = _before_mapping(chunk, child.source)
    given = given if default is None else given.fill_null(default)
    is_date = child.type.kind in DATETIME_KINDS
    mapping = replace(column.mapping, jalali=False) if is_date else column.mapping
    conventions = CANONICAL if is_date or child.type.kind in NUMERIC_KINDS else parent.conventions
    read = normalise(given, column.type, mapping, conventions)
    return read.then(lambda values: Outcome(transform(values, mapping.transformation)))


def _before_mapping(chunk: Chunk, source: str) -> pl.Series:
    """A source column after stage 5, for the rows that are still in flight."""
    if chunk.normalized is None:
        raise ValueError("identify needs the rows as they were after stage 5; run the stages in their order.")
    if chunk.normalized.height == chunk.rows.height:
        return chunk.normalized[source]
    kept = chunk.normalized.select(ROW, source)
    return chunk.rows.select(ROW).join(kept, on=ROW, how="left", maintain_order="left")[source]


def _unreadable(chunk: Chunk, parent: PlanParent, outcomes: Sequence[Outcome]) -> list[pl.DataFrame]:
    reason = Text(
        "The reference {ref} to {entity} cannot be followed: {reason}",
        ref=parent.name,
        entity=parent.entity,
        reason=VALUE,
    )
    return [
        as_rejections(
            outcome.faults.with_columns(
                pl.lit("parent_key_unreadable").alias("error_type"),
                with_value(reason, pl.col("message")).alias("message"),
            ),
            chunk.rows[ROW],
            STAGE,
            key.child_field,
        )
        for key, outcome in zip(parent.keys, outcomes, strict=True)
    ]


def _with_count(chunk: Chunk, parent: PlanParent, count: int) -> Chunk:
    if not count:
        return chunk
    note = Text(
        "rows with only a part of the reference {reference} to {parent}, loaded without it",
        reference=parent.name, parent=parent.entity,
    )  # fmt: skip
    return chunk.with_note(note, count)
