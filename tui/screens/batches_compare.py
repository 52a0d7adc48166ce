"""Two batches side by side: how they went, where their rows went, and what failed in one and not in the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from syncflow.events import BatchEnded, BatchStarted, ChunkSettled, News
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from syncflow.i18n.texts import retold
from syncflow.model import Batch
from tui import marks
from tui.marks import Tone, toned
from tui.plain import fitted
from tui.screens.place import Place

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.batch_detail import BatchDetail
    from syncflow.service.remedies import FailedGroup

COUNTED = (
    ("fetched", N_("fetched")),
    ("inserted", N_("inserted")),
    ("updated", N_("updated")),
    ("unchanged", N_("unchanged")),
    ("duplicate", N_("duplicate")),
    ("pending", N_("pending")),
    ("failed", N_("failed")),
    ("ignored", N_("of these left out")),
    ("delete_candidates", N_("gone from the source")),
    ("deleted", N_("deleted")),
    ("withheld", N_("withheld")),
    ("refused", N_("refused")),
    ("still_at_source", N_("still at the source")),
)
_TROUBLE = ("failed", "refused")
_NAME = 21
_DIFFERENCE = 12
_GAP = 2


@dataclass(frozen=True)
class Line:
    """One fact of both; `difference` is said where it tells something, `tone` is its tone."""

    name: str
    before: str
    after: str
    difference: str = ""
    tone: Tone = Tone.PLAIN


class BatchesCompareScreen(Place):
    TITLE_WORD = N_("side by side")
    ABOUT = N_(
        "Two batches, the older first: how they went, where their rows went, and which failures came, went, grew or "
        "shrank. Failures are those that are open now: what was mended since is not among them."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "open(0)", N_("Open the older"), id="compare.older"),
        Binding("n", "open(1)", N_("Open the newer"), id="compare.newer"),
        Binding("down,j", "scroll(1)", N_("Down"), show=False, id="compare.down"),
        Binding("up,k", "scroll(-1)", N_("Up"), show=False, id="compare.up"),
    ]
    DEFAULT_CSS = """
    BatchesCompareScreen VerticalScroll { height: 1fr; padding: 1 1 0 1; }
    BatchesCompareScreen #told { height: auto; text-wrap: nowrap; }
    """

    def __init__(self, before: UUID, after: UUID) -> None:
        super().__init__()
        self._uids = (before, after)
        self._details: tuple[BatchDetail, BatchDetail] | None = None

    def body(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(id="told")

    def on_mount(self) -> None:
        self.focus_body()

    def on_resize(self) -> None:
        self._show()

    def focus_body(self) -> None:
        self.query_one(VerticalScroll).focus()

    def concerns(self, news: News) -> bool:
        if isinstance(news, BatchStarted | ChunkSettled | BatchEnded):
            return news.batch in self._uids
        return True

    def load(self) -> None:
        def work(runtime: "Runtime") -> "tuple[BatchDetail, BatchDetail]":
            before, after = (runtime.batch_detail.get(str(uid)) for uid in self._uids)
            return before, after

        self.read(work, self._take)

    def _take(self, details: "tuple[BatchDetail, BatchDetail]") -> None:
        self.console.trouble_is_over()
        self._details = details
        self._show()

    def _show(self) -> None:
        if self._details is not None:
            told = Content("\n").join(_drawn(*self._details, max(self.size.width - 4, 40)))
            self.query_one("#told", Static).update(told)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_open(self, which: int) -> None:
        from tui.screens.batch import BatchScreen

        self.app.push_screen(BatchScreen(self._uids[which]))


def _drawn(before: "BatchDetail", after: "BatchDetail", width: int) -> Iterator[Content]:
    cell = max((width - _NAME - _DIFFERENCE) // 2 - _GAP, 10)
    if before.batch.entity_name != after.batch.entity_name:
        yield toned(_("These are batches of two entities: their rows cannot be set against each other."), Tone.WARN)
        yield Content("")
    for line in _facts(before.batch, after.batch):
        yield _fitted(line, cell)
    yield Content("")
    for line in _counts(before.batch, after.batch):
        yield _fitted(line, cell)
    yield from _failures(before, after, cell)
    yield from _remarks(before.batch, after.batch)


def _facts(before: Batch, after: Batch) -> Iterator[Line]:
    yield _either(_("batch"), str(before.uid)[:13], str(after.uid)[:13])
    yield _either(_("entity"), before.entity_name, after.entity_name)
    yield _either(_("status"), marks.status(before.status)[0], marks.status(after.status)[0])
    yield _either(_("type"), marks.named(before.sync_type), marks.named(after.sync_type))
    yield _either(_("strategy"), str(before.delta_strategy), str(after.delta_strategy))
    yield Line(_("started"), formats.moment(before.started_at), formats.moment(after.started_at))
    yield _either(_("asked for by"), before.requested_by, after.requested_by)
    yield Line(_("took"), _took(before), _took(after))
    yield Line(_("rows a second"), _rate(before), _rate(after))
    same = before.plan_hash == after.plan_hash
    if not same and before.entity_name == after.entity_name:
        yield Line(_("configuration"), "", "", _("changed"), Tone.WARN)


def _either(name: str, before: str, after: str) -> Line:
    """A fact that stands out where the two are not alike."""
    return Line(name, before, after, tone=Tone.PLAIN if before == after else Tone.LIVE)


def _seconds(batch: Batch) -> float | None:
    if batch.started_at is None or batch.completed_at is None:
        return None
    return (batch.completed_at - batch.started_at).total_seconds()


def _took(batch: Batch) -> str:
    seconds = _seconds(batch)
    return formats.NOTHING if seconds is None else formats.stopwatch(seconds)


def _rate(batch: Batch) -> str:
    seconds = _seconds(batch)
    return formats.rate(batch.counters.fetched, seconds) if seconds else formats.NOTHING


def _counts(before: Batch, after: Batch) -> Iterator[Line]:
    """What neither of them has is left out, but for the fetched rows."""
    for field, name in COUNTED:
        one, other = getattr(before.counters, field), getattr(after.counters, field)
        if one or other or field == "fetched":
            yield _number(_(name), one, other, is_trouble=field in _TROUBLE)


def _number(name: str, one: int, other: int, *, is_trouble: bool) -> Line:
    tone = Tone.PLAIN
    if is_trouble and one != other:
        tone = Tone.BAD if other > one else Tone.GOOD
    return Line(name, formats.whole(one), formats.whole(other), _difference(one, other), tone)


def _difference(one: int, other: int) -> str:
    if one == other:
        return "="
    return f"{'+' if other > one else '-'}{formats.whole(abs(other - one))}"


def _failures(before: "BatchDetail", after: "BatchDetail", cell: int) -> Iterator[Content]:
    """Groups of the same signature stand in one line."""
    old = {_signature(group): group for group in before.groups}
    new = {_signature(group): group for group in after.groups}
    if not old and not new:
        return
    yield Content("")
    yield Content.styled(_("What failed, and is open now"), "bold")
    for signature in dict.fromkeys([*new, *old]):
        ones, others = (each[signature].rows if signature in each else 0 for each in (old, new))
        group = new.get(signature) or old[signature]
        yield _fitted(_number(group.field or group.stage, ones, others, is_trouble=True), cell)
        yield toned(f"  {retold(group.message)}", Tone.QUIET)


def _signature(group: "FailedGroup") -> Sequence[str | None]:
    return group.stage, group.field, group.error_type, group.shape


def _remarks(before: Batch, after: Batch) -> Iterator[Content]:
    for title, batch in ((_("The first said"), before), (_("The second said"), after)):
        if batch.error_message is None and not batch.notes:
            continue
        yield Content("")
        yield Content.styled(title, "bold")
        if batch.error_message is not None:
            yield toned(f"✖ {retold(batch.error_message)}", Tone.BAD)
        for note in batch.notes:
            yield toned(f"· {retold(note)}")


def _fitted(line: Line, cell: int) -> Content:
    name, both = fitted(line.name, _NAME), (fitted(line.before, cell), fitted(line.after, cell))
    values = toned((" " * _GAP).join([*both, line.difference]).rstrip(), line.tone)
    return toned(f"{name}{' ' * _GAP}", Tone.QUIET) + values
