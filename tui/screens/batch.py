"""One batch: where its rows went, its chunks, what it leaves for a person; approve, discard, stop, resume."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from syncflow.events import BatchEnded, BatchStarted, ChunkSettled, News
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import retold
from syncflow.model import Batch, BatchStatus, Counters
from tui import marks
from tui.marks import Tone, toned
from tui.screens.place import Place
from tui.screens.question import Question, TypedQuestion
from tui.widgets.track import TrackView

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.approvals import Withheld
    from syncflow.service.batch_detail import BatchDetail, ChunkLine
    from syncflow.service.failed_records import FailedFilter

CHUNKS_SHOWN = 200
TRACK_SECONDS = 0.5
SETTLED = (
    ("inserted", N_("inserted")),
    ("updated", N_("updated")),
    ("unchanged", N_("unchanged")),
    ("duplicate", N_("duplicate")),
    ("pending", N_("pending")),
    ("failed", N_("failed")),
)
JUDGED = (
    ("deleted", N_("deleted")),
    ("withheld", N_("withheld")),
    ("refused", N_("refused")),
    ("still_at_source", N_("still at the source")),
)


class BatchScreen(Place):
    TITLE_WORD = N_("batch")
    ABOUT = N_(
        "One batch. Every row that it fetched is accounted for: the equation must balance. f shows its failed records, "
        "w the rows whose deletion it withheld; a makes these deletions, after a fresh look at the source, D drops "
        "them; both ask for the number of rows."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f,enter", "failed", N_("Failed rows"), id="batch.failed"),
        Binding("w", "withheld", N_("Withheld rows"), id="batch.withheld"),
        Binding("s", "stop", N_("Stop"), id="batch.stop"),
        Binding("r", "resume", N_("Resume"), id="batch.resume"),
        Binding("a", "approve", N_("Approve deletions"), id="batch.approve"),
        Binding("D", "discard", N_("Discard deletions"), id="batch.discard"),
        Binding("down,j", "scroll(1)", N_("Down"), show=False, id="batch.down"),
        Binding("up,k", "scroll(-1)", N_("Up"), show=False, id="batch.up"),
        Binding("y", "copy", N_("Copy the number"), show=False, id="batch.copy"),
    ]
    DEFAULT_CSS = """
    BatchScreen VerticalScroll { height: 1fr; padding: 1 1 0 1; }
    BatchScreen #told { height: auto; }
    BatchScreen TrackView { margin: 0 0 1 0; }
    """

    def __init__(self, uid: UUID) -> None:
        super().__init__()
        self._uid = uid
        self._detail: BatchDetail | None = None

    @property
    def title_text(self) -> str:
        entity = "" if self._detail is None else f" {self._detail.batch.entity_name}"
        return f"{super().title_text} {str(self._uid)[:13]}{entity}"

    def body(self) -> ComposeResult:
        with VerticalScroll():
            yield TrackView()
            yield Static(id="told")

    def on_mount(self) -> None:
        self.query_one(TrackView).display = False
        self.set_interval(TRACK_SECONDS, self._show_track)
        self.focus_body()

    def focus_body(self) -> None:
        self.query_one(VerticalScroll).focus()

    def concerns(self, news: News) -> bool:
        if isinstance(news, BatchStarted | ChunkSettled | BatchEnded):
            return news.batch == self._uid
        return True

    def load(self) -> None:
        self.read(lambda runtime: runtime.batch_detail.get(str(self._uid)), self._show)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Only what can be done to this batch now is offered."""
        detail = self._detail
        if action in ("failed", "withheld", "stop", "resume", "approve", "discard"):
            return detail is not None and _offers(detail, action)
        return True

    def _show_track(self) -> None:
        track = next((track for track in self.console.tracks if track.batch == self._uid), None)
        view = self.query_one(TrackView)
        if view.display != (track is not None):
            view.display = track is not None
        if track is not None:
            view.show(track)

    def _show(self, detail: "BatchDetail") -> None:
        self.console.trouble_is_over()
        self._detail = detail
        self.show_standing()
        self.refresh_bindings()
        self.query_one("#told", Static).update(Content("\n").join(_lines(detail)))

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(str(self._uid))
        self.notify(_("Sent to the terminal: {}").format(self._uid), markup=False)

    def action_failed(self) -> None:
        def make(_runtime: "Runtime") -> "FailedFilter":
            from syncflow.service.failed_records import FailedFilter

            return FailedFilter(batch=self._uid)

        self.read(make, self._open_failed, group="open")

    def _open_failed(self, chosen: "FailedFilter") -> None:
        from tui.screens.failed import FailedScreen

        self.app.push_screen(FailedScreen(chosen, _("failed rows")))

    def action_withheld(self) -> None:
        from tui.screens.withheld import WithheldScreen

        if self._detail is not None:
            self.app.push_screen(WithheldScreen(self._uid, self._detail.batch.entity_name))

    def action_stop(self) -> None:
        """One that stands still already is given up."""
        keep = self._detail is None or self._detail.batch.status is not BatchStatus.INTERRUPTED
        if keep:
            ask = _("Stop this batch?")
            then = _("The chunk at work is finished, the checkpoint is kept: it can be resumed.")
        else:
            ask = _("Give this batch up?")
            then = _("It cannot be resumed any more. What it has loaded stays; the next sync begins a new batch.")
        self.app.push_screen(Question(ask, then), lambda yes: self._stop(keep=keep) if yes else None)

    def _stop(self, *, keep: bool) -> None:
        self.act(lambda runtime: runtime.batches.stop(str(self._uid), keep=keep))

    def action_resume(self) -> None:
        self.act(
            lambda runtime: runtime.batches.request_resume([str(self._uid)]),
            lambda _asked: self.notify(_("The batch goes on."), markup=False),
        )

    def action_approve(self) -> None:
        if self._detail is None or self._detail.withheld is None:
            return
        rows = self._detail.withheld.waiting
        ask = plural("Delete {n} row in ScheduleHub?", "Delete {n} rows in ScheduleHub?", rows)
        then = _("Each is asked for at the source once more; what it shows again stays. Type the number of rows: {}")
        self.app.push_screen(
            TypedQuestion(ask, then.format(rows), expected=str(rows)),
            lambda typed: self._approve(rows) if typed is not None else None,
        )

    def _approve(self, rows: int) -> None:
        self.notify(_("Asking the source once more .."), markup=False)
        self.act(lambda runtime: runtime.approvals.approve(str(self._uid), rows), self._tell_approved)

    def _tell_approved(self, ended: BatchEnded) -> None:
        counters = ended.counters
        said = _("{deleted} deleted, {stayed} still at the source, {refused} refused").format(
            deleted=formats.whole(counters.deleted),
            stayed=formats.whole(counters.still_at_source),
            refused=formats.whole(counters.refused),
        )
        self.notify(f"{said}\n{retold(ended.error_message)}" if ended.error_message else said, markup=False)

    def action_discard(self) -> None:
        if self._detail is None or self._detail.withheld is None:
            return
        rows = self._detail.withheld.waiting
        ask = plural("Drop the deletion of {n} row?", "Drop the deletions of {n} rows?", rows)
        then = _("The rows stay in ScheduleHub; the next whole comparison asks again. Type the number of rows: {}")
        self.app.push_screen(
            TypedQuestion(ask, then.format(rows), expected=str(rows)),
            lambda typed: self._discard() if typed is not None else None,
        )

    def _discard(self) -> None:
        self.act(
            lambda runtime: runtime.approvals.discard(str(self._uid)),
            lambda rows: self.notify(plural("{n} deletion dropped.", "{n} deletions dropped.", rows), markup=False),
        )


