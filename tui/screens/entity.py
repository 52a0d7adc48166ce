"""One entity: how it is synced, to be changed in place, with what that makes of real rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import Static

from syncflow.errors import SyncFlowError, UsageError
from syncflow.events import News
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import told
from syncflow.model import Entity, SyncType
from tui.marks import Tone, toned
from tui.screens.entity_acts import EntityActs
from tui.screens.entity_diff import DiffQuestion
from tui.screens.entity_draft import merged
from tui.screens.entity_fields import Known, other_fields, settings_sections
from tui.screens.entity_mapping_fields import mappings_section
from tui.screens.entity_parent_fields import parents_section
from tui.screens.entity_standing import preview_line, standing_line
from tui.screens.question import Question
from tui.widgets.form import LINE_IS_OPEN, Form
from tui.widgets.form_line import FormLine

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.batches import Overview
    from syncflow.service.entities import Change
    from syncflow.service.entity_diff import DiffLine
    from syncflow.service.mapping_preview import EntityPreview, Sample

TYPING_SECONDS = 0.25
"""So long after the last key, what is typed is tried on the rows."""


@dataclass(frozen=True)
class Seen:
    """What the page was drawn from: all entities, and how this one's batches went."""

    entities: Mapping[str, Entity] = field(default_factory=dict)
    line: "Overview | None" = None


@dataclass(frozen=True)
class Tried:
    """What a draft makes of the rows; or why nobody can say."""

    preview: "EntityPreview | None"
    sample: "Sample | None"
    trouble: str = ""


