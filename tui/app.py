"""The console: its screens, its keys, and how it finds out what happens."""

import asyncio
import signal
import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event as Flag
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, urlsplit

from rich.text import Text
from textual import events
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.notifications import SeverityLevel as Severity
from textual.screen import Screen
from textual.worker import get_current_worker

from syncflow.errors import ConfigurationError, SyncFlowError
from syncflow.events import (
    AlertBegan,
    AlertEnded,
    BatchEnded,
    BatchStarted,
    ChunkSettled,
    Disconnected,
    News,
    Reconnected,
)
from syncflow.i18n.catalog import N_, _, language, plural, use
from syncflow.i18n.formats import use_gregorian, whole
from syncflow.i18n.languages import LANGUAGES
from syncflow.i18n.texts import retold, told
from syncflow.model import SyncType
from syncflow.settings import Settings
from tui import commands, keys, marks
from tui.bridge import Bridge, Manner
from tui.direction import AUTO, Directed
from tui.editor import write_privately
from tui.log_tail import LogTail, log_news
from tui.marks import Tone
from tui.messages import Checked, Connected, Happened, NotConnected
from tui.palette import Palette
from tui.progress import Tracks
from tui.remembered import Remembered
from tui.screens.batches import BatchesScreen
from tui.screens.dashboard import DashboardScreen
from tui.screens.entities import EntitiesScreen
from tui.screens.explain import ExplainScreen
from tui.screens.failed import FailedScreen
from tui.screens.log import LogScreen
from tui.screens.pending import PendingScreen
from tui.screens.place import Place
from tui.screens.question import Question, TypedQuestion
from tui.screens.reading_test import ReadingTest
from tui.screens.schedules import SchedulesScreen
from tui.screens.settings import SettingsScreen
from tui.screens.too_small import TooSmallScreen, is_too_small
from tui.theme import DARK, LIGHT, THEMES
from tui.widgets.header import Standing

if TYPE_CHECKING:
    from syncflow.service.neighbours import Health

AGAIN_SECONDS = 5.0
TELL_SECONDS = 1.0
TOLD = 5
"""Batches that end within a second are told in one toast, so many of them by name."""
CHECK_SECONDS = 30.0
"""How often the neighbours are asked how they are."""
REFRESH_SECONDS = 10.0
"""What is on the screen is read again so often even if nothing is heard."""


