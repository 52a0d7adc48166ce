"""What a form consists of, without a screen: fields that read and write one value, and sections that hold them.

The value that is edited is frozen: writing gives another one. So a form's state is one value, and what is undone is the
value before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from textual.content import Content

from tui.marks import Tone

T = TypeVar("T")


@dataclass(frozen=True)
class Option:
    """One of the values that a field may take; `about` (marked with N_) says what it means, `label` what is shown in
    its place."""

    value: str
    about: str = ""
    label: str = ""


@dataclass(frozen=True)
class FormField(Generic[T]):
    """One line of a form. `key` is its own in the whole form; `label` and `about` are marked with N_. With `options` it
    is chosen, otherwise typed; `words` are suggested while it is typed, one after the other where `many` are.

    `read` gives the text that stands for the value, the empty text where there is none (shown as `empty`, marked with
    N_). `write` raises UsageError for a text that cannot be meant. `remove` takes away what the line belongs to.
    """

    key: str
    label: str
    read: Callable[[T], str]
    write: Callable[[T, str], T]
    about: str = ""
    options: tuple[Option, ...] = ()
    words: tuple[str, ...] = ()
    many: bool = False
    empty: str = ""
    remove: Callable[[T], T] | None = None


@dataclass(frozen=True)
class FormSection(Generic[T]):
    """Lines under a title that unfold and fold. `title` and `summary` are shown as they are; `tail` is said below the
    lines. Where there are many sections, `unfolded` gives the lines and all that is below the title when they are
    needed. `add` makes one more of what the section holds, and names the field that is then to be filled in."""

    key: str
    title: str
    summary: str = ""
    tone: Tone = Tone.PLAIN
    fields: tuple[FormField[T], ...] = ()
    sections: "tuple[FormSection[T], ...]" = ()
    tail: Content | None = None
    add: Callable[[T], tuple[T, str]] | None = None
    is_changed: bool = False
    unfolded: "Callable[[], FormSection[T]] | None" = None


def all_sections(sections: Sequence[FormSection[T]]) -> list[FormSection[T]]:
    """These, each followed by those within it."""
    return [each for section in sections for each in (section, *all_sections(section.sections))]
