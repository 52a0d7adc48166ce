"""The rows of one ERP table: clean and printed side by side."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from syncflow.sandbox.apismith.table import ABSENT, QUOTED, Table
from syncflow.sandbox.erp.dirt import print_rows
from syncflow.sandbox.erp.schema import ErpTable

FROM_DAY = "@from_day"
FAILS = "@fails"
_ROW = "@row"
_NUMBER, _DATE = "N/A", "31-FEB-2026"


@dataclass(frozen=True)
class Rows:
    """Rows of `table`, never changed in place. `frame` has the clean columns under their names, `text NAME` and
    `form NAME` as they are printed, FROM_DAY (the first day on which the ERP shows the row) and FAILS (why the row must
    fail, or NULL)."""

    table: ErpTable
    frame: pl.DataFrame

    @classmethod
    def printed(cls, table: ErpTable, clean: pl.DataFrame, rng: np.random.Generator, from_day: int = 0) -> "Rows":
        """New rows with fresh dirt."""
        texts, forms = print_rows(table, clean, rng)
        marks = (pl.lit(from_day, pl.Int32).alias(FROM_DAY), pl.lit(None, pl.String).alias(FAILS))
        sides = [clean, texts.rename(lambda name: f"text {name}"), forms.rename(lambda name: f"form {name}")]
        return cls(table, pl.concat(sides, how="horizontal").with_columns(marks))

    def plus(self, *more: "Rows") -> "Rows":
        return Rows(self.table, pl.concat([self.frame, *(rows.frame for rows in more)]))

    def only(self, mask: pl.Series) -> "Rows":
        return Rows(self.table, self.frame.filter(mask))

    def replaced(self, places: pl.Series, other: "Rows") -> "Rows":
        """The rows at these places (ascending) replaced, one for one, by those of `other`."""
        own = self.frame.with_row_index(_ROW)
        new = other.frame.with_columns(places.cast(pl.UInt32).alias(_ROW))
        merged = pl.concat([own.filter(~pl.col(_ROW).is_in(places.implode())), new.select(own.columns)]).sort(_ROW)
        return Rows(self.table, merged.drop(_ROW))

    def spoiled(self, places: list[int]) -> "Rows":
        """The rows at these places made unreadable: in turns a number, a date, a part of the key."""
        if not places or self.table.must_fail is None:
            return self
        number, date, key = self.table.must_fail
        frame = self.frame
        for turn, (name, text, form) in enumerate(
            ((number, _NUMBER, QUOTED), (date, _DATE, QUOTED), (key, None, ABSENT))
        ):
            here = pl.int_range(pl.len()).is_in(places[turn::3])
            why = f"{name} is {text}" if text else f"{name} is NULL, though it is part of the key"
            frame = frame.with_columns(
                pl.when(here).then(pl.lit(text, pl.String)).otherwise(f"text {name}").alias(f"text {name}"),
                pl.when(here).then(pl.lit(form, pl.UInt8)).otherwise(f"form {name}").alias(f"form {name}"),
                pl.when(here).then(pl.lit(why)).otherwise(FAILS).alias(FAILS),
            )
        return Rows(self.table, frame)

    @property
    def clean(self) -> pl.DataFrame:
        return self.frame.select(*self.table.columns)

    def shown(self, day: int) -> pl.DataFrame:
        return self.frame.filter(pl.col(FROM_DAY) <= day)

    def served(self, day: int) -> Table:
        """What the ERP shows on a day, as it prints it."""
        frame = self.shown(day)
        texts = frame.select(pl.col(f"text {name}").alias(name) for name in self.table.columns)
        forms = frame.select(pl.col(f"form {name}").alias(name) for name in self.table.columns)
        return Table(self.table.definition(), texts, forms)
