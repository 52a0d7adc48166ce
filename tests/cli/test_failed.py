"""`syncflow failed` against a real APISmith sandbox and a real PostgreSQL."""

import json
import os
import pty
import subprocess
from io import BytesIO
from itertools import cycle
from pathlib import Path

import polars as pl
import pytest

from syncflow.sandbox.apismith.server import ApiSmith
from tests.cli.conftest import ITEMS, SYNCFLOW, Said, Shell

pytestmark = pytest.mark.integration


@pytest.fixture
def failing(configured: Shell) -> Shell:
    """A shell after a sync: A-007 weighs `heavy` and A-009 `1,5`, so neither was loaded."""
    assert configured.run("sync", "--all").code == 1
    return configured


def _records(shell: Shell, *options: str) -> dict[str, str]:
    """Item number -> record number."""
    document = json.loads(shell.run("failed", "list", "--json", *options).out)
    assert document["total"] >= len(document["records"])
    return {record["raw_data"]["ITEM_NO"]: record["uid"] for record in document["records"]}


def _refused(said: Said, *parts: str) -> None:
    assert said.code == 64, said
    assert said.out == ""
    assert "Traceback" not in said.err
    for part in parts:
        assert part in said.err


def test_list_and_show(failing: Shell) -> None:
    listed = failing.run("failed", "list")
    assert "'heavy' is not a number" in listed.out
    assert set(_records(failing)) == {"A-007", "A-009"}
    assert set(_records(failing, "--text", "HEAVY")) == {"A-007"}
    assert set(_records(failing, "--text", "A-009", "--entity", "items", "--field", "WEIGHT")) == {"A-009"}
    assert set(_records(failing, "--stage", "s4_numeric", "--since", "2020-01-01")) == {"A-007", "A-009"}
    assert _records(failing, "--since", "2100-01-01") == _records(failing, "--state", "resolved") == {}
    batch = json.loads(failing.run("history", "items", "--json").out)[0]["uid"]
    assert set(_records(failing, "--batch", batch)) == {"A-007", "A-009"}
    first = failing.run("failed", "list", "--limit", "1")
    assert "1 of 2. The next ones: --after " in first.out
    behind = first.out.partition("--after ")[2].strip()
    assert behind not in _records(failing, "--after", behind).values()
    assert len(_records(failing, "--after", behind)) == 1
    shown = failing.run("failed", "show", _records(failing)["A-007"])
    for part in ("as the source sent it:", "WEIGHT   'heavy'", "s4_numeric, not_a_number, field WEIGHT"):
        assert part in shown.out
    whole = json.loads(failing.run("failed", "show", _records(failing)["A-007"], "--json").out)
    assert (whole["value"], whole["value_shape"], whole["raw_data"]["SITE"]) == ("heavy", "AAA", "THR ")


def test_a_retry_that_fails_and_an_edit_that_passes(failing: Shell) -> None:
    records = _records(failing)
    again = failing.run("failed", "retry", "--entity", "items")
    assert again.code == 1
    assert "items: 0 records passed, 2 failed again." in again.out
    assert f"{records['A-007']} (s4_numeric, WEIGHT): 'heavy' is not a number" in again.out
    wrong = failing.run("failed", "edit", records["A-007"], "--set", "WEIGHT=light")
    assert wrong.code == 1
    assert "The edited row fails, too (s4_numeric, WEIGHT): 'light' is not a number" in wrong.err
    assert "Nothing was changed." in wrong.err
    right = failing.run("failed", "edit", records["A-007"], "--set", "WEIGHT=7.5", "--reason", "weighed it")
    assert (right.code, right.out) == (0, "items: 1 record passed (1 inserted).\n")
    nothing = json.loads(failing.run("failed", "edit", records["A-009"], "--null", "WEIGHT", "--json").out)
    assert nothing["retried"][0]["tally"]["passed"] == 1
    batch = json.loads(failing.run("sync", "items", "--json").out)["batches"][0]
    assert (batch["status"], batch["counters"]["unchanged"]) == ("completed", ITEMS - 1)


