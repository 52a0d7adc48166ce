"""Failed records in groups that failed alike: the way to mend many at once."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from syncflow.i18n.texts import retold
from tui.filtering import Term
from tui.marks import Tone
from tui.screens.failed import FailedScreen, failed_filter
from tui.screens.failed_acts import Choices, FailedActs
from tui.screens.list_place import ListPlace
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.failed_records import FailedFilter
    from syncflow.service.remedies import FailedGroup

LIMIT = 1_000


def filter_of(group: "FailedGroup", among: "FailedFilter") -> "FailedFilter":
    """The records of a group, out of those that were grouped."""
    return replace(
        among,
        entity=group.entity,
        stage=group.stage,
        field=group.field,
        error_type=group.error_type,
        value_shape=group.shape,
    )


def _samples(group: "FailedGroup") -> str:
    return ", ".join(group.samples) or formats.NOTHING


class FailedGroupsScreen(FailedActs, ListPlace["FailedGroup"]):
    TITLE_WORD = N_("groups")
    ABOUT = N_(
        "Records that failed alike, the largest group first. m mends a whole group with a rule, previewed before it is "
        "saved; Enter shows the group's records."
    )
    EMPTY = N_("No record failed.")
    FIELDS = ("entity", "stage", "field", "type", "shape", "state", "batch")
    COLUMNS: ClassVar[Sequence[Column["FailedGroup"]]] = (
        Column("rows", N_("rows"), lambda group: (formats.whole(group.rows), Tone.BAD), 9, right=True,
               order=lambda group: group.rows),
        Column("entity", N_("entity"), lambda group: group.entity, 18, order=lambda group: group.entity),
        Column("field", N_("field"), lambda group: group.field or "", 13, order=lambda group: group.field or ""),
        Column("type", N_("error"), lambda group: group.error_type, 16, from_width=135),
        Column("samples", N_("values"), _samples, 20, from_width=95),
        Column("message", N_("why"), lambda group: retold(group.message), from_width=60),
        Column("since", N_("since"), lambda group: (formats.clock(group.first_seen), Tone.QUIET), 13, from_width=150),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "remedy", N_("Mend with a rule"), id="groups.remedy"),
        Binding("t", "retry", N_("Retry the group"), id="groups.retry"),
        Binding("i", "ignore", N_("Leave the group out"), id="groups.ignore"),
        Binding("w", "resolve", N_("Resolve the group by hand"), show=False, id="groups.resolve"),
        Binding("R", "app.rules", N_("The rules that hold"), show=False, id="groups.rules"),
        Binding("T", "result", N_("What came of the last retry"), show=False, id="groups.result"),
    ]

    def __init__(self, filter_text: str, within: "FailedFilter | None" = None) -> None:
        """`within` bounds what is grouped."""
        super().__init__()
        self._begins_with = filter_text
        self._within = within

    @property
    def memory(self) -> str:
        return "failed.groups"

    def first_filter(self) -> str:
        return self._begins_with

    def key(self, row: "FailedGroup") -> Hashable:
        return row.entity, row.stage, row.field, row.error_type, row.shape

    def document(self, row: "FailedGroup") -> Mapping[str, object]:
        return asdict(row)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[FailedGroup]":
        groups = runtime.remedies.groups(failed_filter(runtime, terms, self._within), LIMIT)
        return RowList(self.ordered(groups), self.key)

    def figures(self) -> str:
        return " · ".join(filter(None, [self.progress_words(), super().figures()]))

    def show_progress(self) -> None:
        self.say(self.figures())

    def acted(self) -> None:
        self.table.unmark()

    def choices(self) -> Choices | None:
        if self.table.all_marked:
            groups = list(self.table.rows.page(0, self.table.total))
        else:
            groups = list(self.table.marks.values()) or ([self.table.row] if self.table.row is not None else [])
        return self._among(groups) if groups else None

    def _among(self, groups: "Sequence[FailedGroup]") -> Choices:
        terms, within = self.terms(), self._within

        def make(runtime: "Runtime") -> "list[FailedFilter]":
            among = failed_filter(runtime, terms, within)
            return [filter_of(group, among) for group in groups]

        return make

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        group = message.row
        title = f"{group.entity} {group.field or group.error_type}"
        self.safely(self._among([group]), lambda chosen: self._open(chosen[0], title), group="open")

    def _open(self, chosen: "FailedFilter", title: str) -> None:
        self.app.push_screen(FailedScreen(chosen, title))

    def action_remedy(self) -> None:
        from tui.screens.remedy import RemedyScreen

        group = self.table.row
        if group is None:
            return
        if group.field is None:
            self.notify(_("No single field is at fault here: a rule cannot mend it. Enter shows the records."))
            return
        self.app.push_screen(RemedyScreen(group))
