"""What an entity's configuration makes of real rows, while it is being edited: the stages themselves are run."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from syncflow.chunk import ROW, Chunk
from syncflow.engine.chunks import identified
from syncflow.engine.masked import masked_message, masked_names
from syncflow.engine.payloads import raw_rows
from syncflow.engine.pipeline import STAGES, Timings
from syncflow.engine.plan import Planner, comparable_kind
from syncflow.errors import ConfigurationError
from syncflow.field_masks import MASK, masked_text
from syncflow.model import Conventions, Entity, FieldMapping, NumberFormat, Plan, PlanColumn
from syncflow.oracle_types import OracleType
from syncflow.protocols import UNREADABLE, PageRequest, Source
from syncflow.rules.transformations import check_mapping
from syncflow.service.batches import Definitions, observe
from syncflow.store import entity_config, failed_groups
from syncflow.store.database import Database
from syncflow.store.failed_filter import FailedFilter

ROWS = 200
FAILED_ROWS = 50
"""Rows of the entity's open failed records that are looked at besides those of the source."""

_FIELD_STAGES = tuple(stage for name, stage in STAGES if name != "identity")


@dataclass(frozen=True)
class ValuePreview:
    """A value as the source sends it and what becomes of it, None for NULL; `reason` says why it would be rejected.
    So many rows of the sample have it."""

    raw: str | None
    value: str | None
    reason: str | None
    rows: int


@dataclass(frozen=True)
class FieldPreview:
    """One column of the API under the entity's mapping. `type` is Oracle's text, `kind` is `number`, `datetime` or
    `text` (all others); `wrong` says why the mapping itself cannot be saved. `values` are all different ones: those
    that fail first, then those that are changed; of each, the commonest first."""

    mapping: FieldMapping
    type: str
    kind: str
    wrong: str | None = None
    values: tuple[ValuePreview, ...] = ()

    @property
    def failing(self) -> int:
        """Rows of the sample that this field alone would reject."""
        return sum(value.rows for value in self.values if value.reason is not None)


@dataclass(frozen=True)
class EntityPreview:
    """Of `rows` rows, `failing` would fail for `reasons` (message, rows; the commonest first). `wrong` says why the
    entity cannot be saved as it is; then no row was tried as a whole."""

    fields: tuple[FieldPreview, ...]
    rows: int
    failing: int = 0
    reasons: tuple[tuple[str, int], ...] = ()
    wrong: str | None = None


@dataclass(frozen=True)
class Sample:
    """Rows to try a configuration on, read once. Of `raw`, the last `failed` are those of failed records. What the
    neighbour says of its APIs is remembered with them, so that trying again asks nobody."""

    api: str
    decimal_comma: bool
    raw: pl.DataFrame
    failed: int
    definitions: Definitions
    observed: dict[str, Mapping[str, OracleType]] = field(default_factory=dict)
    tried: dict[tuple[PlanColumn, Conventions, bool], FieldPreview] = field(default_factory=dict)

    def fits(self, entity: Entity) -> bool:
        """Whether the rows would be sent like this for an entity that was edited since."""
        return (self.api, self.decimal_comma) == (entity.api, _decimal_comma(entity))


class MappingPreviewService:
    """Reads a sample, and says what a configuration makes of it. Nothing is written."""

    def __init__(self, database: Database, source: Source, first_page: int) -> None:
        """`first_page` is how many rows are looked at for columns that nobody declares."""
        self._database = database
        self._source = source
        self._first_page = first_page

    def sample(self, entity: Entity, rows: int = ROWS) -> Sample:
        """The first rows of the entity's API, and rows of its open failed records. Raises what the source raises, and
        ConfigurationError when nobody knows the API's columns."""
        empty = Sample(entity.api, _decimal_comma(entity), pl.DataFrame(), 0, Definitions(self._source))
        columns = tuple(self._planner({}, empty).column_types(entity))
        page = self._source.page(PageRequest(entity.api, rows, columns=columns, decimal_comma=empty.decimal_comma))
        with self._database.begin() as connection:
            texts = failed_groups.raw_texts(connection, FailedFilter(entity=entity.name), None, FAILED_ROWS)
        failed = raw_rows([text for _, text in texts])
        return replace(empty, raw=pl.concat([page.rows, failed], how="diagonal"), failed=failed.height)

    def preview(self, before: Entity | None, entity: Entity, sample: Sample) -> EntityPreview:
        """What would become of the sample's rows. What was masked `before` the editing began stays masked. Raises
        ConfigurationError when nobody knows the API's columns."""
        with self._database.begin() as connection:
            entities = {**entity_config.load_all(connection), entity.name: entity}
        planner = self._planner(entities, sample)
        hidden = masked_names((*entity.mappings, *(before.mappings if before is not None else ())))
        fields = tuple(_field(column, entity, sample, hidden) for column in _columns(planner, entity))
        found = EntityPreview(fields, sample.raw.height)
        try:
            plan = planner.plan(entity.name)
        except ConfigurationError as error:
            return replace(found, wrong=str(error))
        return _tried(found, identified(0, sample.raw, plan, Timings()), hidden)

    def _planner(self, entities: Mapping[str, Entity], sample: Sample) -> Planner:
        def seen(api: str) -> Mapping[str, OracleType]:
            if api not in sample.observed:
                sample.observed[api] = observe(self._source, api, self._first_page)
            return sample.observed[api]

        return Planner(entities, sample.definitions, seen)


