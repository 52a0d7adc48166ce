"""The console in Persian in real terminal emulators: what stands there letter by letter, and what is left behind."""

import os
import shlex
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.tui.i18n.emulators import BLOCKS, ROWS, Emulator, Ink, emulator, missing
from tests.tui.terminal import ROOT, START
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TABS = "ﺎﻫﻪﺘﺳﺩ 3 ﺎﻫﺖﯾﺩﻮﺟﻮﻣ 2"
"""Two names among the screens' as they are to be seen, from left to right and letter by letter."""
SHELLS_WORDS = "سلام دنیا abc"


@pytest.mark.parametrize("name", ["xterm", "VTE"])
def test_the_console_reads_right_and_leaves_the_terminal_as_it_was(name: str, tmp_path: Path) -> None:
    if (lacking := missing(name)) is not None:
        pytest.skip(lacking)
    height, tabs = _painted(name, TABS, tmp_path / "tabs")
    _height, swapped = _painted(name, TABS[::-1], tmp_path / "swapped")
    start = shlex.join([sys.executable, "-c", START, "--lang", "fa"])
    script = f"echo '{SHELLS_WORDS}'; cd {shlex.quote(str(ROOT))}; {start}; echo '{SHELLS_WORDS}'; sleep 600"
    settings = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "STATE_DIR": str(tmp_path)}
    with emulator(name, script, tmp_path / "console", settings) as terminal:
        until(lambda: _stands_in(tabs, terminal.line(1, height)), "names of screens that read right")
        assert not _stands_in(swapped, terminal.line(1, height))
        os.kill(terminal.deepest, signal.SIGKILL)
        until(lambda: _reads_as_before(terminal, height), "line that reads as the one before the console")


def _painted(name: str, words: str, folder: Path) -> tuple[int, Ink]:
    """How high a line is, and these words with every letter where it is written, by a terminal that keeps its hands
    off."""
    lines = "\\n".join(["█"] * BLOCKS + [words, ""])
    with emulator(name, f"printf '\\033[8l{lines}'; sleep 600", folder, {}) as terminal:
        until(lambda: terminal.height and terminal.line(BLOCKS, terminal.height).any(), "words")
        time.sleep(1)  # what is painted in pieces is whole by then
        height = terminal.height
        ink = terminal.line(BLOCKS, height)
    (columns,) = np.nonzero(ink.any(axis=0))
    return height, ink[:, columns[0] : columns[-1] + 1]


def _stands_in(words: Ink, line: Ink) -> bool:
    width = words.shape[1]
    return any(np.array_equal(line[:, at : at + width], words) for at in range(line.shape[1] - width + 1))


def _reads_as_before(terminal: Emulator, height: int) -> bool:
    before = terminal.line(0, height)
    return bool(before.any()) and any(np.array_equal(before, terminal.line(row, height)) for row in range(1, ROWS))
