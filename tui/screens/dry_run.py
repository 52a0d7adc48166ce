"""What a sync would do, before it is done: the verdict of each entity, and everything that is known of it."""

import json
from collections.abc import Hashable, Sequence
from threading import Event as Flag
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from syncflow.errors import SyncFlowError
from syncflow.events import BatchEnded, ChunkSettled, Event
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import told
from syncflow.model import SyncType
from tui.marks import Tone, toned
from tui.screens.dry_run_text import detail, verdict
from tui.screens.place import Place
from tui.screens.question import Question
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, Column, RowList

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.dry_runs import BatchPlan

PAINT_SECONDS = 0.25


def _count(name: str, title: str, width: int = 9, from_width: int = 0) -> "Column[BatchPlan]":
    def cell(plan: "BatchPlan") -> Cell:
        number = getattr(plan.counters, name)
        bad = Tone.BAD if name == "failed" else Tone.WARN if name in ("pending", "withheld", "refused") else Tone.PLAIN
        return formats.whole(number), bad if number else Tone.QUIET

    return Column(name, title, cell, width, right=True, from_width=from_width)


class _Detail(VerticalScroll):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", N_("Down"), show=False, id="detail.down"),
        Binding("k", "scroll_up", N_("Up"), show=False, id="detail.up"),
        Binding("g", "scroll_home", N_("First line"), show=False, id="detail.first"),
        Binding("G", "scroll_end", N_("Last line"), show=False, id="detail.last"),
        Binding("ctrl+f", "page_down", N_("Page down"), show=False, id="detail.page_down"),
        Binding("ctrl+b", "page_up", N_("Page up"), show=False, id="detail.page_up"),
    ]


