"""The terminal is asked, told, and told back; and whatever is typed arrives."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tui.terminal import ROOT
from tests.waiting import PATIENCE_SECONDS as WAITING_SECONDS
from tests.waiting import until
from tui.guard import Undo
from tui.rtl.terminals import PATIENCE_SECONDS, Answers, Question, advice_for, order_for, question_for

VTE = b"\x1bP>|VTE(7003)\x1b\\\x1b[8;1$y\x1b[>65;7003;1c\x1b[?65;1;9c"
HANDS_OFF, AS_BEFORE = "\x1b[8l", "\x1b[8h"
KONSOLE = ("\x1b]50;BidiRenderingEnabled=false\x07", "\x1b]50;BidiRenderingEnabled=true\x07")


@pytest.mark.unit
@pytest.mark.parametrize(
    ("answers", "enter", "leave"),
    [
        (Answers("VTE(7600)", 1, "65;7600;1", "65;1;9"), HANDS_OFF, AS_BEFORE),
        (Answers(None, 1, "65;6003;1", "65;1;9"), HANDS_OFF, AS_BEFORE),
        (Answers(None, None, "65;5402;1", "62;c"), HANDS_OFF, AS_BEFORE),
        (Answers("mintty 3.7.0", None, "77;30700;0", "64"), HANDS_OFF, AS_BEFORE),
        (Answers("WezTerm 20240203", 2, "0;0;0", "65;4"), HANDS_OFF, HANDS_OFF),
        (Answers("Konsole 23.08.1", 0, "1;115;0", "62;1;4"), *KONSOLE),
        (Answers(None, None, "0;115;0", "1;2"), *KONSOLE),
        (Answers(None, None, "24;279;0", "63"), "\x1b]5379;use_ctl=false\x07", "\x1b]5379;use_ctl=true\x07"),
    ],
)  # fmt: skip
def test_terminals_that_order_lines_are_told_not_to(answers: Answers, enter: str, leave: str) -> None:
    order = order_for(answers, {})
    assert order is not None
    assert (order.enter, order.leave) == (enter, leave)


@pytest.mark.unit
@pytest.mark.parametrize(
    "answers",
    [
        Answers("XTerm(379)", 3, "41;379;0", "64;1;2"),
        Answers("ghostty 1.0", 0, "1;10;0", "62;22"),
        Answers("foot(1.16.2)", 0, "1;011602;0", "62;4"),
        Answers(None, 4, "0;10;1", "61;6"),
        Answers("tmux 3.4", None, "84;0;0", "1;2;4"),
        Answers("kitty(0.35.2)", 0, "1;4000;35", "62;c"),
        Answers(),
    ],
)
def test_others_are_told_nothing(answers: Answers) -> None:
    assert order_for(answers, {}) is None
    assert order_for(Answers("XTerm(379)"), {"KONSOLE_VERSION": "230801", "MLTERM": "3.9.0"}) is None


@pytest.mark.unit
def test_who_must_set_a_terminal_right_is_told_its_name() -> None:
    assert advice_for(Answers("tmux 3.4", None, "84;0;0")) == "tmux"
    assert advice_for(Answers("kitty(0.35.2)")) == "kitty"
    assert advice_for(Answers(None, None, "0;136;0")) == "PuTTY"
    assert advice_for(Answers("XTerm(379)", 3, "41;379;0")) is None


@pytest.mark.unit
def test_terminals_that_would_show_a_question_are_not_asked() -> None:
    assert question_for({"TERM": "linux"}) is None
    assert question_for({}) is None
    assert "$p" not in (question_for({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}) or "$p")
    assert (question_for({"TERM": "xterm-256color"}) or "").endswith("\x1b[c")


KEYS = st.sampled_from(
    [b"a", "س".encode(), b"\x1b", b"\x1b[A", b"\x1b[8;3~", b"\x1bP", b"\x1b[<0;3;4M", b"\x1b[1;5C", b"\r", b"\x1bOP"]
)  # fmt: skip
ANSWERS = (b"\x1bP>|VTE(7003)\x1b\\", b"\x1b[8;1$y", b"\x1b[>65;7003;1c", b"\x1b[?65;1;9c")


@pytest.mark.unit
@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(KEYS, max_size=3), min_size=5, max_size=5), st.data())
def test_keys_typed_between_the_answers_arrive_whole_and_in_order(
    typed: list[list[bytes]], data: st.DataObject
) -> None:
    """However the bytes are cut into pieces, as long as no key is cut by an answer."""
    heard: list[Answers] = []
    question = Question(heard.append, lambda: 0.0)
    stream = b"".join(typed[0])
    for answer, keys in zip(ANSWERS, typed[1:], strict=True):
        stream += answer + b"".join(keys)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=6)))
    arrived = b""
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        arrived += question.take(stream[start:end])
    arrived += question.take(b"")
    assert arrived == b"".join(b"".join(keys) for keys in typed)
    assert heard == [Answers("VTE(7003)", 1, "65;7003;1", "65;1;9")]


@pytest.mark.unit
def test_an_escape_key_waits_for_a_moment_only() -> None:
    now = [0.0]
    question = Question(lambda _answers: None, lambda: now[0])
    assert question.take(b"x\x1b") == b"x"
    now[0] = 0.1
    assert question.tick() == b"\x1b"
    assert question.take(b"\x1b[?6") == b""
    assert question.tick() == b""
    now[0] = 0.5
    assert question.tick() == b"\x1b[?6"


@pytest.mark.unit
def test_a_terminal_that_says_nothing_is_not_waited_for() -> None:
    now = [0.0]
    heard: list[Answers] = []
    question = Question(heard.append, lambda: now[0])
    now[0] = PATIENCE_SECONDS + 0.1
    question.tick()
    assert heard == [Answers()]
    assert question.take(b"\x1b[?6") == b"\x1b[?6"


@pytest.mark.unit
def test_what_is_to_be_undone_crosses_to_another_process() -> None:
    undo = Undo()
    undo.keep("\x1b[8h and more")
    child = os.fork()
    if child == 0:
        undo.keep(AS_BEFORE)
        os._exit(0)
    os.waitpid(child, 0)
    assert undo.words == AS_BEFORE
    undo.keep("")
    assert undo.words == ""
    with pytest.raises(IndexError):
        undo.keep("x" * 1000)


CONSOLE = """
import sys
from tests.tui.i18n.desks import Desk
from tests.tui.i18n.persian import speaking
from tui.guard import guarded

