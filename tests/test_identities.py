"""The compact sets and tables of identities do what a dict of hex texts would do."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.chunk import DATA, KEY, ROWVERSION, UID
from syncflow.identities import ABSENT, Identities, KeySet, Known, find_places, hexadecimal, words

pytestmark = pytest.mark.unit

# Few first words, so that keys that agree in their first 64 bits are common here.
keys = st.tuples(st.sampled_from(["0" * 16, "f" * 16, "0123456789abcdef"]), st.sampled_from("0123456789abcdef")).map(
    lambda parts: parts[0] + parts[1] * 16
)


@given(st.lists(keys, unique=True), st.lists(keys))
@settings(deadline=None)
def test_keys_are_found_where_they_are(held: list[str], wanted: list[str]) -> None:
    ordered = sorted(held)
    places = find_places(words(pl.Series(ordered, dtype=pl.String), 2), words(pl.Series(wanted, dtype=pl.String), 2))
    assert places.tolist() == [ordered.index(key) if key in ordered else ABSENT for key in wanted]


@given(st.lists(st.lists(keys), max_size=5))
@settings(deadline=None)
def test_a_key_set_is_a_set(additions: list[list[str]]) -> None:
    reference: set[str] = set()
    tested = KeySet(run_rows=3)
    for addition in additions:
        before = tested.copy()
        added = words(pl.Series(addition, dtype=pl.String), 2)
        expected = [key in reference for key in addition]
        assert tested.contains(added).tolist() == expected
        assert tested.add(added).tolist() == expected
        assert len(before) == len(reference)
        reference |= set(addition)
        assert len(tested) == len(reference)


def test_known_rows_keep_hash_version_and_uid_together() -> None:
    uids = [f"0190{number:04x}-0000-7000-8000-000000000000" for number in range(4)]
    frame = pl.DataFrame(
        {
            KEY: [digit * 32 for digit in "d2a0"],
            DATA: [digit * 64 for digit in "4321"],
            ROWVERSION: ["4", None, "2", "1"],
            UID: uids,
        },
        schema_overrides={ROWVERSION: pl.String},
    )
    known = Known.sorted(Identities.of(part, with_rowversion=True) for part in (frame.head(3), frame.tail(1)))
    places = known.places(words(pl.Series(["a" * 32, "b" * 32, "d" * 32]), 2))
    assert known.uids(places).to_list() == [uids[2], None, uids[0]]
    assert hexadecimal(known.data[places[[0, 2]]]).to_list() == ["2" * 64, "4" * 64]
    assert known.rowversion is not None
    assert known.rowversion.gather(places[[0, 2]]).to_list() == ["2", "4"]
    assert hexadecimal(known.keys).to_list() == sorted(frame[KEY])


def test_an_empty_target_knows_nothing() -> None:
    known = Known.sorted([])
    places = known.places(words(pl.Series(["a" * 32]), 2))
    assert places.tolist() == [ABSENT]
    assert known.uids(places).to_list() == [None]


@pytest.mark.parametrize("wrong", ["a" * 31, "a" * 33, "g" * 32, "a" * 31 + " ", "ab" * 15 + "\n\t"])
def test_a_hash_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"hash|hexadecimal"):
        words(pl.Series(["b" * 32, wrong]), 2)
