"""What changed in the form of a source: a column that appeared, vanished, or changed its type (reliability).

`evolve` takes it over and says so; `freeze` stops before anything is loaded. A column that vanished from the API's
definition is no longer loaded: ScheduleHub keeps it with the values that it has. One that is still declared, or that
nobody declares, but has no value in any row of the first chunk any more, is loaded as the NULLs that the source sends.
"""

from dataclasses import dataclass

import polars as pl

from syncflow.chunk import KEY, OPERATION, Chunk, Operation
from syncflow.errors import ConfigurationError
from syncflow.i18n.texts import Text
from syncflow.model import DriftMode, Plan, PlanColumn, TargetTable
from syncflow.protocols import Target

ROWS_TO_JUDGE = 2
"""A single row without a value says nothing about its column."""
LOOKED_AT = 100
"""Changed rows of the first chunk whose values are looked up in the target."""


@dataclass(frozen=True)
class Change:
    """`before` and `now` are Oracle types as declared; None for a column that was not there, or is not any more."""

    column: str
    before: str | None
    now: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.column}: new, {self.now}"
        if self.now is None:
            return f"{self.column}: gone (it was {self.before})"
        return f"{self.column}: {self.before} -> {self.now}"


def changes(before: Plan, now: Plan) -> tuple[Change, ...]:
    """What the source changed between two plans. What somebody configured is his own doing and no drift: a type or a
    mapping given for a new column, a type given for one that was there, either of them taken away."""
    old = {column.source: column.type.declared for column in before.columns}
    new = {column.source: column.type.declared for column in now.columns}
    told, untold = {*now.typed, *now.mapped}, {*before.typed, *before.mapped} - {*now.typed, *now.mapped}
    appeared = [Change(name, None, new[name]) for name in new if name not in old and name not in told]
    vanished = [Change(name, old[name], None) for name in old if name not in new and name not in untold]
    retyped = [
        Change(name, old[name], new[name])
        for name in new
        if name in old and old[name] != new[name] and name not in now.typed and name not in before.typed
    ]
    return (*appeared, *retyped, *vanished)


def accept(plan: Plan, found: tuple[Change, ...]) -> str | None:
    """What is to be said of changes that are taken over. Raises ConfigurationError where the entity is frozen."""
    if not found:
        return None
    told = Text("the source has changed: {changes}", changes="; ".join(map(str, found)))
    _refuse_if_frozen(plan, told)
    if any(change.now is None for change in found):
        kept = Text("{told}. What is gone is not loaded any more; ScheduleHub keeps the values that it has", told=told)
        return str(kept)
    return str(told)


def accept_emptied(chunk: Chunk, plan: Plan, table: TargetTable, target: Target) -> str | None:
    """The same for columns that have no value in any row of the first chunk, although rows of it that ScheduleHub
    holds have some there."""
    empty = [column for column in plan.columns if _is_empty(chunk.raw, column)]
    changed = chunk.rows.filter(pl.col(OPERATION) == Operation.UPDATE).head(LOOKED_AT)
    if not empty or chunk.raw.height < ROWS_TO_JUDGE or changed.is_empty():
        return None
    held = target.values(table, changed[KEY])
    lost = [column.source for column in empty if _had_values(held, column)]
    if not lost:
        return None
    told = Text(
        "{columns} had values before, and in the first {rows} rows of the source there is none: has the column "
        "vanished?",
        columns=", ".join(lost),
        rows=chunk.raw.height,
    )
    _refuse_if_frozen(plan, told)
    return str(told)


def _refuse_if_frozen(plan: Plan, told: Text) -> None:
    if plan.drift_mode is DriftMode.FREEZE:
        raise ConfigurationError(
            "{entity}: {told}. The entity is frozen (drift_mode: freeze), so nothing was loaded. To take it "
            "over: syncflow entities update {entity} --set drift_mode=evolve",
            entity=plan.entity,
            told=told,
        )


def _is_empty(raw: pl.DataFrame, column: PlanColumn) -> bool:
    values = raw[column.source]
    return values.null_count() == len(values) or bool((values.fill_null("").str.strip_chars() == "").all())


def _had_values(held: pl.DataFrame, column: PlanColumn) -> bool:
    if column.target not in held.columns:
        return False
    values = held[column.target].drop_nulls()
    return bool((values != (column.mapping.default or "")).any())
