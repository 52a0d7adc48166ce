"""Records one by one, checked and put as text that PostgreSQL reads as the column's type. `columns` does the same for
many records that are alike."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from syncflow.sandbox.schedulehub.entity import Column, ColumnType, Entity
from syncflow.sandbox.web import encode_json

BRIDGE_COLUMNS = {
    "erp_key_hash": "_bridge_erp_key_hash",
    "erp_data_hash": "_bridge_erp_data_hash",
    "erp_rowversion": "_bridge_erp_rowversion",
    "erp_ref_str": "_bridge_erp_ref_str",
    "deleted_at": "_bridge_deleted_at",
}
_NUMBER = re.compile(r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$", re.ASCII)
_DATE = re.compile(r"^\d{4}-\d\d-\d\d$", re.ASCII)
_NAIVE = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?$", re.ASCII)
_ZONED = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)$", re.ASCII)
_HEX = re.compile(r"^([0-9a-fA-F]{2})*$", re.ASCII)


class RecordError(Exception):
    """One record cannot be written; `code` and `ref` for programs, the text for people."""

    def __init__(self, error: str, code: str = "invalid", ref: str | None = None) -> None:
        super().__init__(error)
        self.code = code
        self.ref = ref


@dataclass(frozen=True)
class Cells:
    """What one record says: `values` by the table's column, `parents` by reference: the parent's key hash, or None."""

    values: Mapping[str, str | None]
    parents: Mapping[str, str | None] = field(default_factory=dict)


def read_record(entity: Entity, record: object) -> Cells:
    """A whole record, for insert or upsert: members that are missing are NULL. Raises RecordError."""
    cells = read_changes(entity, record)
    if not cells.values.get("_bridge_erp_key_hash"):
        raise RecordError("The record has no 'erp_key_hash'.")
    for column in entity.columns:
        if not column.nullable and cells.values.get(column.name) is None:
            raise RecordError(f"'{column.name}' must not be NULL.", "not_null")
    return cells


def read_changes(entity: Entity, record: object) -> Cells:
    """A part of a record, for update: only the members that are there. Raises RecordError."""
    if not isinstance(record, dict):
        raise RecordError("A record must be a JSON object.")
    values: dict[str, str | None] = {}
    parents: Mapping[str, str | None] = {}
    columns = entity.by_name
    for name, value in record.items():
        column = columns.get(name)
        if column is not None:
            values[name] = None if value is None else _read_value(column, value)
        elif name in BRIDGE_COLUMNS:
            values[BRIDGE_COLUMNS[name]] = _read_bridge(name, value)
        elif name == "parent_refs":
            parents = _read_parents(entity, value)
        else:
            raise RecordError(f"'{entity.name}' has no column {name!a}.", "unknown_column")
    return Cells(values, parents)


def _read_value(column: Column, value: object) -> str:
    try:
        return _READERS[column.type](value)
    except ValueError as error:
        raise RecordError(f"'{column.name}' {error}.", "value") from error


def _read_bridge(name: str, value: object) -> str | None:
    if value is None:
        return None
    try:
        if name == "deleted_at":
            return _text_like(_ZONED, "must be a date-time with an offset")(value)
        return str(value) if isinstance(value, int) and name == "erp_rowversion" else _read_text(value)
    except ValueError as error:
        raise RecordError(f"'{name}' {error}.", "value") from error


def _read_parents(entity: Entity, value: object) -> Mapping[str, str | None]:
    if not isinstance(value, dict):
        raise RecordError("'parent_refs' must be an object of key hashes.")
    known = {parent.name for parent in entity.parents}
    for name, key_hash in value.items():
        if name not in known:
            raise RecordError(f"'{entity.name}' has no parent reference {name!a}.", "unknown_column", name)
        if key_hash is not None and not isinstance(key_hash, str):
            raise RecordError(f"The parent reference '{name}' must be a key hash or null.", "value", name)
    return value


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    if "\0" in value:
        raise ValueError("holds a NUL character, which PostgreSQL cannot store")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("holds a lone surrogate, which is no character") from None
    return value


def _read_number(value: object) -> str:
    if isinstance(value, str) and _NUMBER.match(value):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    raise ValueError("must be a number")


def _read_integer(value: object) -> str:
    text = _read_number(value)
    if isinstance(value, int) or text.lstrip("+-").isdigit() or Decimal(text) == Decimal(text).to_integral_value():
        return text
    raise ValueError("must be a whole number")


def _read_boolean(value: object) -> str:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return "true" if value else "false"


def _read_bytes(value: object) -> str:
    if not isinstance(value, str) or not _HEX.match(value):
        raise ValueError("must be bytes in hex")
    return f"\\x{value}"


def json_text(value: object) -> str:
    """A value of a `json` column. Raises ValueError for one with a lone surrogate."""
    try:
        return _read_text(encode_json(value).decode())
    except UnicodeEncodeError:
        raise ValueError("holds a lone surrogate, which is no character") from None


def _text_like(shape: re.Pattern[str], told: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not shape.match(value):
            raise ValueError(told)
        return value

    return read


_READERS: Mapping[ColumnType, Callable[[object], str]] = {
    "text": _read_text,
    "integer": _read_integer,
    "numeric": _read_number,
    "boolean": _read_boolean,
    "date": _text_like(_DATE, "must be a date (YYYY-MM-DD)"),
    "timestamp": _text_like(_NAIVE, "must be a date-time without an offset"),
    "timestamptz": _text_like(_ZONED, "must be a date-time with an offset"),
    "bytes": _read_bytes,
    "json": json_text,
}
