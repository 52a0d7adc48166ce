"""The deletions that a batch withheld, row by row: what an approval would delete."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from textual.binding import Binding, BindingType

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from syncflow.i18n.texts import retold
from tui.filtering import Term, chosen
from tui.marks import Tone
from tui.screens.explain import ExplainScreen
from tui.screens.list_place import ListPlace
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.approvals import Withheld, WithheldRow

SHOWN = 10_000


class WithheldScreen(ListPlace["WithheldRow"]):
    TITLE_WORD = N_("withheld deletions")
    ABOUT = N_(
        "Rows that ScheduleHub holds and the source no longer showed: an approval on the batch's page (Esc, a) asks "
        "the source for each once more and deletes what is still gone. e explains a row."
    )
    EMPTY = N_("This batch withheld nothing.")
    FIELDS = ("key", "why")
    COLUMNS: ClassVar[Sequence[Column["WithheldRow"]]] = (
        Column("key", N_("key"), lambda row: row.ref_str or row.key_hash),
        Column("why", N_("why"), lambda row: (retold(row.reason), Tone.QUIET), 44, from_width=90),
        Column("hash", N_("hash"), lambda row: (row.key_hash, Tone.QUIET), 32, from_width=140),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("e", "explain", N_("Explain"), id="withheld.explain")]

    def __init__(self, batch: UUID, entity: str) -> None:
        super().__init__()
        self._batch = batch
        self._entity = entity
        self._more = 0
        """Rows behind those that are listed."""

    def key(self, row: "WithheldRow") -> Hashable:
        return row.key_hash

    def document(self, row: "WithheldRow") -> Mapping[str, object]:
        return asdict(row)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[WithheldRow]":
        found: Withheld = runtime.approvals.withheld(str(self._batch), SHOWN)
        self._more = sum(each.rows for each in found.sets) - len(found.rows)
        return RowList(chosen(found.rows, terms, _texts), self.key)

    def figures(self) -> str:
        if not self._more:
            return super().figures()
        first = _("the first {shown} only; {more} more").format(
            shown=formats.whole(SHOWN), more=formats.whole(self._more)
        )
        return f"{super().figures()} · {first}"

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:  # noqa: ARG002 - of the row that is read
        self.action_explain()

    def action_explain(self) -> None:
        row = self.table.row
        if row is None:
            return
        if row.ref_str is None:
            self.notify(_("Of this row only the hash of its key is known."), markup=False)
            return
        self.app.push_screen(ExplainScreen(self._entity, ref=row.ref_str))


def _texts(row: "WithheldRow") -> dict[str, str]:
    return {"key": row.ref_str or row.key_hash, "why": row.reason}