class Console(Directed):
    """The application. Give it the settings, how it is to work and who the operator is, and run it; then close the
    bridge."""

    MODES: ClassVar[dict[str, str | Callable[[], Screen]]] = {  # type: ignore[type-arg]
        "dashboard": DashboardScreen,
        "entities": EntitiesScreen,
        "batches": BatchesScreen,
        "failed": FailedScreen,
        "pending": PendingScreen,
        "schedules": SchedulesScreen,
        "settings": SettingsScreen,
        "log": LogScreen,
    }
    DEFAULT_MODE = "dashboard"
    CSS = """
    * { scrollbar-size-vertical: 1; }
    Toast { max-width: 80; max-height: 8; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", show=False, system=True),
        Binding("ctrl+c", "leave", show=False, system=True, priority=True),
        Binding("L", "language", N_("Next language"), show=False, id="language"),
        Binding("C", "calendar", N_("Jalali or Gregorian dates"), show=False, id="calendar"),
    ]
    ENABLE_COMMAND_PALETTE = True

    @dataclass
    class Trouble(Message):
        """Something could not be read."""

        text: str

    def __init__(self, settings: Settings, manner: Manner, operator: str, parent: int | None = None) -> None:
        """`parent` is a file descriptor that reads to its end when the process that guards the terminal is gone."""
        super().__init__()
        self._parent_alive = parent
        self.settings = settings
        self.remembered = Remembered(settings.state_dir / "console" / f"{_file_name(operator)}.json")
        self.bridge = Bridge(settings, manner, operator, self._told)
        self.tracks = Tracks()
        self.log_tail = LogTail()
        self.neighbours: dict[str, Health] = {}
        self.scheduler: str | None = None
        self.commands_sent: list[str] = []
        self._entity_names: list[str] = []
        self._ended: list[BatchEnded] = []
        self.trouble: str | None = None
        self._again = Flag()
        self.key_file = settings.state_dir / "console" / keys.FILE
        self._key_trouble: str | None = None
        try:
            self.take_keys()
        except ConfigurationError as error:
            self._key_trouble = told(error)
        use_gregorian(self.remembered.get("gregorian") is True)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self.remembered.text("theme") if self.remembered.text("theme") in _THEME_NAMES else DARK.name

    def _told(self, news: News) -> None:
        """Called by worker threads."""
        log_news(news)
        self.post_message(Happened(news))

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, self._ended_by, number)
        if self._parent_alive is not None:
            loop.add_reader(self._parent_alive, self._orphaned)
        if self._key_trouble is not None:
            self.notify(self._key_trouble, severity="warning", timeout=20, markup=False)
        self.turn_to_language()
        self.run_worker(self._connect, thread=True, exit_on_error=False, group="connect")
        self.set_interval(REFRESH_SECONDS, self._refresh_place)
        self.set_interval(CHECK_SECONDS, self.check_neighbours)

    def turn_to_language(self) -> None:
        """Run in the direction of the language, as far as the setting `bidi` wants it."""
        self.turn_as(self.bidi)

    @property
    def bidi(self) -> str:
        """Who puts lines in order that are written from right to left: one of `direction.BIDI`."""
        return self.remembered.text("bidi", AUTO)

    def begin_in(self, asked: str | None, locale: str) -> None:
        """Speak the language that was asked for, or the one that the operator kept, or that of the terminal."""
        kept = self.remembered.text("language")
        use(asked or (kept if kept in LANGUAGES else locale))

    def speak(self, language: str) -> None:
        """From now on, and in the operator's next sessions. What is typed, marked and chosen stays; screens that are
        not in front follow when they come there."""
        self.remembered.keep("language", language)
        use(language)
        self.turn_to_language()
        if (place := self.place) is not None:
            place.speak()
            place.action_reload()

    def action_language(self) -> None:
        """The next of the languages."""
        names = list(LANGUAGES)
        self.speak(names[(names.index(language()) + 1) % len(names)])
        self.notify(LANGUAGES[language()], timeout=3, markup=False)

    def action_command_palette(self) -> None:
        if self.place is not None:
            self.push_screen(Palette(id="--command-palette"))

    def use_bidi(self, bidi: str) -> None:
        """From now on, and in the operator's next sessions."""
        self.remembered.keep("bidi", bidi)
        self.turn_to_language()

    def advise(self, terminal: str) -> None:
        """Once for each terminal that its user must set right."""
        if self.remembered.text("advised") != terminal:
            self.remembered.keep("advised", terminal)
            said = _("{terminal} may turn lines round once more. The README says under Terminals what to set in it.")
            self.notify(said.format(terminal=terminal), severity="warning", timeout=20, markup=False)

    def action_reading_test(self) -> None:
        """Ask which line reads right, with the terminal told to leave lines alone, and keep what follows from it."""
        self.turn(left=self.runs_left, tell_terminal=True)
        self.push_screen(ReadingTest(self.bidi), lambda found: self.use_bidi(found or self.bidi))

    def action_calendar(self) -> None:
        """Persian dates in the other calendar."""
        wanted = self.remembered.get("gregorian") is not True
        self.remembered.keep("gregorian", wanted)
        use_gregorian(wanted)
        if (place := self.place) is not None:
            place.speak()
        self._refresh_place()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "calendar":
            return language() == "fa"
        return super().check_action(action, parameters)

    def on_resize(self, event: events.Resize) -> None:
        """Say when there is no room, and go on when there is."""
        small = is_too_small(event.size.width, event.size.height)
        shown = bool(self.screen_stack) and isinstance(self.screen, TooSmallScreen)
        if small and not shown:
            self.push_screen(TooSmallScreen())
        elif shown and not small:
            self.pop_screen()

    def _ended_by(self, number: signal.Signals) -> None:
        """The line was hung up, or somebody wants an end: what runs stops at its next checkpoint."""
        self.exit(return_code=128 + number)

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self._parent_alive or 0)
        self._ended_by(signal.SIGHUP)

    def _connect(self) -> None:
        worker = get_current_worker()
        while not worker.is_cancelled:
            try:
                self.bridge.open()
            except SyncFlowError as error:
                self.post_message(NotConnected(error))
                self._again.wait(AGAIN_SECONDS)
                self._again.clear()
            else:
                self.post_message(Connected())
                return

    def _fatal_error(self) -> None:
        """As Textual's, with a word for a person and without the values of variables, which may be secrets."""
        if not self._exit_renderables:
            self._exit_renderables.append(self._broken_down(traceback.format_exc()))
        self._close_messages_no_wait()

    def _broken_down(self, trace: str) -> Text:
        said = _(
            "The console itself broke down. That is an error in SyncFlow: please report what stands above. Batches "
            "stop at their next checkpoint, and nothing is lost; syncflow opens the console again."
        )
        file = self.settings.state_dir / "console" / "broken-down.txt"
        try:
            write_privately(file, trace)
        except OSError:
            return Text(f"{trace}\n{said}")
        return Text(f"{trace}\n{said} " + _("It is kept in {file}.").format(file=file))

    def on_unmount(self) -> None:
        """Nobody waits for the next try of a console that is gone."""
        self.workers.cancel_all()
        self._again.set()

    def connect_now(self) -> None:
        """Try it at once, and not only after the wait."""
        self._again.set()

    def on_connected(self) -> None:
        self.trouble = None
        self._show_standing()
        self._refresh_place()
        self.check_neighbours()

    def check_neighbours(self, *, tell: bool = False) -> None:
        """Ask them how they are, in a thread; the header shows it, and with `tell` it is said."""
        if self.bridge.is_open:
            self.run_worker(
                lambda: self._check_neighbours(tell), thread=True, exclusive=True, exit_on_error=False, group="check"
            )

    def _check_neighbours(self, tell: bool) -> None:
        try:
            found = self.bridge.runtime.neighbours.check_all()
            self.post_message(Checked(found, tell, self.bridge.scheduler()))
        except SyncFlowError as error:
            self.post_message(self.Trouble(told(error)))

    def on_checked(self, message: Checked) -> None:
        worse = [now for now in message.found if now.state != "ok" and self._was_ok(now.name)]
        self.neighbours = {now.name: now for now in message.found}
        self.scheduler = message.scheduler
        self._show_standing()
        for health in message.found if message.tell else worse:
            severity: Severity = "information" if health.state == "ok" else "error"
            self.notify(f"{health.name}: {told(health.said)}", severity=severity, timeout=10, markup=False)

    def _was_ok(self, name: str) -> bool:
        return name not in self.neighbours or self.neighbours[name].state == "ok"

    def on_not_connected(self, message: NotConnected) -> None:
        again = _("It is tried again every few seconds, and at once with ctrl+r.")
        self.trouble = f"{told(message.error)} {again}"
        self._show_standing()

    def on_console_trouble(self, message: "Console.Trouble") -> None:
        self.trouble = message.text
        self._show_standing()

    def trouble_is_over(self) -> None:
        if self.trouble is not None:
            self.trouble = None
            self._show_standing()

    def on_happened(self, message: Happened) -> None:
        news = message.news
        if isinstance(news, Disconnected):
            self.trouble = retold(news.message)
            self._show_standing()
        elif isinstance(news, Reconnected):
            self.trouble_is_over()
        elif isinstance(news, BatchStarted | ChunkSettled | BatchEnded):
            self.tracks.take(news)
        elif isinstance(news, AlertBegan | AlertEnded):
            self._tell_alert(news)
        if isinstance(news, BatchEnded):
            self._ended.append(news)
            if len(self._ended) == 1:
                self.set_timer(TELL_SECONDS, self._tell_ends)
        if (place := self.place) is not None:
            place.happened(message.news)

    def _tell_alert(self, alert: AlertBegan | AlertEnded) -> None:
        if isinstance(alert, AlertEnded):
            self.notify(_("✔ well again: {}").format(retold(alert.text)), markup=False)
            return
        self.notify(
            f"▲ {retold(alert.text)}\n" + _(":alerts shows what helps."), severity="warning", timeout=15, markup=False
        )
        if self.remembered.get("bell"):
            self.bell()

    def _tell_ends(self) -> None:
        """One toast for the batches that ended together; the troubled ones first."""
        worst = [Tone.BAD, Tone.WARN, Tone.QUIET, Tone.GOOD]
        ended = sorted(self._ended, key=lambda each: worst.index(marks.status(each.status)[1]))
        self._ended = []
        tone = marks.status(ended[0].status)[1]
        lines = [_end_line(each) for each in ended[:TOLD]]
        if len(ended) > TOLD:
            lines.append(plural("and {n} more", "and {n} more", len(ended) - TOLD))
        severity: Severity = "error" if tone is Tone.BAD else "warning" if tone is Tone.WARN else "information"
        self.notify("\n".join(lines), severity=severity, markup=False)
        if tone is not Tone.GOOD and self.remembered.get("bell"):
            self.bell()

    @property
    def place(self) -> Place | None:
        """The place in front: none behind a question, and none while the console closes, when news may still come."""
        front = next(reversed(self.screen_stack), None)
        return front if isinstance(front, Place) else None

    def _refresh_place(self) -> None:
        if (place := self.place) is not None and self.bridge.is_open:
            place.load_soon()

    def _show_standing(self) -> None:
        if (place := self.place) is not None and place.is_mounted:
            place.show_standing()

    def standing(self) -> Standing:
        """What the header says now."""
        manner = self.bridge.manner
        how = _("read-only") if manner.read_only else _("observes") if manner.observe else _("works")
        connected = (_("● database"), Tone.GOOD) if self.bridge.is_open else (_("✖ database"), Tone.BAD)
        kept = () if self.scheduler is None else (_scheduler_mark(self.scheduler),)
        parts = (connected, *(_neighbour_mark(health) for health in self.neighbours.values()), *kept)
        return Standing(_short_name(self.settings), str(self.settings.app_env), self.bridge.operator, how, parts)

    def go(self, name: str) -> None:
        """Show this place; when it is shown already, the beginning of it."""
        if name not in self.MODES:
            return
        if self.current_mode == name:
            while len(self.screen_stack) > 1:
                self.pop_screen()
        else:
            self.switch_mode(name)

    def sync_all(self) -> None:
        """Request a batch of every entity that is enabled, after a question that says how many."""
        if (place := self.place) is not None:
            place.read(lambda runtime: runtime.batches.enabled(), self.ask_to_sync, group="sync_all")

    def sync_these(self, names: Sequence[str]) -> None:
        """The same for these; a name that there is not is told before anything is asked."""
        if (place := self.place) is not None:
            known = lambda runtime: [runtime.entities.get(name).name for name in names]  # noqa: E731
            place.read(known, self.ask_to_sync, group="sync_all")

    def ask_to_sync(self, names: list[str]) -> None:
        """Request a batch of each, after a question."""
        if not names:
            self.notify(_("No entity is enabled. Configure them first (2)."), markup=False)
            return
        asked = plural("Sync {n} entity now?", "Sync {n} entities now?", len(names))
        self.push_screen(Question(asked, ", ".join(names)), lambda yes: self._sync(names) if yes else None)

    def _sync(self, names: list[str]) -> None:
        if (place := self.place) is not None:
            place.act(lambda runtime: runtime.batches.request(names, SyncType.INCREMENTAL))

    def explain(self, entity: str, key: Sequence[str]) -> None:
        """Show why a record is as it is."""
        self.push_screen(ExplainScreen(entity, tuple(key)))

    def explain_queued(self, entity: str, *, failed: str | None = None, pending: str | None = None) -> None:
        """The same for the row of a failed record or of a waiting row."""
        self.push_screen(ExplainScreen(entity, (), failed, pending))

    def action_alerts(self) -> None:
        from tui.screens.alerts import AlertsScreen

        self.push_screen(AlertsScreen())

    def action_report(self, since: datetime | None = None) -> None:
        from tui.screens.night_report import NightReportScreen

        self.push_screen(NightReportScreen(since))

    def action_doctor(self) -> None:
        from tui.screens.doctor import DoctorScreen

        self.push_screen(DoctorScreen())

    def action_statistics(self) -> None:
        from tui.screens.statistics import StatisticsScreen

        self.push_screen(StatisticsScreen())

    def action_rules(self) -> None:
        from tui.screens.rules import RulesScreen

        self.push_screen(RulesScreen())

    def ask_to_purge(self, days: int) -> None:
        """Empty the payloads of records that were closed so long ago, after a question that asks for their number."""
        if (place := self.place) is not None:
            count = lambda runtime: runtime.failed_records.purgeable(days)  # noqa: E731
            place.read(count, lambda rows: self._ask_to_purge(days, rows), group="purge")

    def _ask_to_purge(self, days: int, rows: int) -> None:
        if not rows:
            self.notify(_("No record was closed so long ago that still holds its row."), markup=False)
            return
        ask = plural(
            "Empty the payloads of {n} closed record for good?",
            "Empty the payloads of {n} closed records for good?",
            rows,
        )
        detail = _(
            "What the rows held is gone, that they failed stays known; edits and ignores that hold keep what they "
            "need. To do it, type: {rows}"
        ).format(rows=rows)
        self.push_screen(TypedQuestion(ask, detail, str(rows)), lambda typed: self._purge(days) if typed else None)

    def _purge(self, days: int) -> None:
        def tell(rows: int) -> None:
            self.notify(_("{rows} payloads emptied.").format(rows=whole(rows)), markup=False)

        if (place := self.place) is not None:
            place.act(lambda runtime: runtime.failed_records.purge(days), tell)

    def take_keys(self) -> int:
        """Use the keys of the key file from now on, and say how many there are. Raises ConfigurationError, and the keys
        stay as they were, when it is wrong."""
        found = keys.read(self.key_file)
        self.set_keymap(found)
        self._key_trouble = None
        return len(found)

    def key_file_words(self) -> str:
        """Where keys are changed, and how."""
        said = _(
            "Keys are changed in {file}, a line each, such as: failed.retry: r. Every key's name is in the help (?)."
        )
        return f"{said.format(file=self.key_file)} {self._key_trouble or ''}".strip()

    def command_words(self, before: Sequence[str]) -> Collection[str]:
        """What a command may go on with behind these words."""
        if not before:
            return [command.name for command in commands.COMMANDS]
        return commands.arguments(before, self._entity_names)

    def learn_names(self) -> None:
        """Read what the entities are called, for whoever completes their names."""

        def keep(names: list[str]) -> None:
            self._entity_names = names

        if (place := self.place) is not None and self.bridge.is_open:
            place.read(lambda runtime: [entity.name for entity in runtime.entities.all()], keep, group="names")

    def run_command(self, line: str) -> None:
        if not line.strip():
            return
        try:
            command, words = commands.find(line)
            command.run(self, words)
        except SyncFlowError as error:
            self.notify(told(error), severity="warning", markup=False)

    def get_system_commands(self, screen: Screen) -> Iterable[SystemCommand]:  # type: ignore[type-arg]  # noqa: ARG002
        for command in commands.COMMANDS:
            yield SystemCommand(command.name, _(command.about), lambda command=command: self._chosen(command))

    def _chosen(self, command: commands.Command) -> None:
        """From the palette: a command that wants more than its name is begun in the prompt."""
        if not command.usage:
            command.run(self, ())
        elif (place := self.place) is not None:
            place.begin_command(f"{command.name} ")

    def action_theme(self) -> None:
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name
        self.remembered.keep("theme", self.theme)

    def action_leave(self) -> None:
        then = _("They stop at their next checkpoint, and can be resumed: nothing is lost.")
        self._when_idle(_("Leave the console? Running: {}."), then, self.exit)

    def action_suspend_process(self) -> None:
        then = _("They stand still as long as the console is suspended; another SyncFlow may take them over.")
        self._when_idle(_("Suspend the console? Running: {}."), then, super().action_suspend_process)

    def _when_idle(self, ask: str, then: str, act: Callable[[], None]) -> None:
        """Do it at once when nothing runs here, otherwise after a question."""
        running = self.at_work()
        if running:
            self.push_screen(Question(ask.format(", ".join(running)), then), lambda yes: act() if yes else None)
        else:
            act()

    def at_work(self) -> list[str]:
        """The entities that this process is working on."""
        if not self.bridge.is_open or self.bridge.manner.observe:
            return []
        return [batch.entity_name for batch in self.bridge.runtime.worker.status().running]


