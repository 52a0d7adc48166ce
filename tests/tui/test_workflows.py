"""What an operator does in a night, by keys alone."""

import asyncio
import csv
import json
from datetime import datetime
from pathlib import Path

import pytest
from textual.widgets import Static

from syncflow.i18n.catalog import ENGLISH, use
from tests.engine.conftest import World
from tests.engine.conftest import world as world  # a fixture
from tests.tui.desk import Desk, at_the_desk
from tui.bridge import Manner
from tui.plain import harmless

pytestmark = pytest.mark.integration

ORDERS = {"NO": "NUMBER(10)", "CUSTOMER": "VARCHAR2(10)", "QTY": "NUMBER(12,2)", "NOTE": "VARCHAR2(200)"}
CUSTOMERS = {"ID": "VARCHAR2(10)", "NAME": "VARCHAR2(40)"}
YAML = """
entities:
  - {name: customers, business_key: [id]}
  - {name: orders, business_key: [no], parent_refs: {customer: {entity: customers, fields: {customer: id}}}}
"""
HOSTILE = "[red]no[/red] \x1b[31mred\x07 \u202ederit " + "x" * 300


def order(number: int, **changed: object) -> dict[str, object]:
    return {"NO": str(number), "CUSTOMER": "C1", "QTY": f"{number}.5", "NOTE": "", **changed}


ROWS = [order(n) for n in range(1, 41)]


@pytest.fixture
def company(world: World) -> World:
    """40 orders: four fail for their quantity, one for another reason, two wait for a customer."""
    changed = {
        1: {"QTY": "N/A"}, 2: {"QTY": "N/A"}, 3: {"QTY": "N/A"}, 4: {"QTY": "12,5x", "NOTE": HOSTILE},
        5: {"CUSTOMER": "C9"}, 6: {"CUSTOMER": "C9"},
    }  # fmt: skip
    world.serve("customers", CUSTOMERS, [{"ID": "C1", "NAME": "One"}])
    world.serve("orders", ORDERS, [order(n, **changed.get(n, {})) for n in range(1, 41)])
    world.configure(YAML)
    world.sync("customers", "orders")
    return world