def run(alive, undo):
    with speaking("fa"):
        desk = Desk()
        desk.remember_order = undo.keep
        desk.run()
    print("typed:", desk.typed)
    return 0

sys.exit(guarded(run))
"""


class Emulator:
    """The other end of a pseudo-terminal: reads what is written, and answers the question as some terminal does."""

    def __init__(self, answer: bytes) -> None:
        self._master, slave = os.openpty()
        self.written = b""
        self._answer = answer
        self._answered = False
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONSOLE],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "24"},
            start_new_session=True,
        )
        os.close(slave)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while piece := os.read(self._master, 65536):
                self.written += piece
                if b"\x1b[>q" in self.written and not self._answered:
                    self._answered = True
                    self.type(self._answer)
        except OSError:
            return

    def type(self, data: bytes) -> None:
        os.write(self._master, data)

    def shows(self, words: bytes) -> None:
        until(lambda: words in self.written, f"{words!r}")

    @property
    def console(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])


@contextmanager
def emulator(answer: bytes) -> Iterator[Emulator]:
    made = Emulator(answer)
    try:
        yield made
    finally:
        with suppress(IndexError, OSError):  # it may be gone already, and so may its parent
            os.kill(made.console, signal.SIGKILL)
        made.process.kill()
        made.process.wait()


def _between(text: bytes, *wanted: bytes) -> None:
    """These stand in the text in this order."""
    place = 0
    for words in wanted:
        place = text.find(words, place)
        assert place >= 0, (words, text[:80], text[-80:])
        place += len(words)


@pytest.mark.integration
def test_a_terminal_is_told_before_its_other_screen_and_told_back_after_it() -> None:
    with emulator(b"x" + VTE[:9] + VTE[9:] + "ی".encode()) as terminal:
        terminal.shows(b"\x1b[8l\x1b[?1049h")
        written = len(terminal.written)
        terminal.type(b"z")
        until(lambda: b"z" in terminal.written[written:], "z on the screen")
        terminal.type(b"\x11")
        assert terminal.process.wait(timeout=WAITING_SECONDS) == 0
        terminal.shows(b"typed:")
        _between(terminal.written, b"\x1b[>q", b"\x1b[8l\x1b[?1049h", "ﺖﯿﻌﺿﻭ".encode(), b"\x1b[?1049l\x1b[8h")
        assert "typed: xیz".encode() in terminal.written


@pytest.mark.integration
def test_a_killed_console_leaves_the_terminal_its_own_order() -> None:
    with emulator(VTE) as terminal:
        terminal.shows(b"\x1b[8l\x1b[?1049h")
        terminal.shows("ﺖﯿﻌﺿﻭ".encode())
        os.kill(terminal.console, signal.SIGKILL)
        assert terminal.process.wait(timeout=WAITING_SECONDS) == 128 + signal.SIGKILL
        _between(terminal.written, b"\x1b[8l\x1b[?1049h", b"\x1b[?1049l", b"\x1b[8h", b"SIGKILL")


@pytest.mark.integration
def test_a_suspended_console_gives_the_terminal_back_and_takes_it_again() -> None:
    with emulator(VTE) as terminal:
        terminal.shows(b"\x1b[8l\x1b[?1049h")
        console = terminal.console
        os.kill(console, signal.SIGTSTP)
        terminal.shows(b"\x1b[?1049l\x1b[8h")
        until(lambda: _state(console) == "T", "stop")
        written = len(terminal.written)
        os.kill(terminal.process.pid, signal.SIGCONT)
        until(lambda: b"\x1b[8l\x1b[?1049h" in terminal.written[written:], "other screen")


@pytest.mark.integration
def test_an_xterm_is_told_nothing() -> None:
    with emulator(b"\x1bP>|XTerm(379)\x1b\\\x1b[8;3$y\x1b[>41;379;0c\x1b[?64;1;2c") as terminal:
        terminal.shows("ﺖﯿﻌﺿﻭ".encode())
        terminal.type(b"\x11")
        assert terminal.process.wait(timeout=WAITING_SECONDS) == 0
        assert HANDS_OFF.encode() not in terminal.written
        assert terminal.written.count(b"\x1b[?1049h") == 1


def _state(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
