"""Whatever refers to whatever, in any order: what can be in the target is there, and the rest waits or failed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

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
    """Serves plants and syncs them; of the plant before only its empty schema is left, which is ScheduleHub's own."""

    def __init__(self, around: Neighbours, connection: psycopg.Connection) -> None:
        self._around = around
        self._connection = connection

    def sync(self, plant: Plant, rounds: Sequence[Sequence[str]]) -> None:
        """Everything anew: the plant at the source, its entities, then a sync of each round's entities."""
        self._connection.execute(f"DROP TABLE IF EXISTS {', '.join(NAMES)}")
        self._connection.execute(
            "TRUNCATE syncflow.sync_batches, syncflow.pending_children, syncflow.failed_records, "
            "syncflow.entity_config, syncflow.erp_sync_state CASCADE"
        )
        for name in NAMES:
            self._publish(plant, name)
        with self._around.runtime() as runtime:
            runtime.entities.import_yaml("entities:\n" + "".join(_yaml(plant, name) for name in NAMES), "plant.yaml")
            for names in rounds:
                runtime.batches.sync(names, SyncType.INCREMENTAL)

    def _publish(self, plant: Plant, name: str) -> None:
        columns = [{"name": column, "data_type": "NUMBER(5)"} for column in ("NO", "A", "B")]
        rows: list[dict[str, object]] = [
            {"NO": str(row[1]), "A": _text(named[0]), "B": _text(named[1])}
            for row, named in plant.rows.items()
            if row[0] == name
        ]
        definition = parse_definition({"slug": name, "name": name, "columns": columns})
        self._around.apismith.service.publish(table_from_rows(definition, rows))

    def ask(self, statement: str) -> list[tuple]:  # type: ignore[type-arg]
        return self._connection.execute(statement.encode()).fetchall()

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


@pytest.fixture
def field(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Field]:
    """On the way into ScheduleHub that the test names. Two rows are a chunk and a batch: rings go through several."""
    with neighbours(request.param, ApiSmith(tokens=TOKENS), database, (), tmp_path) as around:
        small = around.settings.model_copy(update={"sync_chunk_rows": 2, "default_batch_size": 2})
        with psycopg.connect(around.target_database, autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{around.target_schema}"')
            connection.execute(f'SET search_path TO "{around.target_schema}", syncflow')
            yield Field(replace(around, settings=small), connection)


def _complete(plant: Plant) -> Plant:
    """Required fields are never NULL: such rows would fail for another reason."""

    def filled(name: str, ref: str, to: int | None) -> int | None:
        return 1 if to is None and (name, ref) in plant.required else to

    rows = {row: (filled(row[0], "a", a), filled(row[0], "b", b)) for row, (a, b) in plant.rows.items()}
    return replace(plant, rows=rows)


def _to(**refs: str) -> dict[tuple[str, str], str]:
    """`red_a="blue"`: the reference a of red rows is to a blue one; all others are to red ones."""
    return {(name, ref): refs.get(f"{name}_{ref}", "red") for name in NAMES for ref in REFS}


CHAIN = Plant(
    _to(), frozenset(), {("red", number): (number + 1 if number < 5 else None, None) for number in range(1, 6)}
)
"""Five in the worst order: each row comes before its parent."""
MANAGERS = Plant(
    _to(red_a="green", green_a="red", red_b="red"),
    frozenset({("red", "a")}),
    {
        ("green", 1): (2, None),
        ("green", 2): (4, None),
        ("red", 1): (1, 2),
        ("red", 2): (1, 3),
        ("red", 3): (2, 3),
        ("red", 4): (2, 3),
    },
)
"""As Oracle's employees (red) and departments (green): everybody must have a department, each of which has a manager
out of the other one or its own; employees have managers too, and one is her own."""
THREE = Plant(
    _to(red_a="green", green_a="blue", blue_a="red"),
    frozenset({("red", "a"), ("green", "a")}),
    {
        **{("red", number): (number, None) for number in (1, 2)},
        **{("green", number): (number, None) for number in (1, 2)},
        **{("blue", number): (number, 5 if number == 2 else None) for number in (1, 2)},
    },
)
"""Two rings through three entities; a row of the second waits for somebody who is nowhere."""
IMPOSSIBLE = Plant(
    _to(red_a="green", green_a="red"),
    frozenset({("red", "a"), ("green", "a")}),
    {("red", 1): (1, None), ("green", 1): (1, None), ("red", 2): (1, None), ("blue", 1): (2, None)},
)
"""No order can load a ring of required references, nor what hangs on it."""
Case = Callable[[Callable[..., None]], Callable[..., None]]


def _cases(examples: int) -> Case:
    """The named cases, and so many others."""

    def decorated(test: Callable[..., None]) -> Callable[..., None]:
        for plant in (CHAIN, MANAGERS, THREE, IMPOSSIBLE):
            test = example(plant, ["blue", "green", "red"], plant is CHAIN)(test)
        test = given(plants().map(_complete), st.permutations(NAMES), st.booleans())(test)
        health = [HealthCheck.function_scoped_fixture]
        return settings(max_examples=examples, deadline=None, suppress_health_check=health)(test)

    return decorated


def _resolves(field: Field, plant: Plant, order: list[str], together: bool) -> None:
    """Each order ends with a sync of all, since an attempt at a ring may need all entities to be known."""
    field.sync(plant, [order] if together else [*([name] for name in order), order])
    field.check(plant)


@pytest.mark.slow
@pytest.mark.parametrize("field", ["database"], indirect=True)
@_cases(16)
def test_every_order_of_parents_resolves(field: Field, plant: Plant, order: list[str], together: bool) -> None:
    _resolves(field, plant, order, together)


@pytest.mark.slow
@pytest.mark.parametrize("field", ["http"], indirect=True)
@_cases(6)
def test_every_order_of_parents_resolves_over_http(
    field: Field, plant: Plant, order: list[str], together: bool
) -> None:
    _resolves(field, plant, order, together)
