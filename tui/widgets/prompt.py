"""The line at the foot of a screen in which a filter or a command is typed."""

from collections.abc import Callable, Collection, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Label

from syncflow.i18n.catalog import N_

Words = Callable[[Sequence[str]], Collection[str]]
"""What may come next, behind the words that are there."""


class _NextWord(Suggester):
    """Completes the last word of a line, whatever its case."""

    def __init__(self, words: Words) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._words = words

    async def get_suggestion(self, value: str) -> str | None:
        before, blank, begun = value.rpartition(" ")
        fitting = (word for word in self._words(before.split()) if word.casefold().startswith(begun.casefold()))
        found = next(fitting, None) if begun else None
        return None if found is None else before + blank + found


class Prompt(Horizontal):
    """Hidden until it is opened; Enter sends, Esc leaves everything as it was. Where there are `words`, Tab completes;
    where there is a `history`, the arrows go through what was sent before."""

    DEFAULT_CSS = """
    Prompt { height: 1; display: none; background: $panel; }
    Prompt.open { display: block; }
    Prompt > Label { width: auto; padding: 0 0 0 1; color: $text-accent; text-style: bold; }
    Prompt > Input { width: 1fr; border: none; height: 1; padding: 0; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Leave"), show=False),
        Binding("tab", "complete", show=False),
        Binding("up", "recall(-1)", show=False),
        Binding("down", "recall(1)", show=False),
    ]

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

    def __init__(
        self,
        sign: str,
        *,
        id: str,
        hint: Callable[[], str],
        words: Words | None = None,
        history: list[str] | None = None,
    ) -> None:
        """`history` is what was sent before, the oldest first; what is sent is added to it."""
        super().__init__(id=id)
        self._sign = sign
        self._hint = hint
        self._words = words
        self._history = history
        self._place: int | None = None
        """Where in the history the line stands; None: it is the draft."""
        self._draft = ""
        self._before = ""

    def compose(self) -> ComposeResult:
        yield Label(self._sign)
        suggester = None if self._words is None else _NextWord(self._words)
        yield Input(placeholder=self._hint(), suggester=suggester, compact=True, select_on_focus=False, disabled=True)

    def speak(self) -> None:
        self.query_one(Input).placeholder = self._hint()

    @property
    def is_open(self) -> bool:
        return self.has_class("open")

    def open(self, text: str) -> None:
        self.app.clear_notifications()  # they would hide what is typed
        self._before = text
        self._place = None
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

    def action_complete(self) -> None:
        """Take what is proposed; where nothing ever is, the key is that of the screen."""
        field = self.query_one(Input)
        if self._words is None:
            self.screen.focus_next()
        elif field._suggestion:
            self._write(field._suggestion)

    def action_recall(self, step: int) -> None:
        if not self._history:
            return
        field = self.query_one(Input)
        if self._place is None:
            self._place, self._draft = len(self._history), field.value
        self._place = max(0, min(len(self._history), self._place + step))
        self._write(self._history[self._place] if self._place < len(self._history) else self._draft)

    def _write(self, text: str) -> None:
        field = self.query_one(Input)
        field.value = text
        field.cursor_position = len(text)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self.post_message(self.Changed(self, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.close()
        if self._history is not None and event.value.strip() and event.value not in self._history[-1:]:
            self._history.append(event.value)
        self.post_message(self.Sent(self, event.value))
