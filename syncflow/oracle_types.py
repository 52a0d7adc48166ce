"""Oracle column types as APISmith declares them, and what each becomes in ScheduleHub's tables."""

import re
from dataclasses import dataclass
from enum import StrEnum

from syncflow.errors import ConfigurationError


class Kind(StrEnum):
    """The logical type of a column: which of the stages 2 to 5 has work to do on it."""

    TEXT = "text"
    CHAR = "char"
    CLOB = "clob"
    NUMBER = "number"
    DOUBLE = "double"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    RAW = "raw"
    BOOLEAN = "boolean"


CHARACTER_KINDS = frozenset({Kind.TEXT, Kind.CHAR, Kind.CLOB})
NUMERIC_KINDS = frozenset({Kind.NUMBER, Kind.DOUBLE})
DATETIME_KINDS = frozenset({Kind.TIMESTAMP, Kind.TIMESTAMPTZ})

INTEGER_DIGITS = 18
"""NUMBER(p, 0) with p up to this many digits is loaded into a 64-bit integer; anything else stays numeric."""

_KIND_BY_NAME = {
    "VARCHAR2": Kind.TEXT,
    "NVARCHAR2": Kind.TEXT,
    "VARCHAR": Kind.TEXT,
    "ROWID": Kind.TEXT,
    "UROWID": Kind.TEXT,
    "INTERVAL": Kind.TEXT,
    "CHAR": Kind.CHAR,
    "NCHAR": Kind.CHAR,
    "CLOB": Kind.CLOB,
    "NCLOB": Kind.CLOB,
    "LONG": Kind.CLOB,
    "XMLTYPE": Kind.CLOB,
    "JSON": Kind.CLOB,
    "NUMBER": Kind.NUMBER,
    "NUMERIC": Kind.NUMBER,
    "DECIMAL": Kind.NUMBER,
    "INTEGER": Kind.NUMBER,
    "INT": Kind.NUMBER,
    "SMALLINT": Kind.NUMBER,
    "FLOAT": Kind.NUMBER,
    "BINARY_FLOAT": Kind.DOUBLE,
    "BINARY_DOUBLE": Kind.DOUBLE,
    "DATE": Kind.TIMESTAMP,
    "TIMESTAMP": Kind.TIMESTAMP,
    "RAW": Kind.RAW,
    "LONG RAW": Kind.RAW,
    "BLOB": Kind.RAW,
    "BOOLEAN": Kind.BOOLEAN,
}
_INTEGER_NAMES = frozenset({"INTEGER", "INT", "SMALLINT"})
_TYPE = re.compile(
    r"\s*(?P<name>LONG RAW|[A-Z_][A-Z0-9_]*)\s*"
    r"(?:\(\s*(?P<precision>\d+|\*)\s*(?:CHAR|BYTE)?\s*(?:,\s*(?P<scale>-?\d+)\s*)?\))?"
    r"\s*(?P<rest>.*?)\s*",
    re.IGNORECASE,
)
_REST = re.compile(r"|WITH (LOCAL )?TIME ZONE|(YEAR|DAY).* TO (MONTH|SECOND).*", re.IGNORECASE)


@dataclass(frozen=True)
class OracleType:
    """A declared column type, e.g. `NUMBER(12,2)`; `precision` and `scale` are None where not declared."""

    declared: str
    kind: Kind
    precision: int | None = None
    scale: int | None = None

    @property
    def is_integer(self) -> bool:
        """Whether every value fits a 64-bit integer, going by the declaration."""
        return (
            self.kind is Kind.NUMBER
            and self.scale == 0
            and self.precision is not None
            and self.precision <= INTEGER_DIGITS
        )

    @property
    def target_type(self) -> str:
        """The column type in the words of `PUT /tables/{entity}` (wire contract, capability `tables`)."""
        if self.kind is Kind.NUMBER:
            return "integer" if self.is_integer else "numeric"
        return _TARGET_TYPE[self.kind]


_TARGET_TYPE = {
    Kind.TEXT: "text",
    Kind.CHAR: "text",
    Kind.CLOB: "text",
    Kind.DOUBLE: "numeric",
    Kind.TIMESTAMP: "timestamp",
    Kind.TIMESTAMPTZ: "timestamptz",
    Kind.RAW: "bytes",
    Kind.BOOLEAN: "boolean",
}

TEXT = OracleType("VARCHAR2", Kind.TEXT)
"""What a column is taken for when nobody declared it and its first page holds anything but numbers or booleans."""


def parse(declared: str) -> OracleType:
    """Read a declaration such as `TIMESTAMP(6) WITH TIME ZONE`.

    Raises ConfigurationError for a type that nobody knows; the caller adds the column and the API.
    """
    match = _TYPE.fullmatch(declared)
    kind = _KIND_BY_NAME.get(match["name"].upper()) if match else None
    if match is None or kind is None or not _REST.fullmatch(match["rest"]):
        raise ConfigurationError(
            "{declared} is not an Oracle type that SyncFlow knows; it takes for example VARCHAR2(40), CHAR(1), "
            "NUMBER(12,2), DATE, TIMESTAMP(6), TIMESTAMP(6) WITH TIME ZONE, CLOB, RAW(16) or BINARY_DOUBLE.",
            declared=repr(declared),
        )
    if kind is Kind.TIMESTAMP and "ZONE" in match["rest"].upper():
        kind = Kind.TIMESTAMPTZ
    precision, scale = _digits(match["name"].upper(), match["precision"], match["scale"])
    return OracleType(declared, kind, precision, scale)


def _digits(name: str, precision: str | None, scale: str | None) -> tuple[int | None, int | None]:
    """Oracle's rules: NUMBER(p) has scale 0, NUMBER alone any, INTEGER is NUMBER(38,0), FLOAT(p) counts bits."""
    if name in _INTEGER_NAMES:
        return 38, 0
    if name == "FLOAT" or precision is None:
        return None, None
    if precision == "*":
        return None, int(scale) if scale is not None else None
    return int(precision), int(scale) if scale is not None else 0
