"""Batches: what ran and what runs; stop, resume, compare."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from textual.binding import Binding, BindingType

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _, plural
from syncflow.model import Batch, BatchStatus
from tui import marks
from tui.filtering import Term, chosen
from tui.marks import Tone
from tui.screens.batch import BatchScreen
from tui.screens.batches_compare import BatchesCompareScreen
from tui.screens.list_place import ListPlace
from tui.screens.question import Question
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime

SHOWN = 2_000
"""The newest batches; older ones are found by their number with `syncflow status`."""


def _status(batch: Batch) -> Cell:
    return marks.status(batch.status)


def _failed(batch: Batch) -> Cell:
    failed = batch.counters.failed
    return formats.whole(failed), Tone.BAD if failed else Tone.QUIET


def _count(number: int) -> Cell:
    return formats.whole(number), Tone.PLAIN if number else Tone.QUIET


def _seconds(batch: Batch) -> float | None:
    if batch.started_at is None or batch.completed_at is None:
        return None
    return (batch.completed_at - batch.started_at).total_seconds()


def _lasted(batch: Batch) -> Cell:
    seconds = _seconds(batch)
    return formats.NOTHING if seconds is None else formats.stopwatch(seconds)


class BatchesScreen(ListPlace[Batch]):
    TITLE_WORD = N_("batches")
    ABOUT = N_(
        "Every run of every entity, the newest first. Each row that a batch fetched is accounted for: inserted, "
        "updated, unchanged, duplicate, pending or failed. Two that are marked are shown side by side by =."
    )
    EMPTY = N_("No batch yet. Choose an entity (2) and press s to sync it.")
    FIELDS = ("entity", "status", "type", "by", "batch")
    COLUMNS: ClassVar[Sequence[Column[Batch]]] = (
        Column("status", N_("status"), _status, 15, order=lambda batch: batch.status),
        Column("entity", N_("entity"), lambda batch: batch.entity_name, order=lambda batch: batch.entity_name, most=40),
        Column("type", N_("type"), lambda batch: marks.named(batch.sync_type), 11, from_width=120),
        Column("started", N_("started"), lambda batch: formats.clock(batch.started_at), 12),
        Column("lasted", N_("took"), _lasted, 8, right=True, order=lambda batch: _seconds(batch) or 0.0),
        Column("fetched", N_("fetched"), lambda batch: _count(batch.counters.fetched), 11, right=True,
               order=lambda batch: batch.counters.fetched),
        Column("inserted", N_("inserted"), lambda batch: _count(batch.counters.inserted), 10, right=True,
               from_width=100),
        Column("updated", N_("updated"), lambda batch: _count(batch.counters.updated), 9, right=True, from_width=100),
        Column("deleted", N_("deleted"), lambda batch: _count(batch.counters.deleted), 9, right=True, from_width=130),
        Column("failed", N_("failed"), _failed, 8, right=True, order=lambda batch: batch.counters.failed),
        Column("by", N_("by"), lambda batch: batch.requested_by, 12, from_width=140),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", N_("Stop"), id="batches.stop"),
        Binding("r", "resume", N_("Resume"), id="batches.resume"),
        Binding("equals_sign", "compare", N_("Compare two"), id="batches.compare", key_display="="),
    ]

    def key(self, row: Batch) -> Hashable:
        return row.uid

    def document(self, row: Batch) -> Mapping[str, object]:
        fields = asdict(row)
        counters = fields.pop("counters")
        return {**fields, **counters}

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> Rows[Batch]:
        found = chosen(runtime.batches.history(None, SHOWN), terms, _texts)
        return RowList(self.ordered(found), self.key)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        self.app.push_screen(BatchScreen(message.row.uid))

    def _chosen(self) -> list[Batch]:
        """The marked batches, or the one under the cursor."""
        if self.table.all_marked:
            return list(self.table.rows.page(0, self.table.total))
        return list(self.table.marks.values()) or ([self.table.row] if self.table.row is not None else [])

    def action_stop(self) -> None:
        running = [batch for batch in self._chosen() if batch.status in _GOES_ON]
        if not running:
            self.notify(_("None of these batches is running or queued."), markup=False)
            return
        names = ", ".join(batch.entity_name for batch in running[:5])
        ask = plural("Stop {n} batch ({names})?", "Stop {n} batches ({names})?", len(running), names=names)
        then = _("The chunk at work is finished, the checkpoint is kept: it can be resumed.")
        uids = [batch.uid for batch in running]
        self.app.push_screen(Question(ask, then), lambda yes: self._stop(uids) if yes else None)

    def _stop(self, uids: Sequence[UUID]) -> None:
        self.act(
            lambda runtime: [runtime.batches.stop(str(uid), keep=True) for uid in uids],
            lambda _stopped: self.table.unmark(),
        )

    def action_resume(self) -> None:
        stopped = [str(batch.uid) for batch in self._chosen() if batch.status is BatchStatus.INTERRUPTED]
        if not stopped:
            self.notify(_("Only interrupted batches (◐) can be resumed."), markup=False)
            return
        self.act(
            lambda runtime: runtime.batches.request_resume(stopped),
            lambda asked: self.notify(plural("{n} batch goes on.", "{n} batches go on.", len(asked)), markup=False),
        )

    def action_compare(self) -> None:
        """The two that are marked; of a single mark, that one and the one under the cursor."""
        two = {batch.uid: batch for batch in self._chosen()}
        if len(two) == 1 and self.table.row is not None:
            two[self.table.row.uid] = self.table.row
        if len(two) != 2:
            self.notify(_("Mark two batches (space), then = shows them side by side."), markup=False)
            return
        before, after = sorted(two.values(), key=lambda batch: batch.requested_at)
        self.app.push_screen(BatchesCompareScreen(before.uid, after.uid))


_GOES_ON = (BatchStatus.QUEUED, BatchStatus.RUNNING)


def _texts(batch: Batch) -> dict[str, str]:
    return {
        "entity": batch.entity_name,
        "status": f"{batch.status} {marks.status(batch.status)[0]}",
        "type": str(batch.sync_type),
        "by": batch.requested_by,
        "batch": str(batch.uid),
    }