def _offers(detail: "BatchDetail", action: str) -> bool:
    batch = detail.batch
    running = batch.status in (BatchStatus.RUNNING, BatchStatus.QUEUED)
    return {
        "failed": bool(detail.groups),
        "withheld": detail.withheld is not None,
        "stop": running or batch.status is BatchStatus.INTERRUPTED,
        "resume": batch.status is BatchStatus.INTERRUPTED or (running and not detail.alive),
        "approve": detail.withheld is not None and detail.withheld.waiting > 0,
        "discard": detail.withheld is not None and detail.withheld.waiting > 0,
    }[action]


def _lines(detail: "BatchDetail") -> Iterator[Content]:
    batch = detail.batch
    words, tone = marks.status(batch.status)
    yield Content.styled(f"{batch.entity_name}  ", "bold") + toned(words, tone)
    yield toned(_about(batch), Tone.QUIET)
    if batch.error_message is not None:
        yield toned(retold(batch.error_message), Tone.BAD)
    if detail.in_doubt:
        told = plural(
            "{n} row is in doubt: it is read back before anything is sent again.",
            "{n} rows are in doubt: they are read back before anything is sent again.",
            detail.in_doubt,
        )
        yield toned(f"▲ {told}", Tone.WARN)
    for note in batch.notes:
        yield toned(f"· {retold(note)}")
    yield Content("")
    yield from _equation(_("fetched"), batch.counters.fetched, SETTLED, batch.counters, batch.counters.settled)
    yield toned(_way(batch.counters), Tone.QUIET)
    if batch.counters.delete_candidates:
        gone, settled = batch.counters.delete_candidates, batch.counters.deletes_settled
        yield from _equation(_("gone from the source"), gone, JUDGED, batch.counters, settled)
    yield from _group_lines(detail)
    if detail.withheld is not None:
        yield from _withheld_lines(detail.withheld)
    yield from _chunk_lines([chunk for chunk in detail.chunks if chunk.settled_at or batch.completed_at is None])


