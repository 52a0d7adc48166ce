"""Settings: what holds and where it comes from; theme, keys, connection tests, service tokens."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from syncflow.errors import ConfigurationError, UnavailableError
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import told
from syncflow.settings import DEFAULT_ORIGIN, NOT_SET, SettingLine, describe
from tui import keys
from tui.editor import edit, write_privately
from tui.filtering import Term, chosen
from tui.marks import Tone
from tui.screens.list_place import ListPlace
from tui.screens.question import Question, TypedQuestion
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.events import News
    from syncflow.runtime import Runtime


ORIGINS = (N_("default"), N_("environment"), N_("(not set)"))
"""What the settings say of themselves where they name no file."""


def _value(line: SettingLine) -> Cell:
    if line.origin == DEFAULT_ORIGIN:
        return _(line.value) if line.value == NOT_SET else line.value, Tone.QUIET
    return line.value, Tone.PLAIN


class SettingsScreen(ListPlace[SettingLine]):
    TITLE_WORD = N_("settings")
    ABOUT = N_(
        "Every setting, its value (secrets masked) and where it comes from. Settings are changed where they stand: in "
        "the environment, in .env or in /etc/syncflow/syncflow.env. Here: language (L), theme (T), bell (b), keys (K), "
        "a check of the terminal, and who puts lines in order that are written from right to left (B), connection "
        "tests (n), and the service tokens of both neighbours (A, S), which are tested before they are kept."
    )
    EMPTY = N_("No setting is like that.")
    FIELDS = ("name", "value", "from")
    COLUMNS: ClassVar[Sequence[Column[SettingLine]]] = (
        Column("name", N_("setting"), lambda line: line.name, 27, order=lambda line: line.name),
        Column("value", N_("value"), _value, 34),
        Column("from", N_("from"), lambda line: (_(line.origin), Tone.QUIET), order=lambda line: line.origin),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("T", "app.theme", N_("Theme"), id="settings.theme"),
        Binding("L", "app.language", N_("Language"), id="settings.language"),
        Binding("B", "app.reading_test", N_("Terminal check"), show=False, id="settings.reading_test"),
        Binding("b", "bell", N_("Bell"), id="settings.bell"),
        Binding("n", "check", N_("Test connections"), id="settings.check"),
        Binding("A", "token('APISmith')", N_("APISmith token"), id="settings.apismith_token"),
        Binding("S", "token('ScheduleHub')", N_("ScheduleHub token"), id="settings.schedulehub_token"),
        Binding("K", "keys", N_("Keys"), id="settings.keys"),
    ]

    def key(self, row: SettingLine) -> Hashable:
        return row.name

    def reload(self) -> None:
        """The settings are there before there is a database."""
        self.load()

    def load(self) -> None:
        super().load()
        if not self.console.bridge.is_open:
            self.console.connect_now()

    def concerns(self, news: "News") -> bool:  # noqa: ARG002 - settings are read at the start
        return False

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> Rows[SettingLine]:  # noqa: ARG002
        return self.make_rows(terms)

    def make_rows(self, terms: Sequence[Term]) -> Rows[SettingLine]:
        return RowList(self.ordered(chosen(describe(self.console.settings), terms, _texts)), self.key)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        line = message.row
        takes = _("{name} takes {takes}. It comes from: {origin}.").format(
            name=line.name, takes=_(line.takes), origin=_(line.origin)
        )
        self.notify(takes, timeout=10, markup=False)

    def action_bell(self) -> None:
        wanted = not self.console.remembered.get("bell")
        self.console.remembered.keep("bell", wanted)
        self.notify(_("The bell rings for what needs you.") if wanted else _("The bell is silent."), markup=False)

    def action_check(self) -> None:
        self.notify(_("Asking both neighbours .."), markup=False)
        self.console.check_neighbours(tell=True)

    def action_keys(self) -> None:
        """The key file in the operator's editor; what can be read holds at once."""
        file = self.console.key_file
        try:
            if not file.exists():
                write_privately(file, keys.template())
            edit(self.app, file)
        except UnavailableError as error:
            self.notify(f"{told(error)} {self.console.key_file_words()}", severity="warning", timeout=20, markup=False)
        except OSError as error:
            refused = _("{} cannot be written: {}.").format(file, error.strerror)
            self.notify(refused, severity="error", markup=False)
        else:
            self._take_keys()

    def _take_keys(self) -> None:
        try:
            changed = self.console.take_keys()
        except ConfigurationError as error:
            kept = _("y edits again · with n, the keys stay as they are until the file is mended.")
            question = Question(f"✖ {told(error)}", kept)
            self.app.push_screen(question, lambda yes: self.action_keys() if yes else None)
            return
        self.notify(plural("{n} key is your own.", "{n} keys are your own.", changed), markup=False)

    def action_token(self, neighbour: str) -> None:
        refused = self.console.bridge.may_act()
        if refused is not None:
            self.notify(told(refused), severity="warning", markup=False)
            return
        ask = _("A new token for {}").format(neighbour)
        then = _("Type or paste it, or @FILE to read it from a file. It is tested before it is kept, and never shown.")
        self.app.push_screen(
            TypedQuestion(ask, then, password=True), lambda typed: self._replace(neighbour, typed) if typed else None
        )

    def _replace(self, neighbour: str, typed: str) -> None:
        from pathlib import Path

        def work(runtime: "Runtime") -> str:
            if typed.startswith("@"):
                return runtime.tokens.replace_from(neighbour, Path(typed[1:]))
            return runtime.tokens.replace(neighbour, typed)

        self.act(work, lambda said: self._tell_replaced(neighbour, said))

    def _tell_replaced(self, neighbour: str, said: str) -> None:
        told = _("{neighbour} takes the new token ({said}). It is in use from the next start of SyncFlow on.")
        self.notify(told.format(neighbour=neighbour, said=said), timeout=10, markup=False)


def _texts(line: SettingLine) -> dict[str, str]:
    return {"name": line.name, "value": line.value, "from": line.origin}
