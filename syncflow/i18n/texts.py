"""Sentences that are kept in English and told in the language of whoever reads them.

A `Text` is an English template and what stands in its places. `str(text)` is English: that is what logs, books, JSON
and scripts get. `told(text)` is in the language of this process. What was recorded in English, by whatever process, is
told by `retold`, which finds the template again. `make locales` takes the templates from the calls of `Text` and
`Counted`.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from functools import cache, lru_cache
from typing import TypeGuard

from syncflow.i18n.catalog import ENGLISH, _, entries, language, plural

_LETTERS_TO_KNOW_IT_BY = 12
_LETTERS_TO_KNOW_AN_END_BY = 15
"""Of a template that begins or ends with a place, where anything may stand."""
_BETWEEN = re.compile(r"(?<=[.!?)]) (?=\S)")
"""Where one sentence ends and another begins."""
_WITHOUT_END = r"(?:(?![.!?)] ).)*?"
"""What a sentence begins with holds no other sentence."""
_COUNT = r"[\d,]+"
_COUNTED = re.compile(r"(.*[a-z]): (\d+)", re.DOTALL).fullmatch
"""A note of a batch, and how many rows it is about."""
_PLACE = re.compile(r"\{(\w+)\}")
_OTHER_PLACE = re.compile(r"(?<!\{)\{(?!\{)")
"""`{}` and `{name!r}`: no text of this module has them."""
_NUMBER = "n"


class Text:
    """A sentence for a person: `Text("{table} has {rows} rows.", table=name, rows=12)`.

    A value that is an `int` is a count and is written as one (1,234); numbers that are names, as ports and ids, are
    given as text. Dates and times of day are written to the minute, as they stand on the clock of their zone. A value
    may be a `Text` or an error itself. Without values the template is the sentence.
    """

    def __init__(self, template: str, /, **values: object) -> None:
        self.template = template
        self.values = values

    def __str__(self) -> str:
        return self.template.format_map(_english(self.values)) if self.values else self.template

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def told(self) -> str:
        """In the language of this process."""
        sentence = _(self.template)
        return sentence.format_map(_told_values(self.values)) if self.values else sentence


class Counted(Text):
    """A sentence whose form a number chooses: `Counted("{n} row", "{n} rows", 12)`."""

    def __init__(self, one: str, many: str, number: int, /, **values: object) -> None:
        super().__init__(one if number == 1 else many, **{_NUMBER: number, **values})
        self._forms, self._number = (one, many), number

    def told(self) -> str:
        values = {name: value for name, value in self.values.items() if name != _NUMBER}
        return plural(*self._forms, self._number, **_told_values(values))


class Recorded(Text):
    """What the books say in English, told like a text."""

    def told(self) -> str:
        return retold(str(self))


class Sentences(Text):
    """Several texts, one after another; what stands `between` them may be in the catalogues."""

    def __init__(self, texts: Iterable[Text], between: str = " ") -> None:
        self._texts, self._between = tuple(texts), between
        super().__init__(between.join(map(str, self._texts)))

    def told(self) -> str:
        return _(self._between).join(map(told, self._texts))


def told(said: object) -> str:
    """A text, an error or a plain value in the language of this process."""
    text = getattr(said, "text", said)
    if isinstance(text, Text):
        return text.told()
    if _is_written_anew(said) and language() != ENGLISH:
        from syncflow.i18n import formats  # deferred: formats bring Babel

        return formats.written(said)
    return _in_english(said)


def _is_written_anew(said: object) -> TypeGuard[int | date | time]:
    return isinstance(said, (int, date, time)) and not isinstance(said, bool)


def _in_english(said: object) -> str:
    if isinstance(said, int) and not isinstance(said, bool):
        return f"{said:,}"
    if isinstance(said, datetime):
        return f"{said:%Y-%m-%d %H:%M}"
    return f"{said:%H:%M}" if isinstance(said, time) else str(said)


def plain(said: object) -> str:
    """For who writes JSON: sentences are English there. Raises TypeError for what has no place in it."""
    if isinstance(said, Text):
        return str(said)
    raise TypeError(f"{type(said).__name__} is nothing that JSON holds")


def retold(recorded: str) -> str:
    """English sentences of the books in the language of this process; as they are where no template made them."""
    return recorded if language() == ENGLISH else _retold(recorded, language())


@lru_cache(maxsize=4096)
def _retold(recorded: str, in_: str) -> str:
    """Several sentences may come of one template or of several: as many at once as one makes."""
    if (exact := _(recorded)) != recorded:
        return exact
    if counted := _COUNTED(recorded):
        return f"{retold(counted[1])}: {told(int(counted[2]))}"
    pieces = _BETWEEN.split(recorded)
    said = []
    while pieces:
        many = next((n for n in range(len(pieces), 0, -1) if _found(" ".join(pieces[:n]), in_) is not None), 0)
        said.append(_found(" ".join(pieces[:many]), in_) or pieces[0])
        del pieces[: many or 1]
    return " ".join(said)


@lru_cache(maxsize=4096)
def _found(sentence: str, in_: str) -> str | None:
    return next((found for template in _templates(in_) if (found := template.of(sentence)) is not None), None)


class _Template:
    """A template of the catalogue that finds itself in sentences."""

    def __init__(self, forms: tuple[str, ...], form: str) -> None:
        self._forms = forms
        self._pieces = [piece.replace("{{", "{").replace("}}", "}") for piece in _PLACE.split(form)]
        self.known_by = max(self._pieces[::2], key=len)
        self.letters = sum(map(len, self._pieces[::2]))
        is_open = not (self._pieces[0] and self._pieces[-1])
        self.is_telling = self.letters >= (_LETTERS_TO_KNOW_AN_END_BY if is_open else _LETTERS_TO_KNOW_IT_BY)
        self._pattern: re.Pattern[str] | None = None

    def of(self, sentence: str) -> str | None:
        """The sentence told anew, if this template made it."""
        if self.known_by not in sentence:
            return None
        if self._pattern is None:
            self._pattern = re.compile("".join(self._regular_expression()), re.DOTALL)
        match = self._pattern.fullmatch(sentence)
        if match is None:
            return None
        values = {name: retold(value) for name, value in match.groupdict().items()}
        if len(self._forms) == 1:
            return _(self._forms[0]).format_map(values) if values else _(self._forms[0])
        number = int(match[_NUMBER].replace(",", "")) if _NUMBER in values else 1
        values.pop(_NUMBER, None)
        one, many = self._forms
        return plural(one, many, number, **values)

    def _regular_expression(self) -> list[str]:
        seen: set[str] = set()
        parts = []
        for place, piece in enumerate(self._pieces):
            if place % 2 == 0:
                parts.append(re.escape(piece))
            elif piece in seen:
                parts.append(f"(?P={piece})")
            else:
                seen.add(piece)
                is_count = len(self._forms) > 1 and piece == _NUMBER
                is_first = place == 1 and not self._pieces[0]
                anything = _WITHOUT_END if is_first else ".*?"
                parts.append(f"(?P<{piece}>{_COUNT if is_count else anything})")
        return parts


@cache
def _templates(of: str) -> list[_Template]:
    """Those with places and enough letters to be known by, the most telling first."""
    found = []
    for forms in entries(of):
        for form in forms:
            template = _Template(forms, form)
            if template.is_telling and not _OTHER_PLACE.search(_PLACE.sub("", form)):
                found.append(template)
    return sorted(found, key=lambda template: -template.letters)


def _english(values: Mapping[str, object]) -> dict[str, str]:
    return {name: _in_english(value) for name, value in values.items()}


def _told_values(values: Mapping[str, object]) -> dict[str, str]:
    return {name: told(value) for name, value in values.items()}
