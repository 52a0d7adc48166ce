"""One line of a form: a label and its value; Enter edits it in place."""

from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input

from syncflow.i18n.catalog import N_, _
from syncflow.i18n.formats import NOTHING
from tui.marks import Tone, toned
from tui.plain import fitted
from tui.widgets.field import Field
from tui.widgets.form_fields import FormField, Option

LABEL_WIDTH = 20
_CHANGED = "● "


class _Words(Suggester):
    """Completes the last word of a list that is separated by commas, or the whole text."""

    def __init__(self, words: tuple[str, ...], *, many: bool) -> None:
        super().__init__(case_sensitive=True)
        self._words = words
        self._many = many

    async def get_suggestion(self, value: str) -> str | None:
        place = value.rfind(",") + 1 if self._many else 0
        blanks = len(value[place:]) - len(value[place:].lstrip())
        head, begun = value[: place + blanks], value[place + blanks :]
        found = next((word for word in self._words if begun and word.startswith(begun)), None)
        return None if found is None else head + found


class _LineInput(Field):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", N_("Keep"), id="form.keep"),
        Binding("escape", "leave", N_("Leave as it was"), id="form.leave"),
        Binding("tab", "complete", N_("Complete"), id="form.complete"),
        Binding("up,down", "stay", show=False),
    ]

    class Left(Message):
        """Esc was pressed."""

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def action_complete(self) -> None:
        self.action_cursor_right()

    def action_stay(self) -> None:
        """The line under one's hands does not change for an arrow key."""


class FormLine(Widget, can_focus=True):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "edit", N_("Edit"), show=False, id="form.edit"),
        Binding("space", "step(1)", N_("Next value"), show=False, id="form.next_value"),
        Binding("right", "step(1)", show=False),
        Binding("left", "step(-1)", N_("Value before"), show=False, id="form.value_before"),
    ]
    DEFAULT_CSS = """
    FormLine { height: auto; width: 1fr; background: $background; }
    FormLine:focus, FormLine:focus-within { background: $primary 25%; }
    FormLine Input { border: none; height: 1; padding: 0; width: 1fr; background: $surface; }
    """

    class Said(Message):
        """A text for the field: `Typed` while it is being typed, `Committed` when it is to hold."""

        def __init__(self, line: "FormLine", text: str) -> None:
            super().__init__()
            self.line = line
            self.text = text

        @property
        def control(self) -> "FormLine":
            return self.line

    class Typed(Said):
        def can_replace(self, message: Message) -> bool:
            return isinstance(message, FormLine.Typed) and message.line is self.line

    class Committed(Said):
        pass

    class Left(Said):
        """The editing was given up."""

    def __init__(self, field: FormField[Any], value: str, *, is_changed: bool, is_fixed: bool, indent: int) -> None:
        """`is_fixed`: it can be looked at only."""
        super().__init__()
        self.field = field
        self.value = value
        self._is_changed = is_changed
        self._is_fixed = is_fixed
        self._indent = indent
        self._trouble = ""

    @property
    def is_editing(self) -> bool:
        return bool(self.query(_LineInput))

    def show(self, field: FormField[Any], value: str, *, is_changed: bool) -> None:
        self.field, self.value, self._is_changed = field, value, is_changed
        self.refresh(layout=bool(self._trouble) and not self.is_editing)
        if not self.is_editing:
            self._trouble = ""

    def refuse(self, trouble: str) -> None:
        """Say below the line why a text cannot be meant; the text stays."""
        self._trouble = trouble
        self.refresh(layout=True)

    def done(self) -> None:
        """The text holds, or is given up: back to the line."""
        self._trouble = ""
        had_focus = self.has_focus_within
        self.query(_LineInput).remove()
        self.refresh(layout=True)
        if had_focus:
            self.screen.set_focus(self, scroll_visible=False)

    def edit(self) -> None:
        if self._is_fixed or self.is_editing:
            return
        if self.field.options:
            self.action_step(1)
            return
        words = _Words(self.field.words, many=self.field.many) if self.field.words else None
        line = _LineInput(self.value, suggester=words, compact=True, select_on_focus=False)
        line.styles.margin = (0, 0, 0, self._indent + len(_CHANGED) + LABEL_WIDTH + 1)
        self.mount(line)
        self.screen.set_focus(line)

    def action_edit(self) -> None:
        self.edit()

    def action_step(self, by: int) -> None:
        if self._is_fixed or self.is_editing:
            return
        if not self.field.options:
            self.edit()
            return
        values = [option.value for option in self.field.options]
        place = values.index(self.value) if self.value in values else -by
        self.post_message(self.Committed(self, values[(place + by) % len(values)]))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(self, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Committed(self, event.value.strip()))

    def on__line_input_left(self, event: "_LineInput.Left") -> None:
        event.stop()
        self.done()
        self.post_message(self.Left(self, self.value))

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self) -> None:
        if self.has_focus:
            self.edit()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        return 1 + len(self._troubles(width))

    def _troubles(self, width: int) -> list[Content]:
        margin = self._indent + len(_CHANGED)
        if not self._trouble:
            return []
        lines = toned(f"✖ {self._trouble}", Tone.BAD).wrap(max(width - margin, 10))
        return [Content(" " * margin) + line for line in lines]

    def render(self) -> Content:
        width = self.content_size.width
        label = fitted(_(self.field.label), LABEL_WIDTH)
        head = toned(" " * self._indent) + toned(_CHANGED if self._is_changed else "  ", Tone.WARN)
        head += toned(label + " ", Tone.QUIET)
        line = (head + self._shown()).truncate(width, ellipsis=True)
        return Content("\n").join([line, *self._troubles(width)])

    def _shown(self) -> Content:
        options = self.field.options
        if options and self.has_focus:
            return Content("  ").join([self._option(option) for option in options])
        chosen = next((option for option in options if option.value == self.value), None)
        if chosen is not None:
            return toned(_label(chosen))
        return toned(self.value) if self.value else toned(_(self.field.empty) or NOTHING, Tone.QUIET)

    def _option(self, option: Option) -> Content:
        if option.value == self.value:
            return Content.styled(f"[{_label(option)}]", "bold")
        return toned(_label(option), Tone.QUIET)

    def about(self) -> str:
        """What is to be known of the field, and of the value that it has."""
        chosen = next((option for option in self.field.options if option.value == self.value), None)
        parts = [_(self.field.about)]
        if chosen is not None and chosen.about:
            parts.append(f"{_label(chosen)}: {_(chosen.about)}")
        return " ".join(part for part in parts if part)


def _label(option: Option) -> str:
    return _(option.label) or option.value