def test_the_dashboard_tells_the_truth_and_leads_to_what_needs_a_person(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.sees("needs you", "Records failed", "▲ 4", "▲ 2", "● database", "● APISmith", "● ScheduleHub")
        await desk.sees("lately", "orders", "40 rows", "4 failed")
        await desk.press("enter")
        await desk.sees("entity:orders", "N/A")
        await desk.until(lambda: sum(group.rows for group in desk.table.rows.page(0, desk.table.total)) == 4)
        await desk.press("escape", "escape", "p")
        await desk.sees("rows that did not fail", "rows a second of work", "90%", "100%")

    at_the_desk(company, work)


def test_the_dashboard_does_the_next_step(company: World) -> None:
    company.execute("UPDATE syncflow.failed_records SET resolved_at = now(), resolution = 'resolved'")
    company.execute("DELETE FROM syncflow.batch_chunks")
    company.execute("UPDATE syncflow.sync_batches SET status = 'interrupted', completed_at = NULL")

    async def work(desk: Desk) -> None:
        await desk.until(lambda: {str(row.need) for row in desk.table.rows.page(0, 9)} == {"interrupted"})
        await desk.press("a")
        await desk.sees("The batch goes on at its checkpoint.")
        await desk.until(lambda: desk.table.total == 1)

    at_the_desk(company, work)
    assert company.metadata("SELECT DISTINCT act FROM audit_log WHERE act LIKE 'batch.%'") == [("batch.resume",)]


def test_a_group_is_mended_by_a_rule(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("4", "v")
        await desk.sees("groups", "N/A")
        await desk.until(lambda: desk.table.row is not None and desk.table.row.samples == ("N/A",))
        await desk.press("m")
        await desk.sees("3 of 4 records would pass", "'N/A' → NULL")
        await desk.press("ctrl+s")
        await desk.sees("Save this rule")
        await desk.press("enter")
        assert company.metadata("SELECT count(*) FROM failed_records WHERE resolved_at IS NULL") == [(4,)]
        await desk.press("y")
        await desk.sees("orders: 3 passed, 1 failed again")
        await desk.press("escape")
        await desk.until(lambda: desk.table.total == 1)

    at_the_desk(company, work)
    assert company.metadata("SELECT count(*) FROM failed_records WHERE resolved_at IS NULL") == [(1,)]
    assert [qty for no, qty in company.values("orders", "no", "qty") if no in (1, 2, 3)] == [None, None, None]
    with company.runtime() as runtime:
        (rule,) = runtime.remedies.rules("orders")
        assert (rule.field, rule.replacement.match, rule.replacement.to) == ("QTY", "N/A", None)


def test_one_record_is_edited(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("4")
        await desk.sees("4 rows")
        await desk.press("slash")
        await desk.type("12,5x")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 1)
        await desk.press("enter")
        await desk.sees("as sent", "12,5x")
        await desk.press("E")
        await desk.sees("Empty is NULL")
        await desk.press("ctrl+o")
        await desk.sees("An editor cannot be opened in this terminal.")
        await desk.press("end", "backspace", "y", "ctrl+s")
        await desk.sees("'12,5x' → '12,5y'")
        await desk.press("y")
        await desk.sees("still fails, and nothing has changed")
        await desk.press("end", "backspace", "backspace", "backspace", "ctrl+s")
        await desk.sees("'12,5x' → '12'")
        await desk.press("y")
        await desk.sees("It passed")

    at_the_desk(company, work)
    assert [qty for no, qty in company.values("orders", "no", "qty") if no == 4] == [12]
    (edit,) = company.metadata("SELECT actor, act FROM audit_log WHERE act LIKE '%edit%'")
    assert edit[0] == "olga"


def test_rows_are_left_out_and_that_is_taken_back(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("4")
        await desk.sees("4 rows")
        await desk.press("asterisk", "i")
        await desk.sees("Leave 4 rows out?")
        await desk.type("known to be wrong")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 0)
        await desk.press("slash")
        await desk.type("state:resolved")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 4)
        await desk.press("u")
        await desk.until(lambda: company.metadata(OPEN) == [(1,)])

    at_the_desk(company, work)
    assert company.metadata("SELECT DISTINCT actor FROM audit_log WHERE act LIKE 'failed_record.%'") == [("olga",)]


def test_what_was_closed_by_hand_is_opened_again_until_the_next_sync(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("4")
        await desk.sees("4 rows")
        await desk.press("w")
        await desk.sees("Close 1 record by hand?")
        await desk.type("mended in the ERP")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 3)
        await desk.press("u")
        await desk.until(lambda: desk.table.total == 4)
        await desk.press("w")
        await desk.sees("Close 1 record by hand?")
        await desk.type("mended in the ERP")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 3)
        await asyncio.to_thread(company.sync, "orders")
        await desk.press("slash")
        await desk.type("state:resolved")
        await desk.press("enter")
        await desk.press("asterisk", "u")
        await desk.sees("Nothing holds any more that could be withdrawn")

    at_the_desk(company, work)


def test_a_sheet_has_plain_values(company: World, tmp_path: Path) -> None:
    file = tmp_path / "batches.csv"

    async def work(desk: Desk) -> None:
        await desk.press("3")
        await desk.until(lambda: desk.table.total > 0)
        await desk.press("x")
        await desk.sees("Into which file?")
        await desk.type(str(file))
        await desk.press("enter")
        await desk.sees(f"rows are in {file}")

    at_the_desk(company, work)
    with file.open(encoding="utf-8", newline="") as sheet:
        orders = next(line for line in csv.DictReader(sheet) if line["entity_name"] == "orders")
    assert (orders["status"], orders["fetched"], orders["failed"]) == ("completed_with_errors", "40", "4")
    assert datetime.fromisoformat(orders["completed_at"]).tzinfo is not None


