"""Canonical text: injective, and the same by columns as by single records."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.canonical import (
    bk_hash,
    bk_hash_column,
    canonical_column,
    canonical_text,
    data_hash,
    data_hash_column,
    parse_ref,
)

pytestmark = pytest.mark.unit

properties = settings(deadline=None, max_examples=50)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text("\\|=a", max_size=8)
RECORD = st.dictionaries(TEXT, st.none() | TEXT, max_size=5)
NAMES = ("b", "a", "Z", "=|\\")


def known(record: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in record.items() if value is not None}


@properties
@given(RECORD)
def test_a_text_gives_back_the_values_it_was_made_of(record: dict[str, str | None]) -> None:
    assert parse_ref(canonical_text(record)) == known(record)


@properties
@given(RECORD, RECORD)
def test_different_records_have_different_texts(one: dict[str, str | None], other: dict[str, str | None]) -> None:
    assert (canonical_text(one) == canonical_text(other)) == (known(one) == known(other))


@properties
@given(st.lists(st.tuples(*[st.none() | TEXT] * 4), max_size=6))
def test_columns_and_single_records_agree(rows: list[tuple[str | None, ...]]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.String), orient="row")
    texts = canonical_column(frame, NAMES)
    expected = [canonical_text(dict(zip(NAMES, row, strict=True))) for row in rows]
    assert texts.to_list() == expected
    assert bk_hash_column("items", texts).to_list() == [bk_hash("items", text) for text in expected]
    assert data_hash_column(texts).to_list() == [data_hash(text) for text in expected]


def test_hashes_of_columns_and_records_agree_for_every_length() -> None:
    """XXH3 and BLAKE3 go different ways for short, middle and long texts (up to 16, 128, 240; 1024 bytes)."""
    texts = ["ش" * length + "x" * (length % 7) for length in (*range(130), *range(500, 530), 5000, 20000)]
    column = pl.Series(texts)
    assert bk_hash_column("é", column).to_list() == [bk_hash("é", text) for text in texts]
    assert data_hash_column(column).to_list() == [data_hash(text) for text in texts]


def test_blake3_is_the_published_one() -> None:
    assert data_hash("") == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    assert data_hash("abc") == "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"


def test_no_key_no_hash() -> None:
    assert bk_hash_column("items", pl.Series([None, "a=1"], dtype=pl.String))[0] is None


@pytest.mark.parametrize("text", ["a", "a=1|a=2", "b=1|a=2", "a=1=2", "\\a=1", "a=1|", "a=1\\"])
def test_what_is_no_canonical_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="canonical text"):
        parse_ref(text)
