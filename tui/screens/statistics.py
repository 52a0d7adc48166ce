"""What each entity's syncs did in the last day, week or month."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _, plural
from tui.filtering import Term, chosen
from tui.marks import Tone
from tui.screens.list_place import ListPlace
from tui.widgets.rows import Cell, Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.statistics import Work

PERIODS = 3
"""A day, a week, a month: as many as the service takes."""


def _count(title: str, name: str, from_width: int = 0, tone: Tone = Tone.PLAIN) -> Column["Work"]:
    """A column of rows; a nought is quiet."""

    def cell(work: "Work") -> Cell:
        rows: int = getattr(work, name)
        return formats.whole(rows), tone if rows else Tone.QUIET

    return Column(name, title, cell, 11, right=True, from_width=from_width, order=lambda work: getattr(work, name))


def _batches(work: "Work") -> str:
    retries = f"+{formats.whole(work.retries)}" if work.retries else ""
    return formats.whole(work.batches) + retries


class StatisticsScreen(ListPlace["Work"]):
    TITLE_WORD = N_("statistics")
    ABOUT = N_(
        "What the batches that ended did, entity by entity: p changes between the last 24 hours, 7 days and 30 days. "
        "Batches are those of syncs, + those of retries; rows are of both; the speed is that of syncs."
    )
    EMPTY = N_("Nothing was synced in this time. p looks further back.")
    FIELDS = ("entity",)
    COLUMNS: ClassVar[Sequence[Column["Work"]]] = (
        Column("entity", N_("entity"), lambda work: work.entity, order=lambda work: work.entity),
        Column("batches", N_("batches"), _batches, 8, right=True, order=lambda work: work.batches),
        _count(N_("fetched"), "fetched"),
        _count(N_("inserted"), "inserted", 100),
        _count(N_("updated"), "updated", 100),
        _count(N_("deleted"), "deleted", 110),
        _count(N_("unchanged"), "unchanged", 130),
        _count(N_("pending"), "pending", tone=Tone.WARN),
        _count(N_("failed"), "failed", tone=Tone.BAD),
        Column("rate", N_("rows/s"), lambda work: formats.whole(round(work.rows_per_second)), 9, right=True,
               order=lambda work: work.rows_per_second),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [Binding("p", "period", N_("Another time"), id="statistics.period")]

    def __init__(self) -> None:
        super().__init__()
        self._place = 0
        self._period = ""

    def key(self, row: "Work") -> Hashable:
        return row.entity

    def document(self, row: "Work") -> Mapping[str, object]:
        return asdict(row)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[Work]":
        period = runtime.statistics.take().periods[self._place]
        self._period = period.name
        return RowList(self.ordered(chosen(list(period.entities), terms, _texts)), self.key)

    def figures(self) -> str:
        table = self.table
        work = table.rows.page(0, table.total)
        rows = plural("{n} row fetched", "{n} rows fetched", sum(each.fetched for each in work))
        failed = plural("{n} failed", "{n} failed", sum(each.failed for each in work))
        return " · ".join([_(self._period), rows, failed, super().figures()]) if self._period else super().figures()

    def action_period(self) -> None:
        self._place = (self._place + 1) % PERIODS
        self.load()


def _texts(work: "Work") -> dict[str, str]:
    return {"entity": work.entity}
