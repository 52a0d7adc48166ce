"""Schedules: the nights of large tables, and what is synced by an interval or a cron line."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from tui.filtering import Term, chosen
from tui.marks import Tone
from tui.screens import schedule_words as words
from tui.screens.list_place import ListPlace
from tui.screens.question import TypedQuestion
from tui.screens.schedule_acts import ScheduleActs
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.scheduler.service import SchedulerStatus
    from syncflow.schedules import BackgroundSchedule
    from syncflow.service.schedules import ScheduleStatus, TimedEntity


@dataclass(frozen=True)
class Line:
    """What happens by itself for one entity: by night, or by its interval or cron line. `seen_at` is now (UTC)."""

    entity: str
    seen_at: datetime
    night: "ScheduleStatus | None" = None
    timed: "TimedEntity | None" = None


def _state(line: Line) -> Cell:
    if line.night is not None:
        return words.state(line.night)
    return (_("✖ cannot be"), Tone.BAD) if line.timed and line.timed.error else (_("◌ by the clock"), Tone.QUIET)


def _night(line: Line) -> Cell:
    return "" if line.night is None else (words.night_bar(line.night.schedule, line.seen_at), Tone.LIVE)


def _window(line: Line) -> Cell:
    return "" if line.night is None else (words.window(line.night.schedule), Tone.QUIET)


def _progress(line: Line) -> Cell:
    return "" if line.night is None else words.progress(line.night)


def _rows(line: Line) -> Cell:
    return "" if line.night is None else words.rows(line.night)


def _ahead(line: Line) -> Cell:
    """What is to come."""
    if line.night is not None:
        return words.forecast(line.night.forecast), words.forecast_tone(line.night.forecast)
    return formats.NOTHING if line.timed is None else words.timed(line.timed)


class SchedulesScreen(ScheduleActs, ListPlace[Line]):
    TITLE_WORD = N_("schedules")
    ABOUT = N_(
        "What happens by itself. A large table has nights: its window is drawn from noon to noon, ● is now, and each "
        "night does its share until the table is through. Small tables are synced by an interval or a cron line. p "
        "pauses or resumes, t goes on at once, e enables or disables, n gives an entity nights, E changes the terms."
    )
    EMPTY = N_(
        "Nothing happens by itself yet. n gives a large table its nights; an interval stands on an entity's page (2)."
    )
    FIELDS = ("entity", "state", "zone")
    COLUMNS: ClassVar[Sequence[Column[Line]]] = (
        Column("state", N_("state"), _state, 15),
        Column("entity", N_("entity"), lambda line: line.entity, 18, order=lambda line: line.entity),
        Column("night", N_("noon to noon"), _night, 24, from_width=100),
        Column("window", N_("window"), _window, 28, from_width=160),
        Column("progress", N_("cycle"), _progress, 15),
        Column("rows", N_("rows"), _rows, 24, from_width=180),
        Column("ahead", N_("what is to come"), _ahead),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", N_("Pause or resume"), id="schedules.pause"),
        Binding("t", "run_now", N_("Run now"), id="schedules.run_now"),
        Binding("n", "new", N_("New"), id="schedules.new"),
        Binding("E", "edit", N_("Terms"), id="schedules.edit"),
        Binding("e", "enable", N_("Enable, disable"), show=False, id="schedules.enable"),
        Binding("d", "remove", N_("Remove"), show=False, id="schedules.remove"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._scheduler: SchedulerStatus | None = None

    def key(self, row: Line) -> Hashable:
        return row.entity, row.night is None

    def document(self, row: Line) -> Mapping[str, object]:
        found = row.night or row.timed
        return {} if found is None else asdict(found)

    def csv_fields(self, row: Line) -> Mapping[str, object]:
        """As they are shown, since nights and intervals have little in common."""
        return {column.key: column.text(row) for column in self.COLUMNS}

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> Rows[Line]:
        now = datetime.now(UTC)
        found = runtime.schedules.list()
        self._scheduler = runtime.scheduler.status()
        lines = [
            *(Line(each.schedule.entity, now, night=each) for each in found.nights),
            *(Line(each.entity, now, timed=each) for each in found.timed),
        ]
        return RowList(self.ordered(chosen(lines, terms, _texts)), self.key)

    def figures(self) -> str:
        return " · ".join([super().figures(), *self._scheduler_words()])

    def _scheduler_words(self) -> list[str]:
        """Whether this process keeps the schedules."""
        status = self._scheduler
        if status is None or status.state == "stopped":
            return [_("kept by a daemon, if there is one: this console keeps no schedule")]
        if status.state == "waiting":
            return [_("the scheduler waits: {}").format(status.message or "")]
        return [_("kept by this console"), *status.troubles]

    def _nights(self) -> "list[BackgroundSchedule]":
        """Those that are marked, else the one under the cursor."""
        table = self.table
        marked = table.rows.page(0, table.total) if table.all_marked else list(table.marks.values())
        lines = marked or ([table.row] if table.row is not None else [])
        return [line.night.schedule for line in lines if line.night is not None]

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        from tui.screens.schedule import ScheduleScreen

        if message.table is not self.table:
            return
        if message.row.night is None:
            self.action_edit()
        else:
            self.app.push_screen(ScheduleScreen(message.row.entity))

    def action_pause(self) -> None:
        nights = self._nights()
        if nights:
            self.pause_or_resume(nights, self.table.unmark)
        else:
            self.notify(_("Only nights are paused. An entity by the clock is disabled on its page (2)."), markup=False)

    def action_run_now(self) -> None:
        nights, row = self._nights(), self.table.row
        if nights:
            self.ask_run_now(nights, self.table.unmark)
        elif row is not None:
            self.console.ask_to_sync([row.entity])

    def action_enable(self) -> None:
        nights = self._nights()
        if nights:
            self.enable_or_disable(nights, self.table.unmark)
        else:
            self.notify(_("An entity by the clock is enabled and disabled on its page (2)."), markup=False)

    def action_new(self) -> None:
        ask = _("Which entity is to be synced by night?")
        detail = _("Its name. A table that is through in minutes needs no nights: give it an interval.")
        self.app.push_screen(TypedQuestion(ask, detail), lambda name: self.edit_terms(name) if name else None)

    def action_edit(self) -> None:
        row = self.table.row
        if row is not None and row.timed is not None:
            self.ask_cadence(row.entity, row.timed.cadence)
        elif row is not None:
            self.edit_terms(row.entity)

    def action_remove(self) -> None:
        row = self.table.row
        if row is not None and row.night is not None:
            self.ask_remove(row.night.schedule, self.table.unmark)


def _texts(line: Line) -> dict[str, str]:
    return {
        "entity": line.entity,
        "state": str(line.night.state) if line.night is not None else "clock",
        "zone": "" if line.night is None else line.night.schedule.time_zone,
    }