class DryRunScreen(Place):
    TITLE_WORD = N_("dry run")
    ABOUT = N_(
        "What a sync of these entities would do now. Nothing is written, neither to ScheduleHub nor into the books; "
        "whether ScheduleHub itself would take each row, only the sync itself finds out. Esc stops a dry run that is "
        "under way; what was planned so far is shown."
    )
    COLUMNS: "ClassVar[Sequence[Column[BatchPlan]]]" = (
        Column("verdict", N_("would"), verdict, 14),
        Column("entity", N_("entity"), lambda plan: plan.entity, most=40),
        _count("fetched", N_("fetched"), 10, from_width=100),
        _count("inserted", N_("inserted")),
        _count("updated", N_("updated")),
        _count("deleted", N_("deleted"), 8),
        _count("unchanged", N_("unchanged"), 10, from_width=100),
        _count("pending", N_("waiting"), 8, from_width=100),
        _count("failed", N_("failing"), 8),
        _count("withheld", N_("withheld"), 10, from_width=120),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sync", N_("Sync these"), id="dry_run.sync"),
        Binding("S", "turn", N_("Full or increment"), id="dry_run.type"),
        Binding("r", "again", N_("Plan again"), id="dry_run.again"),
        Binding("tab", "other", N_("List or detail"), id="dry_run.other"),
        Binding("Y", "copy", N_("Copy as JSON"), show=False, id="dry_run.copy"),
    ]
    DEFAULT_CSS = """
    DryRunScreen LazyTable { height: auto; max-height: 40%; }
    DryRunScreen #detail { height: 1fr; background: $surface; padding: 0 1; }
    DryRunScreen #detail:focus { background: $panel; }
    DryRunScreen #detail Static { height: auto; }
    DryRunScreen #says { height: 1; background: $surface; color: $text-muted; padding: 0 1; }
    """

    def __init__(self, names: tuple[str, ...], sync_type: SyncType) -> None:
        super().__init__()
        self._names = names
        self._type = sync_type
        self._stopping = Flag()
        self._is_running = False
        self._heard: dict[str, int] = {}
        self._plans: Sequence[BatchPlan] = ()

    @property
    def title_text(self) -> str:
        return f"{_(self.TITLE_WORD)} · {self._names[0]}" if len(self._names) == 1 else _(self.TITLE_WORD)

    def body(self) -> ComposeResult:
        yield LazyTable(self.COLUMNS, self._key)
        with _Detail(id="detail"):
            yield Static()
        yield Static(id="says")

    def _key(self, plan: "BatchPlan") -> Hashable:
        return plan.entity

    @property
    def _table(self) -> "LazyTable[BatchPlan]":
        return self.query_one(LazyTable)

    def on_mount(self) -> None:
        self.set_interval(PAINT_SECONDS, self._paint)
        self._table.focus()
        self.action_again()

    def on_unmount(self) -> None:
        self._stopping.set()

    def focus_body(self) -> None:
        self._table.focus()

    def action_again(self) -> None:
        if self._is_running:
            return
        self._is_running, self._stopping = True, Flag()
        self._heard = {}
        self._show_detail(None)
        self.read(self._plan, self._planned, group="dry run")
        self._paint()

    def _plan(self, runtime: "Runtime") -> "Sequence[BatchPlan] | str":
        try:
            return runtime.dry_runs.plan(self._names, self._type, self._hear, self._stopping)
        except SyncFlowError as error:
            return told(error)

    def _hear(self, event: Event) -> None:
        """Called by worker threads."""
        if isinstance(event, (ChunkSettled, BatchEnded)):
            self._heard[event.entity] = event.counters.fetched

    def _planned(self, told: "Sequence[BatchPlan] | str") -> None:
        self._is_running = False
        if isinstance(told, str):
            self._plans = ()
            self.query_one("#detail Static", Static).update(toned(f"✖ {told}", Tone.BAD))
        else:
            self._plans = told
        plans = self._plans
        self._table.styles.height = min(len(plans) + 1, max(self.size.height // 3, 3))
        self._table.read(lambda: RowList(plans, self._key))
        self._paint()

    def _paint(self) -> None:
        says = self.query_one("#says", Static)
        how = _("a full sync") if self._type is SyncType.FULL else _("an increment")
        if self._is_running:
            rows = sum(self._heard.values())
            stopping = _("stopping ..") if self._stopping.is_set() else _("Esc stops it")
            done = _("{done} of {all} entities").format(
                done=formats.whole(len(self._heard)), all=formats.whole(len(self._names))
            )
            read = plural("{n} row read", "{n} rows read", rows)
            says.update(toned(" · ".join([_("planning {} ..").format(how), done, read, stopping]), Tone.LIVE))
        else:
            says.update(toned(_("{} as it would be now; nothing was written").format(how), Tone.QUIET))

    def on_lazy_table_moved(self, message: LazyTable.Moved) -> None:
        if message.row is not None:
            self._show_detail(message.row)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:  # noqa: ARG002
        self.query_one("#detail").focus()

    def _show_detail(self, plan: "BatchPlan | None") -> None:
        self.query_one("#detail Static", Static).update(toned("") if plan is None else detail(plan))
        self.query_one("#detail", VerticalScroll).scroll_home(animate=False)

    def speak(self) -> None:
        super().speak()
        if self._table.row is not None:
            self._show_detail(self._table.row)

    def action_other(self) -> None:
        if self._table.has_focus:
            self.query_one("#detail").focus()
        else:
            self._table.focus()

    def action_turn(self) -> None:
        if not self._is_running:
            self._type = SyncType.INCREMENTAL if self._type is SyncType.FULL else SyncType.FULL
            self.action_again()

    def action_back(self) -> None:
        """A dry run that is under way is stopped first."""
        if self._is_running and not self._stopping.is_set():
            self._stopping.set()
            self._paint()
        else:
            super().action_back()

    def action_sync(self) -> None:
        names = self._names
        ask = plural("Sync {n} entity?", "Sync {n} entities?", len(names)) + " " + ", ".join(names[:6])
        then = _("The source may have changed since it was planned.")
        self.app.push_screen(Question(ask, then), lambda yes: self._sync() if yes else None)

    def _sync(self) -> None:
        names, sync_type = self._names, self._type
        self.act(
            lambda runtime: runtime.batches.request(names, sync_type),
            lambda asked: self.notify(
                plural("{n} batch is asked for.", "{n} batches are asked for.", len(asked)), markup=False
            ),
        )

    def action_copy(self) -> None:
        import msgspec  # of no use before

        if self._plans:
            self.app.copy_to_clipboard(json.dumps(msgspec.to_builtins(self._plans), ensure_ascii=False))
            self.notify(_("Sent to the terminal: {}").format(_("the plans as JSON")), markup=False)
