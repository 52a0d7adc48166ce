"""Words in the operator's language.

`_` translates a text where it is shown, `N_` only marks one that is translated later (binding descriptions, column
titles), `plural` chooses the form that a number takes. Catalogues are gettext's, `locales/<language>/LC_MESSAGES`.
"""

import gettext
from pathlib import Path

DOMAIN = "syncflow"
ENGLISH = "en"
_PACKAGE = Path(__file__).parents[1]


class _Language:
    """The language that everybody in this process reads."""

    def __init__(self) -> None:
        self.name = ENGLISH
        self.words: gettext.NullTranslations = gettext.NullTranslations()


_language = _Language()


def catalogues() -> Path:
    """Where the catalogues are: in the package where it is installed from a wheel, otherwise beside it."""
    packaged = _PACKAGE / "_locales"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "locales"


def use(language: str) -> None:
    """Speak this language from now on; English where a text has no translation."""
    if language == ENGLISH:
        _language.words = gettext.NullTranslations()
    else:
        _language.words = gettext.translation(DOMAIN, catalogues(), [language], fallback=True)
    _language.name = language


def language() -> str:
    """The language's name: `en`, `fa`, `ar` or `tr`."""
    return _language.name


def N_(message: str) -> str:
    return message


def _(message: str) -> str:
    return _language.words.gettext(message) if message else ""


def plural(one: str, many: str, number: int, /, **values: str) -> str:
    """`one` or `many` (marked with {n}) with the number written in the language's way, and with these values."""
    from syncflow.i18n.formats import whole  # formats need the language's name from here

    return _language.words.ngettext(one, many, number).format(n=whole(number), **values)


def entries(of: str) -> list[tuple[str, ...]]:
    """Every text of a language's catalogue in English: one form, or two where a number chooses."""
    from babel.messages.mofile import read_mo  # deferred: few ask for this

    file = catalogues() / of / "LC_MESSAGES" / f"{DOMAIN}.mo"
    with file.open("rb") as compiled:
        ids = [message.id for message in read_mo(compiled)]
    return [(text,) if isinstance(text, str) else tuple(text) for text in ids if text]