def _columns(planner: Planner, entity: Entity) -> list[PlanColumn]:
    """In the API's order; a mapping of a column that there is none of is left to the plan, which says so."""
    mappings = {mapping.source: mapping for mapping in entity.mappings}
    types = planner.column_types(entity)
    return [PlanColumn(type_, mappings.get(name) or FieldMapping(name, name.lower())) for name, type_ in types.items()]


def _decimal_comma(entity: Entity) -> bool:
    return entity.conventions.numbers is NumberFormat.COMMA


def _field(column: PlanColumn, entity: Entity, sample: Sample, hidden: Collection[str]) -> FieldPreview:
    is_hidden = column.source in hidden or column.target in hidden
    key = (column, entity.conventions, is_hidden)
    if key not in sample.tried:
        sample.tried[key] = _field_tried(column, entity, sample.raw, is_hidden=is_hidden)
    return sample.tried[key]


def _field_tried(column: PlanColumn, entity: Entity, raw: pl.DataFrame, *, is_hidden: bool) -> FieldPreview:
    kind = comparable_kind(column)
    try:
        check_mapping(column.mapping, column.type)
    except ConfigurationError as error:
        return FieldPreview(column.mapping, column.type.declared, kind, wrong=str(error))
    readable = raw.filter(pl.col(UNREADABLE).is_null()) if UNREADABLE in raw.columns else raw
    sent = pl.col(column.source) if column.source in raw.columns else pl.lit(None, dtype=pl.String)
    given = readable.select(sent.alias(column.source))
    plan = Plan(entity.name, entity.api, (column,), (), entity.delta_strategy, conventions=entity.conventions)
    chunk = Chunk.of(0, given)
    for stage in _FIELD_STAGES:
        chunk = stage(chunk, plan)
    values = _values(chunk, column, is_hidden=is_hidden)
    return FieldPreview(column.mapping, column.type.declared, kind, values=values)


def _values(chunk: Chunk, column: PlanColumn, *, is_hidden: bool) -> tuple[ValuePreview, ...]:
    raw = chunk.raw.select(ROW, pl.col(column.source).alias("raw"))
    became = raw.join(chunk.rows.select(ROW, pl.col(column.target).alias("value")), on=ROW, how="left")
    both = became.join(chunk.rejected.select(ROW, "message"), on=ROW, how="left", maintain_order="left")
    counted = Counter(both.select("raw", "value", "message").iter_rows())
    ordered = sorted(counted.items(), key=lambda found: (found[0][2] is None, found[0][0] == found[0][1], -found[1]))
    found = [ValuePreview(given, value, reason, rows) for (given, value, reason), rows in ordered]
    return tuple(map(_masked, found) if is_hidden else found)


def _masked(value: ValuePreview) -> ValuePreview:
    told = None if value.reason is None else MASK
    return replace(value, raw=masked_text(value.raw), value=masked_text(value.value), reason=told)


def _tried(found: EntityPreview, chunk: Chunk, hidden: Collection[str]) -> EntityPreview:
    counted: Counter[str] = Counter()
    for name, message in chunk.rejected.select("field", "message").cast(pl.String).iter_rows():
        counted[masked_message(message, name, hidden)] += 1
    return replace(found, failing=chunk.rejected.height, reasons=tuple(counted.most_common()))
