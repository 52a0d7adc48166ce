"""Arabic and Persian letters as the forms in which they join, for screens that show one code point a cell.

The forms are those of Unicode's presentation blocks. A letter without such forms stays as it is and joins nothing. The
letters must stand in the order in which they are read.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache

LAM = "\u0644"
NON_JOINER = "\u200c"
JOINER = "\u200d"
STRETCH = "\u0640"
_FORM_BLOCKS = (range(0xFB50, 0xFC00), range(0xFE70, 0xFEFD))
_ISOLATED, _FINAL, _INITIAL, _MEDIAL = 0, 1, 2, 3
_NAMES = {"<isolated>": _ISOLATED, "<final>": _FINAL, "<initial>": _INITIAL, "<medial>": _MEDIAL}


def _presentation_forms() -> dict[str, dict[int, str]]:
    """What a letter, or lam and an alef, looks like in each position, by Unicode's compatibility decompositions."""
    forms: dict[str, dict[int, str]] = {}
    for code in (code for block in _FORM_BLOCKS for code in block):
        name, *parts = unicodedata.decomposition(chr(code)).split() or ("",)
        letters = "".join(chr(int(part, 16)) for part in parts)
        if name in _NAMES and (len(letters) == 1 or (len(letters) == 2 and letters[0] == LAM)):
            forms.setdefault(letters, {}).setdefault(_NAMES[name], chr(code))
    return forms


_FORMS = _presentation_forms()
_TO_NEXT = frozenset(letter for letter, forms in _FORMS.items() if _INITIAL in forms) | {STRETCH, JOINER}
"""What joins the letter that follows it."""
_TO_LAST = frozenset(letter for letter, forms in _FORMS.items() if _FINAL in forms) | {STRETCH, JOINER}
"""What joins the letter before it."""
ALEFS = frozenset(letters[1] for letters in _FORMS if len(letters) == 2 and letters[1] in "\u0622\u0623\u0625\u0627")
"""The letters that make one glyph with a lam before them."""


@cache
def is_transparent(sign: str) -> bool:
    """Whether letters join as if it were not there: combining marks and most invisible signs."""
    if sign in (NON_JOINER, JOINER):
        return False
    return unicodedata.category(sign) in ("Mn", "Me", "Cf") and not "\u2066" <= sign <= "\u2069"


def has_letters(text: str) -> bool:
    """Whether there is anything to join."""
    return any(sign in _FORMS for sign in text)


def forms(text: Sequence[str], *, ligatures: bool) -> list[str]:
    """The glyph of each character. With `ligatures`, lam and alef are one glyph in the place of the lam, and the alef's
    place is empty."""
    glyphs = list(text)
    letters = [place for place, sign in enumerate(text) if not is_transparent(sign)]
    for number, place in enumerate(letters):
        if text[place] not in _FORMS or not glyphs[place]:
            continue
        before = text[letters[number - 1]] if number else ""
        after_place = letters[number + 1] if number + 1 < len(letters) else -1
        after = text[after_place] if after_place >= 0 else ""
        joined = before in _TO_NEXT and text[place] in _TO_LAST
        if ligatures and text[place] == LAM and after in ALEFS:
            glyphs[place] = _FORMS[LAM + after][_FINAL if joined else _ISOLATED]
            glyphs[after_place] = ""
            continue
        joins = after in _TO_LAST and text[place] in _TO_NEXT
        position = (_MEDIAL if joined else _INITIAL) if joins else (_FINAL if joined else _ISOLATED)
        glyphs[place] = _FORMS[text[place]].get(position, text[place])
    return glyphs
