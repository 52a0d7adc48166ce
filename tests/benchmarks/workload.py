"""The rows that are measured: twelve columns of an ERP's order lines, about 300 bytes a row as JSON."""

from functools import partial

import numpy as np
import polars as pl
from starlette.types import ASGIApp

from syncflow.sandbox.apismith.definition import Definition, parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import table_from_frame
from syncflow.sandbox.apismith.wires import Wire
from syncflow.sandbox.tokens import TokenOptions

SLUG = "order_lines"
STATIC_TOKEN = "benchmark"
_COLUMNS = {
    "LINE_ID": "VARCHAR2(20)",
    "ORDER_NO": "VARCHAR2(20)",
    "ITEM_NO": "VARCHAR2(40)",
    "DESCRIPTION": "VARCHAR2(200)",
    "SITE": "CHAR(4)",
    "QTY": "NUMBER(15,3)",
    "PRICE": "NUMBER(19,4)",
    "AMOUNT": "NUMBER(30,6)",
    "STATUS": "VARCHAR2(10)",
    "DUE_DATE": "DATE",
    "REMARK": "VARCHAR2(200)",
    "ROW_VERSION": "NUMBER(18)",
}
WIRES = {"json": Wire.JSON, "json-decimals": Wire.JSON, "ndjson": Wire.NDJSON, "arrow": Wire.ARROW}
NUMBERS = ("QTY", "PRICE", "AMOUNT", "ROW_VERSION")
_WORDS = ("valve", "flange", "bearing", "gasket", "shaft", "housing", "bolt", "gearbox")


def definition() -> Definition:
    columns = [{"name": name, "data_type": type_, "nullable": name != "LINE_ID"} for name, type_ in _COLUMNS.items()]
    return parse_definition(
        {
            "slug": SLUG,
            "name": "Order lines",
            "columns": columns,
            "business_key_columns": ["LINE_ID"],
            "rowversion_column": "ROW_VERSION",
            "delta_strategy": "hash",
        }
    )


def rows(count: int, *, changed: bool) -> pl.DataFrame:
    """`count` rows in the order of their key. `changed` is a later state: one row in a hundred updated, one in two
    hundred gone, and as many new ones."""
    numbers = np.arange(count, dtype=np.int64)
    version = np.full(count, 1, dtype=np.int64)
    if changed:
        version[::100] = 2
        gone = numbers[50::200]
        numbers = np.concatenate([np.setdiff1d(numbers, gone), np.arange(count, count + len(gone))])
        version = np.where(numbers % 100 == 0, 2, 1)
    frame = pl.DataFrame({"n": numbers, "v": version})
    text = pl.col("n").cast(pl.String)
    word = pl.lit(pl.Series(_WORDS)).gather(pl.col("n") % len(_WORDS))
    cents = (pl.col("n") * 7919 + pl.col("v") * 13) % 10_000_000
    return frame.select(
        LINE_ID=pl.lit("L") + text.str.zfill(12),
        ORDER_NO=pl.lit("SO-") + (pl.col("n") // 5).cast(pl.String).str.zfill(9),
        ITEM_NO=pl.lit("A-") + (pl.col("n") % 50_000).cast(pl.String) + pl.lit("/") + (pl.col("n") % 7).cast(pl.String),
        DESCRIPTION=pl.concat_str(word, pl.lit(" DN "), text, pl.lit(", stainless steel, PN 16")),
        SITE=pl.lit(pl.Series(["THR ", "IST ", "BER ", "DXB "])).gather(pl.col("n") % 4),
        QTY=_decimal(cents % 1_000_000, 3),
        PRICE=_decimal(cents, 4),
        AMOUNT=_decimal(cents * 1_000_003, 6),
        STATUS=pl.lit(pl.Series(["OPEN", "RELEASED", "CLOSED"])).gather(pl.col("n") % 3),
        DUE_DATE=(pl.datetime(2026, 1, 1) + pl.duration(minutes=pl.col("n") % 500_000)).dt.strftime(
            "%d-%b-%Y %H:%M:%S"
        ),
        REMARK=pl.when(pl.col("n") % 3 == 0).then(pl.lit("deliver with order ") + text).otherwise(pl.lit(None)),
        ROW_VERSION=pl.col("v").cast(pl.String),
    )


def _decimal(scaled: pl.Expr, places: int) -> pl.Expr:
    whole = (scaled // 10**places).cast(pl.String)
    return whole + pl.lit(".") + (scaled % 10**places).cast(pl.String).str.zfill(places)


def source_app(count: int, wire: str, changed: bool) -> ASGIApp:
    """An APISmith that serves the workload in one form alone; `json-decimals` prints numbers bare, all others as
    strings."""
    bare = NUMBERS if wire == "json-decimals" else ()
    table = table_from_frame(definition(), rows(count, changed=changed), bare)
    apismith = ApiSmith([table], tokens=TokenOptions(service_token=STATIC_TOKEN), wires=(WIRES[wire],))
    apismith.service.catalog.find(SLUG).warm("LINE_ID", "ROW_VERSION", wire=WIRES[wire])
    return apismith.app


def source_factory(count: int, wire: str, *, changed: bool) -> partial[ASGIApp]:
    return partial(source_app, count, wire, changed)
