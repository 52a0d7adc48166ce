"""The filter language of all lists: words that must stand somewhere, `field:value`, and `!` for what must not be.

A value with blanks stands in quotes: `message:"not a number"`. Words are fuzzy: their letters in this order.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from syncflow.errors import UsageError
from syncflow.i18n.catalog import _
from syncflow.i18n.formats import whole

R = TypeVar("R")
_QUOTES = ('"', "'")


@dataclass(frozen=True)
class Term:
    """One condition; `field` is None for a word that may stand anywhere. `place` is where it begins in the text."""

    value: str
    field: str | None = None
    negated: bool = False
    place: int = 0


def parse(text: str, fields: Collection[str]) -> list[Term]:
    """Raises UsageError for a field that there is none of, an empty value or a quote that is not closed, with the
    place."""
    return [_term(word, place, fields) for word, place in _words(text)]


def _words(text: str) -> list[tuple[str, int]]:
    words: list[tuple[str, int]] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        start, quote = at, ""
        while at < len(text) and (quote or not text[at].isspace()):
            if text[at] == quote:
                quote = ""
            elif not quote and text[at] in _QUOTES and text[at - 1 : at] in ("", " ", ":", "!"):
                quote = text[at]
            at += 1
        if quote:
            told = _("The filter has a {quote} at place {place} that is not closed.")
            raise UsageError(told.format(quote=quote, place=whole(start + 1)))
        words.append((text[start:at], start))
    return words


def _term(word: str, place: int, fields: Collection[str]) -> Term:
    negated = word.startswith("!")
    rest = word[1:] if negated else word
    name, colon, value = rest.partition(":")
    if not colon or name.startswith(_QUOTES):
        name, value = "", rest
    elif name not in fields:
        known = ", ".join(sorted(fields))
        told = _("There is no field {name!r} (place {place}). The fields are {known}.")
        raise UsageError(told.format(name=name, place=whole(place + 1), known=known))
    value = _unquoted(value)
    if not value:
        told = _("Nothing stands after {word!r} (place {place}).")
        raise UsageError(told.format(word=word, place=whole(place + 1)))
    return Term(value, name or None, negated, place)


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] in _QUOTES and value[-1] == value[0] else value


def chosen(rows: Sequence[R], terms: Sequence[Term], texts: Callable[[R], Mapping[str, str]]) -> list[R]:
    """The rows that all terms hold for; `texts` gives a row's texts by field."""
    return [row for row in rows if _holds(terms, texts(row))] if terms else list(rows)


def _holds(terms: Sequence[Term], texts: Mapping[str, str]) -> bool:
    return all(_one_holds(term, texts) is not term.negated for term in terms)


def _one_holds(term: Term, texts: Mapping[str, str]) -> bool:
    value = term.value.casefold()
    if term.field is not None:
        return value in texts.get(term.field, "").casefold()
    return any(value in text.casefold() or _fuzzy(value, text.casefold()) for text in texts.values())


def _fuzzy(letters: str, text: str) -> bool:
    """Whether the letters stand in the text in this order, for words of three letters or more within one word."""
    if len(letters) < 3:
        return False
    return any(_in_order(letters, word) for word in text.split())


def _in_order(letters: str, word: str) -> bool:
    left = iter(word)
    return all(letter in left for letter in letters)
