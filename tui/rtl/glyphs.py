"""The cells of a text in the order in which it is read: each glyph with its marks, where it comes from, its level."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import get_character_cell_size, split_graphemes

from tui.i18n.bidi_classes import REMOVED, bidi_class
from tui.i18n.joining import forms, has_letters

_LETTER = frozenset(("R", "AL", "NSM", "BN"))
_JOINER = "\u200d"
_KEEPS_TOGETHER = (_JOINER, "\ufe0f")
_CONTROLS = frozenset(("LRI", "RLI", "FSI", "PDI")) | REMOVED
_INVISIBLE = frozenset("\u200e\u200f\u061c")


class Glyph(NamedTuple):
    """`text` is one base character with its combining marks; `place` the base character's index in the source."""

    text: str
    place: int
    level: int


def glyphs(text: str, levels: Sequence[int], *, ligatures: bool) -> list[Glyph]:
    """What is shown of the text. The place of an alef that became a part of a lam is a blank at the end of its word;
    signs without width that steer are left out, since they have done their work."""
    if any(sign in text for sign in _KEEPS_TOGETHER):
        return _graphemes(text, levels)
    found: list[Glyph] = []
    start = 0
    for word in text.split(" "):
        for shown, offset in _cells(word, ligatures):
            found.append(Glyph(shown, start + offset, levels[start + offset]))
        start += len(word)
        if start < len(text):
            found.append(Glyph(" ", start, levels[start]))
            start += 1
    return found


@lru_cache(maxsize=16384)
def _cells(word: str, ligatures: bool) -> tuple[tuple[str, int], ...]:
    """Each glyph of a word with its marks, and the place of its base character. Words come again where lines do not."""
    shown = forms(word, ligatures=ligatures) if has_letters(word) else list(word)
    return tuple(_with_blanks(word, shown))


def _with_blanks(word: str, shown: Sequence[str]) -> Iterator[tuple[str, int]]:
    blanks: list[tuple[str, int]] = []
    base: tuple[str, int] | None = None
    for place, glyph in enumerate(shown):
        sign = word[place]
        if glyph and get_character_cell_size(sign) == 0:
            if not _steers(sign):
                base = (glyph, place) if base is None else (base[0] + glyph, base[1])
            continue
        if base is not None and glyph:
            yield base
            base = None
        if not glyph:
            blanks.append((" ", place))
            continue
        if blanks and bidi_class(sign) not in _LETTER:
            yield from blanks
            blanks = []
        base = (glyph, place)
    if base is not None:
        yield base
    yield from blanks


def _steers(sign: str) -> bool:
    return sign in _INVISIBLE or bidi_class(sign) in _CONTROLS


def _graphemes(text: str, levels: Sequence[int]) -> list[Glyph]:
    """Joined pictures and their like stay together as they are; letters beside them are not ligated. A joiner at their
    end, and a selector with nothing before it, are left out: they would change the glyph that comes to stand beside."""
    shown = forms(text, ligatures=False)
    found = []
    for start, end, width in split_graphemes(text)[0]:
        cluster = text[start:end].rstrip(_JOINER)
        if cluster and width:
            together = any(sign in cluster for sign in _KEEPS_TOGETHER)
            joined = "".join(shown[start : start + len(cluster)])
            found.append(Glyph(cluster if together else joined, start, levels[start]))
    return found
