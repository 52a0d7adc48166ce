"""The product's own way of a page: its columns widened, stages 2 to 7, and stage 8 against what a target holds."""

from collections.abc import Mapping, Sequence

import polars as pl

from syncflow.chunk import DATA, KEY, OPERATION, REF, ROW, Chunk
from syncflow.engine.chunks import identified
from syncflow.engine.pipeline import Timings
from syncflow.engine.plan import with_new_columns
from syncflow.engine.reading import unknown_columns
from syncflow.identities import Identities, Known
from syncflow.model import (
    Conventions,
    DateOrder,
    DeltaStrategy,
    FieldMapping,
    NumberFormat,
    Plan,
    PlanColumn,
    Transformation,
)
from syncflow.oracle_types import parse
from syncflow.protocols import IDENTITY_SCHEMA, Page
from syncflow.stages.s8_delta import Compare, classify
from tests.exactness.reference import Column, Entity, Identified, Outcome, Rejected


def plan_of(entity: Entity) -> Plan:
    return Plan(
        entity=entity.name,
        api=entity.name,
        columns=tuple(PlanColumn(parse(column.declared), _mapping(column)) for column in entity.columns),
        business_key=entity.business_key,
        delta_strategy=DeltaStrategy.HASH,
        conventions=Conventions(NumberFormat.COMMA if entity.comma else NumberFormat.POINT, DateOrder(entity.order)),
        hash_exclude=entity.hash_exclude,
    )


def _mapping(column: Column) -> FieldMapping:
    return FieldMapping(
        source=column.source,
        target=column.target,
        transformation=Transformation(column.transformation),
        default=column.default,
        required=column.required,
        validation_rule=column.rule,
        fold=column.fold,
    )


def process(page: Page, entity: Entity, held: Mapping[str, str]) -> tuple[list[Outcome], list[str]]:
    """For each row what became of it behind stage 7, and its operation behind stage 8 (`rejected` for none). `held` is
    what the target holds: BK_HASH -> DATA_HASH."""
    plan = plan_of(entity)
    plan = with_new_columns(plan, unknown_columns(page.rows, plan, page.observed))
    chunk = identified(0, page.rows, plan, Timings())
    names = [column.target for column in plan.columns]
    outcomes: dict[int, Outcome] = _rejections(chunk)
    for row in chunk.rows.iter_rows(named=True):
        outcomes[row[ROW]] = Identified({name: row[name] for name in names}, row[REF], row[KEY], row[DATA])
    compared = classify(chunk, plan, Compare.HASH, _known(held), pl.Series(dtype=pl.UInt32), _nobody)
    done = dict(compared.rows.select(ROW, OPERATION).iter_rows())
    rows = range(page.rows.height)
    assert outcomes.keys() == set(rows)
    return [outcomes[row] for row in rows], [done.get(row, "rejected") for row in rows]


def _rejections(chunk: Chunk) -> dict[int, Outcome]:
    told = chunk.rejected.select(ROW, "stage", "field", "error_type")
    return {row: Rejected(*reason) for row, *reason in told.iter_rows()}


def _known(held: Mapping[str, str]) -> Known:
    rows: Sequence[tuple[str, str, None, None]] = [(key, data, None, None) for key, data in held.items()]
    frame = pl.DataFrame(rows, schema=IDENTITY_SCHEMA, orient="row")
    return Known.sorted([Identities.of(frame, with_rowversion=False)])


def _nobody(keys: pl.Series) -> Known:
    raise AssertionError(f"{keys.to_list()} were asked for, though no earlier chunk had them")
