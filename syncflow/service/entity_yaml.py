"""Entities as YAML: read with the line of every mistake, written so that reading gives the same entities again."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NoReturn, TypeVar

import yaml

from syncflow.engine.plan import hinted, nearest
from syncflow.errors import ConfigurationError
from syncflow.i18n.texts import Text
from syncflow.model import (
    Conventions,
    DateOrder,
    DeleteMode,
    DeltaStrategy,
    DriftMode,
    Entity,
    FieldMapping,
    NumberFormat,
    Paging,
    ParentRef,
    Replacement,
    Transformation,
)
from syncflow.scheduler.cadence import parse_cadence
from syncflow.scheduler.terms import checked, days_text, parse_days, parse_window, window_text
from syncflow.scheduler.zones import zone_named
from syncflow.schedules import ScheduleTerms

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

Node = yaml.Node
Reader = Callable[[Node], object]


NO_SCHEDULE = "none"
_SCHEDULE = "schedule"


@dataclass(frozen=True)
class Stated:
    """An entity as a text states it. Only where `states_schedule`, the text says something of its nights: `schedule`,
    or None for an entity that is to have none."""

    entity: Entity
    schedule: ScheduleTerms | None = None
    states_schedule: bool = False


def read_entities(text: str, origin: str) -> tuple[Stated, ...]:
    """Parse a whole file. Raises ConfigurationError naming file, line, key and the nearest right one; an entity that
    stands twice is such an error."""
    return _Document(origin).entities(text)


def entity_of_fields(base: str, fields: Mapping[str, str]) -> Stated:
    """The entity of a YAML mapping with some of its fields replaced; each value is a piece of YAML of its own."""
    document: dict[str, object] = yaml.safe_load(base)
    for key, text in fields.items():
        try:
            document[key] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - the base loader makes texts only
        except yaml.YAMLError as error:
            raise ConfigurationError(
                "{key}: {text} is not readable YAML: {error}",
                key=key,
                text=repr(text),
                error=" ".join(str(error).split()),
            ) from error
    named = {key: value for key, value in document.items() if value != ""}
    stated = read_entities(yaml.safe_dump({"entities": [named]}, allow_unicode=True, sort_keys=False), "")[0]
    return replace(stated, states_schedule=_SCHEDULE in fields)


class _Document:
    """One file being read; `origin` is its name for messages, empty for fields that stand in no file."""

    def __init__(self, origin: str) -> None:
        self._origin = origin

    def entities(self, text: str) -> tuple[Stated, ...]:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise ConfigurationError(
                "{origin} is not readable YAML: {error}", origin=self._origin, error=" ".join(str(error).split())
            ) from error
        if root is None:
            raise ConfigurationError("{origin} is empty. It must hold a list named entities.", origin=self._origin)
        top = self._mapping(root, {"entities": self._sequence_of(self._entity)}, required=("entities",))
        found: tuple[tuple[Stated, Node], ...] = top["entities"]  # type: ignore[assignment]
        first: dict[str, Node] = {}
        for stated, node in found:
            name = stated.entity.name
            if name in first:
                self._fail(
                    node,
                    Text(
                        "the entity {name} stands twice (first in line {line}).",
                        name=name,
                        line=str(_line(first[name])),
                    ),
                )
            first[name] = node
        return tuple(stated for stated, _ in found)

    def _entity(self, node: Node) -> tuple[Stated, Node]:
        values = self._mapping(
            node,
            {
                "name": self._text,
                "api": self._text,
                "business_key": self._texts,
                "delta_strategy": self._one_of(DeltaStrategy),
                "rowversion_field": self._text,
                "lookback": self._count,
                "paging": self._one_of(Paging),
                "delete_mode": self._one_of(DeleteMode),
                "drift_mode": self._one_of(DriftMode),
                "conventions": self._conventions,
                "parent_refs": self._parent_refs,
                "mappings": self._mappings,
                "hash_exclude": self._texts,
                "column_types": self._text_pairs,
                "sync_enabled": self._flag,
                "sync_schedule": self._cadence,
                _SCHEDULE: self._schedule,
            },
            required=("name", "business_key"),
        )
        values.setdefault("api", values["name"])
        states = _SCHEDULE in values
        schedule: ScheduleTerms | None = values.pop(_SCHEDULE, None)  # type: ignore[assignment]
        return Stated(Entity(**values), schedule, states), node  # type: ignore[arg-type]

    def _cadence(self, node: Node) -> str:
        self._said(node, lambda text: parse_cadence(text, "UTC"))
        return self._text(node)

    def _schedule(self, node: Node) -> ScheduleTerms | None:
        if isinstance(node, yaml.ScalarNode) and node.value == NO_SCHEDULE:
            return None
        values = self._mapping(
            node,
            {
                "window": lambda value: self._said(value, parse_window),
                "time_zone": lambda value: self._said(value, lambda text: zone_named(text).key),
                "days": self._days,
                "days_to_complete": self._count,
                "enabled": self._flag,
            },
            required=("window", "time_zone"),
        )
        start, end = values.pop("window")  # type: ignore[misc]
        terms = ScheduleTerms(start, end, **values)  # type: ignore[has-type, arg-type]
        try:
            return checked(terms)
        except ConfigurationError as error:
            self._fail(node, error.text)

    def _days(self, node: Node) -> frozenset[int]:
        if isinstance(node, yaml.SequenceNode):
            words = [self._text(item) for item in node.value]
            return self._said(node, lambda _: parse_days(words), "")
        return self._said(node, lambda text: parse_days(text.split(",")))

    def _said(self, node: Node, read: Callable[[str], T], text: str | None = None) -> T:
        """What `read` makes of a value; what it refuses, with the line."""
        try:
            return read(self._text(node) if text is None else text)
        except ConfigurationError as error:
            self._fail(node, error.text)

    def _conventions(self, node: Node) -> Conventions:
        fields: dict[str, Reader] = {"numbers": self._one_of(NumberFormat), "dates": self._one_of(DateOrder)}
        return Conventions(**self._mapping(node, fields))  # type: ignore[arg-type]

    def _parent_refs(self, node: Node) -> tuple[ParentRef, ...]:
        refs = []
        for key, value in self._pairs(node):
            values = self._mapping(value, {"entity": self._text, "fields": self._text_pairs}, ("entity", "fields"))
            fields: Mapping[str, str] = values["fields"]  # type: ignore[assignment]
            refs.append(ParentRef(self._text(key), str(values["entity"]), tuple(fields.items())))
        return tuple(refs)

    def _mappings(self, node: Node) -> tuple[FieldMapping, ...]:
        return self._sequence_of(self._field_mapping)(node)

    def _field_mapping(self, node: Node) -> FieldMapping:
        values = self._mapping(
            node,
            {
                "source": self._text,
                "target": self._text,
                "transformation": self._one_of(Transformation),
                "default": self._text,
                "required": self._flag,
                "validation_rule": self._text,
                "fold": self._flag,
                "jalali": self._flag,
                "keep_nanoseconds": self._flag,
                "replacements": self._sequence_of(self._replacement),
                "mask": self._flag,
            },
            required=("source",),
        )
        values.setdefault("target", str(values["source"]).lower())
        return FieldMapping(**values)  # type: ignore[arg-type]

    def _replacement(self, node: Node) -> Replacement:
        fields: dict[str, Reader] = {"match": self._text, "pattern": self._text, "to": self._text}
        return Replacement(**self._mapping(node, fields))  # type: ignore[arg-type]

    def _mapping(self, node: Node, fields: Mapping[str, Reader], required: tuple[str, ...] = ()) -> dict[str, object]:
        values: dict[str, object] = {}
        for key, value in self._pairs(node):
            name = self._text(key)
            if name not in fields:
                self._fail(
                    key,
                    Text(
                        "there is no key {name} here{near}; known keys: {known}.",
                        name=repr(name),
                        near=nearest(name, fields),
                        known=", ".join(fields),
                    ),
                )
            if name in values:
                self._fail(key, Text("the key {name} stands twice.", name=repr(name)))
            if not (isinstance(value, yaml.ScalarNode) and value.tag.endswith(":null")):
                values[name] = fields[name](value)
        for name in required:
            if name not in values:
                self._fail(node, Text("the key {name} is missing.", name=repr(name)))
        return values

    def _pairs(self, node: Node) -> Iterator[tuple[Node, Node]]:
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, Text("here must stand keys with values (`key: value`)."))
        yield from node.value

    def _sequence_of(self, read: Callable[[Node], T]) -> Callable[[Node], tuple[T, ...]]:
        def read_all(node: Node) -> tuple[T, ...]:
            if not isinstance(node, yaml.SequenceNode):
                self._fail(node, Text("here must stand a list."))
            return tuple(read(item) for item in node.value)

        return read_all

    def _texts(self, node: Node) -> tuple[str, ...]:
        return self._sequence_of(self._text)(node)

    def _text_pairs(self, node: Node) -> dict[str, str]:
        return {self._text(key): self._text(value) for key, value in self._pairs(node)}

    def _text(self, node: Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self._fail(node, Text("here must stand one value."))
        return str(node.value)

    def _count(self, node: Node) -> int:
        text = self._text(node)
        if not text.isdecimal():
            self._fail(node, Text("{text} is not a whole number of 0 or more.", text=repr(text)))
        return int(text)

    def _flag(self, node: Node) -> bool:
        text = self._text(node).lower()
        if text not in ("true", "false"):
            self._fail(node, Text("{text} is neither true nor false.", text=repr(text)))
        return text == "true"

    def _one_of(self, words: type[E]) -> Callable[[Node], E]:
        def read(node: Node) -> E:
            text = self._text(node)
            allowed = [str(word) for word in words]
            if text not in allowed:
                self._fail(
                    node,
                    Text(
                        "{text} is not one of {allowed}.",
                        text=repr(text),
                        allowed=hinted(", ".join(allowed), text, allowed),
                    ),
                )
            return words(text)

        return read

    def _fail(self, node: Node, message: Text) -> NoReturn:
        if not self._origin:
            raise ConfigurationError(message)
        raise ConfigurationError(
            "{origin}, line {line}: {message}", origin=self._origin, line=str(_line(node)), message=message
        )


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def write_entities(entities: Iterable[Entity], schedules: Mapping[str, ScheduleTerms] | None = None) -> str:
    """YAML that `read_entities` reads back to the same entities and their schedules; what is default is left out."""
    terms = schedules or {}
    document = {"entities": [_as_yaml(entity, terms.get(entity.name)) for entity in entities]}
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def write_entity(entity: Entity) -> str:
    """One entity as a YAML mapping of its own."""
    return yaml.dump(_as_yaml(entity, None), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def entity_lines(entity: Entity, schedule: ScheduleTerms | None = None) -> tuple[str, ...]:
    """The same with its schedule, one line for each setting and each mapping, however long."""
    document = _as_yaml(entity, schedule)
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_NEVER_BROKEN)
    return tuple(text.splitlines())


_NEVER_BROKEN = 1_000_000
_MAP, _SEQ = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"


class _Dumper(yaml.SafeDumper):
    """Keeps lists under their key indented, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


