"""Remedies for records that failed alike: a rule of one field, tried on all of them, then saved as configuration, then
the records tried again."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import polars as pl

from syncflow.chunk import ROW, Chunk
from syncflow.engine.chunks import identified
from syncflow.engine.masked import masked_message, masked_names
from syncflow.engine.payloads import raw_rows
from syncflow.engine.pipeline import Timings
from syncflow.engine.plan import Planner
from syncflow.engine.runner import Surroundings
from syncflow.errors import UsageError
from syncflow.field_masks import MASK as MASK  # whoever shows samples knows by it that they are masked
from syncflow.field_masks import masked_text
from syncflow.model import Entity, FieldMapping, Plan, PlanColumn, Replacement
from syncflow.protocols import PageRequest
from syncflow.rules.replacements import replaced
from syncflow.service.batches import Definitions, observe
from syncflow.service.entities import EntityService
from syncflow.service.failed_records import FailedRecordService, RetryResult
from syncflow.store import failed_groups
from syncflow.store.failed_filter import FailedFilter
from syncflow.store.failed_groups import FailedGroup as FailedGroup

ROWS_AT_ONCE = 20_000
SAMPLES = 3
REASONS = 5


@dataclass(frozen=True)
class Remedy:
    """A rule for one field of an entity: a replacement, or a default that stands for NULL."""

    field: str
    replacement: Replacement | None = None
    default: str | None = None


@dataclass(frozen=True)
class Sample:
    """What the source sent, and what would be loaded; None for NULL."""

    before: str | None
    after: str | None


@dataclass(frozen=True)
class Preview:
    """What a remedy would do to failed records: of `rows`, `pass_now` would pass and the rest would fail for `reasons`
    (message, rows; the commonest first). `touched` are those whose value it changes at all.

    It holds for every row of the entity from the next sync on: of the first `looked_at` rows at the source, it would
    change `also_changed` that pass today.
    """

    rows: int
    touched: int
    pass_now: int
    reasons: tuple[tuple[str, int], ...]
    samples: tuple[Sample, ...]
    looked_at: int
    also_changed: int


@dataclass(frozen=True)
class Applied:
    """The entity with the rule, and what came of trying the records again."""

    entity: Entity
    retried: RetryResult


@dataclass(frozen=True)
class SavedRule:
    """A rule that holds; `number` counts the replacements of a field from 1."""

    entity: str
    field: str
    number: int
    replacement: Replacement


class RemedyService:
    """Groups, previews and remedies, for the console and the command line alike."""

    def __init__(
        self, around: Surroundings, entities: EntityService, failed: FailedRecordService, first_page: int
    ) -> None:
        """`first_page` is how many rows of the source are looked at."""
        self._around = around
        self._entities = entities
        self._failed = failed
        self._first_page = first_page

    def groups(self, chosen: FailedFilter, limit: int = 100) -> list[FailedGroup]:
        """Records in groups by their error signature, the largest first, marked fields masked."""
        with self._around.database.begin() as connection:
            found = failed_groups.groups(connection, chosen, limit)
        hidden = {entity.name: masked_names(entity.mappings) for entity in self._entities.all()}
        return [_masked(group, hidden.get(group.entity, frozenset())) for group in found]

    def preview(self, chosen: FailedFilter, remedy: Remedy) -> Preview:
        """What `apply` would do, without doing it: stages 2 to 7 over the records' raw rows under the new rule. Raises
        UsageError when the filter names no entity or there is no such field, ConfigurationError for a wrong rule."""
        before = self._entity(chosen)
        today = self._plan(before)
        column = _column(today, remedy.field)
        new = self._plan(_with(before, column, remedy))
        tally = _Tally(column, masked_names(before.mappings))
        for raw in self._raw(chosen):
            tally.add(raw, identified(0, raw, new, Timings()), _touched(raw, column, remedy))
        looked_at, also_changed = self._at_the_source(today, column, remedy)
        return tally.preview(looked_at, also_changed)

    def apply(self, chosen: FailedFilter, remedy: Remedy) -> Applied:
        """Save the rule and try the records again. Raises what `preview` raises, and UsageError when somebody else
        changed the entity in the meantime."""
        before = self._entity(chosen)
        after = self._entities.change(before, _with(before, _column(self._plan(before), remedy.field), remedy))
        return Applied(after, self._failed.retry(chosen) if self._failed.count(chosen) else RetryResult(()))

    def rules(self, entity: str | None = None) -> list[SavedRule]:
        """The replacements that hold."""
        entities = self._entities.all() if entity is None else [self._entities.get(entity)]
        return [
            SavedRule(each.name, mapping.source, number, replacement)
            for each in entities
            for mapping in each.mappings
            for number, replacement in enumerate(mapping.replacements, 1)
        ]

    def saved(self, applied: Entity, remedy: Remedy) -> SavedRule | None:
        """The rule as it stands in the entity that `apply` gave; None for a default, which is no rule of its own."""
        mapping = next(one for one in applied.mappings if remedy.field in (one.source, one.target))
        if remedy.replacement is None:
            return None
        return SavedRule(applied.name, mapping.source, len(mapping.replacements), remedy.replacement)

    def remove(self, entity: str, field: str, number: int, expected: Replacement | None = None) -> Entity:
        """Take a replacement away; rows are judged without it from the next sync on. Raises UsageError when there is no
        such rule, or `expected` is given and another one stands there by now."""
        before = self._entities.get(entity)
        mapping = next((one for one in before.mappings if field in (one.source, one.target)), None)
        if mapping is None or not 1 <= number <= len(mapping.replacements):
            raise UsageError(
                "{entity} has no rule number {number} for {field}. See: syncflow remedies list {entity}",
                entity=entity,
                number=str(number),
                field=field,
            )
        if expected not in (None, mapping.replacements[number - 1]):
            raise UsageError(
                "The rules of {field} of {entity} were changed meanwhile. See: syncflow entities show {entity}",
                field=field,
                entity=entity,
            )
        kept = (*mapping.replacements[: number - 1], *mapping.replacements[number:])
        return self._entities.change(before, _mapped(before, replace(mapping, replacements=kept)))

    def _entity(self, chosen: FailedFilter) -> Entity:
        if chosen.entity is None:
            raise UsageError("A remedy is a rule of one entity: name it with --entity.")
        return self._entities.get(chosen.entity)

    def _plan(self, entity: Entity) -> Plan:
        entities: Mapping[str, Entity] = {**{each.name: each for each in self._entities.all()}, entity.name: entity}
        source = self._around.source
        planner = Planner(entities, Definitions(source), lambda api: observe(source, api, self._first_page))
        return planner.plan(entity.name)

    def _raw(self, chosen: FailedFilter) -> Iterator[pl.DataFrame]:
        after = None
        while True:
            with self._around.database.begin() as connection:
                part = failed_groups.raw_texts(connection, chosen, after, ROWS_AT_ONCE)
            if not part:
                return
            after = part[-1][0]
            yield raw_rows([text for _, text in part])

    def _at_the_source(self, plan: Plan, column: PlanColumn, remedy: Remedy) -> tuple[int, int]:
        """How many rows were looked at, and how many of them pass today and would be changed."""
        columns = tuple(each.source for each in plan.columns)
        page = self._around.source.page(PageRequest(plan.api, self._first_page, columns=columns)).rows
        passing = identified(0, page, plan, Timings()).rows.select(ROW)
        changed = _touched(page, column, remedy).alias("changed").to_frame().with_row_index(ROW)
        found = changed.with_columns(pl.col(ROW).cast(pl.UInt32)).join(passing, on=ROW, how="semi")
        return page.height, int(found["changed"].sum())


class _Tally:
    """What became of records under a new rule."""

    def __init__(self, column: PlanColumn, hidden: Collection[str]) -> None:
        """`hidden` are the names of masked fields."""
        self._column = column
        self._hidden = hidden
        self._rows = self._touched = self._passed = 0
        self._reasons: Counter[str] = Counter()
        self._samples: dict[Sample, None] = {}

    def add(self, raw: pl.DataFrame, chunk: Chunk, touched: pl.Series) -> None:
        self._rows += raw.height
        self._touched += int(touched.sum())
        self._passed += chunk.rows.height
        said = chunk.rejected.group_by("field", "error_type").agg(pl.len().alias("rows"), pl.col("message").first())
        for field, error_type, rows, message in said.iter_rows():
            shown = masked_message(message, field, self._hidden)
            self._reasons[f"{field or 'the row'}: {error_type if shown == MASK else shown}"] += rows
        if len(self._samples) < SAMPLES:
            self._sample(raw, chunk, touched)

    def _sample(self, raw: pl.DataFrame, chunk: Chunk, touched: pl.Series) -> None:
        given = raw.select(pl.col(self._column.source).alias("before")).with_row_index(ROW).filter(touched)
        now = chunk.rows.select(ROW, pl.col(self._column.target).alias("after"))
        both = given.with_columns(pl.col(ROW).cast(pl.UInt32)).join(now, on=ROW, how="inner")
        for before, after in both.select("before", "after").unique(maintain_order=True).head(SAMPLES).iter_rows():
            self._samples[Sample(*map(self._shown, (before, after)))] = None

    def _shown(self, value: str | None) -> str | None:
        return masked_text(value) if self._column.source in self._hidden else value

    def preview(self, looked_at: int, also_changed: int) -> Preview:
        reasons = tuple(self._reasons.most_common(REASONS))
        samples = tuple(self._samples)[:SAMPLES]
        return Preview(self._rows, self._touched, self._passed, reasons, samples, looked_at, also_changed)


def _touched(raw: pl.DataFrame, column: PlanColumn, remedy: Remedy) -> pl.Series:
    """Which values the rule changes."""
    if column.source not in raw.columns:
        return pl.repeat(False, raw.height, dtype=pl.Boolean, eager=True)
    values = raw[column.source]
    if remedy.replacement is None:
        return values.is_null()
    before = replaced(values, column.mapping.replacements)
    return replaced(values, (*column.mapping.replacements, remedy.replacement)).ne_missing(before)


def _column(plan: Plan, field: str) -> PlanColumn:
    named: Callable[[PlanColumn], bool] = lambda column: field in (column.source, column.target)  # noqa: E731
    found = next(filter(named, plan.columns), None)
    if found is None:
        raise UsageError(
            "{entity} has no field {field}. See: syncflow entities show {entity}", entity=plan.entity, field=repr(field)
        )
    return found


def _with(entity: Entity, column: PlanColumn, remedy: Remedy) -> Entity:
    """The entity with the rule; it comes after those that the field has already."""
    mapping = column.mapping
    if remedy.replacement is not None:
        return _mapped(entity, replace(mapping, replacements=(*mapping.replacements, remedy.replacement)))
    return _mapped(entity, replace(mapping, default=remedy.default))


def _mapped(entity: Entity, mapping: FieldMapping) -> Entity:
    others = [one for one in entity.mappings if one.source != mapping.source]
    if len(others) == len(entity.mappings):
        return replace(entity, mappings=(*entity.mappings, mapping))
    return replace(entity, mappings=tuple(mapping if one.source == mapping.source else one for one in entity.mappings))


def _masked(group: FailedGroup, hidden: Collection[str]) -> FailedGroup:
    message = masked_message(group.message, group.field, hidden)
    if group.field not in hidden:
        return replace(group, message=message)
    samples = tuple(dict.fromkeys(masked_text(sample) or "" for sample in group.samples))
    return replace(group, samples=samples, message=message)