def test_ignored_rows_do_not_make_a_batch_fail(failing: Shell) -> None:
    uid = _records(failing)["A-007"]
    said = failing.run("failed", "ignore", uid, "--reason", "a test item")
    assert (said.code, said.out) == (0, "Ignored 1 failed record.\n")
    assert failing.run("failed", "ignore", "--entity", "items", "--reason", "test items", "--yes").code == 0
    synced = failing.run("sync", "items")
    assert synced.code == 0
    assert "items: 2 rows left out, as somebody has decided." in synced.out
    batch = json.loads(failing.run("history", "items", "--json").out)[0]
    assert (batch["status"], batch["counters"]["ignored"]) == ("completed", 2)
    assert "2 failed (2 of them ignored, as somebody has decided)" in failing.run("status", batch["uid"]).out
    back = failing.run("failed", "withdraw", uid, "--reason", "no test item after all")
    assert "Withdrawn; the row stands open as " in back.out
    assert set(_records(failing)) == {"A-007"}
    assert failing.run("sync", "items").code == 1


def test_what_came_too_late_is_told(failing: Shell) -> None:
    uid = _records(failing)["A-007"]
    assert failing.run("failed", "resolve", uid, "--reason", "mended in the ERP").code == 0
    told = (f"The failed record {uid} was closed already: resolved by ", "(mended in the ERP)")
    _refused(failing.run("failed", "retry", uid), *told)
    _refused(failing.run("failed", "edit", uid, "--set", "WEIGHT=1"), *told)
    _refused(failing.run("failed", "ignore", uid, "--reason", "x"), *told)
    opened = json.loads(failing.run("failed", "withdraw", uid, "--json").out)["uid"]
    _refused(failing.run("failed", "withdraw", uid), "Nothing holds any more that could be withdrawn")
    assert failing.run("failed", "resolve", opened, "--reason", "mended in the ERP").code == 0
    assert failing.run("entities", "delete", "items", "--yes").code == 0
    uid = _records(failing)["A-009"]
    gone = ("1 failed record belongs to the entity 'items', which was deleted by ", "syncflow failed resolve")
    _refused(failing.run("failed", "retry", "--all"), *gone)
    _refused(failing.run("failed", "edit", uid, "--set", "WEIGHT=1"), *gone)
    _refused(failing.run("failed", "ignore", uid, "--reason", "x"), *gone)
    assert "There is nothing to try again." in failing.run("failed", "retry", "--due").out
    assert failing.run("failed", "resolve", uid, "--reason", "gone").code == 0


HOSTILE = (
    "'; DROP TABLE failed_records; --",
    "%",
    "_%_",
    "\\",
    "--set",
    "{}",
    "💥",
    "=1+1",
    "$1",
    ":uid",
    "%(x)s",
    '"',
)


def test_hostile_strings_are_only_texts(failing: Shell) -> None:
    uid = _records(failing)["A-009"]
    options = cycle(("--entity", "--stage", "--field", "--error-type", "--text"))
    commands = cycle(("show", "withdraw", "retry"))
    for text, option, command in zip(HOSTILE, options, commands, strict=False):
        said = failing.run("failed", "list", f"{option}={text}", "--json")
        assert json.loads(said.out)["records"] == [], (option, text)
        _refused(failing.run("failed", command, "--", text), "There is no failed record")
        _refused(failing.run("failed", "edit", uid, "--set", f"x{text}=1"), "has no column ")
        said = failing.run("failed", "edit", uid, "--set", f"ITEM_NO={text}", "--null", "WEIGHT", "--reason", text)
        assert said.code == 0, said
        held = json.loads(failing.run("failed", "show", uid, "--json").out)
        assert (held["override"]["ITEM_NO"], held["reason"]) == (text, text)
        uid = json.loads(failing.run("failed", "withdraw", uid, "--reason", text, "--json").out)["uid"]


def test_what_is_no_text_is_refused(failing: Shell) -> None:
    uid = _records(failing)["A-009"]
    _refused(failing.run("failed", "list", "--text=\udcff"), "which is no text")
    _refused(failing.run("failed", "ignore", uid, "--reason", "\udcff"), "reason holds", "which is no text")
    _refused(failing.run("failed", "edit", uid, "--set", "WEIGHT=\udcff"), "the new value of WEIGHT holds")
    _refused(failing.run("failed", "edit", uid, "--set", "\udcff=1"), "the name of a column holds")
    blank = failing.run("failed", "edit", uid, "--set", "ITEM_NO=\n", "--null", "WEIGHT")
    assert "The edited row fails, too (s7_identity, item_no)" in blank.err


