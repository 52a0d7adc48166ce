"""The built-in ERP: deterministic, dirty as it should be, and true to its truth."""

import json
import unicodedata
from collections import Counter

import polars as pl
import pytest

from syncflow.sandbox.apismith.catalog import PublishedTable
from syncflow.sandbox.apismith.query import Query
from syncflow.sandbox.apismith.sort_keys import sort_keys
from syncflow.sandbox.apismith.table import Table
from syncflow.sandbox.erp.erp import MUST_FAIL, WAITS_FOR, Erp
from syncflow.sandbox.erp.schema import TABLES

pytestmark = pytest.mark.unit

ROWS = 4_000


@pytest.fixture(scope="module")
def erp() -> Erp:
    return Erp(seed=5, rows=ROWS)


@pytest.fixture(scope="module")
def next_day() -> Erp:
    erp = Erp(seed=5, rows=ROWS)
    erp.advance_day()
    return erp


def served(table: Table) -> bytes:
    published = PublishedTable(table)
    return published.page(published.select(Query(1, 1)))


def test_the_same_seed_makes_the_same_company(next_day: Erp) -> None:
    again = Erp(seed=5, rows=ROWS)
    again.advance_day()
    assert [served(table) for table in next_day.tables()] == [served(table) for table in again.tables()]
    other = Erp(seed=6, rows=ROWS)
    assert served(other.tables()[2]) != served(Erp(seed=5, rows=ROWS).tables()[2])


def test_the_days_of_two_servers_agree_row_by_row(erp: Erp, next_day: Erp) -> None:
    """A row that nobody changed is printed on the second day as on the first."""
    for before, after in zip(erp.tables(), next_day.tables(), strict=True):
        same = before.texts.join(after.texts, on=before.texts.columns, how="semi", nulls_equal=True)
        assert same.height > 0.85 * before.texts.height


def test_few_rows_must_fail_and_none_of_them_is_a_parent(erp: Erp) -> None:
    truths = {slug: erp.truth(slug) for slug in erp.slugs}
    failing = {slug: truth[MUST_FAIL].drop_nulls().len() for slug, truth in truths.items()}
    total = sum(truth.height for truth in truths.values())
    assert 3 <= sum(failing.values()) < 0.002 * total
    parents = {parent.slug for table in TABLES for parent in table.parents}
    assert not any(failing[slug] for slug in parents)
    reasons = Counter(
        reason.partition(" is ")[2] for truth in truths.values() for reason in truth[MUST_FAIL].drop_nulls()
    )
    assert {"N/A", "31-FEB-2026", "NULL, though it is part of the key"} == set(reasons)


def test_late_parents_come_with_the_next_day(erp: Erp, next_day: Erp) -> None:
    waiting = {slug: erp.truth(slug)[WAITS_FOR].drop_nulls() for slug in erp.slugs}
    assert set(waiting["sales_orders"]) == {"customer"}
    assert "item" in set(waiting["work_orders"])
    assert "sales_order" in set(waiting["sales_order_lines"]), "a child of a waiting row waits too"
    for slug in ("sales_orders", "work_orders"):
        key = next(table.key for table in TABLES if table.slug == slug)
        early = erp.truth(slug).filter(pl.col(WAITS_FOR).is_not_null())
        late = next_day.truth(slug).filter(pl.col(WAITS_FOR).is_not_null())
        assert early.join(late, on=key, how="semi").is_empty()
        assert not late.is_empty(), "and others wait for the day after"


def test_keys_are_unique_and_parents_exist(next_day: Erp) -> None:
    for table in TABLES:
        truth = next_day.truth(table.slug)
        assert truth.select(table.key).is_unique().all()
        assert not truth.select(pl.any_horizontal(pl.col(name).is_null() for name in table.key)).to_series().any()


def test_a_day_of_business(erp: Erp) -> None:
    later = Erp(seed=5, rows=ROWS)
    for _ in range(3):
        before = {slug: later.truth(slug) for slug in later.slugs}
        report = later.advance_day()
        for table in TABLES:
            truth, told = later.truth(table.slug), report[table.slug]
            gone = before[table.slug].join(truth, on=table.key, how="anti").height
            assert (gone, before[table.slug].height + told.inserted - told.deleted) == (told.deleted, truth.height)
            assert told.deleted == 0 or table.strategy != "rowversion"
            assert told.deleted <= max(10, before[table.slug].height // 10)
            _check_rowversions(table.rowversion, table.key, before[table.slug], truth)
    assert sum(one.deleted for one in report.values()) > 0


def _check_rowversions(column: str | None, key: tuple[str, ...], before: pl.DataFrame, after: pl.DataFrame) -> None:
    """A row that changed is newer than everything was before; the numbers have one width, so text order is enough."""
    if column is None:
        return
    own = [name for name in before.columns if name not in (MUST_FAIL, WAITS_FOR)]
    changed = after.join(before, on=own, how="anti", nulls_equal=True).join(before, on=key, how="semi")
    assert changed.height > 0
    assert str(changed[column].min()) > str(before[column].max())


def test_the_dirt_is_there(erp: Erp) -> None:
    text = "".join(served(table).decode() for table in erp.tables())
    for mark in ("\u00a0", "\\u0007", "\u200b", "\ufeff", "\u200f", "\\u0000", "\\u000d\\u000a", '":null', '":""'):
        assert mark in text, ascii(mark)
    for shape in (
        r'"\d{1,3}(,\d{3})+\.\d+"',
        r"-[A-Z]{3}-\d\d\"",
        r"-[A-Z]{3}-\d{4} ",
        r":\d{20}\.\d{15,}",
        r'"\.\d+"',
    ):
        assert pl.Series([text]).str.contains(shape)[0], shape
    assert unicodedata.normalize("NFC", text) != text
    assert all(name in text for name in ("تهران", "علی‌رضا", "Şişli", "النور"))
    items = json.loads(served(erp.tables()[4]))
    assert any("CONVERSION_FACTOR" not in item for item in items), "missing keys"


def test_what_is_printed_means_the_truth(erp: Erp) -> None:
    """Numbers and dates, read by the server's own comparison, equal the truth; nothing else does that comparison."""
    for table, served_table in zip(TABLES, erp.tables(), strict=True):
        truth = erp.truth(table.slug)
        sound = truth[MUST_FAIL].is_null()
        for name in table.columns:
            kind = served_table.definition.kind(name)
            printed = sort_keys(served_table.texts[name].filter(sound), kind)
            meant = sort_keys(truth[name].filter(sound), kind)
            if kind in ("number", "date", "char"):
                assert printed.equals(meant, null_equal=True), f"{table.slug}.{name}"
            else:
                assert printed.is_null().equals(meant.is_null())


def test_clean_text_is_clean(erp: Erp) -> None:
    for slug in erp.slugs:
        truth = erp.truth(slug)
        texts = {text for name in truth.columns for text in truth[name].drop_nulls().unique()}
        assert all(text == unicodedata.normalize("NFC", text).strip() and text for text in texts)
