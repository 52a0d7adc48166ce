"""What is decided for each row: insert, update, unchanged, duplicate, or rejected."""

from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.chunk import DATA, KEY, OPERATION, REF, ROW, ROWVERSION, UID, Chunk
from syncflow.identities import Identities, Known
from syncflow.model import DeltaStrategy, FieldMapping, Plan, PlanColumn
from syncflow.oracle_types import parse
from syncflow.protocols import IDENTITY_SCHEMA
from syncflow.stages.s8_delta import Compare, classify, sortable

pytestmark = pytest.mark.unit

NUMBERED = Plan(
    entity="things",
    api="things",
    columns=tuple(
        PlanColumn(parse(declared), FieldMapping(name, name))
        for name, declared in (("k", "VARCHAR2(9)"), ("v", "VARCHAR2(9)"), ("ver", "NUMBER"))
    ),
    business_key=("k",),
    delta_strategy=DeltaStrategy.ROWVERSION,
    rowversion_field="ver",
)
PLAIN = replace(NUMBERED, delta_strategy=DeltaStrategy.HASH, rowversion_field=None)

Row = tuple[str, str, str | None]
"""Key letter, data letter, rowversion."""


def chunk_of(*rows: Row) -> Chunk:
    frame = pl.DataFrame({"k": [key for key, _, _ in rows]}, schema={"k": pl.String})
    chunk = Chunk.of(0, frame)
    identity = {
        KEY: [key * 32 for key, _, _ in rows],
        DATA: [data * 64 for _, data, _ in rows],
        ROWVERSION: [version for _, _, version in rows],
        REF: [f"k={key}" for key, _, _ in rows],
    }
    return chunk.with_rows(chunk.rows.with_columns(pl.DataFrame(identity, schema=dict.fromkeys(identity, pl.String))))


def known_of(*rows: Row) -> Known:
    frame = pl.DataFrame(
        [(key * 32, data * 64, version, None) for key, data, version in rows], schema=IDENTITY_SCHEMA, orient="row"
    )
    return Known.sorted([Identities.of(frame, with_rowversion=True)])


NEVER = pl.Series(dtype=pl.UInt32)


def nobody(keys: pl.Series) -> Known:
    raise AssertionError(f"asked for {keys.to_list()}, though no key came twice")


def decide(
    chunk: Chunk, plan: Plan, compare: Compare, known: Known, seen: str = "", recall: Known | None = None
) -> list:
    again = chunk.rows.filter(pl.col(KEY).is_in([key * 32 for key in seen]))[ROW]
    decided = classify(chunk, plan, compare, known, again, nobody if recall is None else lambda keys: recall)
    assert decided.missing() == 0
    operations = dict(decided.rows.select(ROW, OPERATION).iter_rows())
    errors = dict(decided.rejected.select(ROW, "error_type").iter_rows())
    return [(operations | errors)[row] for row in chunk.raw[ROW]]


def test_hash_tells_new_changed_and_unchanged_rows() -> None:
    known = known_of(("a", "1", None), ("b", "1", None))
    rows = chunk_of(("a", "1", None), ("b", "2", None), ("c", "1", None))
    assert decide(rows, PLAIN, Compare.HASH, known) == ["unchanged", "update", "insert"]


def test_full_writes_every_row_and_known_keys_in_place() -> None:
    known = known_of(("a", "1", None))
    rows = chunk_of(("a", "1", None), ("c", "1", None))
    assert decide(rows, PLAIN, Compare.NOTHING, known) == ["update", "insert"]


def test_rowversion_goes_by_the_number_and_by_the_hash_where_there_is_none() -> None:
    known = known_of(("a", "1", "9"), ("b", "1", "10"), ("c", "1", "10.5"), ("d", "1", None), ("e", "1", None))
    rows = chunk_of(("a", "2", "10"), ("b", "2", "9"), ("c", "2", "10.5"), ("d", "2", None), ("e", "1", None))
    decided = decide(rows, NUMBERED, Compare.ROWVERSION, known)
    assert decided == ["update", "unchanged", "unchanged", "update", "unchanged"]


def test_equal_rows_of_one_key_are_duplicates() -> None:
    rows = chunk_of(("a", "1", None), ("a", "1", None), ("b", "1", None))
    assert decide(rows, PLAIN, Compare.HASH, known_of()) == ["insert", "duplicate", "insert"]


def test_of_different_rows_of_one_key_the_higher_rowversion_wins() -> None:
    rows = chunk_of(("a", "1", "9"), ("a", "2", "10"), ("a", "3", None))
    assert decide(rows, NUMBERED, Compare.ROWVERSION, known_of()) == ["duplicate", "insert", "duplicate"]


def test_without_a_rowversion_different_rows_of_one_key_are_all_rejected() -> None:
    rows = chunk_of(("a", "1", None), ("a", "2", None), ("b", "1", None))
    assert decide(rows, PLAIN, Compare.HASH, known_of()) == ["ambiguous_key", "ambiguous_key", "insert"]


def test_the_same_highest_rowversion_twice_is_ambiguous() -> None:
    rows = chunk_of(("a", "1", "7"), ("a", "2", "7"), ("a", "1", "5"))
    assert decide(rows, NUMBERED, Compare.ROWVERSION, known_of()) == ["ambiguous_key"] * 3


def test_a_key_of_an_earlier_chunk_is_judged_by_what_the_target_has_now() -> None:
    loaded = known_of(("a", "1", "5"), ("b", "1", "5"), ("c", "1", "5"))
    rows = chunk_of(("a", "1", "5"), ("b", "2", "6"), ("c", "2", "4"), ("d", "1", "1"))
    decided = decide(rows, NUMBERED, Compare.ROWVERSION, known_of(), seen="abc", recall=loaded)
    assert decided == ["duplicate", "update", "duplicate", "insert"]
    decided = decide(chunk_of(("a", "1", None), ("b", "2", None)), PLAIN, Compare.HASH, known_of(), "ab", loaded)
    assert decided == ["duplicate", "ambiguous_key"]


def test_an_update_carries_the_uid_of_the_row() -> None:
    uid = "01900000-0000-7000-8000-000000000001"
    frame = pl.DataFrame([("a" * 32, "1" * 64, None, uid)], schema=IDENTITY_SCHEMA, orient="row")
    known = Known.sorted([Identities.of(frame, with_rowversion=False)])
    decided = classify(chunk_of(("a", "2", None), ("b", "1", None)), PLAIN, Compare.HASH, known, NEVER, nobody)
    assert decided.rows[UID].to_list() == [uid, None]


numbers = st.decimals(allow_nan=False, allow_infinity=False, places=5) | st.integers(-(10**38), 10**38).map(Decimal)


@given(st.lists(numbers, min_size=2, max_size=8))
@settings(deadline=None)
def test_rowversions_order_as_decimals_do(values: list[Decimal]) -> None:
    texts = [format(value.normalize() + 0, "f") if abs(value) < 10**20 else str(int(value)) for value in values]
    texts = ["0" if text in ("-0", "0") else text for text in texts]
    frame = pl.DataFrame({"t": texts, "order": sortable(pl.Series(texts), NUMBERED)}).sort("order", maintain_order=True)
    assert [Decimal(text) for text in frame["t"]] == sorted(Decimal(text) for text in texts)
