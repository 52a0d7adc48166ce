"""What this terminal can do, and which line reads right: who puts lines in order here, the console or the terminal."""

import os
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from syncflow.i18n.catalog import N_, _, language
from tui.direction import APP, AUTO, OFF
from tui.marks import Tone, toned

SAMPLES = {
    "fa": "۲۵ ردیف از SalesOrder پذیرفته شد (۳ خطا).",
    "ar": "قُبل ٢٥ صفًّا من SalesOrder (٣ أخطاء).",
}
"""A sentence in which each of joining, order, numbers, words in Latin letters and brackets can go wrong."""


SIGNS = "✔▲✖●◐◑○▶‖↑↓▁▂▃▅▇█"
"""The signs that the screens are made of; each is one cell wide."""
COLOURS = {"truecolor": N_("16 million colours"), "256": N_("256 colours"), "standard": N_("16 colours")}


class ReadingTest(ModalScreen[str | None]):
    """Shows a sentence as the console orders it and as it is. Gives the setting `bidi` that makes lines read right
    here; None when it was left, since no line reads right and only the terminal's own settings help."""

    DEFAULT_CSS = """
    ReadingTest { align: center bottom; }
    ReadingTest > Vertical {
        width: 100%; height: auto; max-height: 80%; background: $panel;
        border-top: heavy $primary; padding: 0 1;
    }
    ReadingTest Static { height: auto; }
    ReadingTest #ask { text-style: bold; margin: 1 0 1 0; }
    ReadingTest .painted { text-align: center; background: $surface; margin: 0 0 1 0; text-wrap: nowrap; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "reads(1)", N_("The first line"), id="reading.first"),
        Binding("2", "reads(2)", N_("The second line"), id="reading.second"),
        Binding("0", "reads(0)", N_("Neither"), id="reading.neither"),
        Binding("escape,q", "leave", N_("Leave"), id="reading.leave"),
    ]

    def __init__(self, bidi: str) -> None:
        """`bidi` is the setting as it is now."""
        super().__init__()
        self._bidi = bidi

    def compose(self) -> ComposeResult:
        sample = SAMPLES.get(language(), SAMPLES["fa"])
        with Vertical():
            yield Static(toned(self._facts()), id="facts")
            yield Static(toned(SIGNS, Tone.QUIET), classes="ltr signs")
            yield Static(toned(f"{'·' * len(SIGNS)}| " + _("both lines end together"), Tone.QUIET), classes="signs")
            yield Static(toned(_("Which of these lines reads right, with all letters joined?")), id="ask")
            yield Static(f"1   {_in_order(sample)}   1", classes="painted", id="first", markup=False)
            yield Static(f"2   {sample}   2", classes="painted", id="second", markup=False)
            yield Static(
                toned(_("1 the first · 2 the second · 0 neither · Esc leaves everything as it is"), Tone.QUIET)
            )
            yield Static(id="advice")

    def _facts(self) -> str:
        """The terminal as this process knows it: name, size, colours, and what stands between."""
        size, system = self.app.size, self.app.console.color_system
        colours = _("no colour (NO_COLOR)") if self.app.no_color else _(COLOURS.get(system or "", N_("no colour")))
        facts = [os.environ.get("TERM", "?"), f"{size.width}x{size.height}", colours]
        facts += [name for name, variable in (("tmux", "TMUX"), ("SSH", "SSH_TTY")) if os.environ.get(variable)]
        return " · ".join(facts)

    def action_reads(self, line: int) -> None:
        if line == 1:
            self.dismiss(APP if self._bidi == APP else AUTO)
        elif line == 2:
            self.dismiss(OFF)
        else:
            advice = _(
                "Then the terminal changes what it is sent, or its font lacks these letters. The README says under "
                "Terminals what to set in tmux, kitty and PuTTY."
            )
            self.query_one("#advice", Static).update(toned(advice, Tone.WARN))

    def action_leave(self) -> None:
        self.dismiss(None)


def _in_order(text: str) -> str:
    from tui.rtl.line import Manner, ordered  # deferred: only who looks at this page needs it

    spans = ordered(text, Manner.TEXT)
    return text if spans is None else "".join(span.text for span in spans)
