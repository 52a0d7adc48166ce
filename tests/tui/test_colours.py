"""The main screens as pictures: colours, emphasis and places, dark and light, and without any colour.

Figures, numbers of batches and times differ from run to run and are painted as `#`. After a change that is meant:
`pytest tests/tui/test_colours.py --snapshot-update`, and look at the pictures.
"""

import html
import re
import unicodedata

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy.assertion import SnapshotAssertion

from syncflow.i18n.catalog import ENGLISH, use
from tests.engine.conftest import World
from tests.engine.conftest import world as world  # a fixture
from tests.tui.desk import Desk, at_the_desk
from tests.tui.test_snapshots import still
from tests.tui.test_workflows import company as company  # a fixture
from tui.bridge import Manner
from tui.theme import DARK, LIGHT

pytestmark = pytest.mark.integration

WALK = (("failed", ["4"], "N/A"), ("record", ["4", "enter"], "CUSTOMER"), ("groups", ["4", "v"], "N/A"))
HASH = re.compile(r"[0-9a-f]{8}-[0-9a-f…-]*")
FIRST_LINE = re.compile(r"<text[^>]*line-0\)[^>]*>[^<]*</text>")
"""Names the database, which is another one each time."""
WORDS = re.compile(r"(?<=>)[^<>]+(?=</text>)")


@pytest.mark.parametrize(
    ("language", "theme"),
    [("en", DARK.name), ("en", LIGHT.name), ("fa", DARK.name), ("en", "")],
    ids=["en-dark", "en-light", "fa-dark", "en-colourless"],
)
def test_the_main_screens_look_as_they_did(
    company: World, language: str, theme: str, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not theme:
        monkeypatch.setenv("NO_COLOR", "1")

    async def work(desk: Desk) -> None:
        await desk.until(lambda: len(desk.console.neighbours) == 2)
        desk.console.theme = theme or DARK.name
        desk.console.speak(language)
        for name, keys, seen in WALK:
            await desk.press(*keys)
            await desk.until(lambda seen=seen: seen in desk.text, f"{name}: {seen}")
            await still(desk)
            painted = FIRST_LINE.sub("", desk.console.export_screenshot(title="SyncFlow"))
            picture = WORDS.sub(_without_figures, painted)
            assert picture == snapshot(name=name, extension_class=SVGImageExtension)
            while len(desk.console.screen_stack) > 1:
                await desk.press("escape")

    try:
        at_the_desk(company, work, Manner(observe=True), (100, 24))
    finally:
        use(ENGLISH)


def _without_figures(words: re.Match[str]) -> str:
    text = HASH.sub(lambda found: "#" * len(found[0]), html.unescape(words[0]))
    return html.escape("".join("#" if unicodedata.category(sign) == "Nd" else sign for sign in text))
