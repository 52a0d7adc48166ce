"""What a target holds, read back as canonical text, is what the source said."""

from pathlib import Path

import pytest

from syncflow.chunk import KEY
from syncflow.connectors.schedulehub_values import canonical_value
from syncflow.identities import hexadecimal
from syncflow.model import SyncType
from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import table_from_rows
from syncflow.store.database import Database
from tests.acceptance.neighbours import TOKENS, neighbours

COLUMNS = {
    "ID": "NUMBER(10)",
    "BIG": "NUMBER(38)",
    "QTY": "NUMBER(12,3)",
    "RATE": "BINARY_DOUBLE",
    "AT": "DATE",
    "SEEN": "TIMESTAMP(6)",
    "ZONED": "TIMESTAMP(6) WITH TIME ZONE",
    "CODE": "RAW(4)",
    "OK": "BOOLEAN",
    "NAME": "VARCHAR2(40)",
    "GONE": "NUMBER(5)",
}
ROW = {
    "ID": "7",
    "BIG": "12345678901234567890123456789012345678",
    "QTY": "-1,200.50",
    "RATE": "0.1",
    "AT": "2024-05-06T00:00:00",
    "SEEN": "2024-05-06 07:08:09.120000",
    "ZONED": "2024-05-06T07:08:09.5+03:30",
    "CODE": "00FF",
    "OK": "true",
    "NAME": "a|b=\\c 'd'",
    "GONE": None,
}
CANONICAL = {
    "id": "7",
    "big": "12345678901234567890123456789012345678",
    "qty": "-1200.5",
    "rate": "0.1",
    "at": "2024-05-06T00:00:00",
    "seen": "2024-05-06T07:08:09.12",
    "zoned": "2024-05-06T03:38:09.5Z",
    "code": "00ff",
    "ok": "true",
    "name": "a|b=\\c 'd'",
    "gone": None,
}


@pytest.mark.integration
@pytest.mark.parametrize("way", ["database", "http"])
def test_values_come_back_as_they_went(way: str, database: Database, tmp_path: Path) -> None:
    body = {"slug": "things", "name": "t", "columns": [{"name": n, "data_type": t} for n, t in COLUMNS.items()]}
    apismith = ApiSmith([table_from_rows(parse_definition(body), [ROW])], tokens=TOKENS)
    with neighbours(way, apismith, database, (), tmp_path) as around, around.runtime() as runtime:
        runtime.entities.import_yaml("entities: [{name: things, business_key: [id]}]", "test.yaml")
        (ended,) = runtime.batches.sync(["things"], SyncType.INCREMENTAL)
        assert (ended.counters.inserted, ended.notes[1:]) == (1, ())
        (table,) = runtime.entities.tables()
        (part,) = runtime.target.identities(table, with_rowversion=False)
        keys = hexadecimal(part.keys)
        (held,) = runtime.target.values(table, keys).drop(KEY).to_dicts()
    assert held == CANONICAL


@pytest.mark.unit
@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("12.500", "numeric", "12.5"),
        ("-0.0", "numeric", "0"),
        ("1E+3", "numeric", "1000"),
        ("abc", "numeric", "abc"),
        (5, "integer", "5"),
        (False, "boolean", "false"),
        ("2024-05-06T07:08:09+00:00", "timestamptz", "2024-05-06T07:08:09Z"),
        ("2024-05-06T07:08:09.120000", "timestamp", "2024-05-06T07:08:09.12"),
        ("soon", "timestamp", "soon"),
        ([1, {"a": None}], "json", '[1,{"a":null}]'),
        ("2024-05-06", "text", "2024-05-06"),
    ],
)
def test_json_values_are_made_canonical(value: object, kind: str, text: str) -> None:
    assert canonical_value(value, kind) == text
