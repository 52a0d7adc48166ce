"""Every screen in four languages, from the smallest size on, as it is painted: words, order, and what is cut off.

What differs from run to run (figures of time, numbers of batches, places of the machine) is not compared. After a
change that is meant: `pytest tests/tui/test_snapshots.py --snapshot-update`, and read the difference.
"""

import re
import unicodedata
from collections.abc import Iterator

import pytest
from syrupy.assertion import SnapshotAssertion

from syncflow.i18n.catalog import ENGLISH, use
from tests.engine.conftest import World
from tests.engine.conftest import world as world  # a fixture
from tests.tui.desk import Desk, at_the_desk
from tests.tui.test_workflows import company as company  # a fixture
from tui.bridge import Manner

pytestmark = pytest.mark.integration

NUMBER_OF_A_BATCH = re.compile(r"\b[0-9a-f]{8}-[0-9a-f…-]*")
FIGURE = re.compile(r"#[#:.,/٫٬'’-]*#|#")
SMALL, USUAL = (80, 24), (120, 36)
WALK = (
    ("dashboard", ["1"], "orders"),
    ("entities", ["2"], "orders"),
    ("entity", ["2", "enter"], "id"),
    ("failed", ["4"], "N/A"),
    ("groups", ["4", "v"], "N/A"),
    ("record", ["4", "enter"], "CUSTOMER"),
    ("pending", ["5"], "id=C9"),
    ("schedules", ["6"], ""),
    ("help", ["5", "question_mark"], "⏎"),
    ("question", ["5", "asterisk", "t"], "y"),
)
"""A name, the keys that lead there from anywhere, and what is to be seen when it is read."""


def words(text: str) -> Iterator[str]:
    """The lines below the header, without what differs from run to run."""
    for line in text.splitlines()[1:]:
        line = NUMBER_OF_A_BATCH.sub("#", line)
        line = "".join("#" if unicodedata.category(sign) == "Nd" else sign for sign in line)
        line = " ".join(FIGURE.sub("#", line).split())
        if line:
            yield line


@pytest.mark.parametrize(
    ("language", "size"),
    [("en", SMALL), ("fa", SMALL), ("ar", SMALL), ("tr", SMALL), ("en", USUAL), ("fa", USUAL)],
    ids=["en-small", "fa-small", "ar-small", "tr-small", "en", "fa"],
)
def test_every_screen_says_what_it_said(
    company: World, language: str, size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    async def work(desk: Desk) -> None:
        await desk.until(lambda: len(desk.console.neighbours) == 2)
        desk.console.speak(language)
        for name, keys, seen in WALK:
            await desk.press(*keys)
            await desk.until(lambda seen=seen: seen in desk.text, f"{name}: {seen}")
            await still(desk)
            assert "\n".join(words(desk.text)) == snapshot(name=name)
            while len(desk.console.screen_stack) > 1:
                await desk.press("escape")

    try:
        at_the_desk(company, work, Manner(observe=True), size)
    finally:
        use(ENGLISH)


async def still(desk: Desk) -> None:
    """Until nothing changes any more, and no toast is there."""
    before: list[str] = []

    def same() -> bool:
        now = [*words(desk.text)]
        came, before[:] = now == before, now
        return came and not desk.console._notifications

    for _ in range(3):
        await desk.until(same, "rest")
