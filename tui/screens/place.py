"""What all screens have in common: the header, the way to the other screens, reading and acting in threads."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import get_current_worker

from syncflow.events import ChunkSettled
from syncflow.i18n.catalog import N_, _, language
from syncflow.i18n.texts import told
from tui.breakdown import for_a_person
from tui.marks import Tone, toned
from tui.screens.help import HelpScreen, KeyLine
from tui.widgets.header import Header
from tui.widgets.key_bar import KeyBar
from tui.widgets.prompt import Prompt
from tui.widgets.words import speak

if TYPE_CHECKING:
    from syncflow.events import News
    from syncflow.runtime import Runtime
    from tui.app import Console

T = TypeVar("T")

PLACES = (
    ("1", "dashboard", N_("dashboard")),
    ("2", "entities", N_("entities")),
    ("3", "batches", N_("batches")),
    ("4", "failed", N_("failed")),
    ("5", "pending", N_("pending")),
    ("6", "schedules", N_("schedules")),
    ("7", "settings", N_("settings")),
    ("8", "log", N_("log")),
)
_BY_ITSELF = ("read", "nights", "names", "list", "pages", "progress", "preview")
"""What is read without anybody asking; its troubles stand until it can be read again. All others are told once."""
SETTLE_SECONDS = 0.3
"""How long changes are gathered before a screen reads again."""
CHUNKS_SECONDS = 0.8
"""The same for chunks, of which there are several a second: reading takes time from the batch itself."""


class Place(Screen[None]):
    """A screen of the console. A subclass yields its parts in `body` and reads what it shows in `load`, which is called
    when it comes to the front and soon after each event that `concerns` it."""

    TITLE_WORD: ClassVar[str] = ""
    ABOUT: ClassVar[str] = ""
    """What the screen answers, for its help; marked with N_, as TITLE_WORD is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"go('{name}')", title, show=False, id=f"go.{name}") for key, name, title in PLACES),
        Binding("question_mark", "help", N_("Help"), id="help", key_display="?"),
        Binding("colon", "command", N_("Command"), show=False, id="command", key_display=":"),
        Binding("ctrl+r", "reload", N_("Read again"), show=False, id="reload"),
        Binding("escape,h", "back", N_("Back"), show=False, id="back"),
        Binding("q", "app.leave", N_("Quit"), show=False, id="quit"),
        Binding("ctrl+z", "app.suspend_process", N_("Suspend"), show=False, id="suspend"),
    ]
    DEFAULT_CSS = """
    Place #trouble { height: auto; max-height: 4; display: none; background: $surface; padding: 0 1; }
    Place #trouble.there { display: block; }
    Place #says { height: 1; background: $surface; color: $text-muted; padding: 0 1; }
    Place KeyBar { dock: none; height: 1; background: $panel; }
    """

    @dataclass
    class _Done(Message):
        """A thread is ready: `then` is called with what it gave."""

        then: Callable[[object], None]
        value: object

    def __init__(self) -> None:
        super().__init__()
        self._soon: Timer | None = None
        self._due = 0.0
        self._spoken = language()

    @property
    def console(self) -> "Console":
        return cast("Console", self.app)

    @property
    def title_text(self) -> str:
        """What the breadcrumbs call this screen."""
        return _(self.TITLE_WORD)

    @property
    def is_read_only(self) -> bool:
        return self.console.bridge.manner.read_only

    def compose(self) -> ComposeResult:
        yield Header([(key, title) for key, _name, title in PLACES], self.TITLE_WORD)
        yield Static(id="trouble")
        yield from self.body()
        yield Prompt(
            ":",
            id="command",
            hint=lambda: _("a command; Tab completes"),
            words=self.console.command_words,
            history=self.console.commands_sent,
        )
        yield KeyBar()

    def body(self) -> ComposeResult:
        """The parts between header and footer."""
        yield from ()

    def load(self) -> None:
        """Read what is shown. Called only while the runtime is open."""

    def concerns(self, news: "News") -> bool:  # noqa: ARG002 - for those who override it
        """Whether what is shown may be another after this."""
        return True

    def on_screen_resume(self) -> None:
        if self._spoken != language():
            self.speak()
        else:
            self.show_standing()
        self.action_reload()

    def speak(self) -> None:
        """Say everything in the language as it is now; what is typed, marked and chosen stays."""
        self._spoken = language()
        speak(self)
        self.show_standing()
        self.refresh_bindings()

    def show_standing(self) -> None:
        """Header, breadcrumbs and trouble as the console knows them now."""
        header = next(iter(self.query(Header)), None)
        if header is None:  # the console is closing, and this comes too late
            return
        header.standing = self.console.standing()
        stack = [screen for screen in self.app.screen_stack if isinstance(screen, Place)]
        header.way = tuple(screen.title_text for screen in stack)
        trouble = self.query_one("#trouble", Static)
        said = self.console.trouble
        trouble.set_class(said is not None, "there")
        if said is not None:
            trouble.update(toned(f"✖ {said}", Tone.BAD))

    def happened(self, news: "News") -> None:
        if self.concerns(news):
            self.load_soon(CHUNKS_SECONDS if isinstance(news, ChunkSettled) else SETTLE_SECONDS)

    def load_soon(self, seconds: float = SETTLE_SECONDS) -> None:
        """Read again in a moment; what changes until then is read with it."""
        due = time.monotonic() + seconds
        if self._soon is None or due < self._due:
            if self._soon is not None:
                self._soon.stop()
            self._soon, self._due = self.set_timer(seconds, self.action_reload), due

    def action_reload(self) -> None:
        if self._soon is not None:
            self._soon.stop()
            self._soon = None
        self.reload()

    def reload(self) -> None:
        """Read what is shown, or connect first."""
        if not self.console.bridge.is_open:
            self.console.connect_now()
        elif self.is_current:
            self.load()

    def read(self, work_: Callable[["Runtime"], T], then: Callable[[T], None], *, group: str = "read") -> None:
        """Call `then` with what `work_` gives; that runs in a thread. A later read of the same group takes the place of
        an earlier one. What goes wrong is said where troubles are said."""
        self._read(work_, cast(Callable[[object], None], then), group)

    def _read(self, work_: Callable[["Runtime"], object], then: Callable[[object], None], group: str) -> None:
        def run() -> None:
            worker = get_current_worker()
            try:
                value = work_(self.console.bridge.runtime)
            except Exception as error:  # noqa: BLE001 - whatever it is, the operator hears of it
                said = told(for_a_person(error))
                if group in _BY_ITSELF:
                    self.app.post_message(self.console.Trouble(said))
                else:
                    self.app.notify(said, severity="error", timeout=10, markup=False)
                return
            if not worker.is_cancelled:
                self.post_message(self._Done(then, value))

        self.run_worker(run, thread=True, exclusive=True, exit_on_error=False, group=group)

    def act(self, work_: Callable[["Runtime"], T], then: Callable[[T], None] | None = None) -> None:
        """Do something that changes things, in a thread; refused with the reason on a read-only console. What goes
        wrong is said, and `then` is not called. The screen is read again at the end."""
        refused = self.console.bridge.may_act()
        if refused is not None:
            self.notify(told(refused), severity="warning", markup=False)
            return
        self._act(work_, cast("Callable[[object], None] | None", then))

    @work(thread=True, exit_on_error=False, group="act")
    def _act(self, work_: Callable[["Runtime"], object], then: Callable[[object], None] | None) -> None:
        try:
            value = work_(self.console.bridge.runtime)
        except Exception as error:  # noqa: BLE001 - whatever it is, the operator hears of it
            self.app.notify(told(for_a_person(error)), severity="error", timeout=10, markup=False)
            value, then = None, None
        self.post_message(self._Done(then or (lambda _: None), value))
        self.post_message(self._Done(lambda _: self.load_soon(), None))

    def on_place__done(self, message: "Place._Done") -> None:
        message.stop()
        message.then(message.value)
        if self.focused is None and self.is_current:
            self.call_after_refresh(self.focus_body)

    def action_go(self, name: str) -> None:
        self.console.go(name)

    def action_back(self) -> None:
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(self.title_text, _(self.ABOUT), self.key_lines()))

    def key_lines(self) -> list[KeyLine]:
        """Every key that works here, those of one act in one line."""
        lines: dict[str, KeyLine] = {}
        for active in self.active_bindings.values():
            binding = active.binding
            if not binding.description or binding.id is None:
                continue
            key = self.app.get_key_display(binding)
            known = lines.get(binding.action)
            keys = key if known is None else f"{known.key} {key}"
            lines[binding.action] = KeyLine(keys, binding.description, binding.id)
        return list(lines.values())

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """Textual's, with the descriptions in the operator's language."""
        return {
            key: active._replace(binding=replace(active.binding, description=_(active.binding.description)))
            for key, active in super().active_bindings.items()
        }

    def action_command(self) -> None:
        self.begin_command("")

    def begin_command(self, text: str) -> None:
        self.console.learn_names()
        self.query_one("#command", Prompt).open(text)

    def on_prompt_sent(self, message: Prompt.Sent) -> None:
        if message.prompt.id == "command":
            message.stop()
            self.focus_body()
            self.console.run_command(message.text)

    def on_prompt_left(self, message: Prompt.Left) -> None:
        if message.prompt.id == "command":
            message.stop()
            self.focus_body()

    def focus_body(self) -> None:
        """Give the focus back to what the screen is about."""
        self.focus_next()
