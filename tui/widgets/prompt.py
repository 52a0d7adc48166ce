"""The line at the foot of a screen in which a filter or a command is typed."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label

from syncflow.i18n.catalog import N_


class Prompt(Horizontal):
    """Hidden until it is opened; Enter sends, Esc leaves everything as it was."""

    DEFAULT_CSS = """
    Prompt { height: 1; display: none; background: $panel; }
    Prompt.open { display: block; }
    Prompt > Label { width: auto; padding: 0 0 0 1; color: $text-accent; text-style: bold; }
    Prompt > Input { width: 1fr; border: none; height: 1; padding: 0; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", N_("Leave"), show=False)]

    class Changed(Message):
        """The text changed while it is typed."""

        def __init__(self, prompt: "Prompt", text: str) -> None:
            super().__init__()
            self.prompt = prompt
            self.text = text

        @property
        def control(self) -> "Prompt":
            return self.prompt

    class Sent(Changed):
        """Enter was pressed."""

    class Left(Changed):
        """Esc was pressed; `text` is what stood there when it was opened."""

    def __init__(self, sign: str, *, id: str, hint: Callable[[], str], words: Sequence[str] = ()) -> None:
        super().__init__(id=id)
        self._sign = sign
        self._hint = hint
        self._words = words
        self._before = ""

    def compose(self) -> ComposeResult:
        yield Label(self._sign)
        suggester = SuggestFromList(self._words, case_sensitive=False) if self._words else None
        yield Input(placeholder=self._hint(), suggester=suggester, compact=True, select_on_focus=False, disabled=True)

    def speak(self) -> None:
        self.query_one(Input).placeholder = self._hint()

    @property
    def is_open(self) -> bool:
        return self.has_class("open")

    def open(self, text: str) -> None:
        self._before = text
        field = self.query_one(Input)
        field.disabled = False
        with self.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        self.add_class("open")
        field.focus()

    def close(self) -> None:
        """What is hidden must not take keys."""
        self.query_one(Input).disabled = True
        self.remove_class("open")

    def action_leave(self) -> None:
        self.close()
        self.post_message(self.Left(self, self._before))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self.post_message(self.Changed(self, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.close()
        self.post_message(self.Sent(self, event.value))
