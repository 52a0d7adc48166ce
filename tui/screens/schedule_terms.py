"""The terms of a schedule, to be changed or given for the first time."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import available_timezones

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from syncflow.errors import ConfigurationError, UsageError
from syncflow.i18n.catalog import N_, _
from syncflow.i18n.texts import told
from tui.marks import Tone, toned
from tui.screens.place import Place
from tui.screens.question import Question
from tui.widgets.form import LINE_IS_OPEN, Form
from tui.widgets.form_fields import FormField, FormSection, Option
from tui.widgets.form_line import FormLine

if TYPE_CHECKING:
    from syncflow.schedules import BackgroundSchedule, ScheduleTerms
    from syncflow.service.schedules import GivenTerms

_YES, _NO = "yes", "no"


@dataclass(frozen=True)
class Draft:
    """The terms as they are typed; `checked` with each change, so that all of them can be kept."""

    window: str = "19:00-07:00"
    time_zone: str = ""
    days: str = "daily"
    nights: str = "7"
    enabled: str = _YES

    @classmethod
    def of(cls, terms: "ScheduleTerms") -> "Draft":
        from syncflow.scheduler.terms import days_text, window_text

        return cls(
            window_text(terms.window_start, terms.window_end), terms.time_zone, days_text(terms.days),
            str(terms.days_to_complete), _YES if terms.enabled else _NO,
        )  # fmt: skip

    def given(self) -> "GivenTerms":
        from syncflow.service.schedules import GivenTerms

        return GivenTerms(
            window=self.window,
            time_zone=self.time_zone or None,
            days=self.days.split(","),
            days_to_complete=int(self.nights),
            enabled=self.enabled == _YES,
        )

    def checked(self) -> "Draft":
        """The same. Raises UsageError for what cannot be kept."""
        from syncflow.schedules import ScheduleTerms

        if not (self.nights.isascii() and self.nights.isdigit() and len(self.nights) <= MAX_DIGITS):
            raise UsageError(_("{text!r} is no number of nights. It takes 1 or more.").format(text=self.nights))
        try:
            self.given().onto(ScheduleTerms())
        except ConfigurationError as error:
            raise UsageError(error.text) from error
        return self


def _field(name: str, label: str, about: str, **more: object) -> FormField[Draft]:
    return FormField(
        name,
        label,
        lambda draft: str(getattr(draft, name)),
        lambda draft, text: replace(draft, **{name: text}).checked(),
        about,
        **more,  # type: ignore[arg-type]
    )


def _fields() -> tuple[FormField[Draft], ...]:
    zones = tuple(sorted(zone for zone in available_timezones() if "/" in zone))
    return (
        _field("window", N_("window"), N_(
            "From when to when it may work, on the clocks of its zone, such as 19:00-07:00; always is without an end."
        )),
        _field("time_zone", N_("time zone"), N_(
            "An IANA name such as Europe/Berlin. A night has 11 or 13 hours when the clocks change in it."
        ), words=zones, empty=N_("as SCHEDULE_TIME_ZONE says")),
        _field("days", N_("nights"), N_("On which days a night begins: daily, weekdays, mon-fri, or mon, wed, sat.")),
        _field("nights", N_("nights to complete"), N_(
            "In how many nights the whole table is to be through. Each night takes its share of what is left."
        )),
        _field("enabled", N_("enabled"), N_("Whether its nights are worked on."), options=(
            Option(_YES, label=N_("yes")), Option(_NO, label=N_("no")),
        )),
    )  # fmt: skip


MAX_DIGITS = 9


class ScheduleTermsScreen(Place):
    TITLE_WORD = N_("terms")
    ABOUT = N_(
        "When a large table is synced, and in how many nights it is to be through. Enter edits a line, ctrl+s keeps "
        "all of them. What is done of the cycle stays done."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep", N_("Keep"), id="terms.keep"),
    ]
    DEFAULT_CSS = """
    ScheduleTermsScreen #about { height: auto; min-height: 2; padding: 0 1; background: $surface; }
    """

    def __init__(self, entity: str, before: "BackgroundSchedule | None") -> None:
        """`before` is the schedule that was looked at; None for an entity that has none."""
        super().__init__()
        self._entity = entity
        self._before = before
        self._kept = None if before is None else Draft.of(before.terms)
        self._draft = self._kept or Draft()

    @property
    def title_text(self) -> str:
        return f"{super().title_text} {self._entity}"

    def body(self) -> ComposeResult:
        yield Form[Draft](unfolded=["terms"], is_fixed=self.is_read_only)
        yield Static(id="about")

    @property
    def form(self) -> "Form[Draft]":
        return self.query_one(Form)

    def on_mount(self) -> None:
        self._show()
        self.focus_body()

    def focus_body(self) -> None:
        self.form.focus_line("window")

    def _show(self) -> None:
        title = _("The nights of {entity}").format(entity=self._entity)
        self.form.show([FormSection("terms", title, fields=_fields())], self._draft, self._kept)
        self._show_about()

    def _show_about(self) -> None:
        line = self.form.line
        about = line.about() if isinstance(line, FormLine) else _(self.ABOUT)
        self.query_one("#about", Static).update(toned(about, Tone.QUIET))

    def speak(self) -> None:
        super().speak()
        self._show()

    def on_form_moved(self) -> None:
        self._show_about()

    def on_form_line_committed(self, message: FormLine.Committed) -> None:
        try:
            self._draft = message.line.field.write(self._draft, message.text)
        except UsageError as error:
            message.line.refuse(told(error))
            return
        message.line.done()
        self._show()

    def action_keep(self) -> None:
        if self.form.is_editing:
            self.notify(_(LINE_IS_OPEN), severity="warning", markup=False)
            return
        before, given = self._before, self._draft.given()

        def done(_status: object) -> None:
            self.notify(_("The schedule of {entity} is kept.").format(entity=self._entity), markup=False)
            if self.is_current:
                self.app.pop_screen()

        if before is None:
            self.act(lambda runtime: runtime.schedules.create(self._entity, given), done)
        else:
            self.act(lambda runtime: runtime.schedules.update(before, given), done)

    def action_back(self) -> None:
        if self._draft == (self._kept or Draft()):
            super().action_back()
        else:
            self.app.push_screen(Question(_("Leave without keeping the changes?")), self._leave)

    def _leave(self, yes: bool | None) -> None:
        if yes:
            super().action_back()
