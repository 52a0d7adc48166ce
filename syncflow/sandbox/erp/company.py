"""The company on its first day: every table in proportion to the biggest one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from syncflow.sandbox.erp import rows as make
from syncflow.sandbox.erp import schema
from syncflow.sandbox.erp.rows import BOM_DEPTH, Now, numbers
from syncflow.sandbox.erp.store import Rows
from syncflow.sandbox.erp.values import Ints

SITE_COUNT, AREAS_EACH, LINES_EACH, BOM_LINES_EACH = 6, 5, 4, 3
WORK_ORDER_START = 500_001
LATE_SHARE = 0.01
FAIL_SHARE = 0.0015
_LEVEL_SHARES = (0.1, 0.15, 0.2, 0.2, 0.2, 0.15)


@dataclass(frozen=True)
class Sizes:
    """Rows of each table when the biggest one (sales order lines) has about `rows`."""

    rows: int

    @property
    def orders(self) -> int:
        return max(4, self.rows // LINES_EACH)

    @property
    def items(self) -> int:
        return max(24, self.rows // 20)

    @property
    def customers(self) -> int:
        return max(5, self.rows // 40)

    @property
    def suppliers(self) -> int:
        return max(3, self.rows // 100)

    @property
    def work_orders(self) -> int:
        return max(4, self.rows // 10)

    @property
    def inventory(self) -> int:
        return min(max(6, self.rows // 6), self.items * SITE_COUNT)


def found_company(seed: int, rows: int) -> Mapping[str, Rows]:
    """All tables on day 0, by slug, with the late parents that come with day 1. The same seed makes the same rows."""
    now, sizes = Now(np.random.default_rng([seed, 0]), 0), Sizes(rows)
    clean, late = _masters(now, sizes)
    _documents(now, sizes, clean, late)
    tables = {
        table.slug: Rows.printed(table, clean[table.slug], now.rng).plus(
            *(Rows.printed(table, frame, now.rng, from_day=1) for frame in late.get(table.slug, ()))
        )
        for table in schema.TABLES
    }
    return _spoil(tables, now.rng)


def _masters(now: Now, sizes: Sizes) -> tuple[dict[str, pl.DataFrame], dict[str, tuple[pl.DataFrame, ...]]]:
    sites = make.sites(now, SITE_COUNT)
    suppliers = make.suppliers(now, 1, sizes.suppliers)
    levels = np.sort(now.rng.choice(len(_LEVEL_SHARES), sizes.items, p=_LEVEL_SHARES))
    levels[: BOM_DEPTH + 1] = np.arange(BOM_DEPTH + 1)
    items = make.items(now, 1, levels, suppliers["SUPPLIER_ID"])
    late_customers = _late_count(sizes.customers)
    late_items = np.full(_late_count(sizes.items), BOM_DEPTH)
    clean = {
        "sites": sites,
        "work_areas": make.work_areas(now, sites["SITE_CODE"], AREAS_EACH),
        "suppliers": suppliers,
        "customers": make.customers(now, 1, sizes.customers),
        "items": items,
        "bom_lines": _bill(now, items["ITEM_NO"], levels),
    }
    late: dict[str, tuple[pl.DataFrame, ...]] = {
        "customers": (make.customers(now, sizes.customers + 1, late_customers),),
        "items": (make.items(now, sizes.items + 1, late_items, suppliers["SUPPLIER_ID"]),),
    }
    return clean, late


def _bill(now: Now, item_nos: pl.Series, levels: Ints) -> pl.DataFrame:
    """Five levels: every item above the raw material has lines with components of the level below."""
    parts = []
    for level in range(BOM_DEPTH):
        parents = item_nos.filter(pl.Series(levels == level))
        components = item_nos.filter(pl.Series(levels == level + 1))
        each = parents.gather(np.repeat(np.arange(len(parents)), BOM_LINES_EACH))
        line_numbers = np.tile(numbers(1, BOM_LINES_EACH) * 10, len(parents))
        parts.append(make.bom_lines(now, each, components, line_numbers, level + 1))
    return pl.concat(parts)


def _documents(
    now: Now, sizes: Sizes, clean: dict[str, pl.DataFrame], late: Mapping[str, tuple[pl.DataFrame, ...]]
) -> None:
    rng = now.rng
    item_nos, site_codes = clean["items"]["ITEM_NO"], clean["sites"]["SITE_CODE"]
    buyers = _some_late(rng, clean["customers"]["CUSTOMER_NO"], late["customers"][0]["CUSTOMER_NO"], sizes.orders)
    orders = make.sales_orders(now, 1, buyers, site_codes)
    each = np.sort(np.arange(sizes.rows) % sizes.orders)
    line_numbers = (np.arange(sizes.rows) - np.searchsorted(each, each) + 1) * 10
    made = _some_late(rng, item_nos, late["items"][0]["ITEM_NO"], sizes.work_orders)
    pairs = rng.choice(sizes.items * SITE_COUNT, sizes.inventory, replace=False)
    clean["sales_orders"] = orders
    clean["sales_order_lines"] = make.sales_order_lines(now, orders["ORDER_NO"].gather(each), line_numbers, item_nos)
    clean["work_orders"] = make.work_orders(now, WORK_ORDER_START, made, clean["work_areas"], orders["ORDER_NO"])
    clean["inventory"] = make.inventory(
        now, item_nos.gather(pairs // SITE_COUNT), site_codes.gather(pairs % SITE_COUNT)
    )


def _some_late(rng: np.random.Generator, known: pl.Series, late: pl.Series, count: int) -> pl.Series:
    """`count` references, a few of them (one at least) to parents that are not there yet."""
    places = rng.integers(0, len(known), count)
    waiting = rng.random(count) < LATE_SHARE
    waiting[count // 2] = True
    places = np.where(waiting, len(known) + rng.integers(0, len(late), count), places)
    return pl.concat([known, late]).gather(places)


def _late_count(count: int) -> int:
    return max(1, int(count * LATE_SHARE))


def _spoil(tables: Mapping[str, Rows], rng: np.random.Generator) -> Mapping[str, Rows]:
    """Make FAIL_SHARE of all rows fail, spread over the tables that have no children."""
    budget = int(sum(rows.frame.height for rows in tables.values()) * FAIL_SHARE)
    leaves = [slug for slug, rows in tables.items() if rows.table.must_fail is not None]
    total = sum(tables[slug].frame.height for slug in leaves)
    spoiled = dict(tables)
    for slug in leaves:
        height = tables[slug].frame.height
        share = budget * height // total
        spoiled[slug] = tables[slug].spoiled(sorted(rng.choice(height, share, replace=False).tolist()))
    return spoiled
