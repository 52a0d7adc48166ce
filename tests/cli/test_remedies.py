"""`syncflow remedies` against a real APISmith sandbox and a real PostgreSQL."""

import json

import pytest

from tests.cli.conftest import ITEMS, Shell

pytestmark = pytest.mark.integration
RULE = ("items", "WEIGHT", "--match", "heavy")


@pytest.fixture
def failing(configured: Shell) -> Shell:
    """A shell after a sync: A-007 weighs `heavy` and A-009 `1,5`, so neither was loaded."""
    assert configured.run("sync", "--all").code == 1
    return configured


def test_groups_preview_apply_list_and_remove(failing: Shell) -> None:
    groups = failing.run("remedies", "groups")
    assert "1 row: items WEIGHT, not_a_number (s4_numeric): 'heavy'" in groups.out
    assert {group["error_type"] for group in json.loads(failing.run("remedies", "groups", "--json").out)} == {
        "not_a_number",
        "ambiguous_number_format",
    }
    preview = failing.run("remedies", "preview", *RULE, "--to", "12.5")
    assert preview.code == 0
    assert "1 of 2 records would pass; the rule fits 1." in preview.out
    assert "'heavy' -> '12.5'" in preview.out
    assert "1 record would still fail: WEIGHT: '1,5' is not a number" in preview.out
    nothing = failing.run("remedies", "preview", "items", "WEIGHT", "--match", "light", "--null")
    assert "The rule fits none of 2 records: nothing would change." in nothing.out
    unasked = failing.run("remedies", "apply", *RULE, "--to", "12.5")
    assert unasked.code == 64
    assert "Say so beforehand: --yes" in unasked.err
    applied = json.loads(failing.run("remedies", "apply", *RULE, "--to", "12.5", "--yes", "--json").out)
    assert (applied["passed"], applied["failed"]) == (1, 1)
    assert "'heavy'" in failing.run("remedies", "list").out
    batch = json.loads(failing.run("sync", "items", "--json").out)["batches"][0]
    assert (batch["counters"]["unchanged"], batch["counters"]["failed"]) == (ITEMS - 2, 1)
    assert failing.run("remedies", "remove", "items", "WEIGHT", "1", "--yes").code == 0
    assert json.loads(failing.run("remedies", "list", "--json").out) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("items", "WEIGHT", "--match", "a", "--pattern", "b", "--null"), "one of the two"),
        (("items", "WEIGHT", "--match", "a"), "--to VALUE or --null"),
        (("items", "WEIGHT", "--pattern", "(", "--null"), "is no regular expression"),
        (("items", "COLOUR", "--match", "a", "--null"), "has no field 'COLOUR'"),
        (("nothing", "WEIGHT", "--match", "a", "--null"), "nothing"),
        (("items", "WEIGHT", "--default", "1", "--null"), "a rule by itself"),
    ],
)
def test_wrong_rules_are_told_in_a_sentence(failing: Shell, arguments: tuple[str, ...], said: str) -> None:
    refused = failing.run("remedies", "preview", *arguments)
    assert refused.code in (64, 78)
    assert refused.out == ""
    assert said in refused.err
    assert "Traceback" not in refused.err
