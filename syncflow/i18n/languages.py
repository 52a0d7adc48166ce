"""Which language is spoken: what was asked for, what the operator kept, what the terminal's locale says."""

from collections.abc import Mapping, Sequence

from syncflow.errors import UsageError
from syncflow.i18n.catalog import ENGLISH

LANGUAGES: Mapping[str, str] = {"en": "English", "fa": "فارسی", "ar": "العربية", "tr": "Türkçe"}
"""The languages by their codes, each with its name in itself."""
VARIABLE = "SYNCFLOW_LANG"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
"""As everywhere: the first of them that is not empty holds."""


def known(asked: str, origin: str) -> str:
    """The code of the language that is asked for, which may be a locale such as `fa_IR.UTF-8`. Raises UsageError."""
    code = _code(asked)
    if code is None:
        raise UsageError(
            "{origin} is {asked}; it takes one of {languages}.",
            origin=origin,
            asked=repr(asked),
            languages=", ".join(LANGUAGES),
        )
    return code


def asked_for(option: str | None, environment: Mapping[str, str]) -> str | None:
    """The language by `--lang` or SYNCFLOW_LANG; None without both. Raises UsageError for one that is not spoken."""
    if option is not None:
        return known(option, "--lang")
    named = environment.get(VARIABLE, "")
    return known(named, VARIABLE) if named else None


def option_of(arguments: Sequence[str]) -> str | None:
    """What `--lang` before the command says: help and complaints about the other words are told in that language."""
    words = iter(arguments)
    for word in words:
        if word == "--lang":
            return next(words, None)
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
        if not word.startswith("-"):
            return None
    return None


def of_locale(environment: Mapping[str, str]) -> str:
    """The language of the terminal's locale, English where it is none of ours."""
    named = next((environment[name] for name in _LOCALE if environment.get(name)), "")
    return _code(named) or ENGLISH


def _code(named: str) -> str | None:
    code = named.replace("-", "_").partition("_")[0].partition(".")[0].lower()
    return code if code in LANGUAGES else None
