"""Pages in each of the forms in which a wire brings them, their bytes made by hand, and read by the product's own
reader of answers."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import httpx
import polars as pl
from hypothesis import strategies as st

from syncflow.connectors.exchange import Answer, Call, Neighbour
from syncflow.connectors.page_answer import ARROW, JSON, NDJSON, read_page
from syncflow.protocols import Page, PageRequest
from tests.connectors.arrow_streams import VIEWS, WITHOUT_VIEWS, stream_of
from tests.exactness.reference import Cell, Entity, Row, is_readable, raw
from tests.exactness.reference_values import family


class Wire(StrEnum):
    """JSON quotes its numbers; JSON_DECIMALS and NDJSON have them bare."""

    JSON = "json"
    JSON_DECIMALS = "json-decimals"
    NDJSON = "ndjson"
    ARROW = "arrow"


@dataclass(frozen=True)
class Style:
    """How a page is printed. `typed`: Arrow brings a column typed where all of its values fit one type."""

    comma: str = ","
    colon: str = ":"
    ascii_only: bool = False
    end_of_line: str = "\n"
    typed: bool = False
    with_views: bool = False


STYLES = st.builds(
    lambda marks, *rest: Style(*marks, *rest),
    st.sampled_from(((",", ":"), (", ", ": "), (" ,\t", " : "))),
    st.booleans(),
    st.sampled_from(("\n", "\r\n", " \n\n")),
    st.booleans(),
    st.booleans(),
)


def told(wire: Wire, rows: Sequence[Row], *, comma: bool) -> list[Row]:
    """What a wire can say of these rows: an Arrow stream has neither equal keys nor half characters, and its columns of
    text, like the strings of JSON, hold numbers as the source writes them in texts."""
    if wire in (Wire.JSON_DECIMALS, Wire.NDJSON):
        return list(rows)
    forms = {"number"} if wire is Wire.JSON else {"number", "boolean", "nested"}
    return [
        [(key, Cell(raw([(key, cell)], comma=comma)[key]) if cell.form in forms else cell) for key, cell in row]
        for row in rows
        if wire is Wire.JSON or is_readable(row)
    ]


def read(wire: Wire, entity: Entity, rows: Sequence[Row], style: Style) -> Page:
    """A page with these rows (as `told`), through the bytes of its answer."""
    content_type, body = _WRITERS[wire](entity, rows, style)
    headers = httpx.Headers({"content-type": content_type, "x-page": "1", "x-total-rows": str(len(rows))})
    call = Call("POST", f"/runtime/{entity.name}/execute", "reading a page")
    answer = Answer(Neighbour("APISmith", "http://apismith", "APISMITH"), call, 200, headers, body)
    columns = tuple(column.source for column in entity.columns)
    return read_page(answer, PageRequest(entity.name, 10_000, columns=columns, decimal_comma=entity.comma))


def _json(entity: Entity, rows: Sequence[Row], style: Style) -> tuple[str, bytes]:
    array = style.comma.join(_object(row, style) for row in rows)
    metadata = f'{{"total_rows":{len(rows)},"page":1}}'
    text = f'{{"success":true,"data":[{array}],"metadata":{metadata}}}'
    return f"{JSON}; charset=utf-8", text.encode()


def _ndjson(entity: Entity, rows: Sequence[Row], style: Style) -> tuple[str, bytes]:
    return NDJSON, "".join(_object(row, style) + style.end_of_line for row in rows).encode()


def _object(row: Row, style: Style) -> str:
    members = (f"{_quoted(key, style)}{style.colon}{_value(cell, style)}" for key, cell in row)
    return "{" + style.comma.join(members) + "}"


def _value(cell: Cell, style: Style) -> str:
    if cell.text is None:
        return "null"
    return _quoted(cell.text, style) if cell.form == "text" else cell.text


def _quoted(text: str, style: Style) -> str:
    """Half of a surrogate pair can stand in UTF-8 as an escape alone."""
    string = json.dumps(text, ensure_ascii=style.ascii_only)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04X}", string)


def _arrow(entity: Entity, rows: Sequence[Row], style: Style) -> tuple[str, bytes]:
    declared = {column.source: column.declared for column in entity.columns}
    records = [dict(row) for row in rows]
    columns = []
    for name in dict.fromkeys((*(name for record in records for name in record), *declared)):
        texts = [record[name].text if name in record else None for record in records]
        typed = _typed(texts, declared.get(name, "VARCHAR2"), comma=entity.comma) if style.typed else None
        columns.append((pl.Series(texts, dtype=pl.String) if typed is None else typed).alias(name))
    return ARROW, stream_of(pl.DataFrame(columns), VIEWS if style.with_views else WITHOUT_VIEWS)


_Maker = Callable[[list[str | None]], pl.Series | None]


def _typed(texts: list[str | None], declared: str, *, comma: bool) -> pl.Series | None:
    """The column in the type that a driver would give it; None where some value does not fit."""
    pattern, make = _TYPED.get(family(declared), ("", _strings))
    present = [text for text in texts if text is not None]
    if comma and family(declared) in ("number", "double"):
        pattern = pattern.replace("\\.", ",")
    if not present or not all(re.fullmatch(pattern, text) for text in present):
        return None
    return make([text and text.replace(",", ".") for text in texts])


def _strings(texts: list[str | None]) -> pl.Series:
    return pl.Series(texts, dtype=pl.String)


def _decimals(texts: list[str | None]) -> pl.Series | None:
    parts = [text.lstrip("-").partition(".") for text in texts if text is not None]
    whole, scale = max(len(part[0].lstrip("0")) for part in parts), max(len(part[2]) for part in parts)
    if scale == 0 and whole <= 18:
        return pl.Series([None if text is None else int(text) for text in texts], dtype=pl.Int64)
    if whole + scale > 38:
        return None
    return pl.Series([None if text is None else Decimal(text) for text in texts], dtype=pl.Decimal(38, scale))


def _floats(texts: list[str | None]) -> pl.Series | None:
    floats = [None if text is None else float(text) for text in texts]
    certain = all(
        text is None or number is None or abs(number) not in (0, float("inf")) or not text.strip("-0.")
        for text, number in zip(texts, floats, strict=True)
    )
    return pl.Series(floats, dtype=pl.Float64) if certain else None


def _datetimes(texts: list[str | None]) -> pl.Series | None:
    try:
        moments = [None if text is None else datetime.fromisoformat(text) for text in texts]
    except ValueError:
        return None
    return pl.Series(moments, dtype=pl.Datetime("us"))


def _binaries(texts: list[str | None]) -> pl.Series:
    return pl.Series([None if text is None else bytes.fromhex(text) for text in texts], dtype=pl.Binary)


def _booleans(texts: list[str | None]) -> pl.Series:
    return pl.Series([None if text is None else text == "true" for text in texts], dtype=pl.Boolean)


_TYPED: dict[str, tuple[str, _Maker]] = {
    "number": (r"-?[0-9]+(\.[0-9]+)?", _decimals),
    "double": (r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", _floats),
    "date": (r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{6})?", _datetimes),
    "raw": ("([0-9a-fA-F]{2})+", _binaries),
    "boolean": ("true|false", _booleans),
}
_WRITERS: dict[Wire, Callable[[Entity, Sequence[Row], Style], tuple[str, bytes]]] = {
    Wire.JSON: _json,
    Wire.JSON_DECIMALS: _json,
    Wire.NDJSON: _ndjson,
    Wire.ARROW: _arrow,
}
