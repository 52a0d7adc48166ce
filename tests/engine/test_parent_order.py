"""Whatever refers to whatever, in any order: what can be in the target is there, and the rest waits or failed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncflow.events import BatchEnded
from syncflow.model import SyncType
from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import table_from_rows
from syncflow.store.database import Database
from tests.acceptance.neighbours import TOKENS, Neighbours, neighbours

pytestmark = pytest.mark.integration

NAMES = ("red", "green", "blue")
REFS = ("a", "b")
Row = tuple[str, int]
"""Entity and number."""


@dataclass(frozen=True)
class Plant:
    """`refers` says whose rows the reference of an entity names, `required` which of them a row must have, `rows` the
    numbers that they name: None for no parent, also such as nobody has."""

    refers: Mapping[tuple[str, str], str]
    required: frozenset[tuple[str, str]]
    rows: Mapping[Row, tuple[int | None, int | None]]

    def parents(self, row: Row) -> dict[str, Row]:
        named = zip(REFS, self.rows[row], strict=True)
        return {ref: (self.refers[row[0], ref], number) for ref, number in named if number is not None}

    def loadable(self) -> set[Row]:
        """By the definition: the largest set in which every row has all its parents, and which can be loaded one after
        the other without ever leaving out a required reference."""
        there = set(self.rows)
        while True:
            complete = {row for row in there if set(self.parents(row).values()) <= there}
            possible: set[Row] = set()
            while new := {row for row in complete - possible if self._required(row) <= possible}:
                possible |= new
            if possible == there:
                return there
            there = possible

    def _required(self, row: Row) -> set[Row]:
        return {parent for ref, parent in self.parents(row).items() if (row[0], ref) in self.required}


@st.composite
def plants(draw: st.DrawFn) -> Plant:
    refers = {(name, ref): draw(st.sampled_from(NAMES)) for name in NAMES for ref in REFS}
    required = draw(st.frozensets(st.sampled_from(sorted(refers)), max_size=2))
    numbers = st.none() | st.integers(1, 5)
    rows = {
        (name, number): draw(st.tuples(numbers, numbers))
        for name in NAMES
        for number in draw(st.sets(st.integers(1, 5)))
    }
    return Plant(refers, required, rows)


class Field:
    """Serves plants and syncs them; everything of the plant before is gone."""

    def __init__(self, around: Neighbours) -> None:
        self._around = around

    def serve(self, plant: Plant) -> None:
        with psycopg.connect(self._around.target_database, autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{self._around.target_schema}"')
            connection.execute(f'SET search_path TO "{self._around.target_schema}"')
            connection.execute(f"DROP TABLE IF EXISTS {', '.join(NAMES)}")
            connection.execute(
                "TRUNCATE syncflow.sync_batches, syncflow.pending_children, syncflow.failed_records, "
                "syncflow.entity_config, syncflow.erp_sync_state CASCADE"
            )
        for name in NAMES:
            self._publish(plant, name)
        with self._around.runtime() as runtime:
            runtime.entities.import_yaml("entities:\n" + "".join(_yaml(plant, name) for name in NAMES), "plant.yaml")

    def _publish(self, plant: Plant, name: str) -> None:
        columns = [{"name": column, "data_type": "NUMBER(5)"} for column in ("NO", "A", "B")]
        rows: list[dict[str, object]] = [
            {"NO": str(row[1]), "A": _text(named[0]), "B": _text(named[1])}
            for row, named in plant.rows.items()
            if row[0] == name
        ]
        definition = parse_definition({"slug": name, "name": name, "columns": columns})
        self._around.apismith.service.publish(table_from_rows(definition, rows))

    def sync(self, *names: str) -> list[BatchEnded]:
        with self._around.runtime() as runtime:
            return runtime.batches.sync(names, SyncType.INCREMENTAL)

    def ask(self, statement: str) -> list[tuple]:  # type: ignore[type-arg]
        with psycopg.connect(self._around.target_database) as connection:
            connection.execute(f'SET search_path TO "{self._around.target_schema}", syncflow')
            return connection.execute(statement.encode()).fetchall()

    def held(self, plant: Plant) -> dict[Row, dict[str, Row | None]]:
        """Every row of the target with the rows that its references lead to, as PostgreSQL joins them."""
        held: dict[Row, dict[str, Row | None]] = {}
        for name in NAMES:
            of = {ref: plant.refers[name, ref] for ref in REFS}
            joins = " ".join(f"LEFT JOIN {of[ref]} AS p{ref} ON p{ref}._bridge_uid = r.{ref}_uid" for ref in REFS)
            for number, a, b in self.ask(f"SELECT r.no::int, pa.no::int, pb.no::int FROM {name} r {joins}"):
                held[name, number] = {
                    ref: (of[ref], to) for ref, to in zip(REFS, (a, b), strict=True) if to is not None
                }
        return held

    def check(self, plant: Plant) -> None:
        there = plant.loadable()
        assert self.held(plant) == {row: plant.parents(row) for row in there}
        waiting = self.ask(
            "SELECT child_entity, (child_payload->>'NO')::int FROM pending_children WHERE resolved_at IS NULL"
        )
        failed = self.ask("SELECT entity_name, (raw_data->>'NO')::int FROM failed_records WHERE resolved_at IS NULL")
        assert sorted(waiting + failed) == sorted(set(plant.rows) - there)
        unbalanced = (
            "SELECT uid FROM sync_batches WHERE status NOT IN ('completed', 'completed_with_errors') "
            "OR rows_fetched <> rows_inserted + rows_updated + rows_unchanged + rows_duplicate + rows_pending "
            "+ rows_failed"
        )
        assert self.ask(unbalanced) == []
        assert self.ask("SELECT coalesce(sum(rows_inserted), 0)::int FROM sync_batches") == [(len(there),)]


def _yaml(plant: Plant, name: str) -> str:
    refs = ", ".join(f"{ref}: {{entity: {plant.refers[name, ref]}, fields: {{{ref}: no}}}}" for ref in REFS)
    required = [ref for ref in REFS if (name, ref) in plant.required]
    mappings = ", ".join(f"{{source: {ref.upper()}, target: {ref}, required: true}}" for ref in required)
    return f"  - {{name: {name}, business_key: [no], parent_refs: {{{refs}}}, mappings: [{mappings}]}}\n"


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


@pytest.fixture(params=["database", "http"])
def field(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Field]:
    with neighbours(request.param, ApiSmith(tokens=TOKENS), database, (), tmp_path) as around:
        small = around.settings.model_copy(update={"sync_chunk_rows": 2, "default_batch_size": 2})
        yield Field(replace(around, settings=small))


def _complete(plant: Plant) -> Plant:
    """Required fields are never NULL: such rows would fail for another reason."""
    rows = {
        row: tuple(
            1 if to is None and (row[0], ref) in plant.required else to for ref, to in zip(REFS, named, strict=True)
        )
        for row, named in plant.rows.items()
    }
    return replace(plant, rows=rows)


@pytest.mark.slow
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(plants().map(_complete), st.permutations(NAMES), st.booleans())
def test_every_order_of_parents_resolves(field: Field, plant: Plant, order: list[str], together: bool) -> None:
    field.serve(plant)
    if together:
        field.sync(*order)
    else:
        for name in order:
            field.sync(name)
        field.sync(*order)
    field.check(plant)
