"""Hostile values of every Oracle type through every wire against plain Python: value for value, hash for hash."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from syncflow.protocols import RAW_TEXT, UNREADABLE
from tests.exactness import reference
from tests.exactness.hostile import CORPUS, DISTINCT_TYPES, NULL, TYPES
from tests.exactness.product import process
from tests.exactness.reference import Cell, Column, Entity, Identified, Outcome, Row, is_readable
from tests.exactness.reference_values import family
from tests.exactness.tables import Table, tables
from tests.exactness.wires import Style, Wire, read, told

COMPACT = Style()
ODD = Style(" ,\t", " : ", ascii_only=True, end_of_line="\r\n", with_views=True)
CASES = [
    (declared, comma)
    for declared in TYPES
    for comma in (False, True)
    if not comma or declared == TYPES[0] or family(declared) in ("number", "double")
]
"""The types, and those that hold numbers with a decimal comma too."""
TYPED_TYPES = ("NUMBER", "NUMBER(18)", "BINARY_DOUBLE", "TIMESTAMP(9)", "RAW(16)", "BOOLEAN")
TYPED = Style(", ", ": ", typed=True)


def cases_by_wire() -> Iterator[Any]:
    """Every case over every wire; types that are only another name for one of the distinct ones take turns."""
    for place, (declared, comma) in enumerate(CASES):
        for turn, wire in enumerate(Wire):
            often = declared in DISTINCT_TYPES or place % len(Wire) == turn
            yield pytest.param(declared, comma, wire, marks=() if often else pytest.mark.slow)


@pytest.mark.unit
@pytest.mark.parametrize(("declared", "comma", "wire"), list(cases_by_wire()))
def test_the_corpus(declared: str, comma: bool, wire: Wire) -> None:
    """The whole corpus in an odd style, and what of it is plain in a style that a machine prints: in rows that are all
    alike, and in rows that are not."""
    entity = Entity("things", (Column("NUMBER(10)", "ID", "id"), Column(declared, "V", "v")), ("id",), comma=comma)
    rows: list[Row] = [[("ID", Cell(str(number))), ("V", cell)] for number, cell in enumerate(CORPUS[declared])]
    check(wire, entity, rows, ODD)
    plain = [row for row in rows if is_readable(row) and row[1][1].form != "nested"]
    check(wire, entity, plain, COMPACT)
    if wire in (Wire.JSON_DECIMALS, Wire.NDJSON):
        check(wire, entity, [row if number % 3 else row[::-1] for number, row in enumerate(plain)], COMPACT)
        certain = [row for row in plain if not str(row[1][1].text).startswith("-0")]
        check(wire, entity, [[("UNKNOWN", Cell("x")), *certain[0]], *certain[1:]], COMPACT)


@pytest.mark.unit
@pytest.mark.parametrize(("declared", "comma"), [case for case in CASES if case[0] in TYPED_TYPES])
def test_every_value_in_a_typed_column_of_its_own(declared: str, comma: bool) -> None:
    """An Arrow stream with a column for each value that is good, in the type that a driver would give it."""
    one = Entity("things", (Column(declared, "V", "v"),), (), comma=comma)
    good = [
        cell
        for cell in CORPUS[declared]
        if isinstance(reference.expect(one, [("V", _printed(cell, comma))]), Identified)
    ]
    columns = tuple(Column(declared, f"V{place}", f"v{place}") for place in range(len(good)))
    entity = Entity("things", (Column("NUMBER", "ID", "id"), *columns), ("id",), comma=comma)
    row: Row = [("ID", Cell("1", "number")), *((f"V{place}", cell) for place, cell in enumerate(good))]
    check(Wire.ARROW, entity, [row, [("ID", Cell("2", "number"))]], TYPED)


def _printed(cell: Cell, comma: bool) -> Cell:
    return told(Wire.JSON, [[("V", cell)]], comma=comma)[0][0][1]


@pytest.mark.unit
@pytest.mark.parametrize("wire", [Wire.JSON, Wire.JSON_DECIMALS, Wire.NDJSON])
@pytest.mark.parametrize("again", [Cell("once"), Cell("1.50", "number"), Cell(None)])
def test_a_row_with_a_key_twice_fails_alone(again: Cell, wire: Wire) -> None:
    entity = Entity("things", (Column("NUMBER", "ID", "id"), Column("VARCHAR2(9)", "V", "v")), ("id",))
    good: list[Row] = [[("ID", Cell(token, "number")), ("V", Cell("once"))] for token in ("1.50", "9" * 38)]
    for style in (COMPACT, ODD, TYPED):
        check(wire, entity, [good[0], [("ID", Cell("2")), ("V", Cell("once")), ("V", again)], good[1]], style)


@pytest.mark.unit
@pytest.mark.parametrize("wire", Wire)
@pytest.mark.parametrize(
    "cells",
    [
        (Cell("1.50", "number"), Cell("-0", "number"), NULL),
        (Cell("true", "boolean"), Cell("false", "boolean"), NULL),
        (Cell("1.50", "number"), Cell("1.50"), Cell("00123")),
        (Cell("1", "number"), Cell("true", "boolean"), NULL),
        (Cell("true", "boolean"), Cell("[1.50]", "nested"), NULL),
        (NULL, NULL, NULL),
    ],
    ids=["numbers", "booleans", "numbers and text", "numbers and booleans", "booleans and lists", "nothing"],
)
def test_a_column_that_nobody_declared(cells: Sequence[Cell], wire: Wire) -> None:
    entity = Entity("things", (Column("NUMBER", "ID", "id"),), ("id",))
    rows: list[Row] = [[("ID", Cell(str(number))), ("NEW", cell)] for number, cell in enumerate(cells)]
    for style in (COMPACT, ODD):
        check(wire, entity, rows, style)


@pytest.mark.unit
@given(tables())
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_table_through_every_wire(table: Table) -> None:
    check_all(table)


@pytest.mark.slow
@pytest.mark.unit
@given(tables())
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
def test_very_many_tables_through_every_wire(table: Table) -> None:
    check_all(table)


def check_all(table: Table) -> None:
    for wire in Wire:
        check(wire, table.entity, table.rows, table.style)


def check(wire: Wire, entity: Entity, rows: Sequence[Row], style: Style) -> None:
    """One page of these rows: read, through stages 2 to 8, against the reference."""
    sent = told(wire, rows, comma=entity.comma)
    page = read(wire, entity, sent, style)
    if wire is not Wire.ARROW or not style.typed:
        assert raw_rows(page.rows.to_dicts()) == [expected_raw(row, entity) for row in sent]
    full = widened(entity, sent)
    expected = [reference.expect(full, row) for row in sent]
    held = partly_held(expected)
    outcomes, operations = process(page, entity, held)
    for row, got, wanted in zip(sent, outcomes, expected, strict=True):
        assert got == wanted, row
    assert operations == reference.operations(expected, held)


def partly_held(expected: Sequence[Outcome]) -> Mapping[str, str]:
    """Of the rows a target holds a third as they are and a third as they were."""
    found = [each for each in expected if isinstance(each, Identified)]
    return {each.bk_hash: each.data_hash for each in found[::3]} | {each.bk_hash: "0" * 64 for each in found[1::3]}


def raw_rows(rows: list[dict[str, str | None]]) -> list[dict[str, str | None] | None]:
    """Rows as they were read, without their NULLs; None for one that was not readable."""
    return [
        None
        if row.get(UNREADABLE) is not None
        else {name: value for name, value in row.items() if value is not None and name not in (UNREADABLE, RAW_TEXT)}
        for row in rows
    ]


def expected_raw(row: Row, entity: Entity) -> dict[str, str | None] | None:
    if not reference.is_readable(row):
        return None
    return {name: value for name, value in reference.raw(row, comma=entity.comma).items() if value is not None}


def widened(entity: Entity, rows: Sequence[Row]) -> Entity:
    """The entity with the columns that nobody declared, where they have a value."""
    known = {column.source for column in entity.columns}
    names = dict.fromkeys(key for row in rows for key, cell in row if key not in known)
    types = {name: reference.observed(rows, name) for name in names}
    new = tuple(Column(declared, name, name.lower()) for name, declared in types.items() if declared)
    return replace(entity, columns=entity.columns + new)
