"""Explain: one record's way through the nine stages, what the target holds, and what the books know of it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from syncflow.errors import UsageError
from syncflow.events import ActDone, BatchEnded, News
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from syncflow.i18n.texts import retold
from tui.marks import Tone, named, toned
from tui.screens.place import SETTLE_SECONDS, Place

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.explain import Explanation, FieldStory, History

TONES = {
    "in_step": ("✔", Tone.GOOD),
    "to_come": ("○", Tone.LIVE),
    "outdated": ("○", Tone.LIVE),
    "failed": ("✖", Tone.BAD),
    "several": ("✖", Tone.BAD),
    "not_at_source": ("–", Tone.QUIET),
    "unknown": ("?", Tone.QUIET),
}
_NULL = "NULL"


class ExplainScreen(Place):
    TITLE_WORD = N_("explain")
    ABOUT = N_(
        "Why a record is, or is not, in ScheduleHub: first the answer and the next step; then its values stage by "
        "stage, with the rule that changed each; both hashes; what ScheduleHub holds, and where it differs; and its "
        "history."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll(1)", N_("Down"), show=False, id="explain.down"),
        Binding("up,k", "scroll(-1)", N_("Up"), show=False, id="explain.up"),
        Binding("y", "copy", N_("Copy the next step"), id="explain.copy"),
    ]
    DEFAULT_CSS = """
    ExplainScreen VerticalScroll { height: 1fr; padding: 1 1 0 1; }
    ExplainScreen Static { height: auto; }
    """

    def __init__(
        self,
        entity: str,
        key: tuple[str, ...] = (),
        failed: str | None = None,
        pending: str | None = None,
        ref: str | None = None,
    ) -> None:
        """The record of a key, or of a readable key (`ref`), or that of a failed record or of a waiting row (uids)."""
        super().__init__()
        self._entity = entity
        self._key = key
        self._failed = failed
        self._pending = pending
        self._ref = ref
        self._told: Explanation | None = None

    @property
    def title_text(self) -> str:
        return f"{super().title_text} {self._entity} {self._ref or ' '.join(self._key)}".strip()

    def body(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(toned(_("Following the record through the stages .."), Tone.QUIET), id="told")

    def on_mount(self) -> None:
        self.focus_body()

    def focus_body(self) -> None:
        self.query_one(VerticalScroll).focus()

    def concerns(self, news: News) -> bool:
        """The source is asked for the row, so it is asked again only after what may have changed the answer."""
        return isinstance(news, BatchEnded | ActDone) and news.entity in (None, self._entity)

    def happened(self, news: News) -> None:
        if self.concerns(news):
            super().load_soon()

    def load_soon(self, seconds: float = SETTLE_SECONDS) -> None:
        """Not by the clock once the answer is there; ctrl+r asks again."""
        if self._told is None:
            super().load_soon(seconds)

    def load(self) -> None:
        def work(runtime: "Runtime") -> "Explanation | UsageError":
            try:
                return self._explained(runtime)
            except UsageError as error:
                return error

        self.read(work, self._show)

    def _explained(self, runtime: "Runtime") -> "Explanation":
        if self._ref is not None:
            from syncflow.service.readable_keys import parts_of  # deferred: called in a thread

            return runtime.explain.explain(self._entity, parts_of(self._ref))
        if self._key:
            return runtime.explain.explain(self._entity, self._key)
        return runtime.explain.of_queue(self._entity, failed=self._failed, pending=self._pending)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_copy(self) -> None:
        if self._told is not None and self._told.command is not None:
            self.app.copy_to_clipboard(self._told.command)
            self.notify(_("Sent to the terminal: {}").format(self._told.command), markup=False)

    def _show(self, told: "Explanation | UsageError") -> None:
        self.console.trouble_is_over()
        if isinstance(told, UsageError):
            self.query_one("#told", Static).update(toned(f"✖ {told}", Tone.WARN))
            return
        self._told = told
        self.query_one("#told", Static).update(Content("\n").join(_lines(told)))


def _lines(told: "Explanation") -> Iterator[Content]:
    sign, tone = TONES.get(told.verdict, ("▲", Tone.WARN))
    yield Content.styled(f"{told.entity}  ", "bold") + toned(told.key)
    yield toned(f"{sign} {retold(told.sentence)}", tone)
    if told.command is not None:
        yield toned(_("Next: {}").format(told.command))
    if told.source_problem is not None:
        yield toned(_("The source: {}").format(told.source_problem), Tone.WARN)
    if told.row is not None:
        yield Content("")
        yield Content.styled(_("As the source sends it, stage by stage"), "bold")
        for field in told.row.fields:
            yield from _field_lines(field)
        if told.row.refusal is not None:
            refusal = told.row.refusal
            yield toned(f"  ✖ {refusal.stage}: {retold(refusal.message)}", Tone.BAD)
        for parent in told.row.parents:
            there = _("none named") if parent.key is None else _("✔ there") if parent.is_there else _("✖ missing")
            yield toned(_("  parent {ref}: {entity} {key}  {there}").format(
                ref=parent.ref, entity=parent.entity, key=parent.key or "", there=there
            ), Tone.BAD if parent.is_there is False else Tone.PLAIN)  # fmt: skip
        row = told.row
        hashes = (("canonical", row.canonical), ("BK_HASH", row.key_hash), ("DATA_HASH", row.data_hash))
        for name, value in hashes:
            if value is not None:
                yield toned(f"  {name:<10} {value}", Tone.QUIET)
    if told.held is not None:
        yield Content("")
        yield Content.styled(_("ScheduleHub holds it"), "bold")
        yield toned(f"  DATA_HASH  {told.held.data_hash}", Tone.QUIET)
        different = {change.field for change in told.changes}
        for name, value in told.held.values.items():
            yield toned(f"  {name:<22} {_shown(value)}", Tone.WARN if name in different else Tone.PLAIN)
    if told.changes:
        yield Content("")
        yield Content.styled(_("Where they differ"), "bold")
        for change in told.changes:
            yield toned(f"  {change.field:<22} {_shown(change.before)} → {_shown(change.after)}", Tone.WARN)
    yield from _history_lines(told.history)


def _field_lines(field: "FieldStory") -> Iterator[Content]:
    marks = _(" key") if field.in_key else "" if field.in_hash else _(" not compared")
    name = field.target if field.target == field.source.lower() else f"{field.source} → {field.target}"
    line = toned(f"  {name:<22} {_shown(field.raw)}")
    yield line + toned(f"  {field.type}{marks}", Tone.QUIET)
    for step in field.steps:
        yield toned(f"    {step.stage:<20} {_shown(step.after)}", Tone.LIVE) + toned(f"  {step.rule}", Tone.QUIET)


def _history_lines(history: "History") -> Iterator[Content]:
    lines = [
        *((each.created_at, _("failed in {stage}: {message} ({state})").format(
            stage=each.stage, message=retold(each.message), state=named(each.resolution or "open")))
          for each in history.failures),
        *((each.created_at, _("waited for {entity} {key} ({state})").format(
            entity=each.parent_entity, key=each.parent_key, state=named(each.resolution or "waits")))
          for each in history.waits),
        *((each.created_at, _("deletion withheld: {reason} ({state})").format(
            reason=retold(each.reason), state=named(each.state)))
          for each in history.withheld),
        *((each.at, f"{each.actor}: {each.act}") for each in history.acts),
        *((each.requested_at, _("batch {batch}: {status}").format(batch=str(each.uid)[:13], status=each.status))
          for each in history.batches),
    ]  # fmt: skip
    if lines:
        yield Content("")
        yield Content.styled(_("What the books know, the newest first"), "bold")
    for time, text in sorted(lines, key=lambda line: line[0], reverse=True):
        yield toned(f"  {formats.moment(time)}  ", Tone.QUIET) + toned(text)


def _shown(value: str | None) -> str:
    return _NULL if value is None else repr(value)
