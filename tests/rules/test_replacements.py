"""Values of a field that others stand for."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncflow.errors import ConfigurationError
from syncflow.model import FieldMapping, Replacement
from syncflow.rules.replacements import check_replacements, replaced

pytestmark = pytest.mark.unit

NOT_GIVEN = Replacement(match="N/A")
DASH = Replacement(match="-", to="0")
GROUPS = Replacement(pattern=r"^(\d+) ?kg$", to="$1")


@pytest.mark.parametrize(
    ("rules", "value", "expected"),
    [
        ((NOT_GIVEN,), "N/A", None),
        ((NOT_GIVEN,), "  N/A\n", None),
        ((NOT_GIVEN,), "n/a", "n/a"),
        ((NOT_GIVEN,), "N/A!", "N/A!"),
        ((NOT_GIVEN, DASH), "-", "0"),
        ((NOT_GIVEN, DASH), None, None),
        ((GROUPS,), "12 kg", "12"),
        ((GROUPS,), "12 lb", "12 lb"),
        ((GROUPS,), " 12kg ", "12"),
        ((Replacement(pattern="^x"),), "xyz", None),
        ((Replacement(match="a", to="b"), Replacement(match="b", to="c")), "a", "b"),
        ((Replacement(match="a", to="1"), Replacement(pattern="a", to="2")), "a", "1"),
        ((Replacement(match="", to="0"),), "   ", "0"),
        ((Replacement(match="$1", to="$1"),), "$1", "$1"),
        ((), " untouched ", " untouched "),
    ],
)
def test_replacements(rules: tuple[Replacement, ...], value: str | None, expected: str | None) -> None:
    assert replaced(pl.Series("x", [value, "other"], dtype=pl.String), rules).to_list() == [expected, "other"]


@given(st.lists(st.none() | st.text(max_size=5)), st.text(min_size=6))
def test_a_rule_that_fits_nothing_changes_nothing(values: list[str | None], match: str) -> None:
    column = pl.Series("x", values, dtype=pl.String)
    long = match.strip() or "something"
    assert replaced(column, (Replacement(match=f"{long}{long}", to="0"),)).to_list() == values


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Replacement(to="1"), "either match"),
        (Replacement(match="a", pattern="b"), "either match"),
        (Replacement(pattern="(", to="1"), r"'\(' is no regular expression"),
        (Replacement(pattern=r"(?<=a)b"), "no regular expression"),
    ],
)
def test_rules_that_cannot_run_are_told(rule: Replacement, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        check_replacements(FieldMapping("QTY", "qty", replacements=(rule,)))
