"""Questions before harm is done: answered with a key that did not ask it, or by typing what is at stake."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from syncflow.i18n.catalog import N_, _
from syncflow.i18n.digits import plain
from tui.marks import Tone, toned


class Question(ModalScreen[bool]):
    """`y` is yes; everything else is no. Enter says nothing at all."""

    DEFAULT_CSS = """
    Question { align: center bottom; }
    Question > Vertical {
        width: 100%; height: auto; max-height: 80%; background: $panel;
        border-top: heavy $warning; padding: 0 1;
    }
    Question Static { height: auto; }
    Question #ask { text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", N_("Yes"), id="question.yes"),
        Binding("n", "answer(False)", N_("No"), id="question.no"),
        Binding("escape,q", "leave", N_("Leave"), id="question.leave"),
    ]

    def __init__(self, ask: str, detail: str = "") -> None:
        """Both translated; `detail` says what follows."""
        super().__init__()
        self._ask = ask
        self._detail = detail

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(toned(self._ask), id="ask")
            if self._detail:
                yield Static(toned(self._detail, Tone.QUIET))
            yield Static(toned(_("y yes · n or Esc no"), Tone.QUIET))

    def on_mount(self) -> None:
        """What was said before must not hide what is asked."""
        self.app.clear_notifications()

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)

    def action_leave(self) -> None:
        """Neither yes nor no; it counts as no where nothing else is said."""
        self.dismiss(None)


class TypedQuestion(ModalScreen[str | None]):
    """Asks for a text: where `expected` is given, exactly that must be typed (a number of rows, a name). None: left."""

    DEFAULT_CSS = """
    TypedQuestion { align: center bottom; }
    TypedQuestion > Vertical {
        width: 100%; height: auto; background: $panel;
        border-top: heavy $warning; padding: 0 1;
    }
    TypedQuestion Static { height: auto; }
    TypedQuestion #ask { text-style: bold; }
    TypedQuestion Input { border: none; height: 1; background: $surface; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", N_("No"), id="question.leave")]

    def __init__(self, ask: str, detail: str = "", expected: str | None = None, *, password: bool = False) -> None:
        super().__init__()
        self._ask = ask
        self._detail = detail
        self._expected = expected
        self._password = password

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(toned(self._ask), id="ask")
            if self._detail:
                yield Static(toned(self._detail, Tone.QUIET))
            yield Input(compact=True, password=self._password)
            yield Static(toned(_("Enter sends · Esc leaves everything as it is"), Tone.QUIET), id="hint")

    def on_mount(self) -> None:
        """What was said before must not hide what is asked."""
        self.app.clear_notifications()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        typed = event.value.strip()
        if not typed or (self._expected is not None and self._expected not in (typed, plain(typed))):
            wanted = (
                _("Type {wanted} to go on; Esc leaves everything as it is.").format(wanted=self._expected)
                if self._expected
                else _("Nothing is typed yet. Esc leaves everything as it is.")
            )
            self.query_one("#hint", Static).update(toned(wanted, Tone.WARN))
            return
        self.dismiss(self._expected or typed)

    def action_leave(self) -> None:
        self.dismiss(None)