_THEME_NAMES = {theme.name for theme in THEMES}


def _end_line(ended: BatchEnded) -> str:
    """`▲ with errors: items, 2,598 rows, 12 written, 4 failed`; that nothing came is said as such."""
    sign, _tone = marks.status(ended.status)
    if ended.error_message is not None:
        return f"{sign}: {ended.entity}. {retold(ended.error_message)}"
    counters = ended.counters
    if counters.fetched == counters.deleted == 0:
        return _("{status}: {entity}, nothing came").format(status=sign, entity=ended.entity)
    told = _("{status}: {entity}, {rows}, {written} written, {failed} failed")
    return told.format(
        status=sign,
        entity=ended.entity,
        rows=plural("{n} row", "{n} rows", counters.fetched),
        written=whole(counters.inserted + counters.updated + counters.deleted),
        failed=whole(counters.failed),
    )


def _neighbour_mark(health: "Health") -> tuple[str, Tone]:
    if health.state == "ok":
        return f"● {health.name}", Tone.GOOD
    return f"✖ {health.name}", Tone.BAD


def _scheduler_mark(where: str) -> tuple[str, Tone]:
    """Who keeps the schedules."""
    if where == "nowhere":
        return _("▲ no scheduler"), Tone.WARN
    return _("● scheduler here") if where == "here" else _("● scheduler: daemon"), Tone.GOOD


def _short_name(settings: Settings) -> str:
    """The metadata database as the header calls it: host and name, without user and password."""
    if settings.database_url is None:
        return _("embedded database")
    address = urlsplit(settings.database_url)
    host = address.hostname or (parse_qs(address.query).get("host") or [""])[0]
    return f"{host}{address.path}"


def _file_name(operator: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in operator) or "operator"