class _Flow(dict[str, object]):
    """A mapping that is written on one line."""


class _FlowList(list[str]):
    """A list that is written on one line."""


_Dumper.add_representer(_Flow, lambda dumper, data: dumper.represent_mapping(_MAP, data, flow_style=True))
_Dumper.add_representer(_FlowList, lambda dumper, data: dumper.represent_sequence(_SEQ, data, flow_style=True))


def _as_yaml(entity: Entity, schedule: ScheduleTerms | None) -> dict[str, object]:
    default = Entity(entity.name, entity.api, entity.business_key)
    out: dict[str, object] = {"name": entity.name, "api": entity.api, "business_key": _FlowList(entity.business_key)}
    out["delta_strategy"] = str(entity.delta_strategy)
    for name in (
        "rowversion_field",
        "lookback",
        "paging",
        "delete_mode",
        "drift_mode",
        "sync_enabled",
        "sync_schedule",
    ):
        value = getattr(entity, name)
        if value != getattr(default, name):
            out[name] = str(value) if isinstance(value, StrEnum) else value
    if schedule is not None:
        out[_SCHEDULE] = _schedule_as_yaml(schedule)
    if entity.conventions != default.conventions:
        out["conventions"] = _Flow({"numbers": str(entity.conventions.numbers), "dates": str(entity.conventions.dates)})
    if entity.hash_exclude:
        out["hash_exclude"] = _FlowList(entity.hash_exclude)
    if entity.column_types:
        out["column_types"] = dict(entity.column_types)
    if entity.parent_refs:
        out["parent_refs"] = {
            ref.name: _Flow({"entity": ref.entity, "fields": _Flow(dict(ref.fields))}) for ref in entity.parent_refs
        }
    if entity.mappings:
        out["mappings"] = [_mapping_as_yaml(mapping) for mapping in entity.mappings]
    return out


