"""Keys of other keyboards do what lies at their place; what takes text gets what was typed."""

import pytest
from textual.events import Key
from textual.widgets import Input

from syncflow.i18n import catalog
from tests.tui.i18n.desks import persian_desk
from tests.tui.i18n.persian import speaking
from tui.keyboard_layouts import by_place
from tui.widgets.lazy_table import LazyTable

pytestmark = pytest.mark.unit


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def _key(sign: str, language: str, *bound: str, prefix: str = "") -> str:
    return by_place(Key(prefix + sign, None if prefix else sign), language, lambda: bound).key


@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [
        ("fa", "ضصثقفغعهخح", "qwertyuiop"),
        ("fa", "شسیبلاتنمک", "asdfghjkl;"),
        ("fa", "ظطزرذدپ", "zxcvbnm"),
        ("fa", "۱۲۳۴۵۶۷۸۹۰", "1234567890"),
        ("fa", "ؤئيإأآة", "ASDFGHJ"),
        ("fa", "؟", "?"),
        ("ar", "ضصثقفغعهخح", "qwertyuiop"),
        ("ar", "شسيبلاتنمك", "asdfghjkl;"),
        ("ar", "ئءؤرﻻىة", "zxcvbnm"),
        ("ar", "ذطظدجزو", "`'/][.,"),
        ("ar", "١٢٣٤٥٦٧٨٩٠", "1234567890"),
        ("tr", "ığüşöçİĞ", "i[];,.I{"),
        ("en", "ضصثقشس", "qweras"),
        ("en", "۱٢", "12"),
    ],
)  # fmt: skip
def test_letters_mean_the_key_at_their_place(language: str, typed: str, meant: str) -> None:
    found = [by_place(Key(sign, sign), language, tuple) for sign in typed]
    assert [key.character for key in found] == list(meant)


def test_the_same_letter_lies_elsewhere_on_another_keyboard() -> None:
    assert _key("د", "fa") == "n"
    assert _key("د", "ar") == "right_square_bracket"
    assert _key("د", "fa", "right_square_bracket") == "right_square_bracket", "what is bound is more likely meant"


def test_what_is_bound_as_it_is_stays_as_it_is() -> None:
    assert _key("ق", "fa", "ق") == "ق"
    assert _key("r", "fa") == "r"
    assert _key("i", "tr", "i", "apostrophe") == "i"


def test_signs_of_an_arabic_keyboard_stand_for_the_capitals_at_their_place() -> None:
    assert _key("{", "ar", "R", "V") == "V", "it is shift+v there"
    assert _key("]", "ar", "D") == "D"
    assert _key("]", "ar", "D", "]") == "]"
    assert _key("]", "en", "D") == "]"
    assert _key("]", "ar") == "]"


def test_modifiers_stay_with_the_key() -> None:
    assert _key("ق", "fa", prefix="ctrl+") == "ctrl+r"
    assert _key("ی", "fa", prefix="alt+") == "alt+d"
    assert _key("plus", "fa", "plus") == "plus"


@pytest.mark.anyio
@pytest.mark.parametrize("language", ["fa", "en"])
async def test_bindings_hear_a_persian_keyboard_and_fields_get_its_letters(language: str) -> None:
    async with persian_desk() as (desk, pilot):
        with speaking(language):
            assert catalog.language() == language
            desk.query_one(LazyTable).focus()
            await pilot.press("ق", "ج", "ctrl+ق", "ı")
            assert desk.done == ["r", "[", "ctrl+r", "i"]
            await pilot.press("ت", "ت")
            assert desk.query_one(LazyTable).cursor == 2
            desk.query_one("#filter", Input).focus()
            await pilot.press("ق", "۵")
            assert desk.query_one("#filter", Input).value == "ق۵"
            assert desk.done == ["r", "[", "ctrl+r", "i"]
