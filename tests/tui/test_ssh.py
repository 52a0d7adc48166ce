"""The console over SSH: whose name it bears, and a line that is cut in the middle of a batch."""

from pathlib import Path

import pytest

from syncflow.sandbox.faults import Fault
from tests.faults.conftest import field as field  # a fixture
from tests.faults.field import SLUG, Field
from tests.tui.sshd import Line, Sshd, sshd
from tests.waiting import until

pytestmark = pytest.mark.integration


def gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def child(process: int) -> int:
    return int(Path(f"/proc/{process}/task/{process}/children").read_text().split()[0])


def test_a_line_that_is_cut_in_a_batch_is_taken_up_by_the_next_login(field: Field) -> None:
    field.configure()
    field.break_source(Fault(kind="delay", path=SLUG, seconds=0.5, times=None))
    with sshd(field.settings) as server:
        first = Line(server, "olga")
        first.shows("● 4 well", "olga")
        first.type("2")
        first.shows("items")
        first.type("s")
        until(lambda: field.statuses() == ["running"], "running batch")
        cut(server, first)
        assert field.statuses() == ["interrupted"]
        field.check_books()
        field.mend()
        second = Line(server, "piet")
        second.shows("● 4 well", "piet", "interrupted")
        second.type("a")
        until(lambda: field.statuses() == ["completed_with_errors"], "completed batch")
        second.shows("with errors: items")
        cut(server, second)
    field.check()
    acts = field.ask("SELECT actor, act FROM audit_log WHERE act LIKE 'batch.%' ORDER BY id")
    assert acts == [("olga", "batch.request"), ("piet", "batch.resume")]


def cut(server: Sshd, line: Line) -> None:
    """And nothing is left of it on the server's side."""
    guard = server.processes[-1]
    console = child(guard.pid)
    line.cut()
    guard.wait(timeout=60)
    until(lambda: gone(console), "end of the console")
