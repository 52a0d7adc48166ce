"""The order of words in a list by the alphabet of the language.

Letters that are one to the eye (Arabic and Persian yeh and kaf, an alef with and without hamza), marks, and the
non-joiner do not tell words apart; capitals and accents do only where all else is equal. Numbers come first, in the
order of their values whatever their digits, then signs, then the language's own letters, then those of others.
"""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from syncflow.i18n.catalog import language

_PERSIAN = "ءآابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی"
_ARABIC = "ءابپتثجچحخدذرزژسشصضطظعغفقکگلمنهوی"
_TURKISH = "abcçdefgğhıijklmnoöpqrsştuüvwxyz"
_ALPHABETS: Mapping[str, str] = {"fa": _PERSIAN, "ar": _ARABIC, "tr": _TURKISH}
_PLACES = {name: {letter: place for place, letter in enumerate(letters)} for name, letters in _ALPHABETS.items()}
_SAME = {
    **dict.fromkeys("أإٱ", "ا"),
    **dict.fromkeys("يىئ", "ی"),
    **dict.fromkeys("ةۀہ", "ه"),
    "ك": "ک",
    "ؤ": "و",
}
_TURKISH_SMALL = str.maketrans({"I": "ı", "İ": "i"})
_NUMBER, _SIGN, _OWN, _OTHER = range(4)

Key = tuple[tuple[tuple[int, int], ...], str]


def sort_key(value: object) -> Any:
    """What `sorted` takes for a value of a column: words by the language's alphabet, all else as it is."""
    return _key(value, language()) if isinstance(value, str) else value


@lru_cache(maxsize=16384)
def _key(text: str, name: str) -> Key:
    small = text.translate(_TURKISH_SMALL).lower() if name == "tr" else text.casefold()
    places = _PLACES.get(name, {})
    found: list[tuple[int, int]] = []
    in_number = False
    for sign in small:
        if sign.isdecimal():
            digit = unicodedata.decimal(sign)
            found[-1:] = [(_NUMBER, found[-1][1] * 10 + digit)] if in_number else [*found[-1:], (_NUMBER, digit)]
            in_number = True
            continue
        in_number = False
        found += _primary(sign, places)
    return tuple(found), text


def _primary(sign: str, places: Mapping[str, int]) -> list[tuple[int, int]]:
    """One place for a letter, none for marks and signs without width."""
    own = places.get(_SAME.get(sign, sign))
    if own is not None:
        return [(_OWN, own)]
    base = unicodedata.normalize("NFD", sign)[0]
    category = unicodedata.category(base)
    if category in ("Mn", "Me", "Cf"):
        return []
    if category[0] != "L":
        return [(_SIGN, ord(base))]
    own = places.get(base)
    return [(_OTHER, ord(base))] if own is None else [(_OWN, own)]
