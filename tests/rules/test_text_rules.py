"""Stage 3's rule, by properties."""

import sys
import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.rules.text import clean, compose, fold_persian

pytestmark = pytest.mark.unit

properties = settings(deadline=None, max_examples=50)

LETTERS = "aé یيكـ٣۴👩🔬🏽\u0301\u0654\u1100\u1161\ufe0f"
UNSEEN = "\t\n\r\x00\x1c\x1f\x7f\x85\u00a0\u200b\u200c\u200d\u200e\u202b\u2028\u2067\u3000\ufeff"
NASTY = st.sampled_from(LETTERS + UNSEEN)
TEXTS = st.lists(st.text(NASTY | st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=8)
INVISIBLE = {0xFEFF, 0x200B, 0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2060, 0x2070)}


def series(values: list[str]) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


@properties
@given(TEXTS, st.booleans(), st.booleans())
def test_clean_text_stays_clean(values: list[str], keep_runs: bool, fold: bool) -> None:
    once = clean(series(values), keep_runs=keep_runs, fold=fold)
    assert clean(once, keep_runs=keep_runs, fold=fold).to_list() == once.to_list()


@properties
@given(TEXTS)
def test_nothing_invisible_is_left(values: list[str]) -> None:
    for text in clean(series(values)).drop_nulls():
        assert text
        assert text == text.strip()
        assert unicodedata.is_normalized("NFC", text)
        assert "  " not in text
        assert not [c for c in text if unicodedata.category(c) == "Cc" and c != "\n"]
        assert not [c for c in text if ord(c) in INVISIBLE or (unicodedata.category(c) == "Zs" and c != " ")]


@properties
@given(TEXTS)
def test_a_value_is_cleaned_alone_as_in_company(values: list[str]) -> None:
    assert clean(series(values)).to_list() == [clean(series([value]))[0] for value in values]


def test_no_character_that_nfc_touches_escapes_the_mask() -> None:
    """Every character alone, and every second half of a composition after its first."""
    assigned = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) not in {"Cs", "Cn"}]
    decomposed = [text for c in assigned if (text := unicodedata.normalize("NFD", c)) != c]
    texts = [*assigned, *decomposed, *(text[:-1] + "\u0301" + text[-1] for text in decomposed)]
    expected = [unicodedata.normalize("NFC", text) for text in texts]
    assert compose(series(texts)).to_list() == expected


def test_folding_is_stable() -> None:
    folded = fold_persian(series(["كيف ـ٣۴", "ي\u0654", "ا\u0640\u0653"]))
    assert folded.to_list() == ["کیف 34", "ئ", "آ"]
    assert fold_persian(folded).to_list() == folded.to_list()
