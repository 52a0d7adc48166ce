"""A small company that changes while it is synced, and what is true of its rows: made up here, and known from nowhere
else. Plants, items (each of a plant, some of one that is not there yet), staff (each with a boss, some in rings) and
events (with a version, never deleted)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import table_from_rows

ENTITIES_YAML = """
entities:
  - {name: plants, business_key: [no]}
  - {name: items, business_key: [no], parent_refs: {plant: {entity: plants, fields: {plant_no: no}}}}
  - {name: staff, business_key: [no], parent_refs: {boss: {entity: staff, fields: {boss_no: no}}}}
  - {name: events, business_key: [no], delta_strategy: rowversion, rowversion_field: version}
"""
_TYPES = {
    "plants": {"NO": "NUMBER(10)", "NAME": "VARCHAR2(40)"},
    "items": {"NO": "NUMBER(10)", "NAME": "VARCHAR2(40)", "QTY": "NUMBER(12,2)", "PLANT_NO": "NUMBER(10)"},
    "staff": {"NO": "NUMBER(10)", "NAME": "VARCHAR2(40)", "BOSS_NO": "NUMBER(10)"},
    "events": {"NO": "NUMBER(10)", "NAME": "VARCHAR2(40)", "QTY": "NUMBER(12,2)", "VERSION": "NUMBER(10)"},
}
ENTITIES = tuple(_TYPES)
_REFS = {"items": [{"name": "plant", "entity": "plants"}], "staff": [{"name": "boss", "entity": "staff"}]}
_NO_NUMBER = "N/A"


@dataclass(frozen=True)
class Row:
    """`qty` None: the source sends what is no number. `parent` is the number of a plant or of a boss."""

    name: str
    qty: Decimal | None = Decimal(1)
    parent: int | None = None
    version: int = 0


@dataclass
class Company:
    """`rows` by entity and number, as they are now."""

    random: Random
    rows: dict[str, dict[int, Row]] = field(default_factory=dict)
    _version: int = 0
    _plants: int = 12
    _gone: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = {entity: {} for entity in ENTITIES}
        for number in range(1, self._plants + 1):
            self.rows["plants"][number] = Row(f"plant {number}")
        for number in range(1, 501):
            self.rows["items"][number] = self._item(f"item {number}")
        for number in range(1, 61):
            # Two by two each is the other's boss; the rest has a boss who comes later or earlier.
            boss = number ^ 1 if number < 12 else self.random.choice([None, *range(1, 61)])
            self.rows["staff"][number] = Row(f"staff {number}", parent=boss if boss in range(1, 61) else None)
        for number in range(1, 301):
            self.rows["events"][number] = self._event(f"event {number}")

    def change(self) -> None:
        """Some business: rows come, change and go; a plant opens that items have waited for."""
        self._plants += 1
        self.rows["plants"][self._plants] = Row(f"plant {self._plants}")
        items = self.rows["items"]
        for number in self.random.sample(sorted(items), 5):
            del items[number]
            self._gone.append(number)
        for number in [*range(max(items) + 1, max(items) + 9), self._gone.pop(0)]:
            items[number] = self._item(f"new item {number}")
        for number in self.random.sample(sorted(items), 40):
            old = items[number]
            items[number] = Row(f"{old.name}'"[-40:], self._quantity(), old.parent)
        staff = self.rows["staff"]
        for number in self.random.sample(sorted(staff), 5):
            staff[number] = Row(f"{staff[number].name}'"[-40:], parent=self.random.choice(sorted(staff)))
        events = self.rows["events"]
        last = max(events)
        for number in [*self.random.sample(sorted(events), 30), *range(last + 1, last + 21)]:
            events[number] = self._event(f"event {number} at {self._version}")

    def serve(self, apismith: ApiSmith) -> None:
        for entity, types in _TYPES.items():
            columns = [{"name": name, "data_type": declared} for name, declared in types.items()]
            body = {"slug": entity, "name": entity, "business_key_columns": ["NO"], "columns": columns}
            lines = [_line(entity, number, row) for number, row in self.rows[entity].items()]
            self.random.shuffle(lines)
            apismith.service.publish(table_from_rows(parse_definition(body), lines))

    def failing(self, entity: str) -> set[int]:
        return {number for number, row in self.rows[entity].items() if row.qty is None}

    def waiting(self, entity: str) -> set[int]:
        """Rows without a parent that can be there, as far as they do not fail."""
        if entity != "items":
            return set()
        return {
            number
            for number, row in self.rows["items"].items()
            if row.qty is not None and row.parent is not None and row.parent not in self.rows["plants"]
        }

    def loaded(self, entity: str) -> dict[int, Row]:
        """What the target must hold just so."""
        without = self.failing(entity) | self.waiting(entity)
        return {number: row for number, row in self.rows[entity].items() if number not in without}

    def _item(self, name: str) -> Row:
        plant = self.random.choice([None, *range(1, self._plants + 4)])
        return Row(name, self._quantity(), plant)

    def _event(self, name: str) -> Row:
        self._version += 1
        return Row(name, self._quantity(), version=self._version)

    def _quantity(self) -> Decimal | None:
        return None if self.random.random() < 0.01 else Decimal(self.random.randrange(1, 10**6)) / 100


def tables() -> dict[str, object]:
    """The tables that a ScheduleHub of version 1 alone has beforehand."""
    kinds = {"NAME": "text", "QTY": "numeric"}
    return {
        entity: {
            "columns": [
                {"name": name.lower(), "type": kinds.get(name, "integer"), "nullable": name != "NO"} for name in types
            ],
            "parent_refs": _REFS.get(entity, []),
        }
        for entity, types in _TYPES.items()
    }


def values(entity: str, rows: Iterable[tuple[int, Row]]) -> dict[int, tuple[object, ...]]:
    """Rows as the target's columns hold them: all but the number, in the order of `columns`."""
    return {number: tuple(_value(name, row) for name in columns(entity)) for number, row in rows}


def columns(entity: str) -> list[str]:
    return [name.lower() for name in _TYPES[entity] if name != "NO"]


def references(entity: str) -> list[dict[str, str]]:
    return _REFS.get(entity, [])


def _value(name: str, row: Row) -> object:
    return {"name": row.name, "qty": row.qty, "version": row.version}.get(name, row.parent)


def _line(entity: str, number: int, row: Row) -> dict[str, object]:
    sent: dict[str, object] = {"NO": str(number)}
    for name in columns(entity):
        value = _value(name, row)
        sent[name.upper()] = None if value is None else str(value)
    if row.qty is None:
        sent["QTY"] = _NO_NUMBER
    return sent
