"""One line of text as it stands on the screen: ordered, joined, mirrored where it must be, and as wide as it was.

A line is taken apart into the texts that stand on it: two blanks or a drawn line part them, and each is a paragraph of
its own, so that the columns of a table never mix. The result is a list of spans from left to right; each tells where
its characters come from, so that the styles can follow.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len

from tui.i18n.bidi import levels, reordered
from tui.i18n.bidi_classes import bidi_class
from tui.i18n.mirrors import INVERSE, MIRRORED
from tui.rtl.glyphs import Glyph, glyphs

RIGHT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
"""Characters of the scripts that are written from right to left, and their digits."""
_DRAWN = "\u2500-\u259f"
_ORNAMENTS = "\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2800-\u28ff\u2b00-\u2bff\u2022\u00b7"
_has_right = re.compile(f"[{RIGHT}]").search
_WORD = f"(?:(?<![^ ])'[^'{_DRAWN}]*'(?![^ .,:;)])|[^ {_DRAWN}]+)"
"""What stands between quotation marks is one word, whatever blanks it has: a value, shown exactly."""
_texts = re.compile(f"{_WORD}(?: {_WORD})*").finditer
_between = re.compile(f" +|[{''.join(INVERSE)}]|(?:(?![{''.join(INVERSE)}])[{_DRAWN}])+").findall
_decoration = re.compile(f"([ {_ORNAMENTS}]*)(.*?)([ {_ORNAMENTS}]*)", re.DOTALL).fullmatch
_margins = re.compile(f"([ {_DRAWN}]*)(.*?)([ {_DRAWN}]*)", re.DOTALL).fullmatch
_NATIVE = "\u0660-\u066c\u06f0-\u06f9"
_latin = re.compile(
    r"(?<![!-~])'[ -&(-~]*[0-9A-Za-z][ -&(-~]*'(?![0-9A-Za-z'])"
    r"|[!-~]*[0-9A-Za-z][!-~]*(?: [!-~]*[0-9A-Za-z&+=/|-][!-~]*)*"
    rf"|[-+\u2212]?[{_NATIVE}]+(?:[-+\u2212:/.,\u00d7][{_NATIVE}]+)*"
).finditer
"""What is kept from left to right within a text that runs the other way: words and numbers in ASCII, ids, addresses,
paths; and numbers in native digits with their signs and separators."""
_structured = re.compile(f'"[^"]*[{RIGHT}][^"]*"|[{RIGHT}](?:[^"=|{{}}\\[\\],;:]*[{RIGHT}\u0300-\u036f])?').finditer
"""In JSON, logs and code: what is a text of its own."""
_EDGES = ".,:;!?"
_CLOSED = {")": "(", "]": "[", "}": "{", ">": "<"}
_OPENED = {opening: closing for closing, opening in _CLOSED.items()}
_ISOLATE = "\ufffc"
"""Unicode's sign for an object in a text; it has no direction."""


class Manner(Enum):
    """How a line is read: as texts of a screen that runs to the left, as an island that runs to the right, or as a
    field that is typed into, where each character keeps a glyph of its own."""

    TEXT = "text"
    ISLAND = "island"
    FIELD_LEFT = "field to the left"
    FIELD_RIGHT = "field to the right"


class Span(NamedTuple):
    """Some characters of the screen. The first comes from the source's character `first`, each further one from the
    next (`step` 1) or the one before (-1); with 0 all of them belong to `first`."""

    text: str
    first: int
    step: int


def has_special(line: str) -> bool:
    """Whether there are signs in it that make one glyph of several, or a narrow one wide."""
    return "\u200d" in line or "\ufe0f" in line


@lru_cache(maxsize=4096)
def ordered(line: str, manner: Manner) -> tuple[Span, ...] | None:
    """The line's spans from left to right; None when it stays as it is."""
    right = _has_right(line) is not None
    if manner in (Manner.ISLAND, Manner.FIELD_RIGHT) and not right:
        return None
    if manner is Manner.TEXT:
        spans = _lines_texts(line)
    elif manner is Manner.ISLAND:
        spans = _island(line)
    else:
        spans = _field(line, left=manner is Manner.FIELD_LEFT)
    found = tuple(spans)
    if has_special(line) and sum(cell_len(span.text) for span in found) != cell_len(line):
        return None
    return found


def _lines_texts(line: str) -> Iterator[Span]:
    """The texts of the line and what is between them, from the line's end to its beginning."""
    end = len(line)
    for found in reversed(list(_texts(line))):
        yield from _gap(line[found.end() : end], found.end())
        for span in _text(found[0]):
            yield Span(span.text, span.first + found.start(), span.step)
        end = found.start()
    yield from _gap(line[:end], 0)


def _gap(text: str, start: int) -> Iterator[Span]:
    """Blanks, and what is drawn, from its end to its beginning; drawn parts are mirrored."""
    end = start + len(text)
    for part in reversed(_between(text)):
        begin = end - len(part)
        if part[0] == " ":
            yield Span(part, end - 1, -1)
        elif part in INVERSE:
            yield Span(INVERSE[part], begin, 0)
        else:
            yield _turned(part, begin)
        end = begin


def _turned(text: str, start: int) -> Span:
    mirrored = "".join([MIRRORED.get(sign, sign) for sign in reversed(text)])
    return Span(mirrored, start + len(text) - 1, -1)


