"""The order of lines: Unicode's own conformance test, other people's implementations, and what must always hold."""

import lzma
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import arabic_reshaper
import pytest
from bidi.algorithm import get_display
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import TRANSPARENT

from tui.i18n.bidi import levels, paragraph_level, reordered
from tui.i18n.joining import forms
from tui.i18n.mirrors import MIRRORED, PARTNERS
from tui.rtl.filters import FILTERS
from tui.rtl.line import Manner, ordered

UNICODES_OWN = Path(__file__).parent / "BidiCharacterTest.txt.xz"
SENTENCES = (
    "سلام دنیا",
    "شرکت پخش پگاه تهران",
    "این دسته با ۱۲ خطا پایان یافت؛ دوباره تلاش کنید.",
    "هیچ ردیفی نمی‌خواند (پالایه را تغییر دهید).",
    "مرحبا بالعالم، كيف الحال؟",
    "فشل تحميل السجلات: انتهت المهلة",
    "لا إله إلا الله",
    "گزارش پژوهش چاپ شد",
    "الآن لأن الإجابة بالأمس",
)


WRITTEN_BY_HAND = 231
"""The cases that the file begins with; those after them are permutations."""


def _cases(step: int) -> Iterator[tuple[str, int | None, list[int | None], list[int]]]:
    with lzma.open(UNICODES_OWN, "rt", encoding="utf-8") as lines:
        told = [line.split("#")[0].strip() for line in lines]
    cases = [line for line in told if line]
    for line in cases if step == 1 else cases[:WRITTEN_BY_HAND] + cases[WRITTEN_BY_HAND::step]:
        codes, direction, _paragraph, found, order = line.split(";")
        text = "".join(chr(int(code, 16)) for code in codes.split())
        wanted = [None if level == "x" else int(level) for level in found.split()]
        yield text, None if direction == "2" else int(direction), wanted, [int(place) for place in order.split()]


def _check(step: int) -> int:
    number = 0
    for text, base, wanted, order in _cases(step):
        number += 1
        found = levels(text, base)
        assert found == wanted, [f"{ord(sign):04X}" for sign in text]
        assert reordered(found) == order, [f"{ord(sign):04X}" for sign in text]
    return number


@pytest.mark.unit
def test_cases_of_unicodes_conformance_test() -> None:
    assert _check(50) > 2000


@pytest.mark.unit
@pytest.mark.slow
def test_every_case_of_unicodes_conformance_test() -> None:
    assert _check(1) == 91707


def _visual(text: str, base: int) -> str:
    """As the oracle shows it, which knows nothing of paired brackets: reordered and mirrored, not joined."""
    found = levels(text, base)
    signs = []
    for place in reordered(found):
        level = found[place]
        assert level is not None
        signs.append(PAIRS.get(text[place], text[place]) if level % 2 else text[place])
    return "".join(signs)


PAIRS = {**PARTNERS, **{closing: opening for opening, closing in PARTNERS.items()}, "<": ">", ">": "<"}
MIXED = st.text(alphabet="abzאבگپچژسلام يةב ۱۲٣٤129.,:;-+/%$<> \"'!?،؛", max_size=24)


@pytest.mark.unit
@settings(max_examples=300, deadline=None)
@given(MIXED, st.sampled_from([0, 1]))
def test_the_order_is_that_of_another_implementation(text: str, base: int) -> None:
    assert _visual(text, base) == get_display(text, base_dir="LR"[base])


@pytest.mark.unit
@pytest.mark.parametrize("sentence", SENTENCES)
def test_letters_join_as_another_implementation_joins_them(sentence: str) -> None:
    reshaper = arabic_reshaper.ArabicReshaper({"delete_harakat": False, "support_zwj": False})
    ours = "".join(forms(sentence, ligatures=True)).replace("\u200c", "")
    theirs = reshaper.reshape(sentence).replace("\u200c", "")
    assert _plain_allah(ours) == _plain_allah(theirs)


def _plain_allah(text: str) -> str:
    """The one ligature of whole words that the other makes and a screen of cells does not."""
    return text.replace("\ufdf2", "ﺍﻟﻠﻪ")


@pytest.mark.unit
def test_random_words_join_as_another_implementation_joins_them() -> None:
    reshaper = arabic_reshaper.ArabicReshaper({"support_ligatures": True, "delete_harakat": False})
    dice = random.Random(7)
    for _ in range(500):
        word = "".join(dice.choices("ابپتثجچحخدذرزژسشصضطظعغفقکكگلمنوهیيةءآأإؤئى", k=dice.randint(1, 9)))
        if "اله" in word or "الله" in word:
            continue
        assert "".join(forms(word, ligatures=True)) == reshaper.reshape(word), word


SIGNS = st.one_of(
    st.sampled_from(
        "سلامگچپژکیآأإلاةـ ۱۲٣ azAZ09.,()[]<>-/:|\"'│┌▊▐→●◆\u200c\u200d\u200f\u200e\u064b\u0651漢字👍\ufe0f"
    ),
    st.sampled_from(["لا", "لأ", "لَا", "سلام", "ab-1", "  "]),
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]),
)
ANY = st.lists(SIGNS, max_size=30).map("".join)
STYLES = [Style(color="red"), Style(bold=True), Style(bgcolor="blue"), None]
LINES = st.lists(st.tuples(ANY, st.sampled_from(STYLES)), max_size=6)


