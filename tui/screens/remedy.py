"""A rule that mends a whole group of failed records: typed, previewed on all of them, then saved and tried."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Input, RadioButton, RadioSet, Static

from syncflow.errors import SyncFlowError, UsageError
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import retold, told
from syncflow.model import Replacement
from tui.marks import Tone, toned
from tui.screens.place import Place
from tui.screens.question import Question
from tui.screens.retried import RetriedScreen, result_lines
from tui.widgets.field import Field
from tui.widgets.words import Words

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.failed_records import FailedFilter
    from syncflow.service.remedies import Applied, FailedGroup, Preview, Remedy, SavedRule

KINDS = (
    ("null", N_("this value means NULL")),
    ("value", N_("this value means another")),
    ("pattern", N_("replace what a regular expression finds")),
    ("default", N_("NULL means this default")),
)
WAIT_SECONDS = 0.4
"""After the last key, before the preview is made."""


class Choice(RadioButton):
    """A radio button that shows its state by its sign, not by colour alone."""

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]
        return "●" if self.value else " "

    def __init__(self, words: str, *, value: bool) -> None:
        """`words` are marked with N_."""
        super().__init__(_(words), value=value)
        self._words = words

    def speak(self) -> None:
        self.label = Content(_(self._words))


class RemedyScreen(Place):
    TITLE_WORD = N_("rule")
    ABOUT = N_(
        "A rule of one field, for a whole group of failed records. The preview runs the stages over all of them under "
        "the new rule and changes nothing. ctrl+s saves the rule as configuration of the entity and tries the group "
        "again; it holds for all later rows, too. Tab goes from field to field."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "apply", N_("Save and try again"), id="remedy.apply"),
    ]
    DEFAULT_CSS = """
    RemedyScreen #form { padding: 0 1; height: 1fr; }
    RemedyScreen #title { margin: 1 0; text-style: bold; height: auto; }
    RemedyScreen RadioSet { border: none; height: auto; padding: 0; background: $background; }
    RemedyScreen .line { height: 1; margin: 1 0 0 0; }
    RemedyScreen .line .name { width: 16; color: $text-muted; }
    RemedyScreen .line Input { width: 1fr; border: none; height: 1; padding: 0 1; background: $surface; }
    RemedyScreen .line Input:focus { background: $panel; }
    RemedyScreen #preview { margin: 1 0; height: auto; }
    """

    def __init__(self, group: "FailedGroup") -> None:
        """The group has a field."""
        super().__init__()
        self._group = group
        self._previewed: Preview | None = None
        self._generation = 0
        self._shown_kind = KINDS[0][0]

    def body(self) -> ComposeResult:
        group = self._group
        with VerticalScroll(id="form", can_focus=False):
            yield Words(lambda: toned(_title(group)), id="title")
            with RadioSet(compact=True):
                for place, (_kind, words) in enumerate(KINDS):
                    yield Choice(words, value=place == 0)
            with Horizontal(classes="line", id="match-line"):
                yield Words(self._match_name, id="match-name", classes="name")
                yield Field(value=self._first_value(), id="match", compact=True)
            with Horizontal(classes="line", id="to-line"):
                yield Words(lambda: toned(_("becomes")), classes="name")
                yield Field(id="to", compact=True)
            yield Static(id="preview")

    def speak(self) -> None:
        super().speak()
        self._preview_soon()

    def _match_name(self) -> Content:
        return toned(_("expression") if self._shown_kind == "pattern" else _("value"))

    def _first_value(self) -> str:
        """What most likely is to be mended; of a masked field nobody can tell."""
        from syncflow.service.remedies import MASK  # deferred: there is a runtime by now

        samples = [sample for sample in self._group.samples if not sample.endswith(MASK)]
        return samples[0] if samples else ""

    def on_mount(self) -> None:
        self._arrange()
        self.query_one(RadioSet).focus()

    def focus_body(self) -> None:
        self.query_one(RadioSet).focus()

    @property
    def kind(self) -> str:
        return KINDS[max(self.query_one(RadioSet).pressed_index, 0)][0]

    def on_radio_set_changed(self) -> None:
        self._arrange()

    def on_input_changed(self) -> None:
        self._preview_soon()

    def _arrange(self) -> None:
        kind = self._shown_kind = self.kind
        self.query_one("#match-line").display = kind != "default"
        self.query_one("#to-line").display = kind != "null"
        self.query_one("#match-name", Words).speak()
        self._preview_soon()

    def _preview_soon(self) -> None:
        self._generation += 1
        self._previewed = None
        generation = self._generation
        self.set_timer(WAIT_SECONDS, lambda: self._preview() if generation == self._generation else None)

    def load(self) -> None:
        """The preview follows what is typed, not what happens elsewhere."""

    def _remedy(self) -> "tuple[Replacement | None, str | None]":
        """The replacement, or the default. Raises UsageError for a rule that is not complete."""
        match, to = self.query_one("#match", Input).value, self.query_one("#to", Input).value
        if self.kind == "default":
            if not to:
                raise UsageError(_("Type what is to stand for NULL."))
            return None, to
        if not match:
            raise UsageError(_("Type the value that the rule is for, as the source sends it."))
        if self.kind == "pattern":
            return Replacement(pattern=match, to=to), None
        return Replacement(match=match, to=None if self.kind == "null" else to), None

    def _preview(self) -> None:
        try:
            replacement, default = self._remedy()
        except UsageError as error:
            self._say(toned(told(error), Tone.QUIET))
            return
        self._say(toned(_("Trying the rule on the group .."), Tone.QUIET))

        def work(runtime: "Runtime") -> "Preview | SyncFlowError":
            try:
                return runtime.remedies.preview(self._filter(), self._rule(replacement, default))
            except SyncFlowError as error:
                return error

        self.read(work, self._show, group="preview")

    def _filter(self) -> "FailedFilter":
        """All open records of the field that failed alike, whatever their values look like. Runs in a thread."""
        from syncflow.service.failed_records import FailedFilter

        group = self._group
        return FailedFilter(entity=group.entity, field=group.field, error_type=group.error_type)

    def _rule(self, replacement: Replacement | None, default: str | None) -> "Remedy":
        from syncflow.service.remedies import Remedy

        return Remedy(self._group.field or "", replacement, default)

    def _say(self, text: Content) -> None:
        self.query_one("#preview", Static).update(text)

    def _show(self, found: "Preview | SyncFlowError") -> None:
        if isinstance(found, SyncFlowError):
            self._say(toned(told(found), Tone.BAD))
            return
        self._previewed = found
        tone = Tone.GOOD if found.pass_now == found.rows else Tone.WARN if found.pass_now else Tone.BAD
        passing = _("{passing} of {rows} records would pass").format(
            passing=formats.whole(found.pass_now), rows=formats.whole(found.rows)
        )
        lines = [toned(f"{'✔' if found.pass_now else '✖'} {passing}", tone)]
        if not found.touched:
            lines.append(toned(_("The rule matches none of them."), Tone.WARN))
        for sample in found.samples:
            after = "NULL" if sample.after is None else repr(sample.after)
            lines.append(toned(f"  {'NULL' if sample.before is None else repr(sample.before)} → {after}"))
        for message, rows in found.reasons:
            lines.append(toned(f"  ✖ {formats.whole(rows)}: {message}", Tone.QUIET))
        also = _("At the source: of the first {looked} rows it would change {changed} that pass today.").format(
            looked=formats.whole(found.looked_at), changed=formats.whole(found.also_changed)
        )
        lines.append(toned(also, Tone.WARN if found.also_changed else Tone.QUIET))
        self._say(Content("\n").join(lines))

    def action_apply(self) -> None:
        found = self._previewed
        if found is None or not found.pass_now:
            self.notify(_("Only a rule under which records would pass is saved; see the preview."), markup=False)
            return
        replacement, default = self._remedy()
        ask = _("Save this rule for {field} of {entity}, and try {rows} again?").format(
            field=self._group.field, entity=self._group.entity, rows=plural("{n} record", "{n} records", found.rows)
        )
        undo = _("u takes it back afterwards, and so does the entity's page at any time.")
        self.app.push_screen(Question(ask, undo), lambda yes: self._apply(replacement, default) if yes else None)

    def _apply(self, replacement: Replacement | None, default: str | None) -> None:
        def work(runtime: "Runtime") -> "tuple[Applied, SavedRule | None]":
            rule = self._rule(replacement, default)
            applied = runtime.remedies.apply(self._filter(), rule)
            return applied, runtime.remedies.saved(applied.entity, rule)

        self.notify(_("Saving the rule and trying again .."), markup=False)
        self.act(work, self._applied)

    def _applied(self, done: "tuple[Applied, SavedRule | None]") -> None:
        applied, rule = done
        self.notify(_("The rule holds from now on: {}.").format(applied.entity.name), markup=False)
        if self.is_current:
            self.app.switch_screen(RetriedScreen(applied.retried, rule))
        else:
            self.notify("\n".join(result_lines(applied.retried)), timeout=12, markup=False)


def _title(group: "FailedGroup") -> str:
    rows = plural("{n} record", "{n} records", group.rows)
    return f"{group.entity} · {group.field} · {rows} · {retold(group.message)}"