def _schedule_as_yaml(terms: ScheduleTerms) -> dict[str, object]:
    out = _Flow({"window": window_text(terms.window_start, terms.window_end), "time_zone": terms.time_zone})
    if terms.days != ScheduleTerms.days:
        days = days_text(terms.days).split(", ")
        out["days"] = _FlowList(days) if len(days) > 1 else days[0]
    out["days_to_complete"] = terms.days_to_complete
    if not terms.enabled:
        out["enabled"] = False
    return out


def _mapping_as_yaml(mapping: FieldMapping) -> dict[str, object]:
    default = FieldMapping(mapping.source, mapping.target)
    out: dict[str, object] = {"source": mapping.source, "target": mapping.target}
    for name in (
        "transformation",
        "default",
        "required",
        "validation_rule",
        "fold",
        "jalali",
        "keep_nanoseconds",
        "mask",
    ):
        value = getattr(mapping, name)
        if value != getattr(default, name):
            out[name] = str(value) if isinstance(value, StrEnum) else value
    if mapping.replacements:
        out["replacements"] = [_Flow(_given(each)) for each in mapping.replacements]
    return _Flow(out)


def _given(each: Replacement) -> dict[str, object]:
    """Without `to`, the value becomes NULL."""
    return {name: value for name in ("match", "pattern", "to") if (value := getattr(each, name)) is not None}
