"""Explicit levels and isolating run sequences: rules X1 to X10 of UAX #9."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from tui.i18n.bidi_classes import EMBEDS, OPENS_ISOLATE, REMOVED

_DEEPEST = 125


@dataclass(frozen=True)
class Run:
    """An isolating run sequence: its characters, its level, and the directions (L or R) it stands between."""

    places: tuple[int, ...]
    level: int
    before: str
    after: str


@dataclass(frozen=True)
class _Status:
    level: int
    override: str | None
    isolate: bool


def matching(classes: Sequence[str]) -> dict[int, int]:
    """Each isolate initiator that has an end, and that end (BD9)."""
    waiting: list[int] = []
    found: dict[int, int] = {}
    for index, kind in enumerate(classes):
        if kind in OPENS_ISOLATE:
            waiting.append(index)
        elif kind == "PDI" and waiting:
            found[waiting.pop()] = index
    return found


def explicit_levels(
    classes: Sequence[str], base: int, first_strong: Callable[[int, int], int | None]
) -> tuple[list[int], list[str]]:
    """The level of each character by X1 to X8, and its class where an override holds. `first_strong` gives the
    direction of the characters from an index up to another."""
    if not _EXPLICIT.intersection(classes):
        return [base] * len(classes), list(classes)
    stack = _Stack(base)
    ends = matching(classes)
    found: list[int] = []
    kinds: list[str] = []
    for index, kind in enumerate(classes):
        if kind == "PDI":
            stack.end_isolate()
        top = stack.top
        found.append(base if kind == "B" else top.level)
        kinds.append(kind if top.override is None or kind in REMOVED or kind == "B" else top.override)
        if kind in EMBEDS:
            stack.embed(right=kind in ("RLE", "RLO"), override={"RLO": "R", "LRO": "L"}.get(kind))
        elif kind in OPENS_ISOLATE:
            right = kind == "RLI" or (kind == "FSI" and first_strong(index + 1, ends.get(index, len(classes))) == 1)
            stack.isolate(right=right)
        elif kind == "PDF":
            stack.end_embedding()
    return found, kinds


_EXPLICIT = EMBEDS | OPENS_ISOLATE | {"PDF", "PDI", "B"}


class _Stack:
    """The directional status stack of X1 with its three counters."""

    def __init__(self, base: int) -> None:
        self._entries = [_Status(base, None, False)]
        self._too_deep_isolates = 0
        self._too_deep_embeddings = 0
        self._isolates = 0

    @property
    def top(self) -> _Status:
        return self._entries[-1]

    def _next(self, right: bool) -> int | None:
        """The next odd or even level; None when it would be too deep."""
        level = self.top.level
        wanted = level + 1 + (level % 2 == right)
        if wanted > _DEEPEST or self._too_deep_isolates or self._too_deep_embeddings:
            return None
        return wanted

    def embed(self, *, right: bool, override: str | None) -> None:
        level = self._next(right)
        if level is not None:
            self._entries.append(_Status(level, override, False))
        elif not self._too_deep_isolates:
            self._too_deep_embeddings += 1

    def isolate(self, *, right: bool) -> None:
        level = self._next(right)
        if level is None:
            self._too_deep_isolates += 1
        else:
            self._isolates += 1
            self._entries.append(_Status(level, None, True))

    def end_isolate(self) -> None:
        if self._too_deep_isolates:
            self._too_deep_isolates -= 1
        elif self._isolates:
            self._too_deep_embeddings = 0
            while not self._entries.pop().isolate:
                pass
            self._isolates -= 1

    def end_embedding(self) -> None:
        if self._too_deep_isolates:
            return
        if self._too_deep_embeddings:
            self._too_deep_embeddings -= 1
        elif not self.top.isolate and len(self._entries) > 1:
            self._entries.pop()


def runs_of(classes: Sequence[str], found: Sequence[int], base: int) -> list[Run]:
    """The isolating run sequences (BD13, X10), with the directions at their ends."""
    present = [index for index, kind in enumerate(classes) if kind not in REMOVED]
    if not present:
        return []
    ends = matching(classes)
    if not ends and min(found) == max(found):
        return [_run(present, present, classes, found, base, ends)]
    sequences = _sequences(_level_runs(present, found), ends)
    return [_run(sequence, present, classes, found, base, ends) for sequence in sequences]


def _level_runs(present: Sequence[int], found: Sequence[int]) -> list[list[int]]:
    return [list(group) for _level, group in groupby(present, found.__getitem__)]


def _sequences(level_runs: Sequence[list[int]], ends: dict[int, int]) -> list[list[int]]:
    """Level runs joined where an isolate begins and ends."""
    continued: dict[int, list[int]] = {}
    sequences: list[list[int]] = []
    for run in level_runs:
        sequence = continued.pop(run[0], None)
        if sequence is None:
            sequence = []
            sequences.append(sequence)
        sequence += run
        if run[-1] in ends:
            continued[ends[run[-1]]] = sequence
    return sequences


def _run(
    places: Sequence[int],
    present: Sequence[int],
    classes: Sequence[str],
    found: Sequence[int],
    base: int,
    ends: dict[int, int],
) -> Run:
    level = found[places[0]]
    before = _beside(places[0], present, found, -1)
    last = places[-1]
    open_ended = classes[last] in OPENS_ISOLATE and last not in ends
    after = None if open_ended else _beside(last, present, found, 1)
    return Run(tuple(places), level, _direction(level, before, base), _direction(level, after, base))


def _beside(index: int, present: Sequence[int], found: Sequence[int], step: int) -> int | None:
    """The level of the character before or after this one."""
    place = bisect_left(present, index) + step
    return found[present[place]] if 0 <= place < len(present) else None


def _direction(level: int, beside: int | None, base: int) -> str:
    return "R" if max(level, base if beside is None else beside) % 2 else "L"
