"""Clean rows printed as a real ERP prints them. What is put on here is what the stages of normalising must take off.

Vectorised: every cell draws one number, and its share of the range decides how the cell is printed.
"""

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import polars as pl

from syncflow.sandbox.apismith.definition import kind_of
from syncflow.sandbox.apismith.table import ABSENT, BARE, QUOTED
from syncflow.sandbox.erp.schema import ErpTable

Printer = Callable[[pl.Series], pl.Series]
"""Prints values of one column in one way; NULL where a value cannot be printed so."""

_PERSIAN_DIGITS = list("۰۱۲۳۴۵۶۷۸۹")
_ISO = "%Y-%m-%dT%H:%M:%S%.f"


def print_rows(table: ErpTable, clean: pl.DataFrame, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The texts and forms (see `apismith.table`) in which these clean rows are served."""
    texts: dict[str, pl.Series] = {}
    forms: dict[str, pl.Series] = {}
    for name, data_type in table.columns.items():
        column = _Column(clean[name], data_type, rng)
        as_it_is = name in table.key or name == table.rowversion
        texts[name], forms[name] = column.print_plainly() if as_it_is else column.print_dirty()
    return pl.DataFrame(texts), pl.DataFrame(forms)


class _Column:
    """The cells of one column on their way to print."""

    def __init__(self, clean: pl.Series, data_type: str, rng: np.random.Generator) -> None:
        self._clean = clean
        self._data_type = data_type.upper()
        self._kind = kind_of(data_type)
        self._rng = rng

    def print_plainly(self) -> tuple[pl.Series, pl.Series]:
        """Keys and rowversions: one way of printing; numbers stand bare or, one in fifty, as a string."""
        if self._kind == "char":
            texts = self._padded()
        elif self._kind == "date":
            texts = self._clean.str.replace("T", " ", literal=True)
        elif self._data_type.startswith("RAW"):
            texts = self._clean.str.to_uppercase()
        else:
            texts = self._clean
        return texts, self._forms(bare_share=0.98)

    def print_dirty(self) -> tuple[pl.Series, pl.Series]:
        if self._kind == "number":
            return self._dirty_numbers()
        if self._kind == "date":
            zoned = "TIME ZONE" in self._data_type
            texts = self._mixed(_zoned_printers() if zoned else _date_printers())
        elif self._kind == "char" or self._data_type.startswith("RAW"):
            return self.print_plainly()
        else:
            texts = self._mixed(_clob_printers() if self._data_type == "CLOB" else _text_printers())
            texts = self._with_empty_strings(texts)
        return texts, self._forms(bare_share=0.0)

    def _dirty_numbers(self) -> tuple[pl.Series, pl.Series]:
        marked = self._mixed(_number_printers(_scale(self._data_type)))
        plain = (marked == self._clean) | marked.str.contains(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$")
        bare = pl.Series(self._rng.random(len(marked)) < 0.8) & plain
        forms = pl.select(pl.when(pl.lit(bare)).then(BARE).otherwise(pl.lit(self._forms(0.0)))).to_series()
        return marked, forms.cast(pl.UInt8)

    def _mixed(self, printers: tuple[tuple[float, Printer], ...]) -> pl.Series:
        """Each printer gets its share of the cells; what no printer takes stays as it is."""
        chance = self._rng.random(len(self._clean))
        texts, low = self._clean, 0.0
        for share, printer in printers:
            chosen = pl.Series((chance >= low) & (chance < low + share))
            low += share
            if chosen.any():
                printed = pl.select(pl.when(pl.lit(chosen)).then(pl.lit(self._clean))).to_series()
                texts = pl.select(pl.lit(printer(printed)).fill_null(pl.lit(texts))).to_series()
        return texts

    def _padded(self) -> pl.Series:
        width = int(self._data_type.partition("(")[2].rstrip(")"))
        return self._clean.str.pad_end(width)

    def _with_empty_strings(self, texts: pl.Series) -> pl.Series:
        """Oracle's other NULL: `''` in place of a third of the NULLs."""
        empty = pl.Series(self._rng.random(len(texts)) < 0.33)
        return pl.select(pl.when(pl.lit(texts.is_null() & empty)).then(pl.lit("")).otherwise(pl.lit(texts))).to_series()

    def _forms(self, bare_share: float) -> pl.Series:
        """Strings, but this share of the numbers bare; half of the NULLs are missing keys."""
        chance = self._rng.random(len(self._clean))
        bare = (chance < bare_share) & (self._kind == "number")
        absent = self._clean.is_null().to_numpy() & (chance < 0.5)
        return pl.Series(np.where(absent, ABSENT, np.where(bare, BARE, QUOTED)), dtype=pl.UInt8)


def _scale(data_type: str) -> int:
    return int(data_type.partition(",")[2].rstrip(")") or 0)


def _number_printers(scale: int) -> tuple[tuple[float, Printer], ...]:
    def with_zeros(values: pl.Series) -> pl.Series:
        return _each(values, lambda text: f"{Decimal(text):.{max(scale, _places(text))}f}")

    def grouped(values: pl.Series) -> pl.Series:
        return _each(values, lambda text: f"{Decimal(text):,.{max(scale, _places(text))}f}")

    def without_zero(values: pl.Series) -> pl.Series:
        return values.str.replace(r"^(-?)0\.", "${1}.")

    def minus_behind(values: pl.Series) -> pl.Series:
        return values.str.replace(r"^-(.*)$", "${1}-")

    def persian(values: pl.Series) -> pl.Series:
        return values.str.replace_many(list("0123456789."), [*_PERSIAN_DIGITS, "٫"])

    def between_blanks(values: pl.Series) -> pl.Series:
        return " " + values + "  "

    return (
        (0.10, with_zeros),
        (0.12, grouped),
        (0.02, between_blanks),
        (0.10, without_zero),
        (0.05, minus_behind),
        (0.003, persian),
    )


def _date_printers() -> tuple[tuple[float, Printer], ...]:
    def oracle(values: pl.Series) -> pl.Series:
        return _formatted(values, "%d-%b-%Y %H:%M:%S", values.str.contains(r"T[0-9:]{8}$"))

    def oracle_short(values: pl.Series) -> pl.Series:
        in_rr_range = values.str.contains(r"^(19[5-9]|20[0-4])[0-9].*T00:00:00$")
        return _formatted(values, "%d-%b-%y", in_rr_range)

    def oracle_day(values: pl.Series) -> pl.Series:
        return _formatted(values, "%d-%b-%Y", values.str.ends_with("T00:00:00"))

    def iso_with_blank(values: pl.Series) -> pl.Series:
        return values.str.replace("T", " ", literal=True)

    return ((0.4, oracle), (0.2, oracle_short), (0.1, oracle_day), (0.2, iso_with_blank))


def _zoned_printers() -> tuple[tuple[float, Printer], ...]:
    def tehran(values: pl.Series) -> pl.Series:
        local = values.str.strip_chars_end("Z").str.to_datetime(_ISO, time_unit="us").dt.offset_by("3h30m")
        return local.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+03:30")

    def utc_offset(values: pl.Series) -> pl.Series:
        return values.str.replace("T", " ", literal=True).str.replace("Z", "+00:00", literal=True)

    return ((0.4, tehran), (0.3, utc_offset))


def _text_printers() -> tuple[tuple[float, Printer], ...]:
    """Everything that stage 3 takes off again: blanks of all kinds, controls, marks nobody sees, other compositions."""
    return (
        (0.03, lambda values: "  " + values),
        (0.03, lambda values: values + " \t"),
        (0.02, lambda values: values.str.replace(" ", "   ", literal=True)),
        (0.01, lambda values: values.str.replace(" ", "\u00a0", literal=True)),
        (0.005, lambda values: values.str.replace(" ", "\t ", literal=True)),
        (0.005, lambda values: values.str.replace(r"^(.)", "${1}\u0007")),
        (0.003, lambda values: values + "\u0000"),
        (0.003, lambda values: "\u001f" + values),
        (0.003, lambda values: values.str.replace(r"^(.)", "${1}\u200b")),
        (0.003, lambda values: "\ufeff" + values),
        (0.005, lambda values: "\u200f" + values + "\u200e"),
        (0.02, lambda values: values.str.normalize("NFD")),
    )


def _clob_printers() -> tuple[tuple[float, Printer], ...]:
    """As text, but blanks within a line of a CLOB count and are left alone."""
    return (
        (0.3, lambda values: values.str.replace_all("\n", "\r\n", literal=True)),
        (0.1, lambda values: values.str.replace_all("\n", "\r", literal=True)),
        (0.1, lambda values: "\n" + values + " \n"),
        (0.1, lambda values: "\u0001" + values),
    )


def _formatted(values: pl.Series, pattern: str, fitting: pl.Series) -> pl.Series:
    times = pl.select(pl.when(pl.lit(fitting)).then(pl.lit(values))).to_series()
    return times.str.to_datetime(_ISO, time_unit="us").dt.strftime(pattern).str.to_uppercase()


def _places(text: str) -> int:
    return len(text.partition(".")[2])


def _each(values: pl.Series, change: Callable[[str], str]) -> pl.Series:
    distinct = values.drop_nulls().unique()
    printed = pl.Series([change(text) for text in distinct], dtype=pl.String)
    return values.replace_strict(distinct, printed, default=None, return_dtype=pl.String)
