"""What a day of business changes: rows that come, change and go. Parents that still have children never go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from syncflow.sandbox.erp import rows as make
from syncflow.sandbox.erp.rows import BOM_DEPTH, Now, numbers
from syncflow.sandbox.erp.schema import TABLES, ErpTable
from syncflow.sandbox.erp.store import FAILS, FROM_DAY, Rows
from syncflow.sandbox.erp.values import decimals

Changes = Callable[[int], Mapping[str, pl.Series]]
"""Makes the new values of so many rows, by column."""

_REPAIRS = 1


@dataclass(frozen=True)
class DayReport:
    """What one day did to one table, as its readers see it: late parents count as inserted."""

    inserted: int
    updated: int
    deleted: int


class BusinessDay:
    """Day `now.day` over the tables of the day before; `tables` are those of the evening."""

    def __init__(self, tables: Mapping[str, Rows], now: Now) -> None:
        self._now = now
        self._before = tables
        self.tables = dict(tables)
        self._updated = dict.fromkeys(tables, 0)
        self._deleted = dict.fromkeys(tables, 0)

    def run(self) -> Mapping[str, DayReport]:
        self._update_all()
        self._repair()
        self._delete_all()
        self._insert_parents()
        self._insert_documents()
        return {slug: self._report(slug) for slug in self.tables}

    def _report(self, slug: str) -> DayReport:
        day = self._now.day
        evening, morning = self.tables[slug].shown(day).height, self._before[slug].shown(day - 1).height
        deleted = self._deleted[slug]
        return DayReport(evening - morning + deleted, self._updated[slug], deleted)

    # Changes

    def _update_all(self) -> None:
        rng = self._now.rng
        self._change("customers", 0.01, lambda n: {"CREDIT_LIMIT": decimals(rng.integers(10**9, 10**10, n), 2)})
        self._change("suppliers", 0.02, lambda n: {"RATING": decimals(rng.integers(0, 101, n), 1)})
        self._change("items", 0.01, lambda n: {"STANDARD_COST": decimals(rng.integers(10**11, 10**12, n), 6)})
        self._change("bom_lines", 0.005, lambda n: {"QTY_PER": decimals(rng.integers(500_0001, 600_0000, n), 4)})
        self._change("sales_orders", 0.03, lambda n: {"TOTAL": decimals(rng.integers(10**9, 10**10, n), 2)})
        self._change("sales_order_lines", 0.02, lambda n: {"QTY": decimals(rng.integers(10**8, 10**9, n), 3)})
        self._change("work_orders", 0.05, lambda n: {"QTY_DONE": decimals(rng.integers(10**8, 10**9, n), 3)})
        self._change("inventory", 0.05, lambda n: {"QTY_ON_HAND": decimals(rng.integers(10**8, 10**9, n), 3)})
        self._change("work_areas", 0.05, lambda n: {"CAPACITY_HOURS": decimals(rng.integers(200_001, 300_000, n), 2)})

    def _change(self, slug: str, share: float, change: Changes) -> None:
        """Change this share of the rows that are shown and can be read."""
        frame = self.tables[slug].frame
        sound = frame.select((pl.col(FROM_DAY) < self._now.day) & pl.col(FAILS).is_null()).to_series().arg_true()
        count = max(1, int(len(sound) * share))
        chosen = np.sort(self._now.rng.choice(sound.to_numpy(), min(count, len(sound)), replace=False))
        self._rewrite(slug, pl.Series(chosen), change(len(chosen)))

    def _rewrite(self, slug: str, places: pl.Series, changes: Mapping[str, pl.Series]) -> None:
        rows = self.tables[slug]
        stamps = self._stamps(rows.table, len(places))
        clean = rows.clean[places].with_columns(**changes, **stamps)
        self.tables[slug] = rows.replaced(places, Rows.printed(rows.table, clean, self._now.rng))
        self._updated[slug] += len(places)

    def _stamps(self, table: ErpTable, count: int) -> dict[str, pl.Series]:
        if table.rowversion is None:
            return {}
        newer = self._now.rowversions if table.rowversion == "ROWVERSION" else self._now.updated_at
        return {table.rowversion: newer(count)}

    def _repair(self) -> None:
        """Somebody corrects a row that could not be read."""
        for slug, rows in self.tables.items():
            broken = rows.frame[FAILS].is_not_null().arg_true()
            if not broken.is_empty():
                self._rewrite(slug, broken.head(_REPAIRS), {})

    # Deletions

    def _delete_all(self) -> None:
        self._delete("work_orders", 0.005)
        self._delete("bom_lines", 0.003)
        self._delete("inventory", 0.005)
        for slug in ("customers", "suppliers", "work_areas"):
            self._delete(slug, 0.002)

    def _delete(self, slug: str, share: float) -> None:
        rows = self.tables[slug]
        frame = rows.frame.with_row_index("@at").filter((pl.col(FROM_DAY) < self._now.day) & pl.col(FAILS).is_null())
        free = self._without_children(slug, frame)
        count = min(max(1, int(free.height * share)), free.height)
        if count:
            gone = self._now.rng.choice(free["@at"].to_numpy(), count, replace=False)
            kept = np.ones(rows.frame.height, dtype=np.bool_)
            kept[gone] = False
            self.tables[slug] = rows.only(pl.Series(kept))
            self._deleted[slug] += count

    def _without_children(self, slug: str, frame: pl.DataFrame) -> pl.DataFrame:
        for table in TABLES:
            for parent in table.parents:
                if parent.slug == slug:
                    own, parents = zip(*parent.columns, strict=True)
                    frame = frame.join(self.tables[table.slug].frame, left_on=parents, right_on=own, how="anti")
        return frame

    # Arrivals

    def _insert_parents(self) -> None:
        now = self._now
        suppliers = self._known("suppliers", "SUPPLIER_ID")
        customers, items = self._next_number("customers", "CUSTOMER_NO"), self._next_number("items", "ITEM_NO")
        few = 1 + len(suppliers) // 100
        self._insert("suppliers", make.suppliers(now, self._next_number("suppliers", "SUPPLIER_ID"), 1))
        self._insert("customers", make.customers(now, customers, few))
        self._insert("customers", make.customers(now, customers + few, 1), later=1)
        self._insert("items", make.items(now, items, np.full(few, BOM_DEPTH), suppliers))
        self._insert("items", make.items(now, items + few, np.full(1, BOM_DEPTH), suppliers), later=1)

    def _insert_documents(self) -> None:
        """A few of the new documents wait for a customer or an item that the ERP shows tomorrow."""
        now, rng = self._now, self._now.rng
        sites = self._known("sites", "SITE_CODE")
        items = self._known("items", "ITEM_NO")
        count = max(2, self.tables["sales_orders"].frame.height // 100)
        buyers = self._chosen("customers", "CUSTOMER_NO", count)
        orders = make.sales_orders(now, self._next_number("sales_orders", "ORDER_NO"), buyers, sites)
        self._insert("sales_orders", orders)
        each = np.repeat(np.arange(count), 3)
        line_numbers = np.tile(numbers(1, 3) * 10, count)
        self._insert(
            "sales_order_lines", make.sales_order_lines(now, orders["ORDER_NO"].gather(each), line_numbers, items)
        )
        made = self._chosen("items", "ITEM_NO", max(2, count // 3))
        number = self._next_number("work_orders", "WO_ID")
        self._insert(
            "work_orders", make.work_orders(now, number, made, self.tables["work_areas"].clean, orders["ORDER_NO"])
        )
        new_items = self._new("items", "ITEM_NO")
        places = rng.integers(0, len(sites), len(new_items))
        self._insert("inventory", make.inventory(now, new_items, sites.gather(places)))

    def _insert(self, slug: str, clean: pl.DataFrame, later: int = 0) -> None:
        rows = self.tables[slug]
        new = Rows.printed(rows.table, clean, self._now.rng, from_day=self._now.day + later)
        self.tables[slug] = rows.plus(new)

    def _known(self, slug: str, column: str) -> pl.Series:
        return self.tables[slug].shown(self._now.day)[column]

    def _new(self, slug: str, column: str) -> pl.Series:
        frame = self.tables[slug].frame
        return frame.filter(pl.col(FROM_DAY) == self._now.day)[column]

    def _chosen(self, slug: str, column: str, count: int) -> pl.Series:
        """Keys of rows that are shown; the last one is of a row that comes tomorrow."""
        known = self._known(slug, column)
        tomorrow = self.tables[slug].frame.filter(pl.col(FROM_DAY) > self._now.day)[column]
        return pl.concat([known.gather(self._now.rng.integers(0, len(known), count - 1)), tomorrow.head(1)])

    def _next_number(self, slug: str, column: str) -> int:
        """The number behind all that are in use, and those of rows that go today."""
        used = pl.concat([self.tables[slug].frame[column], self._before[slug].frame[column]])
        return int(str(used.str.extract(r"([0-9]+)$").cast(pl.Int64).max())) + 1
