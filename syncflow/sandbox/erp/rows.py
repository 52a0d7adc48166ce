"""Makers of clean rows, one for each table: used for the first day and for what every later day brings."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from syncflow.sandbox.erp import words
from syncflow.sandbox.erp.values import (
    Ints,
    choices,
    codes,
    days,
    decimals,
    integers,
    long_decimals,
    moments,
    with_nulls,
    within_day,
)

BOM_DEPTH = 5
FOR_EVER = "9999-12-31T00:00:00"
_ROWVERSION_START = 10**16
_LEVEL_PREFIXES = ("FG", "SA", "SB", "CP", "PT", "RM")


@dataclass(frozen=True)
class Now:
    """The day on which rows are made, and the chance that they are made by."""

    rng: np.random.Generator
    day: int

    def dates(self, count: int, back: int = 0, ahead: int = 0) -> pl.Series:
        """Midnights from `back` days before today to `ahead` days after."""
        return days(self.rng.integers(self.day - back, self.day + ahead + 1, count))

    def updated_at(self, count: int) -> pl.Series:
        """When rows were last changed: before the first day for the first day's rows, today otherwise."""
        back = 400 if self.day == 0 else 0
        return moments(
            within_day(self.rng, self.rng.integers(self.day - back, self.day + (self.day > 0), count), fraction=True)
        )

    def rowversions(self, count: int) -> pl.Series:
        """Growing numbers beyond 2^53; a later day's are greater than all before."""
        return integers(_ROWVERSION_START + self.day * 10**12 + np.sort(self.rng.choice(10**11, count, replace=False)))


def numbers(start: int, count: int) -> Ints:
    return np.arange(start, start + count, dtype=np.int64)


def named(rng: np.random.Generator, pool: tuple[str, ...], ids: Ints) -> pl.Series:
    """Names that mostly differ: a word and a number, some without the number."""
    suffix = pl.Series(
        np.where(rng.random(len(ids)) < 0.2, "", " " + ids.astype(np.str_).astype(object)), dtype=pl.String
    )
    return choices(rng, pool, len(ids)) + suffix


def sites(now: Now, count: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "SITE_CODE": codes(numbers(1, count), 2, "S"),
            "SITE_NAME": choices(now.rng, words.CITIES, count),
            "COUNTRY": choices(now.rng, words.COUNTRIES, count),
            "IS_ACTIVE": choices(now.rng, ("Y", "Y", "Y", "N"), count),
            "OPENED_ON": now.dates(count, back=20_000),
        }
    )


def work_areas(now: Now, site_codes: pl.Series, each: int) -> pl.DataFrame:
    count = len(site_codes) * each
    return pl.DataFrame(
        {
            "SITE_CODE": site_codes.gather(np.repeat(np.arange(len(site_codes)), each)),
            "AREA_CODE": codes(np.tile(numbers(1, each) * 100 + 23, len(site_codes)), 5),
            "AREA_NAME": choices(now.rng, words.AREAS, count),
            "CAPACITY_HOURS": decimals(now.rng.integers(0, 2_000_00, count), 2),
        }
    )


def customers(now: Now, start: int, count: int) -> pl.DataFrame:
    rng = now.rng
    ids = numbers(start, count)
    return pl.DataFrame(
        {
            "CUSTOMER_NO": codes(ids, 8),
            "NAME": named(rng, words.COMPANIES, ids),
            "CITY": with_nulls(rng, choices(rng, words.CITIES, count), 0.05),
            "PHONE": with_nulls(rng, codes(rng.integers(0, 10_000, count), 4, "021-555-"), 0.2),
            "CREDIT_LIMIT": with_nulls(rng, decimals(rng.integers(0, 10**9, count), 2), 0.1),
            "CUSTOMER_SINCE": now.dates(count, back=25_000),
            "NOTES": with_nulls(rng, choices(rng, words.NOTES, count), 0.7),
        }
    )


def suppliers(now: Now, start: int, count: int) -> pl.DataFrame:
    rng = now.rng
    ids = numbers(start, count)
    approved = within_day(rng, rng.integers(-3000, now.day, count), fraction=True)
    return pl.DataFrame(
        {
            "SUPPLIER_ID": integers(ids),
            "NAME": named(rng, words.COMPANIES, ids),
            "COUNTRY": choices(rng, words.COUNTRIES, count),
            "TAX_CODE": codes(rng.integers(0, 10**9, count), 12),
            "RATING": with_nulls(rng, decimals(rng.integers(0, 101, count), 1), 0.1),
            "APPROVED_AT": with_nulls(rng, moments(approved) + "Z", 0.2),
        }
    )