def _about(batch: Batch) -> str:
    parts = [
        str(batch.uid),
        f"{marks.named(batch.sync_type)} / {batch.delta_strategy}",
        _("asked for by {who} at {when}").format(who=batch.requested_by, when=formats.moment(batch.requested_at)),
    ]
    if batch.started_at is not None and batch.completed_at is not None:
        parts.append(_("took {}").format(formats.stopwatch((batch.completed_at - batch.started_at).total_seconds())))
    if batch.watermark_after is not None:
        parts.append(_("watermark {before} → {after}").format(
            before=batch.watermark_before or formats.NOTHING, after=batch.watermark_after
        ))  # fmt: skip
    return " · ".join(parts)


def _equation(
    name: str, whole: int, parts: tuple[tuple[str, str], ...], counters: Counters, settled: int
) -> Iterator[Content]:
    """The law of conservation, with its sign: `=` where it balances."""
    balances = whole == settled
    pieces = []
    for field, word in parts:
        number = getattr(counters, field)
        tone = Tone.QUIET if not number else Tone.BAD if field in ("failed", "refused") else Tone.PLAIN
        pieces.append(toned(f"{formats.whole(number)} {_(word)}", tone))
    sign = toned(" = " if balances else " ≠ ", Tone.GOOD if balances else Tone.WARN)
    mark = toned("✔ " if balances else "… ", Tone.GOOD if balances else Tone.WARN)
    yield mark + Content.styled(f"{formats.whole(whole)} {name}", "bold") + sign + Content(" + ").join(pieces)


def _way(counters: Counters) -> str:
    """How many rows came how far through the stages."""
    told = _("  through the stages: {fetched} fetched → {normalized} read → {validated} valid → {mapped} mapped")
    return told.format(
        fetched=formats.whole(counters.fetched),
        normalized=formats.whole(counters.normalized),
        validated=formats.whole(counters.validated),
        mapped=formats.whole(counters.mapped),
    )


def _group_lines(detail: "BatchDetail") -> Iterator[Content]:
    if not detail.groups:
        return
    yield Content("")
    yield Content.styled(_("What failed, and why (f shows the rows)"), "bold")
    for group in detail.groups:
        yield toned(
            f"  ✖ {formats.whole(group.rows):>8}  {group.field or group.stage}: {retold(group.message)}", Tone.BAD
        )


def _withheld_lines(withheld: "Withheld") -> Iterator[Content]:
    yield Content("")
    yield Content.styled(_("Withheld deletions"), "bold")
    for each in withheld.sets:
        fate = f" ({each.decided_by}, {formats.moment(each.decided_at)})" if each.decided_by is not None else ""
        rows = plural("{n} row", "{n} rows", each.rows)
        tone = Tone.WARN if each.state == "withheld" else Tone.QUIET
        yield toned(f"  ▲ {rows}: {marks.named(each.state)}{fate}. {retold(each.reason)}", tone)
    for row in withheld.rows:
        yield toned(f"      {row.ref_str or row.key_hash}", Tone.QUIET)
    more = sum(each.rows for each in withheld.sets) - len(withheld.rows)
    if more:
        yield toned(plural("      and {n} more (w shows them)", "      and {n} more (w shows them)", more), Tone.QUIET)


def _chunk_lines(chunks: "list[ChunkLine]") -> Iterator[Content]:
    if not chunks:
        return
    yield Content("")
    yield Content.styled(plural("{n} chunk", "{n} chunks", len(chunks)), "bold")
    for chunk in chunks[-CHUNKS_SHOWN:]:
        state = _("settled") if chunk.settled_at is not None else _("in doubt")
        when = formats.moment(chunk.settled_at or chunk.intended_at)
        rows = formats.whole(chunk.rows)
        yield toned(f"  {chunk.number:>6}  {rows:>11}  {state}  {when}", Tone.QUIET if chunk.settled_at else Tone.WARN)
