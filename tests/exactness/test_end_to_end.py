"""The hostile corpus from a real APISmith through a real sync into PostgreSQL, over every wire, and read back."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
import yaml
from psycopg.rows import dict_row

from syncflow.model import SyncType
from syncflow.protocols import RAW_TEXT
from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import BareToken, Table, table_from_rows
from syncflow.sandbox.apismith.wires import Wire as Served
from syncflow.store.database import Database
from tests.acceptance.neighbours import TOKENS, Neighbours, neighbours
from tests.exactness import reference
from tests.exactness.hostile import CORPUS, DISTINCT_TYPES, TYPES
from tests.exactness.reference import Cell, Column, Entity, Identified, Rejected, Row
from tests.exactness.reference_values import family
from tests.exactness.wires import Wire, told

pytestmark = pytest.mark.integration

SERVED = {Wire.JSON: Served.JSON, Wire.JSON_DECIMALS: Served.JSON, Wire.NDJSON: Served.NDJSON, Wire.ARROW: Served.ARROW}


@dataclass(frozen=True)
class Source:
    """A table as the ERP has it. Every row has one hostile value; the others are NULL."""

    entity: Entity
    rows: tuple[Row, ...]


def by_number(types: Sequence[str], *, comma: bool) -> Source:
    """Every value of the corpus in a column of its type, behind a harmless key."""
    columns = [Column(declared, f"V{place}", f"v{place}") for place, declared in enumerate(types)]
    cells = [(f"V{place}", cell) for place, declared in enumerate(types) for cell in CORPUS[declared]]
    rows = [[("ID", Cell(str(number), "number")), member] for number, member in enumerate(cells)]
    rows += [[("ID", Cell(str(len(rows)))), ("V0", Cell("once")), ("V0", Cell("2", "number"))]]
    entity = Entity("commas" if comma else "points", (Column("NUMBER(10)", "ID", "id"), *columns), ("id",), comma)
    return Source(entity, tuple(rows))


def by_text() -> Source:
    """Every hostile text as a key, once with and once without another one beside it; some are equal when cleaned."""
    columns = (Column("VARCHAR2(4000)", "CODE", "code"), Column("NUMBER", "N", "n"), Column("DATE", "D", "d"))
    cells = CORPUS["VARCHAR2(4000)"]
    rows = [[("CODE", cell), ("N", Cell(number, "number"))] for cell in cells for number in ("1", "-0", "1E-130")]
    return Source(Entity("texts", columns, ("n", "code"), hash_exclude=("n",)), tuple(rows))


@pytest.mark.parametrize("wire", Wire)
def test_the_corpus_arrives(wire: Wire, database: Database, tmp_path: Path) -> None:
    assert_arrives(wire, [by_number(DISTINCT_TYPES, comma=False), by_text()], database, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("wire", Wire)
def test_the_corpus_of_every_type_arrives_in_both_formats(wire: Wire, database: Database, tmp_path: Path) -> None:
    sources = [by_number(TYPES, comma=False), by_number(TYPES, comma=True)]
    assert_arrives(wire, sources, database, tmp_path)


def assert_arrives(wire: Wire, sources: Sequence[Source], database: Database, folder: Path) -> None:
    """Two syncs: the first one loads, for the second one nothing has changed."""
    expected = {source.entity.name: outcomes(source, wire) for source in sources}
    with served(wire, sources, database, folder) as around, around.runtime() as runtime:
        runtime.entities.import_yaml(configuration(sources), "exactness.yaml")
        for is_first in (True, False):
            for ended in runtime.batches.sync(runtime.batches.enabled(), SyncType.INCREMENTAL):
                rows = expected[ended.entity]
                done = Counter(reference.operations(rows, {} if is_first else held(rows)))
                counters = ended.counters
                assert (counters.fetched, counters.duplicate) == (len(rows), done["duplicate"])
                assert (counters.inserted, counters.updated) == (done["insert"], done["update"])
                assert (counters.unchanged, counters.failed) == (done["unchanged"], done["rejected"])
        for source in sources:
            assert_target(around, source.entity, expected[source.entity.name])
            assert_failed(around, source, wire)


@contextmanager
def served(wire: Wire, sources: Sequence[Source], database: Database, folder: Path) -> Iterator[Neighbours]:
    apismith = ApiSmith([table(source, wire) for source in sources], tokens=TOKENS, wires=(SERVED[wire],))
    with neighbours("database", apismith, database, (), folder) as around:
        yield around


def table(source: Source, wire: Wire) -> Table:
    """What the sandbox serves: JSON tokens stand bare, everything else in quotes."""
    entity = source.entity
    columns = [{"name": column.source, "data_type": column.declared} for column in entity.columns]
    definition = parse_definition({"slug": entity.name, "name": entity.name, "columns": columns})
    rows = told(wire, source.rows, comma=entity.comma)
    return table_from_rows(definition, [_record(row) for row in rows])


def _record(row: Row) -> dict[str, object]:
    """A key that stands twice is smuggled in behind the token of its first value."""
    record: dict[str, object] = {}
    for key, cell in row:
        value = cell.text if cell.text is None or cell.form == "text" else BareToken(cell.text)
        record[key] = BareToken(f"{_json(record[key])},{_json(key)}:{_json(value)}") if key in record else value
    return record


def _json(value: object) -> str:
    return value if isinstance(value, BareToken) else json.dumps(value)


def configuration(sources: Sequence[Source]) -> str:
    entities = [
        {
            "name": source.entity.name,
            "business_key": list(source.entity.business_key),
            "hash_exclude": list(source.entity.hash_exclude),
            "conventions": {"numbers": "1.234,50" if source.entity.comma else "1,234.50"},
        }
        for source in sources
    ]
    return yaml.safe_dump({"entities": entities})


def outcomes(source: Source, wire: Wire) -> list[reference.Outcome]:
    rows = told(wire, source.rows, comma=source.entity.comma)
    return [reference.expect(source.entity, row) for row in rows]


def held(expected: Sequence[reference.Outcome]) -> Mapping[str, str]:
    return {each.bk_hash: each.data_hash for each in expected if isinstance(each, Identified)}


def assert_target(around: Neighbours, entity: Entity, expected: Sequence[reference.Outcome]) -> None:
    """Every row of the table, its values and its hashes."""
    wanted = {each.bk_hash: each for each in expected if isinstance(each, Identified)}
    with psycopg.connect(around.target_database, row_factory=dict_row) as connection:
        rows = connection.execute(f'SELECT * FROM "{around.target_schema}"."{entity.name}"').fetchall()
    found = {row["_bridge_erp_key_hash"]: row for row in rows}
    assert len(found) == len(rows)
    assert found.keys() == wanted.keys()
    for key, each in wanted.items():
        row = found[key]
        assert (row["_bridge_erp_ref_str"], row["_bridge_erp_data_hash"]) == (each.ref, each.data_hash)
        for column in entity.columns:
            assert same(row[column.target], each.values[column.target], column.declared), (column, each)


def same(found: object, wanted: str | None, declared: str) -> bool:
    """Whether PostgreSQL holds a canonical value, exactly; of a fraction of a second it holds six digits."""
    if wanted is None or found is None:
        return found is wanted
    kind = family(declared)
    if kind in ("number", "double"):
        return isinstance(found, int | Decimal) and str(Decimal(wanted)) == str(Decimal(found))
    if kind == "date":
        return found == _moment(wanted, with_zone="TIME ZONE" in declared)
    if kind == "raw":
        return found == bytes.fromhex(wanted)
    return found == (wanted == "true") if kind == "boolean" else found == wanted


def _moment(text: str, *, with_zone: bool) -> datetime:
    whole, _, fraction = text.removesuffix("Z").partition(".")
    moment = datetime.fromisoformat(whole).replace(microsecond=int(fraction[:6].ljust(6, "0")))
    return moment.replace(tzinfo=UTC) if with_zone else moment


def assert_failed(around: Neighbours, source: Source, wire: Wire) -> None:
    """Every row that fails stands in the queue as it was sent, with its reason."""
    entity = source.entity
    wanted = [
        (*astuple(each), reference.raw(row, comma=entity.comma) if reference.is_readable(row) else {})
        for row, each in zip(told(wire, source.rows, comma=entity.comma), outcomes(source, wire), strict=True)
        if isinstance(each, Rejected)
    ]
    statement = (
        "SELECT stage_failed, field, error_type, raw_data FROM syncflow.failed_records "
        "WHERE entity_name = %s AND resolved_at IS NULL"
    )
    with psycopg.connect(around.target_database) as connection:
        rows = connection.execute(statement, (entity.name,)).fetchall()
    found = [(*reason, {} if raw.get(RAW_TEXT) else raw) for *reason, raw in rows]
    assert sorted(map(_line, found)) == sorted(map(_line, wanted))


def _line(failed: Sequence[object]) -> str:
    """A failed row as one text, its NULLs left out."""
    *reason, raw = failed
    present = {name: value for name, value in raw.items() if value is not None} if isinstance(raw, dict) else raw
    return json.dumps([*reason, present], sort_keys=True)
