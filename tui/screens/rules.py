"""The rules that mend groups of failed records: which hold, and taking one away."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from tui.filtering import Term, chosen
from tui.screens.list_place import ListPlace
from tui.screens.question import Question
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.model import Entity
    from syncflow.runtime import Runtime
    from syncflow.service.remedies import SavedRule


def _values(rule: "SavedRule") -> str:
    """What it replaces: `'n/a'`, or `/^0+$/` for a regular expression."""
    found = rule.replacement
    return f"/{found.pattern}/" if found.match is None else repr(found.match)


def _become(rule: "SavedRule") -> str:
    return "NULL" if rule.replacement.to is None else repr(rule.replacement.to)


class RulesScreen(ListPlace["SavedRule"]):
    TITLE_WORD = N_("rules")
    ABOUT = N_(
        "The rules that replace values before the stages judge them, in the order in which they work on a field. They "
        "are a part of their entity: Enter opens it, d takes a rule away. A new one is made from a group of failed "
        "records (4, v, m)."
    )
    EMPTY = N_("There is no rule. A group of failed records is mended with one: 4, v, m.")
    FIELDS = ("entity", "field", "values", "become")
    COLUMNS: ClassVar[Sequence[Column["SavedRule"]]] = (
        Column("entity", N_("entity"), lambda rule: rule.entity, 20, order=lambda rule: rule.entity),
        Column("field", N_("field"), lambda rule: rule.field, 18, order=lambda rule: rule.field),
        Column("number", N_("number"), lambda rule: formats.whole(rule.number), 7, right=True),
        Column("values", N_("values"), _values, 26),
        Column("become", N_("become"), _become),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("d", "remove", N_("Remove"), id="rules.remove")]

    def key(self, row: "SavedRule") -> Hashable:
        return row.entity, row.field, row.number

    def document(self, row: "SavedRule") -> Mapping[str, object]:
        return asdict(row)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[SavedRule]":
        return RowList(self.ordered(chosen(runtime.remedies.rules(), terms, _texts)), self.key)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        from tui.screens.entity import EntityScreen

        self.app.push_screen(EntityScreen(message.row.entity))

    def action_remove(self) -> None:
        rule = self.table.row
        if rule is None:
            return
        ask = _("Take rule {number} for {field} of {entity} away?").format(
            number=formats.whole(rule.number), field=rule.field, entity=rule.entity
        )
        detail = _("{values} become {become} no longer. Rows are judged without it from the next sync on.")
        question = Question(ask, detail.format(values=_values(rule), become=_become(rule)))
        self.app.push_screen(question, lambda yes: self._remove(rule) if yes else None)

    def _remove(self, rule: "SavedRule") -> None:
        def tell(entity: "Entity") -> None:
            gone = _("{entity}: rule {number} for {field} is gone (version {version}).")
            said = gone.format(entity=rule.entity, number=formats.whole(rule.number), field=rule.field,
                               version=formats.whole(entity.version))  # fmt: skip
            self.notify(said, markup=False)

        self.act(lambda runtime: runtime.remedies.remove(rule.entity, rule.field, rule.number, rule.replacement), tell)


def _texts(rule: "SavedRule") -> dict[str, str]:
    return {"entity": rule.entity, "field": rule.field, "values": _values(rule), "become": _become(rule)}
