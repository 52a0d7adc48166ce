"""What is asked for by its name after a colon: the rules that hold, the statistics, the emptying of old payloads."""

import pytest
from textual.widgets import Input

from syncflow.errors import UsageError
from syncflow.model import SyncType
from tests.engine.conftest import World
from tests.engine.conftest import world as world  # a fixture
from tests.tui.desk import Desk, at_the_desk
from tests.tui.test_workflows import ORDERS, order
from tests.tui.test_workflows import company as company  # a fixture
from tui.bridge import Manner
from tui.commands import find

pytestmark = pytest.mark.integration


async def command(desk: Desk, text: str) -> None:
    await desk.press("colon")
    await desk.type(text)
    await desk.press("enter")


def test_a_rule_is_found_and_taken_away(company: World) -> None:
    mapping = "{source: QTY, replacements: [{match: N/A, to: null}]}"
    company.configure(f"entities: [{{name: orders, business_key: [no], mappings: [{mapping}]}}]")

    async def work(desk: Desk) -> None:
        await command(desk, "rules")
        await desk.until(lambda: desk.table.total == 1)
        await desk.sees("orders", "QTY", "'N/A'", "NULL")
        await desk.press("d")
        await desk.sees("Take rule 1 for QTY of orders away?", "'N/A' become NULL no longer")
        await desk.press("n", "d", "y")
        await desk.sees("orders: rule 1 for QTY is gone", "There is no rule.")

    at_the_desk(company, work)
    with company.runtime() as runtime:
        assert not runtime.remedies.rules()
    assert company.metadata("SELECT actor FROM audit_log WHERE act = 'entity.update' ORDER BY id DESC")[0] == ("olga",)


def test_statistics_tell_what_each_entity_did(company: World) -> None:
    company.serve("orders", ORDERS, [order(n) for n in range(1, 43)])
    company.sync("orders", sync_type=SyncType.FULL)
    company.metadata("UPDATE sync_batches SET completed_at = completed_at - interval '3 days' "
                     "WHERE entity_name = 'customers' RETURNING 1")  # fmt: skip

    async def work(desk: Desk) -> None:
        await command(desk, "stats")
        await desk.until(lambda: desk.table.total == 1)
        await desk.sees("orders", "82 rows fetched", "4 failed")
        await desk.press("p")
        await desk.until(lambda: desk.table.total == 2)
        await desk.sees("customers", "83 rows fetched")

    at_the_desk(company, work)


def test_old_payloads_are_emptied_by_their_number(company: World) -> None:
    company.metadata("UPDATE failed_records SET resolved_at = now() - interval '200 days', resolution = 'resolved' "
                     "WHERE raw_data->>'NO' IN ('1', '2') RETURNING 1")  # fmt: skip

    async def work(desk: Desk) -> None:
        for wrong in ("purge", "purge soon", "purge 99999"):
            await command(desk, wrong)
            await desk.sees("Say how many days ago records were closed: purge 180.")
            await desk.press("escape")
        await command(desk, "purge 300")
        await desk.sees("No record was closed so long ago")
        await command(desk, "purge 180")
        await desk.sees("Empty the payloads of 2 closed records for good?")
        await desk.type("3")
        await desk.press("enter")
        assert company.metadata(HOLDING) == [(4,)]
        await desk.press("backspace")
        await desk.type("2")
        await desk.press("enter")
        await desk.sees("2 payloads emptied.")

    at_the_desk(company, work)
    assert company.metadata(HOLDING) == [(2,)]
    assert company.metadata("SELECT actor FROM audit_log WHERE act = 'failed_record.purge'") == [("olga",)]


HOLDING = "SELECT count(*) FROM failed_records WHERE raw_data->>'NO' IS NOT NULL"


def test_a_read_only_console_neither_purges_nor_removes(company: World) -> None:
    company.metadata("UPDATE failed_records SET resolved_at = now() - interval '200 days', resolution = 'resolved' "
                     "RETURNING 1")  # fmt: skip

    async def work(desk: Desk) -> None:
        await command(desk, "purge 180")
        await desk.sees("Empty the payloads of 4 closed records")
        await desk.type("4")
        await desk.press("enter")
        await desk.sees("read-only")

    at_the_desk(company, work, Manner(read_only=True))
    assert company.metadata(HOLDING) == [(4,)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("explain orders 4711", ["orders", "4711"]),
        ('explain orders "A 100" 7', ["orders", "A 100", "7"]),
        ("explain people O'Brien", ["people", "O'Brien"]),
        (r"explain files C:\new", ["files", r"C:\new"]),
        ('exp items ""', ["items", ""]),
        ('explain parts 5" 3/4"x"', ["parts", '5"', '3/4"x"']),
        ('explain parts """quoted"" name"', ["parts", '"quoted" name']),
    ],
)
def test_a_key_with_blanks_stands_in_quotes(line: str, words: list[str]) -> None:
    command, found = find(line)
    assert (command.name, found) == ("explain", words)


def test_a_quote_that_is_not_closed_is_told() -> None:
    with pytest.raises(UsageError, match='not closed: explain orders "A'):
        find('explain orders "A')


def test_tab_completes_and_the_arrows_bring_back_what_was_sent(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.sees("● database")
        field = desk.console.screen.query_one("#command Input", Input)
        await desk.press("colon")
        await desk.type("exp")
        await desk.until(lambda: field._suggestion == "explain")
        await desk.press("tab")
        await desk.type(" or")
        await desk.until(lambda: field._suggestion == "explain orders")
        await desk.press("tab")
        assert (field.value, field.has_focus) == ("explain orders", True)
        await desk.press("tab")
        assert field.has_focus
        await desk.press("enter")
        await desk.sees("Say which record")
        await desk.press("colon", "up")
        assert field.value == "explain orders"
        await desk.press("down")
        assert field.value == ""

    at_the_desk(company, work)


def test_a_number_without_end_is_refused(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.sees("● database")
        desk.console.run_command("purge " + "9" * 5_000)
        await desk.sees("Say how many days ago")

    at_the_desk(company, work)


def test_what_was_said_does_not_hide_what_is_asked(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.sees("● database")
        desk.console.notify("something that was said", timeout=60)
        await desk.sees("something that was said")
        await desk.press("s")
        await desk.sees("y yes")
        assert "something that was said" not in desk.text + desk.said
        await desk.press("escape")

    at_the_desk(company, work)


def test_what_there_is_not_is_told_before_it_is_asked(company: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.sees("● database")
        await command(desk, "sync nope")
        await desk.sees("nope")
        assert "y yes" not in desk.text
        await command(desk, "sync orders")
        await desk.sees("Sync 1 entity now?", "y yes")

    at_the_desk(company, work)
