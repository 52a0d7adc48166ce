"""The rows behind one API: what Oracle holds, and in which JSON form each value is printed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from syncflow.sandbox.apismith.definition import Definition
from syncflow.sandbox.apismith.printing import printed
from syncflow.sandbox.errors import SandboxError

QUOTED, BARE, ABSENT = 0, 1, 2
"""Forms of a cell: a JSON string (or `null`), a JSON token as it stands (a number), a missing key."""


class BareToken(str):
    """A value that is printed as this very JSON token, without quotes."""

    __slots__ = ()


@dataclass(frozen=True)
class Table:
    """`texts` has a String column per source column (NULL: SQL NULL); `forms` the same columns as UInt8 of QUOTED, BARE
    and ABSENT. The order of the rows is the order of an unsorted query. `typed` holds the same rows with the types in
    which they are served as Arrow, where that is not to be the texts."""

    definition: Definition
    texts: pl.DataFrame
    forms: pl.DataFrame
    typed: pl.DataFrame | None = None

    def __post_init__(self) -> None:
        if self.texts.columns != self.forms.columns or self.texts.height != self.forms.height:
            raise SandboxError(f"The forms of '{self.definition.slug}' do not fit its rows.")
        if self.typed is not None and (self.typed.columns != self.texts.columns or len(self.typed) != len(self.texts)):
            raise SandboxError(f"The typed columns of '{self.definition.slug}' do not fit its rows.")


def table_from_frame(
    definition: Definition, frame: pl.DataFrame, bare: Iterable[str] = (), *, typed: bool = False
) -> Table:
    """A table from any frame, its values printed as `printing` says. Columns in `bare` are printed as JSON numbers, all
    others as strings. `typed` keeps the frame's types for Arrow."""
    texts = frame.select(printed(name, dtype) for name, dtype in frame.schema.items())
    return Table(definition, texts, _constant_forms(texts, frozenset(bare)), frame if typed else None)


def table_from_rows(definition: Definition, rows: list[dict[str, object]]) -> Table:
    """A table from rows as a JSON body holds them: str is a JSON string, BareToken and other scalars stand bare, a
    missing key stays missing, lists and objects are printed as their JSON."""
    names = list(definition.types) or list(dict.fromkeys(name for row in rows for name in row))
    names += [name for name in dict.fromkeys(name for row in rows for name in row) if name not in names]
    cells = {name: [_cell(row, name) for row in rows] for name in names}
    texts = pl.DataFrame(
        {n: [text for text, _ in column] for n, column in cells.items()}, dict.fromkeys(names, pl.String)
    )
    forms = pl.DataFrame(
        {n: [form for _, form in column] for n, column in cells.items()}, dict.fromkeys(names, pl.UInt8)
    )
    return Table(definition, texts, forms)


def change_rows(table: Table, upserts: list[dict[str, object]], deletes: Sequence[Mapping[str, str | None]]) -> Table:
    """The table after inserts and replacements by business key, and deletions of keys.

    Keys are compared by their printed text. A replaced row keeps its place; new rows come last.
    """
    key = table.definition.key
    if not key:
        raise SandboxError(f"'{table.definition.slug}' has no business key, so its rows cannot be changed one by one.")
    changed = table_from_rows(table.definition, upserts)
    missing = [name for name in key if name not in table.texts.columns]
    if missing:
        raise SandboxError(f"'{table.definition.slug}' has no column {missing[0]}, which is in its business key.")
    old = _both(table).with_row_index("@at")
    new = _both(changed).with_row_index("@new")
    gone = pl.DataFrame([{name: row.get(name) for name in key} for row in deletes], dict.fromkeys(key, pl.String))
    places = old.select("@at", *key).join(new.select("@new", *key), on=key, how="right", nulls_equal=True)
    new = new.join(places.select("@at", "@new").unique("@new"), on="@new", how="left")
    kept = old.join(gone, on=key, how="anti", nulls_equal=True).join(new, on=key, how="anti", nulls_equal=True)
    merged = pl.concat([kept, new.drop("@new")], how="diagonal").sort("@at", nulls_last=True, maintain_order=True)
    names = [*table.texts.columns, *(n for n in changed.texts.columns if n not in table.texts.columns)]
    return Table(table.definition, merged.select(names), _forms_of(merged, names))


def _constant_forms(texts: pl.DataFrame, bare: frozenset[str]) -> pl.DataFrame:
    return texts.select(
        pl.repeat(BARE if name in bare else QUOTED, pl.len(), dtype=pl.UInt8).alias(name) for name in texts.columns
    )


def _cell(row: Mapping[str, object], name: str) -> tuple[str | None, int]:
    if name not in row:
        return None, ABSENT
    value = row[name]
    if value is None:
        return None, QUOTED
    if isinstance(value, BareToken):
        return str(value), BARE
    if isinstance(value, str) and _is_unicode(value):
        return value, QUOTED
    return _json(value), BARE


def _json(value: object) -> str:
    """JSON text in which a BareToken stands as it is."""
    if isinstance(value, BareToken):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{_json(member)}" for name, member in value.items()) + "}"
    return f"[{','.join(map(_json, value))}]" if isinstance(value, list) else json.dumps(value)


def _is_unicode(text: str) -> bool:
    """False for text with a lone surrogate, which UTF-8 cannot hold; it is printed as a JSON escape instead."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _both(table: Table) -> pl.DataFrame:
    return pl.concat([table.texts, table.forms.rename(lambda name: f"@form {name}")], how="horizontal")


def _forms_of(merged: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    return merged.select(pl.col(f"@form {name}").fill_null(ABSENT).alias(name) for name in names)
