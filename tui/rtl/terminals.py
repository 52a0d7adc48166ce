"""Which terminal this is, and what it must be told so that it leaves the order of a line to the console.

Four questions are written at once, the last of which every terminal answers: name and version (XTVERSION), its mode for
bidirectional text (DECRQM 8), its second and its first device attributes (DA2, DA1). Nothing waits for the answers:
they are picked out of what comes in, and what is typed meanwhile goes its way.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

QUESTION = "\x1b[>q\x1b[8$p\x1b[>c\x1b[c"
_WITHOUT_MODE = "\x1b[>q\x1b[>c\x1b[c"
PATIENCE_SECONDS = 5.0
"""How long answers are looked for; after that, what comes in is typed."""
_MOMENT_SECONDS = 0.3
"""How long the beginning of an answer is held back; an Esc that is typed looks like one."""
_ANSWER = re.compile(
    rb"\x1bP>\|(?P<version>[^\x1b\x07]*)(?:\x1b\\|\x07)"
    rb"|\x1b\[8;(?P<mode>[0-4])\$y"
    rb"|\x1b\[>(?P<second>[0-9;]*)c"
    rb"|\x1b\[\?(?P<first>[0-9;]*)c"
)
_BEGUN = re.compile(rb"\x1b(?:P(?:>(?:\|(?:[^\x1b\x07]*\x1b?))?)?|\[(?:8(?:;[0-4]?\$?)?|[>?][0-9;]*)?)?\Z")


@dataclass(frozen=True)
class Answers:
    """What the terminal said of itself; None where it said nothing. `mode` is 0 for a mode it does not know, 1 or 2 for
    one that is set or not, 3 or 4 for one that cannot be changed."""

    version: str | None = None
    mode: int | None = None
    second: str | None = None
    first: str | None = None


@dataclass(frozen=True)
class BidiOrder:
    """What a terminal is told, and what it is told back."""

    enter: str
    leave: str


_HANDS_OFF = "\x1b[8l"
_KONSOLE = BidiOrder("\x1b]50;BidiRenderingEnabled=false\x07", "\x1b]50;BidiRenderingEnabled=true\x07")
_MLTERM = BidiOrder("\x1b]5379;use_ctl=false\x07", "\x1b]5379;use_ctl=true\x07")


def order_for(answers: Answers, environment: Mapping[str, str]) -> BidiOrder | None:
    """What this terminal must be told; None where nothing is to be said. OSC 50 is said to Konsole alone: to others it
    is a font."""
    version = answers.version or ""
    second = (answers.second or "").split(";")
    if version.startswith("Konsole") or second[1:2] == ["115"] or (not version and "KONSOLE_VERSION" in environment):
        return _KONSOLE
    if version.startswith("mlterm") or second[:2] == ["24", "279"] or (not version and "MLTERM" in environment):
        return _MLTERM
    if answers.mode in (1, 2):
        return BidiOrder(_HANDS_OFF, "\x1b[8h" if answers.mode == 1 else _HANDS_OFF)
    if answers.mode is None and (version.startswith(("VTE", "mintty", "WezTerm")) or second[0] in ("65", "77")):
        return BidiOrder(_HANDS_OFF, "\x1b[8h")
    return None


def advice_for(answers: Answers) -> str | None:
    """The name of a terminal that is set right by its user alone."""
    version = (answers.version or "").lower()
    second = (answers.second or "").split(";")
    if version.startswith("tmux") or second[0] == "84":
        return "tmux"
    if version.startswith("kitty") or second[:2] == ["1", "4000"]:
        return "kitty"
    return "PuTTY" if version.startswith("putty") or second[:2] == ["0", "136"] else None


def question_for(environment: Mapping[str, str]) -> str | None:
    """What to ask; None for terminals that show questions instead of answering them."""
    if environment.get("TERM", "dumb") in ("linux", "dumb"):
        return None
    return _WITHOUT_MODE if environment.get("TERM_PROGRAM") == "Apple_Terminal" else QUESTION


class Question:
    """Hears the answers. `then` is called once, by the thread that reads, with what has been said."""

    def __init__(self, then: Callable[[Answers], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._then = then
        self._clock = clock
        self._asked_at = clock()
        self._answers = Answers()
        self._held = b""
        self._held_at = 0.0
        self._is_over = False

    def take(self, data: bytes) -> bytes:
        """What was read, without answers and without what may become one."""
        if self._is_over:
            return data
        typed = _ANSWER.sub(self._hear, self._held + data)
        begun = _BEGUN.search(typed)
        self._held = b""
        if begun is not None and not self._is_over:
            typed, self._held = typed[: begun.start()], begun[0]
            self._held_at = self._clock()
        return typed

    def tick(self) -> bytes:
        """What was held back too long to be an answer; and an end to the waiting when it has been long enough."""
        now = self._clock()
        held = self._held
        if now - self._asked_at > PATIENCE_SECONDS:
            self._end()
        elif now - self._held_at < (_MOMENT_SECONDS if len(held) > 1 else 0):
            return b""
        self._held = b""
        return held

    def _hear(self, answer: "re.Match[bytes]") -> bytes:
        said = {name: words.decode("latin-1") for name, words in answer.groupdict().items() if words is not None}
        before = self._answers
        self._answers = Answers(
            said.get("version", before.version),
            int(said["mode"]) if "mode" in said else before.mode,
            said.get("second", before.second),
            said.get("first", before.first),
        )
        if answer["first"] is not None:
            self._end()
        return b""

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._then(self._answers)
