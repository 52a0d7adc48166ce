"""Alerts: what is wrong now that a person should know of, each cause once."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from syncflow.events import AlertBegan, AlertEnded, News
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import retold
from tui.filtering import Term, chosen
from tui.marks import Tone
from tui.screens.list_place import ListPlace
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.alerts import Alert


class AlertsScreen(ListPlace["Alert"]):
    TITLE_WORD = N_("alerts")
    ABOUT = N_(
        "What is wrong now, each cause once, the oldest first, until it is well again. The webhook and the command of "
        "the settings are told the same. Enter or y copies the command that helps."
    )
    EMPTY = N_("Nothing is wrong.")
    FIELDS = ("kind", "subject")
    COLUMNS: ClassVar[Sequence[Column["Alert"]]] = (
        Column("since", N_("since"), lambda alert: (formats.clock(alert.since), Tone.QUIET), 13),
        Column("subject", N_("about"), lambda alert: alert.subject, 20),
        Column("text", N_("what"), lambda alert: (f"▲ {retold(alert.text)}", Tone.WARN)),
        Column("next", N_("what helps"), lambda alert: (alert.next_step, Tone.QUIET), 46, from_width=130),
    )

    def key(self, row: "Alert") -> Hashable:
        return row.kind, row.subject

    def document(self, row: "Alert") -> Mapping[str, object]:
        return asdict(row)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[Alert]":
        return RowList(chosen(runtime.alerts.current(), terms, _texts), self.key)

    def concerns(self, news: "News") -> bool:
        return isinstance(news, AlertBegan | AlertEnded)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        self.copy(message.row.next_step)

    def action_copy_key(self) -> None:
        if self.table.row is not None:
            self.copy(self.table.row.next_step)


def _texts(alert: "Alert") -> dict[str, str]:
    return {"kind": str(alert.kind), "subject": alert.subject, "text": alert.text}
