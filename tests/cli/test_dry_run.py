"""`syncflow sync --dry-run`: said to a person and to a script, and nothing done."""

import json

import pytest

from syncflow.sandbox.apismith.server import ApiSmith
from tests.cli.conftest import ITEMS, Shell

pytestmark = pytest.mark.integration


def test_a_dry_run_tells_what_the_sync_then_does(configured: Shell, apismith: ApiSmith) -> None:
    said = configured.run("sync", "--all", "--dry-run")
    assert said.code == 1, said.err
    lines = {line.split()[0]: line.split() for line in said.out.splitlines() if line}
    assert lines["items"][:4] == ["items:"] or lines["items"][1] == "change"
    assert "cannot be previewed: ScheduleHub has no table for it yet" in said.out
    assert "1 row would fail: WEIGHT not_a_number (s4_numeric)" in said.out
    assert "1 row would wait for sites code=LATE (site)" in said.out
    assert "This was a dry run: nothing was written." in said.out
    assert "items (dry run): completed_with_errors, 60 rows in" in said.err
    assert "There is no batch yet" in configured.run("history").err
    configured.run("sync", "--all")
    weight = {"ITEM_NO": "A-000", "SITE": "THR ", "WEIGHT": "13"}
    apismith.service.change_rows("items", [weight], [])
    document = json.loads(configured.run("sync", "items", "--dry-run", "--json").out)
    (plan,) = document["plans"]
    assert (plan["verdict"], plan["counters"]["updated"], plan["counters"]["fetched"]) == ("changes", 1, ITEMS)
    assert plan["updates"] == [
        {"ref": "item_no=A-000", "changes": [{"field": "weight", "before": "12.5", "after": "13"}]}
    ]
    assert "item_no=A-000: weight: '12.5' -> '13'" in configured.run("sync", "items", "--dry-run").out
    done = json.loads(configured.run("sync", "items", "--json").out)["batches"][0]
    assert done["counters"] == plan["counters"]


def test_a_quiet_day_is_told_apart_from_a_target_that_is_away(configured: Shell) -> None:
    configured.run("sync", "sites")
    quiet = configured.run("sync", "sites", "--dry-run")
    assert quiet.code == 0
    assert "change nothing" in quiet.out
    configured.set(schedulehub_url="postgresql://nobody@127.0.0.1:9/none", max_retries="0")
    away = configured.run("sync", "sites", "--dry-run")
    assert away.code == 75
    assert "(cannot tell)" in away.out
    assert "Traceback" not in away.out + away.err
    unknown = configured.run("sync", "sitez", "--dry-run")
    assert (unknown.code, "did you mean sites?" in unknown.err) == (64, True)
