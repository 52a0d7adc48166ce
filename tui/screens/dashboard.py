"""The dashboard: is all well? What runs, how it went of late, what the queues hold, what needs a person now."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Sparkline, Static

from syncflow.events import ChunkSettled
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import retold
from tui import marks
from tui.marks import Tone, toned
from tui.screens import schedule_words as words
from tui.screens.place import Place
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, Column, RowList
from tui.widgets.track import TrackView
from tui.widgets.words import Words

if TYPE_CHECKING:
    from syncflow.events import News
    from syncflow.service.overview import Attention, Happening, QueueFigures, Snapshot
    from syncflow.service.schedules import ScheduleStatus

TRACK_SECONDS = 0.5
TRACKS = 6
"""So many running batches are drawn; the others are counted."""

NEEDS = {
    "failed_batch": ("✖", Tone.BAD, N_("The last batch failed"), N_("a: sync again")),
    "withheld": ("▲", Tone.WARN, N_("Deletions are withheld"), N_("a: approve, discard")),
    "interrupted": ("◐", Tone.WARN, N_("A batch was interrupted"), N_("a: resume")),
    "failed_records": ("▲", Tone.WARN, N_("Records failed"), N_("a: see the errors")),
    "never_synced": ("○", Tone.QUIET, N_("Never synced"), N_("a: sync")),
}
"""Sign, tone and name, and what `dashboard.step` does about it."""
LATELY = 5
"""So many of the newest happenings are shown."""
NIGHTS = 3
"""So many schedules are told of: those that are late first, then those whose window is open, then the next."""


class Tile(Vertical):
    """A figure with its name, and a line below it."""

    DEFAULT_CSS = """
    Tile { width: 1fr; height: 4; background: $surface; padding: 0 1; margin: 0 1 0 0; }
    Tile Static { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    Tile Sparkline { height: 1; width: 1fr; }
    Tile Sparkline > .sparkline--max-color { color: $primary; }
    Tile Sparkline > .sparkline--min-color { color: $primary 60%; }
    """

    def __init__(self, name: str, id: str, *, plot: bool = False) -> None:
        """`name` is marked with N_."""
        super().__init__(id=id)
        self._title = name
        self._plot = plot

    def compose(self) -> ComposeResult:
        yield Words(lambda: toned(_(self._title), Tone.QUIET))
        yield Static(classes="figure")
        yield Static(classes="below")
        if self._plot:
            yield Sparkline([])

    def show(self, figure: str, below: str, tone: Tone = Tone.PLAIN, plot: Sequence[float] = ()) -> None:
        self.query_one(".figure", Static).update(Content.styled(figure, f"bold {tone}"), layout=False)
        self.query_one(".below", Static).update(toned(below, Tone.QUIET), layout=False)
        if self._plot:
            self.query_one(Sparkline).data = list(plot)


def _need(row: "Attention") -> Cell:
    sign, tone, name, _step = NEEDS[row.need]
    return f"{sign} {_(name)}", tone


def _rows(row: "Attention") -> Cell:
    return formats.whole(row.rows) if row.rows else ""


def _message(row: "Attention") -> Cell:
    return retold(row.message) if row.message else _(NEEDS[row.need][3]), Tone.QUIET


def _happened(each: "Happening") -> Content:
    when = toned(formats.clock(each.at).rjust(8), Tone.QUIET)
    if each.act is not None:
        named = (each.act.entity, each.act.subject)
        about = " ".join(dict.fromkeys(name for name in named if name))
        return Content("  ").join(
            [when, toned(each.act.actor.ljust(20)), toned(f"{each.act.act}  {about}", Tone.QUIET)]
        )
    batch = each.batch
    if batch is None:
        return when
    word, tone = marks.status(batch.status)
    rows = plural("{n} row", "{n} rows", batch.counters.fetched)
    failed = plural("{n} failed", "{n} failed", batch.counters.failed) if batch.counters.failed else ""
    pieces = [
        when,
        toned(batch.entity_name.ljust(20)),
        toned(word, tone),
        toned(rows, Tone.QUIET),
        toned(failed, Tone.BAD),
    ]
    return Content("  ").join(pieces)


def _night(each: "ScheduleStatus") -> Content:
    sign, tone = words.state(each)
    pieces = [
        toned(sign.ljust(14), tone),
        toned(each.schedule.entity.ljust(18)),
        toned(words.forecast(each.forecast), words.forecast_tone(each.forecast)),
        toned(words.tonight(each), Tone.QUIET),
    ]
    return Content("  ").join(pieces)


class DashboardScreen(Place):
    TITLE_WORD = N_("dashboard")
    ABOUT = N_(
        "Is all well? Above, what runs now, with the nine stages and which of them holds the rest up. Below, what "
        "needs a person, the most urgent first: Enter goes there, a does the next step. p shows the last day as plots, "
        "w what is wrong now, m what the last twelve hours did."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "step", N_("Do what helps"), id="dashboard.step"),
        Binding("s", "sync_all", N_("Sync all"), id="dashboard.sync_all"),
        Binding("p", "plots", N_("Plots"), id="dashboard.plots"),
        Binding("S", "app.statistics", N_("Statistics"), show=False, id="dashboard.statistics"),
        Binding("w", "app.alerts", N_("Alerts"), show=False, id="dashboard.alerts"),
        Binding("m", "app.report", N_("The last twelve hours"), show=False, id="dashboard.report"),
        Binding("D", "app.doctor", N_("Examine the installation"), show=False, id="dashboard.doctor"),
        Binding("n", "check", N_("Test the neighbours"), id="dashboard.check"),
    ]
    DEFAULT_CSS = """
    DashboardScreen #tiles { height: 4; margin: 1 0 0 1; }
    DashboardScreen .heading { height: 1; margin: 1 1 0 1; text-style: bold; color: $text-muted; }
    DashboardScreen #tracks { height: auto; max-height: 13; margin: 0 1; }
    DashboardScreen #idle { height: 1; margin: 0 1; color: $text-muted; }
    DashboardScreen #lately { height: auto; margin: 0 1; }
    DashboardScreen #tonight { height: auto; margin: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    DashboardScreen .tonight { display: none; }
    DashboardScreen.-nights .tonight { display: block; }
    DashboardScreen.-low .heading.tonight { display: none; }
    DashboardScreen.-low .lately { display: none; }
    DashboardScreen.-low #tiles { margin: 0 0 0 1; height: 3; }
    DashboardScreen.-low .heading { margin: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_idle = False

    def body(self) -> ComposeResult:
        with Horizontal(id="tiles"):
            yield Tile(N_("success 24h"), "success", plot=True)
            yield Tile(N_("rows 24h"), "rows", plot=True)
            yield Tile(N_("failed rows"), "failed")
            yield Tile(N_("waiting rows"), "pending")
            yield Tile(N_("withheld"), "withheld")
        yield Words(lambda: toned(_("running")), classes="heading")
        with VerticalScroll(id="tracks", can_focus=False):
            for _place in range(TRACKS):
                yield TrackView()
        yield Static(id="idle")
        yield Words(lambda: toned(_("tonight")), classes="heading tonight")
        yield Static(id="tonight", classes="tonight")
        yield Words(lambda: toned(_("needs you")), classes="heading")
        yield LazyTable(
            [
                Column("need", N_("what"), _need, 25),
                Column("entity", N_("entity"), lambda row: row.entity, 18),
                Column("rows", N_("rows"), _rows, 7, right=True),
                Column("message", N_("more"), _message),
            ],
            self._key,
            empty=N_("Nothing. All is well."),
        )
        yield Words(lambda: toned(_("lately")), classes="heading lately")
        yield Static(id="lately", classes="lately")

    @staticmethod
    def _key(row: "Attention") -> Hashable:
        return row.need, row.entity, row.batch

    def on_mount(self) -> None:
        self.query_one(LazyTable).focus()
        self.set_interval(TRACK_SECONDS, self._show_tracks)
        self._show_tracks()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < 30, "-low")

    def speak(self) -> None:
        super().speak()
        self._is_idle = False
        self._show_tracks()

    def focus_body(self) -> None:
        self.query_one(LazyTable).focus()

    def concerns(self, news: "News") -> bool:
        """A chunk all of whose rows went well moves the track and nothing else here: what is read takes time from the
        batch."""
        return not isinstance(news, ChunkSettled) or news.counters.failed + news.counters.pending > 0

    def load(self) -> None:
        self.read(lambda runtime: runtime.overview.snapshot(), self._show)
        self.read(lambda runtime: runtime.schedules.list().nights, self._show_nights, group="nights")

    def _show_nights(self, nights: "Sequence[ScheduleStatus]") -> None:
        active = [each for each in nights if each.state in ("open", "waiting")]
        active.sort(key=lambda each: (-each.forecast.late_nights, each.state != "open", each.night.opens))
        self.set_class(bool(active), "-nights")
        told = active[: 1 if self.has_class("-low") else NIGHTS]
        lines = [_night(each) for each in told]
        if len(active) > len(told):
            lines.append(toned(plural("and {n} more (6)", "and {n} more (6)", len(active) - len(told)), Tone.QUIET))
        self.query_one("#tonight", Static).update(Content("\n").join(lines))

    def _show(self, snapshot: "Snapshot") -> None:
        self.console.trouble_is_over()
        self.console.tracks.forget({each.batch.uid for each in snapshot.running if each.batch is not None})
        self._show_tracks()
        self._show_series(snapshot)
        queues = snapshot.queues
        self._show_queue("failed", queues.failed, Tone.BAD, snapshot)
        self._show_queue("pending", queues.pending, Tone.WARN, snapshot)
        self._show_queue("withheld", queues.withheld, Tone.WARN, snapshot)
        table: LazyTable[Attention] = self.query_one(LazyTable)
        table.read(lambda: RowList(snapshot.attention, self._key))
        lately = [_happened(each) for each in snapshot.latest[:LATELY]]
        self.query_one("#lately", Static).update(Content("\n").join(lately or [toned(formats.NOTHING, Tone.QUIET)]))

    def _show_series(self, snapshot: "Snapshot") -> None:
        rows = sum(bucket.rows for bucket in snapshot.series)
        failed = sum(bucket.failed for bucket in snapshot.series)
        batches = sum(bucket.batches for bucket in snapshot.series)
        seconds = sum(bucket.seconds for bucket in snapshot.series)
        shares = [bucket.success for bucket in snapshot.series if bucket.success is not None]
        tile = self.query_one("#success", Tile)
        if rows:
            tone = Tone.GOOD if failed == 0 else Tone.WARN
            sign = "✔" if failed == 0 else "▲"
            share = f"{sign} {formats.percent((rows - failed) / rows)}"
            tile.show(share, plural("{n} batch", "{n} batches", batches), tone, shares)
        else:
            tile.show(formats.NOTHING, _("no rows yet"))
        self.query_one("#rows", Tile).show(
            formats.whole(rows), formats.rate(rows, seconds), plot=[bucket.rows for bucket in snapshot.series]
        )

    def _show_queue(self, name: str, queue: "QueueFigures", tone: Tone, snapshot: "Snapshot") -> None:
        tile = self.query_one(f"#{name}", Tile)
        if not queue.rows:
            tile.show(f"✔ {formats.whole(0)}", "", Tone.GOOD)
            return
        oldest = _("oldest {}").format(formats.ago(queue.oldest, snapshot.taken_at))
        tile.show(f"▲ {formats.whole(queue.rows)}", oldest, tone)

    def _show_tracks(self) -> None:
        tracks = list(self.console.tracks)
        if not tracks and self._is_idle:
            return
        self._is_idle = not tracks
        views = list(self.query(TrackView))
        for place, view in enumerate(views):
            view.display = place < len(tracks)
            if place < len(tracks):
                view.show(tracks[place])
        idle = self.query_one("#idle", Static)
        left = len(tracks) - len(views)
        idle.display = not tracks or left > 0
        nothing = _("Nothing is running. s syncs all entities.")
        more = plural("and {n} more", "and {n} more", left) if left > 0 else nothing
        idle.update(toned(more, Tone.QUIET), layout=False)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        self._show_need(message.row)

    def _show_need(self, row: "Attention") -> None:
        from tui.screens.batch import BatchScreen
        from tui.screens.failed_groups import FailedGroupsScreen

        if row.batch is not None:
            self.app.push_screen(BatchScreen(row.batch))
        elif str(row.need) == "failed_records":
            self.app.push_screen(FailedGroupsScreen(f"entity:{row.entity}"))
        else:
            self.console.go("entities")

    def action_step(self) -> None:
        """The next step for what the cursor stands on."""
        row: Attention | None = self.query_one(LazyTable).row
        if row is None:
            self.notify(_("Nothing needs you."), markup=False)
        elif str(row.need) in ("failed_batch", "never_synced"):
            self.console.ask_to_sync([row.entity])
        elif str(row.need) == "interrupted" and row.batch is not None:
            uid = str(row.batch)
            self.act(
                lambda runtime: runtime.batches.request_resume([uid]),
                lambda _asked: self.notify(_("The batch goes on at its checkpoint."), markup=False),
            )
        else:
            self._show_need(row)

    def action_plots(self) -> None:
        from tui.screens.plots import PlotsScreen  # deferred: plots are drawn with numpy

        self.app.push_screen(PlotsScreen())

    def action_sync_all(self) -> None:
        self.console.sync_all()

    def action_check(self) -> None:
        self.console.check_neighbours(tell=True)
