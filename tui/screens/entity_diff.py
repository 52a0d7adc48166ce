"""A change as it would be saved, to be looked at before it is."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from syncflow.i18n.catalog import N_, _
from tui.marks import Tone, toned

if TYPE_CHECKING:
    from syncflow.service.entity_diff import DiffLine

_TONES = {"+": Tone.GOOD, "-": Tone.BAD, "…": Tone.QUIET}


class DiffQuestion(ModalScreen[bool]):
    """`y` is yes; everything else is no. The lines can be scrolled."""

    DEFAULT_CSS = """
    DiffQuestion { align: center bottom; }
    DiffQuestion > Vertical {
        width: 100%; height: auto; max-height: 80%; background: $panel;
        border-top: heavy $warning; padding: 0 1;
    }
    DiffQuestion VerticalScroll { height: auto; max-height: 100%; background: $background; }
    DiffQuestion Static { height: auto; }
    DiffQuestion #ask { text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", N_("Yes"), id="question.yes"),
        Binding("n,escape,q", "answer(False)", N_("No"), id="question.no"),
        Binding("j,down", "scroll(1)", N_("Down"), show=False),
        Binding("k,up", "scroll(-1)", N_("Up"), show=False),
        Binding("pagedown", "scroll(10)", N_("Page down"), show=False),
        Binding("pageup", "scroll(-10)", N_("Page up"), show=False),
    ]

    def __init__(self, ask: str, lines: "Sequence[tuple[str, Sequence[DiffLine]]]", then: str = "") -> None:
        """`lines` are of each entity, by name; `then` (translated) says what follows."""
        super().__init__()
        self._ask = ask
        self._lines = lines
        self._then = then

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(toned(self._ask), id="ask")
            with VerticalScroll(can_focus=False):
                yield Static(self._shown())
            if self._then:
                yield Static(toned(self._then, Tone.QUIET))
            yield Static(toned(_("y yes · n or Esc no"), Tone.QUIET))

    def _shown(self) -> Content:
        shown: list[Content] = []
        for name, lines in self._lines:
            if len(self._lines) > 1:
                shown.append(Content.styled(name, "bold"))
            shown += [toned(f"{line.sign} {line.text}", _TONES.get(line.sign, Tone.PLAIN)) for line in lines]
        return Content("\n").join(shown)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def on_mount(self) -> None:
        self.app.clear_notifications()

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
