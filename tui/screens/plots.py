"""The last day as plots: the share of rows that passed, and rows a second of work."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widgets import Static
from textual_plot import AxisFormatter, HiResMode, NumericAxisFormatter, PlotWidget

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from tui.marks import Tone, toned
from tui.screens.place import Place
from tui.widgets.words import Words

if TYPE_CHECKING:
    from syncflow.service.overview import Snapshot

HOURS = 24
_TICK_HOURS = 3


class _Clock(AxisFormatter):
    """Seconds since 1970 as whole hours of this machine's zone."""

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        step = _TICK_HOURS * 3600
        first = -int(-min_ // step) * step
        return [float(tick) for tick in range(first, int(max_) + 1, step)][:max_ticks]

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [formats.hour(datetime.fromtimestamp(tick, UTC)) for tick in ticks]


class _Percent(NumericAxisFormatter):
    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [formats.percent(tick) for tick in ticks]


class _Short(NumericAxisFormatter):
    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [formats.short(tick) for tick in ticks]


def _plot(name: str) -> PlotWidget:
    """To be looked at only; the keys stay those of the screen. Time runs from left to right in every language."""
    plot = PlotWidget(id=name, classes="ltr", allow_pan_and_zoom=False)
    plot.can_focus = False
    return plot


class PlotsScreen(Place):
    TITLE_WORD = N_("plots")
    ABOUT = N_(
        "The last 24 hours, a point each quarter of an hour in which batches ended: above, the share of rows that did "
        "not fail; below, rows a second of work, all batches together."
    )
    DEFAULT_CSS = """
    PlotsScreen .heading { height: 1; margin: 1 1 0 1; text-style: bold; color: $text-muted; }
    PlotsScreen PlotWidget { height: 1fr; margin: 0 1; }
    """

    def body(self) -> ComposeResult:
        yield Words(lambda: toned(_("rows that did not fail")), classes="heading")
        yield _plot("success")
        yield Words(lambda: toned(_("rows a second of work")), classes="heading")
        yield _plot("rate")
        yield Static(id="says")

    def on_mount(self) -> None:
        for name, labels in (("success", _Percent()), ("rate", _Short())):
            plot = self.query_one(f"#{name}", PlotWidget)
            plot.set_x_formatter(_Clock())
            plot.set_y_formatter(labels)
            plot.set_xlabel("")
            plot.margin_top, plot.margin_bottom = 0, 1  # the hours; the headings say what is drawn

    def focus_body(self) -> None:
        """Nothing here takes keys."""

    def load(self) -> None:
        self.read(lambda runtime: runtime.overview.snapshot(), self._show)

    def _show(self, snapshot: "Snapshot") -> None:
        self.console.trouble_is_over()
        now = snapshot.taken_at.timestamp()
        shares = [(each.start.timestamp(), each.success) for each in snapshot.series if each.success is not None]
        rates = [(each.start.timestamp(), each.rate) for each in snapshot.series if each.rows]
        for name, points in (("success", shares), ("rate", rates)):
            plot = self.query_one(f"#{name}", PlotWidget)
            plot.clear()
            plot.set_xlimits(now - HOURS * 3600, now)
            lowest = min((value for _at, value in points), default=0.0)
            highest = max((value for _at, value in points), default=1.0)
            plot.set_ylimits(*((min(lowest, 0.9), 1.0) if name == "success" else (0.0, highest * 1.1 or 1.0)))
            if points:
                at, values = zip(*points, strict=True)
                colour = self.app.theme_variables["primary"]
                plot.bar(at, values, width=900.0, bar_style=colour, hires_mode=HiResMode.QUADRANT)
        said = "" if shares else _("No batch ended in the last 24 hours.")
        self.query_one("#says", Static).update(toned(said, Tone.QUIET))