class EntityScreen(EntityActs):
    TITLE_WORD = N_("entity")
    ABOUT = N_(
        "How one entity is synced. Enter unfolds a section and edits a line in place; every change is tried at once on "
        "real rows of the source and on its failed records, and nothing holds before it is saved with w."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w,ctrl+s", "save", N_("Save"), id="entity.save"),
        Binding("u", "undo", N_("Undo"), id="entity.undo"),
        Binding("plus", "add", N_("Add"), id="entity.add", key_display="+"),
        Binding("minus,delete", "remove", N_("Take away"), show=False, id="entity.remove", key_display="-"),
        Binding("s", "sync(0)", N_("Sync"), id="entity.sync"),
        Binding("S", "sync(1)", N_("Full sync"), show=False, id="entity.full_sync"),
        Binding("d", "dry_run", N_("Dry run"), id="entity.dry_run"),
        Binding("E,ctrl+o", "editor", N_("Edit as YAML"), id="entity.editor"),
        Binding("D", "delete", N_("Delete"), show=False, id="entity.delete"),
        Binding("y", "copy", N_("Copy as YAML"), show=False, id="entity.copy"),
        Binding("q", "quit", N_("Quit"), show=False, id="quit"),
    ]
    DEFAULT_CSS = """
    EntityScreen #standing-of-it, EntityScreen #verdict {
        height: 1; background: $surface; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    EntityScreen #verdict.whole { height: auto; max-height: 4; text-wrap: wrap; }
    EntityScreen #says { height: 1; background: $surface; color: $text-muted; padding: 0 1; text-wrap: nowrap;
        text-overflow: ellipsis; }
    """

    def __init__(self, name: str, proposed: Entity | None = None) -> None:
        """`proposed` is a new entity that is not stored yet."""
        super().__init__()
        self._entity_name = name
        self._before: Entity | None = None
        self._draft: Entity | None = proposed
        self._is_new = proposed is not None
        self._undo: list[tuple[str, Entity]] = []
        self._saved: tuple[Entity, Entity] | None = None
        self._seen = Seen()
        self._tried = Tried(None, None)
        self._typing: Timer | None = None

    @property
    def title_text(self) -> str:
        return self._entity_name if not self._is_new else _("new: {}").format(self._entity_name)

    @property
    def form(self) -> Form[Entity]:
        return self.query_one(Form)

    @property
    def is_changed(self) -> bool:
        """Whether there is something to save."""
        return self._draft is not None and (self._is_new or self._draft != self._before)

    def body(self) -> ComposeResult:
        yield Static(id="standing-of-it")
        yield Static(id="verdict")
        yield Form[Entity](unfolded=("identity", "fields"), is_fixed=self.is_read_only)
        yield Static(id="says")

    def focus_body(self) -> None:
        self.form.action_move(0)

    def concerns(self, event: News) -> bool:
        return getattr(event, "entity", None) in (None, self._entity_name)

    def load(self) -> None:
        name = self._entity_name

        def work(runtime: "Runtime") -> Seen:
            lines = {line.entity.name: line for line in runtime.batches.overview()}
            return Seen({each: line.entity for each, line in lines.items()}, lines.get(name))

        self.read(work, self._loaded)

    def _loaded(self, seen: Seen) -> None:
        self.console.trouble_is_over()
        self._seen = seen
        now = seen.entities.get(self._entity_name)
        if self._is_new:
            self._show()
            if self._tried.sample is None:
                self._try()
        elif now is None:
            self._is_gone()
        elif self._before is None or (now != self._before and not self.is_changed):
            self._take(now)
        else:
            self._show()

    def _is_gone(self) -> None:
        if self.is_changed:
            self._is_new, self._before = True, None
            self.notify(_("Somebody deleted {} meanwhile; w makes it anew.").format(self._entity_name), markup=False)
            self.show_standing()
            self._show()
        else:
            self.notify(_("{} is not there any more.").format(self._entity_name), severity="warning", markup=False)
            self.action_leave_page()

    def _take(self, entity: Entity) -> None:
        """The entity as it is stored takes the place of whatever was shown."""
        self._before = self._draft = entity
        self._undo.clear()
        self._show()
        self._try()

    def _show(self) -> None:
        draft = self._draft
        if draft is None:
            return
        before = self._before or draft
        preview = self._tried.preview
        sampled = () if preview is None else tuple(each.mapping.source for each in preview.fields)
        sources = other_fields(sampled, draft)
        known = Known(self._seen.entities, sampled)
        parents = parents_section(draft, self._before, known)
        settings = settings_sections(draft, self._before, known, parents)
        self.form.show((*settings, mappings_section(draft, self._before, sources, preview)), draft, before)
        self._say_standing()
        self._say()

    def _say_standing(self) -> None:
        told = self._tried
        self.query_one("#standing-of-it", Static).update(standing_line(self._seen.line), layout=False)
        verdict = self.query_one("#verdict", Static)
        verdict.update(preview_line(told.preview, told.sample, told.trouble))
        verdict.set_class(bool(told.trouble) or (told.preview is not None and told.preview.wrong is not None), "whole")

    def _say(self) -> None:
        """What there is to know of the line under the cursor, or what is to be saved."""
        line = self.form.line
        about = line.about() if isinstance(line, FormLine) else ""
        said = []
        if self._is_new:
            said.append(_("● not saved yet · w saves"))
        elif self.is_changed:
            said.append(_("● changed · w saves · u takes back"))
        if about:
            said.append(about)
        self.query_one("#says", Static).update(
            toned(" · ".join(said), Tone.WARN if self.is_changed else Tone.QUIET), layout=False
        )

    def on_form_moved(self) -> None:
        self._say()

    def _try(self, provisional: Entity | None = None) -> None:
        """Try the draft, or what it would be, on the rows."""
        draft = provisional or self._draft
        if draft is None:
            return
        before, held = self._before, self._tried.sample

        def work(runtime: "Runtime") -> Tried:
            sample = held
            try:
                if sample is None or not sample.fits(draft):
                    sample = runtime.mapping_previews.sample(draft)
                return Tried(runtime.mapping_previews.preview(before, draft, sample), sample)
            except SyncFlowError as error:
                return Tried(None, held, told(error))

        self.read(work, self._previewed, group="preview")

    def _previewed(self, tried: Tried) -> None:
        """Where nothing could be tried, what was found last stays below the reason."""
        preview = self._tried.preview if tried.preview is None else tried.preview
        self._tried = replace(tried, preview=preview)
        self._show()

    def on_form_line_typed(self, message: FormLine.Typed) -> None:
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(TYPING_SECONDS, lambda: self._try_typed(message))

    def _try_typed(self, message: FormLine.Typed) -> None:
        if self._draft is None or not message.line.is_editing:
            return
        try:
            self._try(message.line.field.write(self._draft, message.text.strip()))
        except UsageError:
            return

    def on_form_line_committed(self, message: FormLine.Committed) -> None:
        line = message.line
        if self._draft is None:
            return
        try:
            changed = line.field.write(self._draft, message.text)
        except UsageError as error:
            line.refuse(told(error))
            return
        line.done()
        self._change(changed, line.field.key)

    def on_form_line_left(self, message: FormLine.Left) -> None:  # noqa: ARG002
        self._try()

    def _change(self, changed: Entity, key: str) -> None:
        """The draft is this from now on; steps on one and the same line are undone together."""
        draft = self._draft
        if draft is None or changed == draft:
            self._show()
            self._try()
            return
        if not self._undo or self._undo[-1][0] != key:
            self._undo.append((key, draft))
        self._draft = changed
        if self._is_new:
            self._entity_name = changed.name
        self._show()
        self._try()

    def action_add(self) -> None:
        if self._draft is None or self._refused():
            return
        section = next((each for each in self.form.sections_here if each.add is not None), None)
        if section is None or section.add is None:
            self.notify(_("Here is nothing to add: + adds a parent, or a replacement to a field."), markup=False)
            return
        changed, key = section.add(self._draft)
        self.form.unfold(section.key, key.rpartition(".")[0])
        self._change(changed, f"+{key}")
        self.form.focus_line(key, edit=True)

    def action_remove(self) -> None:
        line = self.form.line
        if self._draft is None or self._refused():
            return
        if not isinstance(line, FormLine) or line.field.remove is None:
            self.notify(_("Here is nothing to take away: - takes a parent or a replacement away."), markup=False)
            return
        section = self.form.sections_here[0]
        self._change(line.field.remove(self._draft), f"-{line.field.key}")
        self.form.focus_line("parents" if section.key.startswith("parent.") else section.key)

    def _refused(self) -> bool:
        refused = self.console.bridge.may_act()
        if refused is not None:
            self.notify(told(refused), severity="warning", markup=False)
        return refused is not None

    def action_undo(self) -> None:
        """First what was changed here, then what was saved last."""
        if self._undo:
            _key, self._draft = self._undo.pop()
            self._show()
            self._try()
        elif self._saved is not None and not self._is_new:
            before, after = self._saved
            self._offer_to_save(replace(before, version=after.version), _("Take back what was saved last?"))
        else:
            self.notify(_("There is nothing to take back."), markup=False)

    def action_save(self) -> None:
        if self._draft is None or self._refused():
            return
        if self.query_one(Form).is_editing:
            self.notify(_(LINE_IS_OPEN), severity="warning", markup=False)
            return
        if not self.is_changed:
            self.notify(_("Nothing was changed."), markup=False)
            return
        trouble = self._tried.preview.wrong if self._tried.preview is not None else None
        if trouble is not None:
            self.notify(trouble, severity="error", timeout=10, markup=False)
            return
        ask = _("Make the entity {}?") if self._is_new else _("Save {}?")
        self._offer_to_save(self._draft, ask.format(self._draft.name))

    def _offer_to_save(self, wanted: Entity, ask: str) -> None:
        """Show what would be written over what is stored now; where that is not what was edited, that first."""
        before, name = self._before, wanted.name

        def work(runtime: "Runtime") -> "tuple[Entity | None, Sequence[DiffLine]]":
            from syncflow.service.entity_diff import differences  # heavy, and this is a thread

            now = next((each for each in runtime.entities.all() if each.name == name), None)
            if before is not None and (now is None or now.version != before.version):
                return now, differences(before, now)
            return now, differences(now, wanted)

        def ask_(told: "tuple[Entity | None, Sequence[DiffLine]]") -> None:
            now, lines = told
            if before is None or (now is not None and now.version == before.version):
                question = DiffQuestion(ask, [(name, lines)], self._consequence(wanted))
                self.app.push_screen(question, lambda yes: self._save(wanted, now) if yes else None)
            else:
                self._meet(now, lines)

        self.read(work, ask_, group="save")

    def _consequence(self, wanted: Entity) -> str:
        before = self._before
        if before is None:
            return ""
        told = ("mappings", "column_types", "conventions", "business_key", "parent_refs", "hash_exclude")
        if any(getattr(before, name) != getattr(wanted, name) for name in told):
            return _("The next batch compares the whole table, since rows may have other values or hashes now.")
        return ""

    def _save(self, wanted: Entity, now: Entity | None) -> None:
        """`now` is what was looked at; types that were observed since it was read are kept."""
        before = self._before

        def work(runtime: "Runtime") -> "Entity | tuple[Entity | None, Sequence[DiffLine]]":
            from syncflow.service.entities import Change, EntityChanged  # heavy, and this is a thread
            from syncflow.service.entity_diff import differences

            if before is None or now is None:
                if now is not None:
                    raise UsageError(_("There is an entity {} already; choose another name.").format(wanted.name))
                runtime.entities.change_all([Change(None, wanted)])
                return runtime.entities.get(wanted.name)
            try:
                return runtime.entities.change(now, merged(before, wanted, now))
            except EntityChanged as error:
                return error.now, differences(before, error.now)

        self.act(work, self._saved_or_met)

    def _saved_or_met(self, told: "Entity | tuple[Entity | None, Sequence[DiffLine]]") -> None:
        if not isinstance(told, Entity):
            self._meet(*told)
            return
        self._saved = None if self._before is None else (self._before, told)
        self._is_new, self._entity_name = False, told.name
        self._take(told)
        self.show_standing()
        said = _("{} is saved.").format(told.name)
        self.notify(f"{said} " + _("u takes it back.") if self._saved else said, markup=False)

    def _meet(self, now: Entity | None, lines: "Sequence[DiffLine]") -> None:
        """Somebody else changed the entity while it was edited here: nothing was saved."""
        if now is None:
            self._is_gone()
            return
        ask = _("Not saved: {} was changed by somebody else in the meantime, like this. Put your changes over it?")
        then = _("With y, nothing is saved yet: look at it, then w. With n, your draft stays as it is.")
        self.app.push_screen(
            DiffQuestion(ask.format(now.name), [(now.name, lines)], then),
            lambda yes: self._put_over(now) if yes else None,
        )

    def _put_over(self, now: Entity) -> None:
        if self._before is None or self._draft is None:
            return
        self._draft, self._before = merged(self._before, self._draft, now), now
        self._undo.clear()
        self._saved = None
        self._show()
        self._try()

    def action_editor(self) -> None:
        if self._draft is not None:
            known = () if self._before is None else (self._before,)
            self.edit_as_yaml((self._draft,), known, self._edited)

    def _edited(self, changes: "Sequence[Change]", file: Path) -> None:
        """The page shows what was written, to be saved like any other change; other entities are offered at once."""
        mine = next((change for change in changes if change.after.name == self._entity_name), None)
        others = [change for change in changes if change is not mine]
        self.edit_is_over(file)
        if mine is not None:
            self._change(mine.after, "editor")
        if others:
            self.offer(others, self.load)

    def action_sync(self, is_full: int) -> None:
        self._when_saved(
            lambda: self.ask_sync((self._entity_name,), SyncType.FULL if is_full else SyncType.INCREMENTAL, self.load)
        )

    def action_dry_run(self) -> None:
        self._when_saved(lambda: self.dry_run((self._entity_name,)))

    def _when_saved(self, act: Callable[[], None]) -> None:
        if self._is_new:
            self.notify(_("Save it first: w."), severity="warning", markup=False)
        elif self.is_changed:
            ask = _("Your changes are not saved and would not count. Go on without them?")
            self.app.push_screen(Question(ask), lambda yes: act() if yes else None)
        else:
            act()

    def action_delete(self) -> None:
        if not self._is_new:
            self.ask_delete((self._entity_name,), lambda deleted: self.action_leave_page() if deleted else None)

    def action_copy(self) -> None:
        draft = self._draft
        if draft is None:
            return

        def work(_runtime: "Runtime") -> str:
            from syncflow.service.entity_yaml import write_entities  # heavy, and this is a thread

            return write_entities((draft,))

        def send(text: str) -> None:
            self.app.copy_to_clipboard(text)
            self.notify(_("Sent to the terminal: {}").format(_("the entity as YAML")), markup=False)

        self.read(work, send, group="copy")

    def action_leave_page(self) -> None:
        if self in self.app.screen_stack and self.is_current:
            self.app.pop_screen()

    def action_back(self) -> None:
        self._unless_changed(super().action_back)

    def action_go(self, name: str) -> None:
        if name == self.app.current_mode:
            self._unless_changed(lambda: self.console.go(name))
        else:
            self.console.go(name)

    def action_quit(self) -> None:
        self._unless_changed(self.console.action_leave)

    def _unless_changed(self, act: Callable[[], None]) -> None:
        if not self.is_changed:
            act()
            return
        ask = plural("Leave {n} change unsaved?", "Leave {n} changes unsaved?", max(len(self._undo), 1))
        self.app.push_screen(Question(ask), lambda yes: act() if yes else None)
