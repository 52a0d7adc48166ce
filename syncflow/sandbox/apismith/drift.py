"""Tables whose columns appear, vanish or change their type: faults of definitions and pages alike."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

import polars as pl

from syncflow.sandbox.apismith.catalog import PublishedTable
from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.table import QUOTED, Table
from syncflow.sandbox.faults import Fault

_APPEARS, _VANISHES, _TYPE = "column_appears", "column_vanishes", "column_type"
_NEW_TYPE = "VARCHAR2(40)"
_TABLES_KEPT = 8
"""Each kind of drift is rendered and indexed once, not at every page."""


def drifted(published: PublishedTable, faults: Iterable[Fault]) -> PublishedTable:
    """The table as these faults have it; faults of another kind, or of columns that are not there, change nothing."""
    drifts = tuple(
        (fault.kind, fault.field, fault.text, None if fault.value is None else str(fault.value))
        for fault in faults
        if fault.kind in (_APPEARS, _VANISHES, _TYPE) and fault.field is not None
    )
    return _drifted(published, drifts) if drifts else published


@lru_cache(_TABLES_KEPT)
def _drifted(published: PublishedTable, drifts: tuple[tuple[str, str, str, str | None], ...]) -> PublishedTable:
    table = published.table
    for kind, column, declared, value in drifts:
        if kind == _APPEARS:
            table = _with_column(table, column, declared or _NEW_TYPE, value)
        elif column in table.texts.columns:
            table = _without_column(table, column) if kind == _VANISHES else _with_type(table, column, declared)
    return PublishedTable(table)


def _with_column(table: Table, column: str, declared: str, value: str | None) -> Table:
    texts = table.texts.with_columns(pl.lit(value, dtype=pl.String).alias(column))
    forms = table.forms.with_columns(pl.lit(QUOTED, dtype=pl.UInt8).alias(column))
    columns = [*_others(table, column), {"name": column, "data_type": declared}]
    return _with_columns(Table(table.definition, texts, forms), columns)


def _without_column(table: Table, column: str) -> Table:
    typed = None if table.typed is None else table.typed.drop(column)
    left = Table(table.definition, table.texts.drop(column), table.forms.drop(column), typed)
    return _with_columns(left, _others(table, column))


def _with_type(table: Table, column: str, declared: str) -> Table:
    columns = [{**each, "data_type": declared} if each["name"] == column else each for each in _columns(table)]
    return _with_columns(replace(table, typed=None), columns)


def _with_columns(table: Table, columns: list[Mapping[str, object]]) -> Table:
    """A definition that declares no columns goes on saying nothing."""
    if not table.definition.types:
        return table
    return replace(table, definition=parse_definition({**table.definition.body, "columns": columns}))


def _others(table: Table, column: str) -> list[Mapping[str, object]]:
    return [each for each in _columns(table) if each["name"] != column]


def _columns(table: Table) -> list[Mapping[str, object]]:
    columns = table.definition.body.get("columns")
    return list(columns) if isinstance(columns, list) else []