@lru_cache(maxsize=16384)
def _text(text: str) -> tuple[Span, ...]:
    """One text of a screen that runs to the left. Where it has no letter of that direction, it is read from left to
    right, but for the signs that stand before and behind it."""
    if _has_right(text):
        return tuple(_paragraph(text, 1, isolate=True, ligatures=True))
    before, core, after = _decoration(text).groups()  # type: ignore[union-attr]
    if not any(sign.isalnum() for sign in core):
        return tuple(_paragraph(text, 1, isolate=False, ligatures=False))
    spans = [Span(core, len(before), 1)]
    if after:
        spans[:0] = _paragraph(after, 1, isolate=False, ligatures=False, start=len(before) + len(core))
    if before:
        spans += _paragraph(before, 1, isolate=False, ligatures=False)
    return tuple(spans)


def _island(line: str) -> Iterator[Span]:
    end = 0
    for found in _structured(line):
        start, stop = found.span()
        if found[0][0] == '"':
            start, stop = start + 1, stop - 1
        if start > end:
            yield Span(line[end:start], end, 1)
        yield from _paragraph(line[start:stop], 1, isolate=True, ligatures=False, start=start)
        end = stop
    if end < len(line):
        yield Span(line[end:], end, 1)


def _field(line: str, *, left: bool) -> Iterator[Span]:
    before, core, after = _margins(line).groups()  # type: ignore[union-attr]
    behind = len(before) + len(core)
    inside = _paragraph(core, int(left), isolate=False, ligatures=False, start=len(before))
    if left:
        yield from _gap(after, behind)
        yield from inside
        yield from _gap(before, 0)
    else:
        yield from [Span(before, 0, 1)] if before else ()
        yield from inside
        yield from [Span(after, behind, 1)] if after else ()


def _paragraph(text: str, base: int, *, isolate: bool, ligatures: bool, start: int = 0) -> Iterator[Span]:
    """The spans of one paragraph that stands at `start` in its line. What is kept from left to right in it is one sign
    without a direction to its neighbours, as an isolate is."""
    kept = list(_kept_spans(text)) if isolate else []
    if not kept:
        yield from _joined(_in_order(text, base, ligatures=ligatures), range(start, start + len(text)), {})
        return
    signs: list[str] = []
    places: list[int] = []
    isolates: dict[int, str] = {}
    end = 0
    for begin, stop in [*kept, (len(text), len(text))]:
        signs += text[end:begin]
        places += range(start + end, start + begin)
        if begin < stop:
            isolates[len(signs)] = text[begin:stop]
            signs.append(_ISOLATE)
            places.append(start + begin)
        end = stop
    yield from _joined(_in_order("".join(signs), base, ligatures=ligatures), places, isolates)


def _in_order(text: str, base: int, *, ligatures: bool) -> list[Glyph]:
    """The glyphs of the text from left to right."""
    last = base
    found = [last := last if level is None else level for level in levels(text, base)]
    signs = glyphs(text, found, ligatures=ligatures)
    return [signs[place] for place in reordered([sign.level for sign in signs])]


def _kept_spans(text: str) -> Iterator[tuple[int, int]]:
    for found in _latin(text):
        start, stop = _trimmed(text, *found.span())
        if stop - start > 1:
            yield start, stop


def _trimmed(text: str, start: int, stop: int) -> tuple[int, int]:
    """Without the punctuation of the sentence around it, and without brackets whose partner is outside."""
    while stop > start:
        first, last, inside = text[start], text[stop - 1], text[start:stop]
        if first in _EDGES + "\"'" or (first in _OPENED and _OPENED[first] not in inside) or first in _CLOSED:
            if first in ".:" and stop - start > 1 and text[start + 1].isalnum():
                break
            start += 1
        elif last in _EDGES + "\"'" or (last in _CLOSED and _CLOSED[last] not in inside) or last in _OPENED:
            stop -= 1
        else:
            break
    return start, stop


def _joined(signs: Iterable[Glyph], places: Sequence[int], isolates: Mapping[int, str]) -> Iterator[Span]:
    """Spans as long as they can be. `places` are the source characters of the paragraph's; `isolates` is what stands
    for one of them."""
    text: list[str] = []
    first = last = step = 0
    for glyph, number, level in signs:
        place = places[number]
        if len(glyph) == 1 and number not in isolates:
            shown = MIRRORED.get(glyph, glyph) if level % 2 else glyph
            move = place - last
            if text and move in (1, -1) and step in (0, move):
                text.append(shown)
                last, step = place, move
                continue
            if text:
                yield Span("".join(text), first, step or 1)
            text, first, last, step = [shown], place, place, 0
            continue
        if text:
            yield Span("".join(text), first, step or 1)
            text = []
        yield Span(isolates[number], place, 1) if number in isolates else Span(glyph, place, 0)
    if text:
        yield Span("".join(text), first, step or 1)


def base_of(text: str) -> Manner:
    """How a field with this text is typed into: from left to right when it begins so, otherwise to the left."""
    for sign in text:
        kind = bidi_class(sign)
        if kind in ("R", "AL"):
            return Manner.FIELD_LEFT
        if kind == "L" or sign in "0123456789":
            return Manner.FIELD_RIGHT
    return Manner.FIELD_LEFT


def source_places(spans: Sequence[Span]) -> list[int]:
    """The source character of each character on the screen."""
    return [span.first + number * span.step for span in spans for number in range(len(span.text))]