OPEN = "SELECT count(*) FROM failed_records WHERE resolved_at IS NULL"


def test_who_blocks_most_and_why(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("5")
        await desk.sees("customers id=C9", "2 rows")
        await desk.press("v")
        await desk.sees("who blocks most", "customers id=C9", "It stands in no queue")
        company.serve("customers", CUSTOMERS, [{"ID": "C1", "NAME": "One"}, {"ID": "C9", "NAME": "Nine"}])
        await desk.press("colon")
        await desk.type("sync customers")
        await desk.press("enter")
        await desk.sees("Sync 1 entity now?")
        await desk.press("y")
        await desk.press("escape")
        await desk.until(lambda: desk.table.total == 0)

    at_the_desk(company, work)
    assert len(company.rows("orders")) == 36


def test_withheld_deletions_are_approved_by_their_number(company: World) -> None:
    company.serve("orders", ORDERS, [order(n) for n in range(1, 11)])
    company.sync("orders")

    async def work(desk: Desk) -> None:
        await desk.sees("Deletions are withheld")
        await desk.press("3")
        await desk.until(lambda: desk.table.row is not None and desk.table.row.entity_name == "orders")
        await desk.press("enter")
        await desk.sees("30 withheld", "10 fetched")
        await desk.press("a")
        await desk.sees("Delete 30 rows in ScheduleHub?")
        await desk.type("3")
        await desk.press("enter")
        await desk.sees("Type 30 to go on")
        await desk.type("0")
        await desk.press("enter")
        await desk.sees("30 deleted")

    at_the_desk(company, work)
    assert len(company.rows("orders")) == 10


def test_explain_from_anywhere(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("colon")
        await desk.type("explain orders 5")
        await desk.press("enter")
        await desk.sees("It waits for its parent customers id=C9", "DATA_HASH")
        await desk.press("colon")
        await desk.type("explane orders")
        await desk.press("enter")
        await desk.sees("Did you mean explain?")

    at_the_desk(company, work)


def test_an_entity_is_synced_and_its_dry_run_told(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("2")
        await desk.until(lambda: desk.table.total == 2)
        await desk.press("j", "d")
        await desk.sees("nothing was written")
        await desk.press("escape", "s")
        await desk.until(lambda: company.metadata("SELECT count(*) FROM sync_batches") == [(3,)])
        await desk.press("3")
        await desk.until(lambda: desk.table.total == 3)
        await desk.until(lambda: desk.table.row.completed_at is not None)

    at_the_desk(company, work)


def test_a_read_only_console_changes_nothing(company: World) -> None:
    before = company.metadata("SELECT count(*) FROM audit_log")

    async def work(desk: Desk) -> None:
        await desk.sees("read-only")
        for keys in (("2", "s"), ("4", "t"), ("5", "t", "y"), ("7", "A")):
            await desk.press(keys[0])
            await desk.until(lambda: desk.table.total > 0)
            await desk.press(*keys[1:])
            await desk.sees("This console is read-only")

    at_the_desk(company, work, Manner(read_only=True))
    assert company.metadata("SELECT count(*) FROM audit_log") == before


def test_hostile_values_are_shown_harmlessly_and_exactly(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("4")
        await desk.until(lambda: desk.table.total == 4)
        await desk.press("slash")
        await desk.type("12,5x")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 1)
        await desk.press("enter")
        await desk.sees("[red]no[/red] \\x1b[3")
        assert "\x1b" not in desk.text
        assert "\u202e" not in desk.text

    at_the_desk(company, work)
    assert harmless(HOSTILE).startswith("[red]no[/red] ␛[31mred␇ <U+202E>derit")
    ((kept,),) = company.metadata("SELECT raw_data->>'NOTE' FROM failed_records WHERE value = '12,5x'")
    assert kept == HOSTILE


def test_lists_are_exported_filtered_and_remembered(company: World, tmp_path: Path) -> None:
    file = tmp_path / "failed.jsonl"

    async def work(desk: Desk) -> None:
        await desk.press("4")
        await desk.until(lambda: desk.table.total == 4)
        await desk.press("slash")
        await desk.type("field:QTY type:not_a_number")
        await desk.press("enter", "x")
        await desk.sees("Into which file?")
        await desk.type(str(file))
        await desk.press("enter")
        await desk.until(file.exists)
        await desk.press("slash")
        await desk.type(" nofield:x")
        await desk.press("enter")
        await desk.sees("There is no field 'nofield'")

    at_the_desk(company, work)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 4
    assert {row["field"] for row in rows} == {"QTY"}


def test_columns_are_chosen_and_remembered(company: World) -> None:
    async def choose(desk: Desk) -> None:
        await desk.press("4")
        await desk.until(lambda: desk.table.total == 4)
        await desk.sees("field", "QTY")
        await desk.press("c")
        await desk.sees("Which columns?")
        await desk.until(lambda: desk.table.row is not None)
        while desk.table.row.key != "field":
            await desk.press("j")
        await desk.press("space")
        await desk.sees("· field")
        await desk.press("enter")
        await desk.until(lambda: "QTY" not in desk.text)

    async def look(desk: Desk) -> None:
        await desk.press("4")
        await desk.until(lambda: desk.table.total == 4)
        assert "field" in desk.table.hidden

    at_the_desk(company, choose)
    at_the_desk(company, look)


def test_help_knows_every_key_and_finds_it(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("4")
        await desk.until(lambda: desk.table.total == 4)
        await desk.press("question_mark")
        await desk.sees("what it does")
        await desk.type("leave out")
        await desk.sees("failed.ignore")
        await desk.until(lambda: desk.table.total == 1)

    at_the_desk(company, work)


def test_a_database_that_is_not_there_is_said_and_waited_for(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.sees("is not to be had", "ctrl+r")
        await desk.press("7")
        await desk.sees("DATABASE_URL")

    at_the_desk(company, work, database_url="postgresql://nobody@127.0.0.1:1/nothing")


def test_a_terminal_without_room_is_told_and_recovers(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.sees("needs you")
        await desk.press("4")
        await desk.until(lambda: desk.table.total == 4)
        await desk.resize(40, 10)
        await desk.sees("This terminal has 40 x 10")
        await desk.resize(80, 24)
        await desk.until(lambda: desk.table.total == 4)
        await desk.sees("4 rows")

    at_the_desk(company, work)


def test_why_a_record_failed_is_told_in_persian(company: World) -> None:
    """The books have it in English."""

    async def work(desk: Desk) -> None:
        desk.console.speak("fa")
        await desk.press("4")
        await desk.until(lambda: desk.table.total == 4)
        await desk.press("enter")
        told = "'12,5x' عددی با قالب 1,234.50 نیست (ستون NUMBER(12,2) است). مقدار را در مبدأ درست کنید"
        await desk.until(lambda: any(told in str(each.visual) for each in desk.console.screen.query(Static)), told)

    try:
        at_the_desk(company, work)
    finally:
        use(ENGLISH)
    (message,) = company.metadata("SELECT error_message FROM failed_records WHERE raw_data ->> 'QTY' = '12,5x'")
    assert message[0].startswith("'12,5x' is not a number of the format 1,234.50 ")


def test_a_break_down_is_told_without_the_values_of_variables(company: World) -> None:
    async def work(desk: Desk) -> None:
        password = "-".join(("opensesame", "42"))
        try:
            if not password.isdecimal():
                raise ValueError("no number")
        except ValueError:
            desk.console._fatal_error()
        (told,) = desk.console._exit_renderables
        file = desk.console.settings.state_dir / "console" / "broken-down.txt"
        for text in (str(told), file.read_text(encoding="utf-8")):
            assert "no number" in text
            assert password not in text
        assert "please report" in str(told)
        assert str(file) in str(told)
        assert file.stat().st_mode & 0o077 == 0

    at_the_desk(company, work)
