"""The order in which a line of mixed directions is read: the Unicode bidirectional algorithm (UAX #9, revision 46).

The whole algorithm but for the splitting into paragraphs: a text given here is one paragraph and one line. Embeddings,
overrides, isolates and paired brackets are all there. Positions are indices of characters.
"""

from collections.abc import Sequence

from tui.i18n.bidi_classes import EMBEDS, ISOLATES, NEUTRAL, OPENS_ISOLATE, REMOVED, STRONG, bidi_class
from tui.i18n.bidi_runs import Run, explicit_levels, runs_of
from tui.i18n.mirrors import PARTNERS, canonical

_CLOSING = {canonical(closing): canonical(opening) for opening, closing in PARTNERS.items()}
_EXPLICIT = EMBEDS | OPENS_ISOLATE | {"PDF", "PDI", "B"}
_TURNS_LEFT = _EXPLICIT | {"R", "AL", "EN", "AN"}
"""What has another level than 0 in a paragraph that runs to the right, or gives it to others."""
_TURNS_RIGHT = _EXPLICIT | {"L", "EN", "AN"}
"""The same for a paragraph that runs to the left and its level 1."""
_MOST_BRACKETS = 63
_NUMBERS = frozenset(("EN", "AN"))
_AS_RIGHT = frozenset(("R", "EN", "AN"))


def paragraph_level(text: str) -> int:
    """0 or 1, by the first letter that has a direction outside of isolates; 0 without one (P2, P3)."""
    return _first_strong([bidi_class(sign) for sign in text]) or 0


def levels(text: str, paragraph: int | None = None) -> list[int | None]:
    """The embedding level of each character, odd ones right to left; None for what rule X9 takes out. `paragraph` is
    the level of the paragraph, None to take it from the text."""
    classes = [bidi_class(sign) for sign in text]
    base = (_first_strong(classes) or 0) if paragraph is None else paragraph
    if (_TURNS_RIGHT if base else _TURNS_LEFT).isdisjoint(classes):
        return [None if kind == "BN" else base for kind in classes]
    found, kinds = explicit_levels(classes, base, lambda start, end: _first_strong(classes[start:end]))
    for run in runs_of(classes, found, base):
        _resolve(text, classes, kinds, found, run)
    _reset_blanks(classes, found, base)
    return [None if kind in REMOVED else level for kind, level in zip(classes, found, strict=True)]


def reordered(found: Sequence[int | None]) -> list[int]:
    """The indices in the order of the screen, left to right (L2); those without a level are left out."""
    order = [index for index, level in enumerate(found) if level is not None]
    present = [level for level in found if level is not None]
    if not present:
        return order
    lowest_odd = min((level for level in present if level % 2), default=max(present) + 1)
    for level in range(max(present), lowest_odd - 1, -1):
        _reverse_from(order, found, level)
    return order


def _reverse_from(order: list[int], found: Sequence[int | None], lowest: int) -> None:
    """Turn round each run of characters that stand on this level or a higher one."""
    start: int | None = None
    for place in range(len(order) + 1):
        level = found[order[place]] if place < len(order) else None
        if level is not None and level >= lowest:
            start = place if start is None else start
        elif start is not None:
            order[start:place] = order[start:place][::-1]
            start = None


def _first_strong(classes: Sequence[str]) -> int | None:
    depth = 0
    for kind in classes:
        if kind in OPENS_ISOLATE:
            depth += 1
        elif kind == "PDI":
            depth = max(depth - 1, 0)
        elif depth == 0 and kind in STRONG:
            return 0 if kind == "L" else 1
    return None


def _resolve(text: str, classes: Sequence[str], kinds: Sequence[str], found: list[int], run: Run) -> None:
    """W1 to I2 for one isolating run sequence; the levels are changed in place."""
    weak = [kinds[index] for index in run.places]
    _weak(weak, run.before)
    level = run.level
    _brackets(text, classes, weak, run)
    _neutral(weak, run)
    for index, kind in zip(run.places, weak, strict=True):
        if level % 2:
            found[index] = level if kind == "R" else level + 1
        elif kind != "L":
            found[index] = level + (1 if kind == "R" else 2)


def _weak(kinds: list[str], before: str) -> None:
    """W1 to W7, in place."""
    _marks_and_letters(kinds, before)
    _separators(kinds)
    _terminators(kinds)
    last = before
    for place, kind in enumerate(kinds):
        if kind in ("ES", "ET", "CS"):
            kinds[place] = "ON"  # W6
        elif kind in ("L", "R"):
            last = kind
        elif kind == "EN" and last == "L":
            kinds[place] = "L"  # W7