WRONG = (
    (["retry"], ["Name the records, or say which ones"]),
    (["retry", "--due", "--entity", "items"], ["--due finds the records itself"]),
    (["retry", "--all", "--entity", "items"], ["--all means every open record"]),
    (["retry", "0", "--entity", "items"], ["one of the two"]),
    (["retry", "--entity", "itms"], ["No open failed record is like that"]),
    (["list", "--state", "half"], ["--state takes open, resolved or all", "'half'"]),
    (["list", "--since", "yesterday"], ["--since takes a day or a time", "'yesterday'"]),
    (["ignore", "--entity", "items", "--reason", " ", "--yes"], ["Say why"]),
    (["ignore", "--entity", "items", "--reason", "x"], ["Ignore 2 failed records from now on?", "--yes"]),
    (["resolve", "--entity", "items", "--reason", "x"], ["Nobody is there to answer", "--yes"]),
    (["ignore", "--entity", "items"], ["--reason"]),
    (["export", "records.txt"], ["does not end with .csv, .jsonl or .parquet", "--format csv"]),
    (["export", "missing/records.csv"], ["missing/records.csv cannot be written", "No such file"]),
    (["export", "x.csv", "--format", "xml"], ["--format takes csv, jsonl or parquet"]),
)


def test_wrong_usage_is_refused_and_changes_nothing(failing: Shell) -> None:
    for arguments, parts in WRONG:
        _refused(failing.run("failed", *arguments), *parts)
    assert set(_records(failing)) == {"A-007", "A-009"}


def test_an_edit_says_what_and_of_which_column(failing: Shell) -> None:
    uid = _records(failing)["A-007"]
    _refused(failing.run("failed", "edit", uid), "Nothing to change")
    _refused(failing.run("failed", "edit", uid, "--set", "WEIGHT"), "--set takes COLUMN=VALUE")
    _refused(failing.run("failed", "edit", uid, "--set", "WEIGHT=1", "--null", "WEIGHT"), "WEIGHT is given twice")
    _refused(failing.run("failed", "edit", uid, "--set", "WAIGHT=1"), "no column 'WAIGHT' (did you mean WEIGHT?)")
    _refused(failing.run("failed", "edit", uid, "--set", "WEIGHT=heavy"), "has these values already")


def test_a_person_is_asked_and_may_say_no(failing: Shell) -> None:
    ours, theirs = pty.openpty()
    command = [SYNCFLOW, "failed", "resolve", "--entity", "items", "--reason", "x"]
    asked = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    os.write(ours, b"n\n")
    _, err = asked.communicate(timeout=60)
    os.close(ours)
    assert "Close 2 failed records without loading them?" in err
    assert "Nothing was done." in err
    assert len(_records(failing)) == 2


def test_export_in_three_formats(failing: Shell) -> None:
    for name in ("records.csv", "records.jsonl", "records.parquet"):
        said = failing.run("failed", "export", name, "--entity", "items")
        assert (said.code, said.err) == (0, f"2 failed records written to {name}.\n")
    table = pl.read_csv("records.csv")
    parquet = pl.read_parquet("records.parquet")
    lines = [json.loads(line) for line in Path("records.jsonl").read_text(encoding="utf-8").splitlines()]
    numbers = {record["uid"] for record in lines}
    assert set(table["uid"]) == set(parquet["uid"]) == numbers == set(_records(failing).values())
    values = {json.loads(raw)["WEIGHT"] for raw in parquet["raw_data"]}
    assert values == {line["raw_data"]["WEIGHT"] for line in lines} == {"heavy", "1,5"}
    assert parquet.schema["created_at"] == pl.Datetime("us", "UTC")
    assert not list(Path.cwd().glob(".export-*"))
    piped = subprocess.run([SYNCFLOW, "failed", "export", "-", "--format", "csv"], capture_output=True, timeout=30)
    assert pl.read_csv(BytesIO(piped.stdout))["uid"].len() == 2
    none = failing.run("failed", "export", "none.csv", "--state", "resolved")
    assert "0 failed records written" in none.err
    assert Path("none.csv").read_text(encoding="utf-8").startswith("uid,batch_uid,entity_name")


def test_purge_asks_and_empties_what_is_closed(failing: Shell, apismith: ApiSmith) -> None:
    uid = _records(failing)["A-007"]
    assert failing.run("failed", "resolve", uid, "--reason", "x").code == 0
    _refused(failing.run("failed", "purge", "--days", "0"), "Empty the payloads of 1 closed record for good?", "--yes")
    assert failing.run("failed", "purge", "--days", "1").out == "0 payloads emptied.\n"
    assert json.loads(failing.run("failed", "purge", "--days", "0", "--yes", "--json").out)["rows"] == 1
    purged = json.loads(failing.run("failed", "show", uid, "--json").out)
    assert (purged["raw_data"], purged["value"], purged["error_type"]) == ({}, None, "not_a_number")
    assert set(_records(failing)) == {"A-009"}
