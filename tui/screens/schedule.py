"""One schedule: where its cycle stands, what its nights brought, and what is to come."""

from collections.abc import Hashable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _, plural
from tui.marks import Tone, toned
from tui.screens import schedule_words as words
from tui.screens.schedule_acts import ScheduleActs
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Column, RowList
from tui.widgets.words import Words

if TYPE_CHECKING:
    from syncflow.schedules import NightRecord
    from syncflow.service.schedules import ScheduleStatus


def _day(night: "NightRecord") -> str:
    return formats.day(night.night)


def _speed(night: "NightRecord") -> str:
    return formats.rate(night.rows, night.seconds)


class ScheduleScreen(ScheduleActs):
    TITLE_WORD = N_("schedule")
    ABOUT = N_(
        "Where the cycle of a large table stands, and what each night brought. p pauses or resumes, t goes on at once, "
        "e enables or disables, E changes the terms, d removes the schedule; Enter on a night shows its batch."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", N_("Pause or resume"), id="schedule.pause"),
        Binding("t", "run_now", N_("Run now"), id="schedule.run_now"),
        Binding("e", "enable", N_("Enable, disable"), show=False, id="schedule.enable"),
        Binding("E", "edit", N_("Terms"), id="schedule.edit"),
        Binding("d", "remove", N_("Remove"), id="schedule.remove"),
    ]
    DEFAULT_CSS = """
    ScheduleScreen #told { height: auto; padding: 1 1 1 1; }
    ScheduleScreen .heading { height: 1; margin: 0 1; text-style: bold; color: $text-muted; }
    """

    def __init__(self, entity: str) -> None:
        super().__init__()
        self._entity = entity
        self._found: ScheduleStatus | None = None

    @property
    def title_text(self) -> str:
        return f"{super().title_text} {self._entity}"

    def body(self) -> ComposeResult:
        yield Static(id="told")
        yield Words(lambda: toned(_("the last nights")), classes="heading")
        yield LazyTable(
            [
                Column("night", N_("night"), _day, 12),
                Column("cycle", N_("cycle"), lambda night: formats.whole(night.cycle), 6, right=True, from_width=90),
                Column("planned", N_("planned"), lambda night: formats.whole(night.planned), 12, right=True),
                Column("rows", N_("rows"), lambda night: formats.whole(night.rows), 12, right=True),
                Column("worked", N_("worked"), lambda night: formats.stopwatch(night.seconds), 9, right=True),
                Column("speed", N_("speed"), _speed, 10, right=True, from_width=90),
                Column("ended", N_("ended"), words.ended),
            ],
            self._key,
            empty=N_("No night has been worked on yet."),
        )

    @staticmethod
    def _key(night: "NightRecord") -> Hashable:
        return night.batch

    def on_mount(self) -> None:
        self.focus_body()

    def focus_body(self) -> None:
        self.query_one(LazyTable).focus()

    def load(self) -> None:
        self.read(lambda runtime: runtime.schedules.get(self._entity), self._show)

    def _show(self, found: "ScheduleStatus") -> None:
        self.console.trouble_is_over()
        self._found = found
        self.query_one("#told", Static).update(Content("\n").join(_lines(found)))
        table: LazyTable[NightRecord] = self.query_one(LazyTable)
        table.read(lambda: RowList(found.history, self._key))

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        from tui.screens.batch import BatchScreen

        self.app.push_screen(BatchScreen(message.row.batch))

    def action_pause(self) -> None:
        if self._found is not None:
            self.pause_or_resume([self._found.schedule], lambda: None)

    def action_run_now(self) -> None:
        if self._found is not None:
            self.ask_run_now([self._found.schedule], lambda: None)

    def action_enable(self) -> None:
        if self._found is not None:
            self.enable_or_disable([self._found.schedule], lambda: None)

    def action_edit(self) -> None:
        self.edit_terms(self._entity)

    def action_remove(self) -> None:
        if self._found is not None:
            self.ask_remove(self._found.schedule, super().action_back)


def _lines(found: "ScheduleStatus") -> Iterator[Content]:
    schedule = found.schedule
    yield Content.styled(f"{schedule.entity}  ", "bold") + toned(*words.state(found))
    nights = plural("the whole table in {n} night", "the whole table in {n} nights", schedule.days_to_complete)
    yield toned(f"{words.window(schedule)} · {words.days(schedule)} · {nights}")
    bar = toned(words.night_bar(schedule, datetime.now(UTC)), Tone.LIVE)
    yield bar + toned("  " + _("noon to noon, ● is now"), Tone.QUIET)
    yield _told(_("tonight"), words.tonight(found))
    number = _("number {n}").format(n=formats.whole(schedule.cycle))
    yield _told(_("cycle"), f"{number} · {words.progress(found)} · {words.rows(found)}")
    yield _told(_("forecast"), words.forecast(found.forecast), words.forecast_tone(found.forecast))
    yield _told(_("changes"), _("rows that change behind it {how}").format(how=_(words.CHANGES[found.changes.name])))


def _told(name: str, text: str, tone: Tone = Tone.PLAIN) -> Content:
    return toned(f"{name:<10} ", Tone.QUIET) + toned(text, tone)
