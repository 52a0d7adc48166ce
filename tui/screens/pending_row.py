"""One waiting row: as the source sent it, for whom it waits, and why that one is missing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from syncflow.errors import UsageError
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from syncflow.i18n.texts import retold
from tui.marks import Tone, toned
from tui.screens.explain import ExplainScreen
from tui.screens.pending import only
from tui.screens.pending_acts import Choice, PendingActs

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.pending_children import PendingView


class PendingRowScreen(PendingActs):
    TITLE_WORD = N_("waiting row")
    ABOUT = N_(
        "A row that waits, as the source sent it, and why its parent is missing. t looks for the parent now, p shows "
        "the parent's own way, f the parent's failed record."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "retry", N_("Try now"), id="waiting.retry"),
        Binding("p", "parent", N_("Explain the parent"), id="waiting.parent"),
        Binding("f", "failed", N_("The parent's failed record"), id="waiting.failed"),
        Binding("e", "explain", N_("Explain"), id="waiting.explain"),
        Binding("down,j", "scroll(1)", N_("Down"), show=False, id="waiting.down"),
        Binding("up,k", "scroll(-1)", N_("Up"), show=False, id="waiting.up"),
    ]
    DEFAULT_CSS = """
    PendingRowScreen VerticalScroll { height: 1fr; padding: 1 1 0 1; }
    PendingRowScreen #told { height: auto; }
    """

    def __init__(self, uid: UUID) -> None:
        super().__init__()
        self._uid = uid
        self._view: PendingView | None = None
        self._gone: str | None = None
        """Said once it waits no longer."""

    @property
    def title_text(self) -> str:
        return f"{super().title_text} {str(self._uid)[:13]}"

    def body(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(id="told")

    def on_mount(self) -> None:
        self.focus_body()

    def focus_body(self) -> None:
        self.query_one(VerticalScroll).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Only what can be done now is offered."""
        if action == "failed":
            return self._view is not None and self._view.blocker.failed_record is not None
        return action != "retry" or self._gone is None

    def load(self) -> None:
        super().load()
        self.read(self._look, self._take)

    def _look(self, runtime: "Runtime") -> "PendingView | UsageError":
        try:
            return runtime.pending_children.get(str(self._uid))
        except UsageError as error:
            return error

    def _take(self, found: "PendingView | UsageError") -> None:
        self.console.trouble_is_over()
        if isinstance(found, UsageError):
            self._gone = _("It waits no longer; e shows what became of it.") if self._view else str(found)
        else:
            self._view, self._gone = found, None
        self.refresh_bindings()
        self._show()

    def _show(self) -> None:
        lines = []
        if self.under_way is not None:
            lines.append(toned(self.progress_words(), Tone.LIVE))
        if self._gone is not None:
            lines.append(toned(f"● {self._gone}", Tone.GOOD if self._view else Tone.WARN))
        if self._view is not None:
            lines += _lines(self._view, waits=self._gone is None)
        self.query_one("#told", Static).update(Content("\n").join(lines))

    def choice(self) -> Choice | None:
        return lambda: only(self._uid)

    def show_progress(self) -> None:
        self._show()

    def acted(self) -> None:
        self._show()

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_parent(self) -> None:
        if self._view is not None:
            blocker = self._view.blocker
            self.app.push_screen(ExplainScreen(blocker.entity, ref=blocker.key))

    def action_failed(self) -> None:
        from tui.screens.failed_record import FailedRecordScreen

        if self._view is not None and self._view.blocker.failed_record is not None:
            self.app.push_screen(FailedRecordScreen(self._view.blocker.failed_record))

    def action_explain(self) -> None:
        if self._view is not None:
            self.console.explain_queued(self._view.row.child_entity, pending=str(self._uid))


def _lines(view: "PendingView", *, waits: bool) -> Iterator[Content]:
    row, tone = view.row, Tone.WARN if waits else Tone.QUIET
    yield Content.styled(f"{row.child_entity}  ", "bold") + toned(view.child_key)
    yield toned(_("◌ waits for {entity} {key}").format(entity=row.parent_entity, key=row.parent_key), tone)
    yield toned(retold(view.blocker.reason), tone)
    said = _("since {since} · looked for {count} of {most} times · last {last}").format(
        since=formats.moment(row.created_at),
        count=formats.whole(row.retry_count),
        most=formats.whole(row.max_retries),
        last=formats.moment(row.tried_at),
    )
    yield toned(said, Tone.QUIET)
    again = _("with the next sync") if row.next_retry_at is None else formats.moment(row.next_retry_at)
    yield toned(_("next try: {}").format(again), Tone.QUIET)
    yield Content("")
    yield Content.styled(_("As the source sent it"), "bold")
    for name, value in row.child_payload.items():
        yield toned(f"  {name:<24} {'NULL' if value is None else repr(value)}")