@pytest.mark.unit
@settings(max_examples=400, deadline=None)
@given(LINES, st.sampled_from(list(Manner)))
def test_a_line_in_order_is_as_wide_as_it_was(parts: list[tuple[str, Style | None]], manner: Manner) -> None:
    segments = [Segment(text, style) for text, style in parts]
    filtered = FILTERS[manner].apply(segments, TRANSPARENT)
    assert sum(cell_len(segment.text) for segment in filtered) == sum(cell_len(segment.text) for segment in segments)


LETTERS = st.text(alphabet="سلام گچپ ۱۲ ab 47-1 () .،؟ →│  ", min_size=1, max_size=40)


@pytest.mark.unit
@settings(max_examples=300, deadline=None)
@given(LETTERS, st.sampled_from(list(Manner)), st.data())
def test_styles_follow_their_characters(line: str, manner: Manner, data: st.DataObject) -> None:
    """Each character in a style of its own: on the screen each glyph still has that of the character it shows."""
    cuts = sorted(data.draw(st.sets(st.integers(1, max(len(line) - 1, 1)), max_size=5)))
    bounds = [0, *[cut for cut in cuts if cut < len(line)], len(line)]
    segments = [Segment(line[start:end], Style(meta={"from": start})) for start, end in pairwise(bounds)]
    style_at = [segment.style for segment in segments for _ in segment.text]
    filtered = FILTERS[manner].apply(segments, TRANSPARENT)
    painted = [(sign, segment.style) for segment in filtered for sign in segment.text]
    spans = ordered(line, manner)
    if spans is None:
        assert [style for _sign, style in painted] == style_at
        return
    places = [span.first + number * span.step for span in spans for number in range(len(span.text))]
    assert [style for _sign, style in painted] == [style_at[place] for place in places]
    assert "".join(sign for sign, _style in painted) == "".join(span.text for span in spans)


def shown(line: str, manner: Manner = Manner.TEXT) -> str:
    spans = ordered(line, manner)
    return line if spans is None else "".join(span.text for span in spans)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("سفارش  Order", "Order  ﺵﺭﺎﻔﺳ"),
        ("◆ SalesOrder", "SalesOrder ◆"),
        ("Is it so?", "Is it so?"),
        ("│ متن │", "│ ﻦﺘﻣ │"),
        ("┌─ متن ─┐", "┌─ ﻦﺘﻣ ─┐"),
        ("├──┘", "└──┤"),
        ("شناسه 4711-A (تازه)", "(ﻩﺯﺎﺗ) 4711-A ﻪﺳﺎﻨﺷ"),
        ("از https://host/a?b=1، آری", "ﯼﺭﺁ ،https://host/a?b=1 ﺯﺍ"),
        ("زمان ۱۴۰۵-۰۹-۰۲ است", "ﺖﺳﺍ ۱۴۰۵-۰۹-۰۲ ﻥﺎﻣﺯ"),
        ("الف → ب", "ﺏ ← ﻒﻟﺍ"),
        ("می‌رود", "ﺩﻭﺭ ﯽﻣ".replace(" ", "")),
        ("سلام ما", "ﺎﻣ  ﻡﻼﺳ"),
        ("کد ORA-1: no such row (X.Y).", ".ORA-1: no such row (X.Y) ﺪﮐ"),
        ("▊ متن ▎", "▊ ﻦﺘﻣ ▎"),
        ("SITE  'S04   '", "'S04   '  SITE"),
        ("LEVEL  ' 1  ' → '1'", "' 1  ' → '1'  LEVEL"),
        ("مقدار 'S04   ' عدد", "ﺩﺪﻋ 'S04   ' ﺭﺍﺪﻘﻣ"),
    ],
)  # fmt: skip
def test_a_line_reads_right(line: str, wanted: str) -> None:
    assert shown(line) == wanted


@pytest.mark.unit
def test_columns_keep_their_places_whatever_stands_in_them() -> None:
    """The beginning of each column lies where the layout put it, counted from the right."""
    for first in ("کد", "ab", "1-2", "(x)"):
        line = f"{first:<12}  {'نام':<10}  {'v1.2':<8}"
        painted = shown(line)
        assert painted[::-1].index("ﻡﺎﻧ"[::-1]) == line.index("نام")
        assert painted.index("v1.2") == len(line) - line.index("v1.2") - 4


@pytest.mark.unit
def test_an_island_stays_but_for_what_is_written_the_other_way() -> None:
    assert shown('  "name": "سلام دنیا", "n": 5', Manner.ISLAND) == '  "name": "ﺎﯿﻧﺩ ﻡﺎﻠﺳ", "n": 5'
    assert ordered('  "name": "x" → (1)', Manner.ISLAND) is None


@pytest.mark.unit
def test_a_field_gives_each_character_its_own_glyph() -> None:
    assert shown("سلام ", Manner.FIELD_LEFT) == " ﻡﺎﻠﺳ"
    assert shown("status:سلام ", Manner.FIELD_RIGHT) == "status:ﻡﺎﻠﺳ "


@pytest.mark.unit
def test_a_mirror_image_mirrored_is_the_glyph_itself() -> None:
    assert all(MIRRORED[other] == one for one, other in MIRRORED.items())
    assert paragraph_level("۱ - سلام") == 1
