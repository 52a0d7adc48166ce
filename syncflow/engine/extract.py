"""Which rows of the source a batch asks for, and how they will be compared: decided once, before the first page."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Context, Decimal

import polars as pl

from syncflow.engine.plan import comparable_kind
from syncflow.model import DeleteMode, DeltaStrategy, NumberFormat, Paging, Plan, PlanColumn, SyncType
from syncflow.oracle_types import DATETIME_KINDS
from syncflow.protocols import Filter
from syncflow.stages.paging import Extract
from syncflow.stages.s1_fetch import Comparable
from syncflow.stages.s8_delta import Compare


@dataclass(frozen=True)
class PageSizes:
    """Rows a page: for increments (DEFAULT_BATCH_SIZE) and for whole extracts (MAX_BATCH_SIZE)."""

    increment: int = 1_000
    whole: int = 10_000


@dataclass(frozen=True)
class Approach:
    """What a batch will do. `complete` says that the extract holds every row of the source, so that a row that is
    absent from it is gone; `nulls` that a second extract of the rows without a rowversion follows the first."""

    extract: Extract
    compare: Compare
    complete: bool
    finds_deletions: bool
    paging: Paging
    nulls: Extract | None = None


def approach(
    plan: Plan, sync_type: SyncType, watermark: str | None, sizes: PageSizes, *, changed: bool = False
) -> Approach:
    """`watermark` is the last settled rowversion, canonical; `changed` says that the plan is not the last batch's,
    which makes this batch a whole comparison."""
    whole = sync_type in (SyncType.FULL, SyncType.BACKGROUND)
    by_rowversion = plan.delta_strategy is DeltaStrategy.ROWVERSION and not whole and not changed
    if by_rowversion and watermark is not None:
        return _increment(plan, watermark, sizes)
    compare = Compare.HASH
    if plan.delta_strategy is DeltaStrategy.FULL:
        compare = Compare.NOTHING
    elif by_rowversion:
        compare = Compare.ROWVERSION
    never_deletes = plan.delta_strategy is DeltaStrategy.ROWVERSION and not whole
    return Approach(
        extract=_extract(plan, sizes.whole),
        compare=compare,
        complete=True,
        finds_deletions=not never_deletes and plan.delete_mode is not DeleteMode.IGNORE,
        paging=plan.paging,
    )


def pass_over(plan: Plan, watermark: str, sizes: PageSizes) -> Approach:
    """The rows that changed since this watermark, whatever the strategy: what a night reads beside its slice."""
    compare = {DeltaStrategy.FULL: Compare.NOTHING, DeltaStrategy.HASH: Compare.HASH}
    increment = _increment(plan, watermark, sizes)
    return replace(increment, compare=compare.get(plan.delta_strategy, increment.compare))


def _increment(plan: Plan, watermark: str, sizes: PageSizes) -> Approach:
    column = rowversion_column(plan)
    newer = Filter(column.source, ">=", step_back(watermark, plan.lookback, column))
    return Approach(
        extract=_extract(plan, sizes.increment, newer),
        compare=Compare.ROWVERSION,
        complete=False,
        finds_deletions=False,
        paging=plan.paging,
        nulls=_extract(plan, sizes.increment, Filter(column.source, "is_null", True)),
    )


def rowversion_column(plan: Plan) -> PlanColumn:
    """The column of the rowversion; the plan's maker has checked that there is one."""
    return plan.column(plan.rowversion_field or "")


def step_back(watermark: str, lookback: int, column: PlanColumn) -> str:
    """The watermark less the lookback, in the rowversion's own unit: seconds for times, units for numbers."""
    if lookback == 0:
        return watermark
    if column.type.kind in DATETIME_KINDS:
        earlier = datetime.fromisoformat(watermark[:26].removesuffix("Z")) - timedelta(seconds=lookback)
        return earlier.isoformat() + ("Z" if watermark.endswith("Z") else "")
    return format(Context(prec=200).subtract(Decimal(watermark), Decimal(lookback)), "f")


def is_passed_by(plan: Plan, rowversion: str, watermark: str) -> bool:
    """Whether an increment after this watermark would not fetch a row of this rowversion (both canonical)."""
    column = rowversion_column(plan)
    first = step_back(watermark, plan.lookback, column)
    if column.type.kind in DATETIME_KINDS:
        return rowversion.removesuffix("Z") < first.removesuffix("Z")
    return Decimal(rowversion) < Decimal(first)


def comparable(plan: Plan) -> Comparable:
    """Raw values of the first key column in the order that a source is expected to have them: numbers by value, text
    by code points, times only where they are printed in ISO; None says that the order cannot be judged."""
    kind = comparable_kind(plan.key_columns[0])

    def judge(values: pl.Series) -> pl.Series | None:
        if kind == "number":
            return values.str.replace_all(",", "", literal=True).str.strip_chars().cast(pl.Float64, strict=False)
        if kind == "datetime" and not values.drop_nulls().str.contains(r"^\d{4}-\d\d-\d\d").all():
            return None
        return values.set(values == "", None)

    return judge


def _extract(plan: Plan, page_size: int, *filters: Filter) -> Extract:
    return Extract(
        api=plan.api,
        columns=tuple(column.source for column in plan.columns),
        key=tuple(column.source for column in plan.key_columns),
        page_size=page_size,
        filters=filters,
        decimal_comma=plan.conventions.numbers is NumberFormat.COMMA,
    )
