"""One total order for every column: good values by their type, then values that are none, then NULL.

Keys are text; their code-point order (polars compares UTF-8 bytes, which is the same) is the order of the values.
"""

import polars as pl

from syncflow.sandbox.apismith.date_keys import date_keys
from syncflow.sandbox.apismith.definition import Kind
from syncflow.sandbox.apismith.number_keys import number_keys


def sort_keys(texts: pl.Series, kind: Kind) -> pl.Series:
    """Sort keys (String) of printed values; NULL for NULL and for `''`, which is NULL to Oracle.

    A number or date that cannot be read sorts by its text, behind all that can be.
    """
    present = pl.select(pl.when(pl.lit(texts) != "").then(pl.lit(texts))).to_series()
    if kind == "text":
        return present
    if kind == "char":
        return present.str.strip_chars_end(" ")
    good = number_keys(present) if kind == "number" else date_keys(present)
    return ("a" + good).fill_null("b" + present)