def _marks_and_letters(kinds: list[str], before: str) -> None:
    """W1 to W3: marks are as what they stand on, numbers after Arabic letters are Arabic, those letters are R."""
    last, strong = before, before
    for place, kind in enumerate(kinds):
        now = ("ON" if last in ISOLATES else last) if kind == "NSM" else kind
        last = now
        if now in STRONG:
            strong = now
        elif now == "EN" and strong == "AL":
            now = "AN"
        kinds[place] = now
    for place, kind in enumerate(kinds):
        if kind == "AL":
            kinds[place] = "R"


def _separators(kinds: list[str]) -> None:
    """W4: one separator between two numbers of a kind belongs to them."""
    for place in range(1, len(kinds) - 1):
        kind, left, right = kinds[place], kinds[place - 1], kinds[place + 1]
        if (left == right == "EN" and kind in ("ES", "CS")) or (left == right == "AN" and kind == "CS"):
            kinds[place] = left


def _terminators(kinds: list[str]) -> None:
    """W5: signs such as % beside a European number belong to it."""
    place = 0
    while place < len(kinds):
        if kinds[place] != "ET":
            place += 1
            continue
        end = place
        while end < len(kinds) and kinds[end] == "ET":
            end += 1
        if (place and kinds[place - 1] == "EN") or (end < len(kinds) and kinds[end] == "EN"):
            kinds[place:end] = ["EN"] * (end - place)
        place = end


def _brackets(text: str, classes: Sequence[str], kinds: list[str], run: Run) -> None:
    """N0: both brackets of a pair take one direction."""
    embedding = "R" if run.level % 2 else "L"
    for opening, closing in _pairs(text, kinds, run.places):
        inside = {_strong(kind) for kind in kinds[opening + 1 : closing]} - {None}
        if not inside:
            continue
        if embedding in inside:
            direction = embedding
        else:
            before = next((strong for kind in reversed(kinds[:opening]) if (strong := _strong(kind))), run.before)
            direction = before if before != embedding else embedding
        for place in (opening, closing):
            kinds[place] = direction
            _turn_marks(classes, kinds, run.places, place, direction)


def _turn_marks(classes: Sequence[str], kinds: list[str], places: Sequence[int], bracket: int, direction: str) -> None:
    for place in range(bracket + 1, len(places)):
        kind = classes[places[place]]
        if kind != "NSM":
            return
        kinds[place] = direction


def _strong(kind: str) -> str | None:
    return "R" if kind in _AS_RIGHT else "L" if kind == "L" else None


def _pairs(text: str, kinds: Sequence[str], places: Sequence[int]) -> list[tuple[int, int]]:
    """The bracket pairs of a run, in the order of their opening ones (BD16)."""
    waiting: list[tuple[str, int]] = []
    found: list[tuple[int, int]] = []
    for place, index in enumerate(places):
        if kinds[place] != "ON":
            continue
        sign = text[index]
        if sign in PARTNERS:
            if len(waiting) == _MOST_BRACKETS:
                return []
            waiting.append((canonical(sign), place))
        elif (opening := _CLOSING.get(canonical(sign))) is not None:
            depth = next((at for at in range(len(waiting) - 1, -1, -1) if waiting[at][0] == opening), None)
            if depth is not None:
                found.append((waiting[depth][1], place))
                del waiting[depth:]
    return sorted(found)


def _neutral(kinds: list[str], run: Run) -> None:
    """N1 and N2: what has no direction takes that of both neighbours, or else the one of its level."""
    embedding = "R" if run.level % 2 else "L"
    place = 0
    while place < len(kinds):
        if kinds[place] not in NEUTRAL:
            place += 1
            continue
        end = place
        while end < len(kinds) and kinds[end] in NEUTRAL:
            end += 1
        left = _strong(kinds[place - 1]) if place else run.before
        right = _strong(kinds[end]) if end < len(kinds) else run.after
        kinds[place:end] = [left if left == right and left is not None else embedding] * (end - place)
        place = end


def _reset_blanks(classes: Sequence[str], found: list[int], base: int) -> None:
    """L1: blanks at the end of the line, and before separators, stand on the paragraph's level."""
    blank = True
    for index in range(len(classes) - 1, -1, -1):
        kind = classes[index]
        if kind in ("B", "S"):
            blank = True
        elif kind not in REMOVED and kind != "WS" and kind not in ISOLATES:
            blank = False
        if blank:
            found[index] = base
