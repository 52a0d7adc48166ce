"""The built-in ERP: its tables as they are served, and the truth about them."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from syncflow.sandbox.apismith.table import Table
from syncflow.sandbox.erp.company import found_company
from syncflow.sandbox.erp.day import BusinessDay, DayReport
from syncflow.sandbox.erp.rows import Now
from syncflow.sandbox.erp.schema import TABLES, ErpTable
from syncflow.sandbox.erp.store import FAILS

MUST_FAIL = "_must_fail"
WAITS_FOR = "_waits_for"


class Erp:
    """A manufacturing company. The same `seed`, `rows` (about the size of the biggest table) and number of days make
    the same rows and the same dirt."""

    def __init__(self, seed: int = 1, rows: int = 20_000) -> None:
        self._seed = seed
        self._tables = found_company(seed, rows)
        self.day = 0

    @property
    def slugs(self) -> tuple[str, ...]:
        """Parents before children."""
        return tuple(table.slug for table in TABLES)

    def tables(self) -> list[Table]:
        """Everything as the ERP shows and prints it today."""
        return [self._tables[slug].served(self.day) for slug in self.slugs]

    def advance_day(self) -> Mapping[str, DayReport]:
        """One day of business later: what it inserted, updated and deleted, by slug."""
        self.day += 1
        day = BusinessDay(self._tables, Now(np.random.default_rng([self._seed, self.day]), self.day))
        report = day.run()
        self._tables = day.tables
        return report

    def truth(self, slug: str) -> pl.DataFrame:
        """The rows that the ERP shows today, as they are meant, in String columns under the API's names.

        Numbers stand as decimals without trailing zeros, date-times in ISO form (UTC ones with `Z`), RAW in lower-case
        hex, text without the dirt, CHAR without its padding. MUST_FAIL says why a row cannot be loaded, or is NULL;
        WAITS_FOR names the reference of a row whose parent is not there (or waits itself), or is NULL.
        """
        return self._truths()[slug]

    def _truths(self) -> dict[str, pl.DataFrame]:
        truths: dict[str, pl.DataFrame] = {}
        for table in TABLES:
            shown = self._tables[table.slug].shown(self.day)
            frame = shown.select(*table.columns, pl.col(FAILS).alias(MUST_FAIL))
            truths[table.slug] = frame.with_columns(_waits_for(table, frame, truths).alias(WAITS_FOR))
        return truths


def _waits_for(table: ErpTable, frame: pl.DataFrame, truths: Mapping[str, pl.DataFrame]) -> pl.Series:
    """The first reference whose parent is not loaded; parents stand before children in TABLES."""
    waits = pl.Series([None] * frame.height, dtype=pl.String)
    for parent in table.parents:
        own, theirs = zip(*parent.columns, strict=True)
        loaded = truths[parent.slug].filter(pl.col(MUST_FAIL).is_null() & pl.col(WAITS_FOR).is_null())
        has_parent = pl.all_horizontal(pl.col(name).is_not_null() for name in own)
        missing = frame.with_row_index("@at").filter(has_parent).join(loaded, left_on=own, right_on=theirs, how="anti")
        here = pl.int_range(frame.height, eager=True).is_in(missing["@at"].implode())
        named = pl.when(pl.lit(here)).then(pl.lit(parent.name))
        waits = pl.select(pl.lit(waits).fill_null(named)).to_series()
    return waits.set(frame[MUST_FAIL].is_not_null(), None)
