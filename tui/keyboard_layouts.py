"""Keys by their place: a Persian, Arabic or Turkish keyboard sends other letters than the ones the bindings name.

The tables follow the layouts as they are installed everywhere: Persian by ISIRI 9147 and the one of Windows, Arabic
(101), Turkish Q. Each has the four rows of a keyboard, in the order of a US one; blanks stand between the rows.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from textual.events import Key
from textual.keys import _character_to_key

from syncflow.i18n.digits import ASCII

_PLACES = "`1234567890-= qwertyuiop[]\\ asdfghjkl;' zxcvbnm,./"
_SHIFTED = '~!@#$%^&*()_+ QWERTYUIOP{}| ASDFGHJKL:" ZXCVBNM<>?'

_PERSIAN = "\u200d۱۲۳۴۵۶۷۸۹۰-= ضصثقفغعهخحجچ\\ شسیبلاتنمکگ ظطزرذدپو./"
_PERSIAN_SHIFTED = (
    "\u00f7!\u066c\u066b\ufdfc\u066a\u00d7\u060c*)(\u0640+ "
    "\u0652\u064c\u064d\u064b\u064f\u0650\u064e\u0651][}{| "
    "ؤئيإأآة»«:؛ "
    "ك\u0653ژ\u0670\u200c\u0654ء><؟"
)
_WINDOWS_PERSIAN = "\u200d۱۲۳۴۵۶۷۸۹۰-= ضصثقفغعهخحجچپ شسيبلاتنمکگ ظطزرذدئو./"
_ARABIC = "ذ1234567890-= ضصثقفغعهخحجد\\ شسيبلاتنمكط ئءؤر\ufefbىةوزظ"
_ARABIC_SHIFTED = (
    "\u0651!@#$%^&*)(_+ "
    "\u064e\u064b\u064f\u064c\ufef9إ`\u00f7\u00d7؛<>… "
    '\u0650\u064d][\ufef7أ\u0640،/:" '
    "~\u0652}{\ufef5آ',.؟"
)
_TURKISH = '"1234567890*- qwertyuıopğü, asdfghjklşi zxcvbnmöç.'
_TURKISH_SHIFTED = "é!'^+%&/()=?_ QWERTYUIOPĞÜ; ASDFGHJKLŞİ ZXCVBNMÖÇ:"
_ASCII_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _table(plain: str, shifted: str) -> dict[str, str]:
    """A layout's signs and the places they lie at; the digits of both scripts, whichever keyboard they come from."""
    both = zip(f"{plain} {shifted}", f"{_PLACES} {_SHIFTED}", strict=True)
    return {sign: place for sign, place in both if sign != place and sign not in _ASCII_LETTERS} | dict(ASCII)


_PERSIAN_TABLES = (_table(_PERSIAN, _PERSIAN_SHIFTED), _table(_WINDOWS_PERSIAN, _PERSIAN_SHIFTED))
_ARABIC_TABLE = _table(_ARABIC, _ARABIC_SHIFTED)
_TURKISH_TABLE = _table(_TURKISH, _TURKISH_SHIFTED) | {"ı": "i", "İ": "I"}
LAYOUTS: Mapping[str, Sequence[Mapping[str, str]]] = {
    "fa": (*_PERSIAN_TABLES, _ARABIC_TABLE, _TURKISH_TABLE),
    "ar": (_ARABIC_TABLE, *_PERSIAN_TABLES, _TURKISH_TABLE),
    "tr": (_TURKISH_TABLE, *_PERSIAN_TABLES, _ARABIC_TABLE),
    "en": (*_PERSIAN_TABLES, _ARABIC_TABLE, _TURKISH_TABLE),
}
"""By the language of the session, the layouts in the order in which they are tried: the same letter lies at one place
of a Persian keyboard and at another of an Arabic one."""
_SIGNS_OF = {"fa": _PERSIAN_TABLES[:1], "ar": (_ARABIC_TABLE,), "tr": (_TURKISH_TABLE,)}
"""The layouts by which a sign of ASCII is another key: where an Arabic keyboard has `{`, the bindings have V."""


def by_place(event: Key, language: str, bound: Callable[[], Collection[str]]) -> Key:
    """The key that lies at this place on the keyboard of the bindings; the event itself where that is nothing new.
    `bound` gives the keys that do something now: what does something as it is, is left as it is."""
    *modifiers, last = event.key.split("+") if event.key != "+" else [event.key]
    sign = last if modifiers and len(last) == 1 else event.character or ""
    places = _places(sign, language)
    keys = bound() if places else ()
    if not places or event.key in keys:
        return event
    names = {"+".join([*modifiers, _character_to_key(place)]): place for place in places}
    name = next((name for name in names if name in keys), None)
    if name is None and sign.isascii():
        return event
    name = name or next(iter(names))
    return Key(name, None if modifiers else names[name])


def _places(sign: str, language: str) -> list[str]:
    """The signs that lie where this one does, by one layout after the other."""
    if not sign.isascii():
        tables = LAYOUTS.get(language, LAYOUTS["en"])
        return list(dict.fromkeys(table[sign] for table in tables if sign in table))
    tables = _SIGNS_OF.get(language, ())
    return [table[sign] for table in tables if table.get(sign, "") in _ASCII_LETTERS]