def items(now: Now, start: int, levels: Ints, supplier_ids: pl.Series) -> pl.DataFrame:
    """`levels`: 0 for finished goods down to BOM_DEPTH for raw material; the prefix of the number tells it."""
    rng, count = now.rng, len(levels)
    ids = numbers(start, count)
    prefix = pl.Series(_LEVEL_PREFIXES).gather(levels)
    return pl.DataFrame(
        {
            "ITEM_NO": prefix + codes(ids, 6, "-"),
            "DESCRIPTION": named(rng, words.PARTS, ids),
            "UOM": choices(rng, words.UNITS, count),
            "SUPPLIER_ID": with_nulls(rng, choices(rng, supplier_ids, count), 0.3),
            "STANDARD_COST": decimals(rng.integers(0, 10**11, count) // 10 ** rng.integers(0, 8, count), 6),
            "CONVERSION_FACTOR": with_nulls(rng, long_decimals(rng, count), 0.5),
            "LEAD_TIME_DAYS": integers(rng.integers(0, 12_000, count)),
            "DRAWING": with_nulls(rng, _hex(rng, count), 0.4),
            "ROWVERSION": now.rowversions(count),
        }
    )


def bom_lines(now: Now, parents: pl.Series, components: pl.Series, line_numbers: Ints, level: int) -> pl.DataFrame:
    """One line for each of `parents`, with a component of the level below."""
    count = len(parents)
    ended = now.rng.random(count) < 0.3
    until = pl.DataFrame({"until": now.dates(count, ahead=1000)})
    return pl.DataFrame(
        {
            "PARENT_ITEM_NO": parents,
            "LINE_NO": integers(line_numbers),
            "COMPONENT_ITEM_NO": choices(now.rng, components, count),
            "BOM_LEVEL": pl.repeat(str(level), count, eager=True),
            "QTY_PER": decimals(now.rng.integers(1, 500_0000, count), 4),
            "VALID_FROM": now.dates(count, back=2000),
            "VALID_TO": until.select(pl.when(pl.Series(ended)).then("until").otherwise(pl.lit(FOR_EVER))).to_series(),
        }
    )


def sales_orders(now: Now, start: int, customer_nos: pl.Series, site_codes: pl.Series) -> pl.DataFrame:
    """One order for each of `customer_nos`."""
    rng, count = now.rng, len(customer_nos)
    promised = within_day(rng, rng.integers(now.day, now.day + 90, count), fraction=False)
    return pl.DataFrame(
        {
            "ORDER_NO": codes(numbers(start, count), 8, "SO-"),
            "CUSTOMER_NO": customer_nos,
            "SITE_CODE": choices(rng, site_codes, count),
            "ORDER_DATE": now.dates(count, back=400 if now.day == 0 else 0),
            "STATUS": choices(rng, ("OPEN", "OPEN", "RELEASED", "SHIPPED", "CLOSED"), count),
            "CURRENCY": choices(rng, words.CURRENCIES, count),
            "TOTAL": decimals(rng.integers(-(10**5), 10**9, count), 2),
            "PROMISED_AT": with_nulls(rng, moments(promised) + "Z", 0.15),
            "LAST_UPDATED": now.updated_at(count),
        }
    )


def sales_order_lines(now: Now, order_nos: pl.Series, line_numbers: Ints, item_nos: pl.Series) -> pl.DataFrame:
    """One line for each of `order_nos`."""
    rng, count = now.rng, len(order_nos)
    return pl.DataFrame(
        {
            "ORDER_NO": order_nos,
            "LINE_NO": integers(line_numbers),
            "ITEM_NO": choices(rng, item_nos, count),
            "QTY": decimals(rng.integers(1, 50_000_000, count), 3),
            "UNIT_PRICE": decimals(rng.integers(1, 10**8, count), 4),
            "DISCOUNT": with_nulls(rng, decimals(rng.integers(0, 5001, count), 2), 0.4),
            "DUE_DATE": with_nulls(rng, now.dates(count, ahead=90), 0.02),
            "REMARK": with_nulls(rng, choices(rng, words.REMARKS, count), 0.7),
            "ROWVERSION": with_nulls(rng, now.rowversions(count), 0.0005),
        }
    )


def work_orders(now: Now, start: int, item_nos: pl.Series, areas: pl.DataFrame, order_nos: pl.Series) -> pl.DataFrame:
    """One work order for each of `item_nos`; some belong to no work area, some to no sales order."""
    rng, count = now.rng, len(item_nos)
    area = areas[rng.integers(0, areas.height, count)]
    ordered = rng.integers(1, 10_000_000, count)
    return pl.DataFrame(
        {
            "WO_ID": integers(numbers(start, count)),
            "ITEM_NO": item_nos,
            "SITE_CODE": area["SITE_CODE"],
            "AREA_CODE": with_nulls(rng, area["AREA_CODE"], 0.1),
            "ORDER_NO": with_nulls(rng, choices(rng, order_nos, count), 0.5),
            "QTY_ORDERED": decimals(ordered, 3),
            "QTY_DONE": decimals(ordered * rng.integers(0, 11, count) // 10, 3),
            "START_AT": moments(within_day(rng, rng.integers(now.day - 30, now.day + 30, count), fraction=False)),
            "STATUS": choices(rng, ("PLANNED", "RELEASED", "STARTED", "DONE"), count),
            "LAST_UPDATED": now.updated_at(count),
        }
    )


def inventory(now: Now, item_nos: pl.Series, site_codes: pl.Series) -> pl.DataFrame:
    """Stock of each of `item_nos` at the site beside it."""
    rng, count = now.rng, len(item_nos)
    return pl.DataFrame(
        {
            "ITEM_NO": item_nos,
            "SITE_CODE": site_codes,
            "QTY_ON_HAND": decimals(rng.integers(-5_000, 10**8, count), 3),
            "UNIT_VALUE": decimals(rng.integers(0, 10**10, count), 6),
            "COUNTED_ON": with_nulls(rng, now.dates(count, back=300), 0.2),
            "BIN": with_nulls(rng, codes(rng.integers(0, 99_999, count), 5), 0.1),
        }
    )


def _hex(rng: np.random.Generator, count: int) -> pl.Series:
    """Eight bytes in lower-case hex."""
    return pl.Series([rng.bytes(8).hex() for _ in range(count)], dtype=pl.String)
