"""`syncflow pending` against a real APISmith sandbox and a real PostgreSQL."""

import json

import psycopg
import pytest

from syncflow.store.database import Database
from tests.cli.conftest import ITEMS, Said, Shell

pytestmark = pytest.mark.integration


@pytest.fixture
def waiting(configured: Shell) -> Shell:
    """A shell after a sync: A-011 belongs to the site LATE, which nobody knows."""
    assert configured.run("sync", "--all").code == 1
    return configured


def _refused(said: Said, *parts: str) -> None:
    assert (said.code, said.out) == (64, ""), said
    assert "Traceback" not in said.err
    for part in parts:
        assert part in said.err


def _only_row(shell: Shell, *options: str) -> dict[str, object]:
    document = json.loads(shell.run("pending", "list", "--json", *options).out)
    assert document["total"] == len(document["rows"]) == 1
    row: dict[str, object] = document["rows"][0]
    return row


def _total(shell: Shell, *options: str) -> int:
    return int(json.loads(shell.run("pending", "list", "--json", *options).out)["total"])


def test_list_show_and_blockers(waiting: Shell) -> None:
    listed = waiting.run("pending", "list")
    assert "items item_no=A-011" in listed.out
    assert "sites code=LATE" in listed.out
    row = _only_row(waiting)
    (blocker,) = json.loads(waiting.run("pending", "blockers", "--json").out)
    assert (blocker["key"], blocker["children"], blocker["descendants"]) == ("code=LATE", 1, 1)
    assert (blocker["why"], blocker["failed_record"]) == ("absent", None)
    assert "sites did not bring it when it was synced last" in waiting.run("pending", "blockers").out
    for key in ("code=LATE", blocker["key_hash"]):
        chosen = ("--entity", "items", "--parent", "sites", "--parent-key", str(key), "--since", "2020-01-01")
        assert _only_row(waiting, *chosen)["uid"] == row["uid"]
    for option, value in (("--entity", "sites"), ("--parent-key", "code=THR"), ("--since", "2100-01-01")):
        assert _total(waiting, option, value) == 0
    shown = waiting.run("pending", "show", str(row["uid"])[:13])
    for part in ("sites code=LATE (reference site)", "It stands in no queue", "ITEM_NO  'A-011'", "of 5"):
        assert part in shown.out
    document = json.loads(waiting.run("pending", "show", str(row["uid"]), "--json").out)
    assert document["row"]["child_payload"]["ITEM_NO"] == "A-011"
    assert document["blocker"] == blocker


def test_a_retry_loads_what_has_its_parent_and_leaves_the_rest(waiting: Shell, database: Database) -> None:
    """LATE comes without a sync of the sites, so that nothing wakes its item. Asking in vain costs no attempt."""
    before = _only_row(waiting)
    vain = waiting.run("pending", "retry", "--all")
    assert (vain.code, "1 row looked after; 1 like these wait now" in vain.out) == (0, True)
    assert _only_row(waiting) == before
    with psycopg.connect(database.url, autocommit=True) as hub:
        hub.execute("UPDATE hub.sites SET _bridge_erp_key_hash = %s", [before["parent_bk_hash"]])
    loaded = waiting.run("pending", "retry", str(before["uid"]), "--json")
    document = json.loads(loaded.out)
    assert (loaded.code, document["asked"], document["waiting"], document["exit_code"]) == (0, 1, 0, 0)
    (batch,) = document["batches"]
    assert (batch["entity"], batch["counters"]["fetched"], batch["counters"]["inserted"]) == ("items", 1, 1)
    assert waiting.run("pending", "list").err.strip() == "No row waits that is like that."
    assert waiting.run("pending", "blockers").err.strip() == "No row waits for a parent."
    with psycopg.connect(database.url) as hub:
        assert hub.execute("SELECT count(*) FROM hub.items").fetchone() == (ITEMS - 2,)


def test_what_cannot_be_meant(waiting: Shell) -> None:
    uid = str(_only_row(waiting)["uid"])
    _refused(waiting.run("pending", "show", "nonsense"), "No waiting row has the number 'nonsense'")
    _refused(waiting.run("pending", "retry"), "--all")
    _refused(waiting.run("pending", "retry", uid, "--entity", "items"), "Name the rows, or say which ones by options")
    _refused(waiting.run("pending", "retry", "--all", "--due"), "one of these")
    _refused(waiting.run("pending", "retry", "--entity", "sites"), "No row waits that is like that")
    _refused(waiting.run("pending", "list", "--since", "yesterday"), "--since takes a day or a time", "'yesterday'")
    _refused(waiting.run("pending", "list", "--parent-key", "code=\0"), "parent_key")
