"""An API's definition as APISmith publishes it, and what the server itself needs to know of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from syncflow.sandbox.errors import SandboxError

Kind = Literal["number", "date", "char", "text"]
"""How values of a column are compared: numerically, by time, without trailing blanks, in code-point order."""


@dataclass(frozen=True)
class Definition:
    """`body` is served to clients as it stands (any of its optional members may be missing, as on an old APISmith);
    `types` holds the declared Oracle type of each column, empty when the definition has no columns."""

    slug: str
    body: Mapping[str, object]
    types: Mapping[str, str]

    def kind(self, column: str) -> Kind:
        return kind_of(self.types.get(column, "VARCHAR2(4000)"))

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(cast(list[str], self.body.get("business_key_columns") or []))


def parse_definition(body: object) -> Definition:
    """Read a definition from its JSON form. Raises SandboxError with a sentence that names what is wrong."""
    if not isinstance(body, dict):
        raise SandboxError("A definition must be a JSON object.")
    slug = body.get("slug")
    if not isinstance(slug, str) or not slug:
        raise SandboxError("The definition has no 'slug'.")
    columns = body.get("columns")
    if columns is not None and not isinstance(columns, list):
        raise SandboxError(f"In the definition of '{slug}', 'columns' must be a list.")
    key = body.get("business_key_columns")
    if key is not None and not (isinstance(key, list) and all(isinstance(name, str) for name in key)):
        raise SandboxError(f"In the definition of '{slug}', 'business_key_columns' must be a list of names.")
    return Definition(slug, body, dict(_typed_column(slug, column) for column in columns or []))


def kind_of(data_type: str) -> Kind:
    """The kind of an Oracle type: `NUMBER(12,2)` is a number, `DATE` and `TIMESTAMP(..)` are dates."""
    name = data_type.upper().split("(")[0].split()[0] if data_type.strip() else ""
    if name in {"NUMBER", "FLOAT", "BINARY_FLOAT", "BINARY_DOUBLE", "INTEGER", "DECIMAL", "NUMERIC"}:
        return "number"
    if name in {"DATE", "TIMESTAMP"}:
        return "date"
    return "char" if name in {"CHAR", "NCHAR"} else "text"


def _typed_column(slug: str, column: object) -> tuple[str, str]:
    if isinstance(column, dict):
        name, data_type = column.get("name"), column.get("data_type")
        if isinstance(name, str) and name and isinstance(data_type, str):
            return name, data_type
    raise SandboxError(f"In the definition of '{slug}', each column needs a 'name' and a 'data_type': {column!r}.")
