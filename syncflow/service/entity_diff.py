"""What is different between two states of an entity, in the words of the YAML file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from syncflow.model import Entity
from syncflow.schedules import ScheduleTerms
from syncflow.service.entity_yaml import entity_lines


@dataclass(frozen=True)
class DiffLine:
    """`sign` is `+`, `-` or a blank for what stays; `…` stands for lines that are left out."""

    sign: str
    text: str


def differences(
    before: Entity | None,
    after: Entity | None,
    *,
    around: int = 1,
    schedules: tuple[ScheduleTerms | None, ScheduleTerms | None] = (None, None),
) -> tuple[DiffLine, ...]:
    """Lines that go and come, with so many unchanged ones around them; nothing when both are the same. `schedules` are
    those of before and after, where they are to be compared as well."""
    sides = zip((before, after), schedules, strict=True)
    old, new = (() if entity is None else entity_lines(entity, terms) for entity, terms in sides)
    return tuple(_lines(old, new, around))


def _lines(old: tuple[str, ...], new: tuple[str, ...], around: int) -> Iterator[DiffLine]:
    end = 0
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(around):
        if group[0][1] > end:
            yield DiffLine("…", "")
        for act, old_from, old_to, new_from, new_to in group:
            if act == "equal":
                yield from _signed(" ", old[old_from:old_to])
            else:
                yield from _signed("-", old[old_from:old_to])
                yield from _signed("+", new[new_from:new_to])
        end = group[-1][2]
    if 0 < end < len(old):
        yield DiffLine("…", "")


def _signed(sign: str, lines: Iterable[str]) -> Iterator[DiffLine]:
    return (DiffLine(sign, line) for line in lines)
