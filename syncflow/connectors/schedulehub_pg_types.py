"""The column types of ScheduleHub's tables in PostgreSQL, and which of them may become which without losing a value."""

import re

POSTGRES_TYPE = {
    "text": "text",
    "integer": "bigint",
    "numeric": "numeric",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "bytes": "bytea",
    "json": "jsonb",
}
"""From the words of `PUT /tables/{entity}` to PostgreSQL's own names, as `format_type` writes them."""

_TEXTS = frozenset({"text", "character varying"})
_HOLDS = {
    "bigint": frozenset({"numeric"}),
    "timestamp without time zone": frozenset({"timestamp(6) without time zone"}),
    "timestamp with time zone": frozenset({"timestamp(6) with time zone"}),
}
_GROWS = {
    "bigint": re.compile(r"integer|smallint"),
    "numeric": re.compile(r"bigint|integer|smallint|real|double precision|numeric\(\d+,-?\d+\)"),
    "timestamp without time zone": re.compile(r"date|timestamp\(\d\) without time zone"),
    "timestamp with time zone": re.compile(r"timestamp\(\d\) with time zone"),
}
_MODIFIER = re.compile(r"\([^)]*\)")
_TO_TEXT = {
    "timestamp without time zone": "replace({column}::text, ' ', 'T')",
    "timestamp with time zone": "replace(replace({column}::text, ' ', 'T'), '+00', 'Z')",
    "bytea": "encode({column}, 'hex')",
    "numeric": "trim_scale({column})::text",
}


def widened(existing: str, wanted: str) -> str:
    """The type that takes both what a column holds and what is to come: `existing` itself where it does already."""
    if existing == wanted or existing in _TEXTS or existing in _HOLDS.get(wanted, ()):
        return existing
    grows = _GROWS.get(wanted)
    return wanted if grows is not None and grows.fullmatch(existing) else "text"


def as_text(column: str, existing: str) -> str:
    """The SQL expression that gives the values of a (quoted) column as canonical text."""
    return conversion(column, _MODIFIER.sub("", existing), "text")


def conversion(column: str, existing: str, new: str) -> str:
    """The SQL expression that turns the values of a (quoted) column, as canonical text where `new` is text."""
    if new == "text":
        return _TO_TEXT.get(existing, "{column}::text").format(column=column)
    if existing in ("real", "double precision"):
        return f"{column}::text::{new}"
    return f"{column}::{new}"
