"""What an operator sets in the console: its manner, the keys, and the tokens of both neighbours."""

import shlex
import stat
import sys
from pathlib import Path

import pytest

from tests.acceptance.neighbours import TOKENS
from tests.engine.conftest import World
from tests.engine.conftest import world as world  # a fixture
from tests.faults.conftest import field as field  # a fixture
from tests.faults.field import Field
from tests.tui.desk import Desk, at_the_desk
from tests.tui.terminal import Terminal
from tests.waiting import until
from tui.bridge import Manner

pytestmark = pytest.mark.integration


def test_theme_and_bell_are_kept_for_the_next_session(world: World) -> None:
    async def change(desk: Desk) -> None:
        assert desk.console.current_theme.dark
        await desk.press("7", "T", "b")
        await desk.sees("The bell rings for what needs you.")

    async def find(desk: Desk) -> None:
        assert not desk.console.current_theme.dark
        await desk.press("7", "b")
        await desk.sees("The bell is silent.")

    at_the_desk(world, change)
    at_the_desk(world, find)


def test_settings_are_found_and_secrets_are_not_shown(world: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("7")
        await desk.press("slash")
        await desk.type("apismith_token")
        await desk.press("enter")
        await desk.until(lambda: desk.table.total == 1)
        await desk.press("enter")
        await desk.sees("APISMITH_TOKEN takes")
        assert TOKENS.service_token not in desk.text + desk.said

    at_the_desk(world, work)


def test_the_terminal_is_checked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("SSH_TTY", "/dev/pts/9")
    monkeypatch.delenv("TMUX", raising=False)

    async def work(desk: Desk) -> None:
        await desk.press("7", "B")
        await desk.sees("xterm-256color · 120x36 · ", " · SSH", "both lines end together")

    at_the_desk(world, work)


def test_both_neighbours_are_asked(world: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("7", "n")
        await desk.sees("Asking both neighbours")
        await desk.sees("APISmith: apismith", "ScheduleHub: PostgreSQL")

    at_the_desk(world, work)


def test_a_token_is_tested_before_it_is_kept_and_never_shown(world: World, tmp_path: Path) -> None:
    kept = world.settings.state_dir / "tokens" / "apismith_token"
    from_file = tmp_path / "token.txt"
    from_file.write_text(f"{TOKENS.service_token}\n")

    async def work(desk: Desk) -> None:
        await desk.press("7")
        for wrong, refusal in (("guessed", "APISmith"), ("@/no/such/file", "cannot be read")):
            await desk.press("A")
            await desk.sees("A new token for APISmith")
            await desk.type(wrong)
            assert wrong not in desk.text
            await desk.press("enter")
            await desk.sees(refusal)
            await desk.rest()
            assert not kept.exists()
            assert "guessed" not in desk.text + desk.said
        await desk.press("A")
        await desk.type(f"@{from_file}")
        await desk.press("enter")
        await desk.sees("APISmith takes the new token")
        assert TOKENS.service_token not in desk.text + desk.said

    at_the_desk(world, work)
    assert kept.read_text() == TOKENS.service_token
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert world.metadata("SELECT actor, act, subject FROM audit_log WHERE act LIKE 'token%'") == [
        ("olga", "token.replace", "APISmith")
    ]


def test_a_read_only_console_takes_no_token(world: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("7", "A")
        await desk.sees("read-only")
        assert "A new token for" not in desk.text

    at_the_desk(world, work, Manner(read_only=True))


EDITOR = """
import pathlib, sys
script, file = pathlib.Path(__file__), pathlib.Path(sys.argv[1])
steps = sorted(script.parent.glob("step*"))
file.write_text(file.read_text() + steps[0].read_text())
steps[0].unlink()
"""


def test_keys_are_edited_and_hold_at_once(field: Field, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a real terminal, which the editor is given; the first draft is wrong, and the second mends it."""
    script = tmp_path / "editor.py"
    script.write_text(EDITOR)
    (tmp_path / "step1").write_text("settings.bell: nonsense+x\n")
    (tmp_path / "step2").write_text("settings.bell: f9\nrules.remove: f8\n")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", shlex.join([sys.executable, str(script)]))
    terminal = Terminal(field.settings, rows=36, columns=120)
    try:
        terminal.shows("● 4 well")
        terminal.type("7")
        terminal.shows("APISMITH_URL")
        terminal.type("K")
        terminal.shows("nonsense+x")
        file = Path(str(field.settings["state_dir"])) / "console" / "keys.yaml"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert {"# failed.retry: t", "# rules.remove: d"} <= set(file.read_text().splitlines())
        file.write_text(file.read_text().replace("settings.bell: nonsense+x\n", ""))
        terminal.type("y")
        terminal.shows("2 keys are your own.")
        terminal.type("\x1b[20~")
        terminal.shows("The bell rings for what needs you.")
        until(lambda: not list(tmp_path.glob("step*")), "both edits")
    finally:
        terminal.close()


def test_where_no_editor_can_be_opened_it_says_where_the_keys_are(world: World) -> None:
    async def work(desk: Desk) -> None:
        await desk.press("7", "K")
        await desk.sees("An editor cannot be opened in this terminal.", "Keys are changed in")

    at_the_desk(world, work)
