"""Entities as YAML: read with the line of every mistake, written so that reading gives the same entities again."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NoReturn, TypeVar

import yaml

from syncflow.engine.plan import nearest
from syncflow.errors import ConfigurationError
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

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

Node = yaml.Node
Reader = Callable[[Node], object]


def read_entities(text: str, origin: str) -> tuple[Entity, ...]:
    """Parse a whole file. Raises ConfigurationError naming file, line, key and the nearest right one; an entity that
    stands twice is such an error."""
    return _Document(origin).entities(text)


def entity_of_fields(base: str, fields: Mapping[str, str]) -> Entity:
    """The entity of a YAML mapping with some of its fields replaced; each value is a piece of YAML of its own."""
    document: dict[str, object] = yaml.safe_load(base)
    for key, text in fields.items():
        try:
            document[key] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - the base loader makes texts only
        except yaml.YAMLError as error:
            raise ConfigurationError(f"{key}: {text!r} is not readable YAML: {' '.join(str(error).split())}") from error
    named = {key: value for key, value in document.items() if value != ""}
    return read_entities(yaml.safe_dump({"entities": [named]}, allow_unicode=True, sort_keys=False), "")[0]


class _Document:
    """One file being read; `origin` is its name for messages, empty for fields that stand in no file."""

    def __init__(self, origin: str) -> None:
        self._origin = origin

    def entities(self, text: str) -> tuple[Entity, ...]:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise ConfigurationError(f"{self._origin} is not readable YAML: {' '.join(str(error).split())}") from error
        if root is None:
            raise ConfigurationError(f"{self._origin} is empty. It must hold a list named entities.")
        top = self._mapping(root, {"entities": self._sequence_of(self._entity)}, required=("entities",))
        found: tuple[tuple[Entity, Node], ...] = top["entities"]  # type: ignore[assignment]
        first: dict[str, Node] = {}
        for entity, node in found:
            if entity.name in first:
                self._fail(node, f"the entity {entity.name} stands twice (first in line {_line(first[entity.name])})")
            first[entity.name] = node
        return tuple(entity for entity, _ in found)

    def _entity(self, node: Node) -> tuple[Entity, Node]:
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
                "sync_schedule": self._text,
            },
            required=("name", "business_key"),
        )
        values.setdefault("api", values["name"])
        return Entity(**values), node  # type: ignore[arg-type]

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
                    key, f"there is no key {name!r} here{nearest(name, fields)}; known keys: {', '.join(fields)}"
                )
            if name in values:
                self._fail(key, f"the key {name!r} stands twice")
            if not (isinstance(value, yaml.ScalarNode) and value.tag.endswith(":null")):
                values[name] = fields[name](value)
        for name in required:
            if name not in values:
                self._fail(node, f"the key {name!r} is missing")
        return values

    def _pairs(self, node: Node) -> Iterator[tuple[Node, Node]]:
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, "here must stand keys with values (`key: value`)")
        yield from node.value

    def _sequence_of(self, read: Callable[[Node], T]) -> Callable[[Node], tuple[T, ...]]:
        def read_all(node: Node) -> tuple[T, ...]:
            if not isinstance(node, yaml.SequenceNode):
                self._fail(node, "here must stand a list")
            return tuple(read(item) for item in node.value)

        return read_all

    def _texts(self, node: Node) -> tuple[str, ...]:
        return self._sequence_of(self._text)(node)

    def _text_pairs(self, node: Node) -> dict[str, str]:
        return {self._text(key): self._text(value) for key, value in self._pairs(node)}

    def _text(self, node: Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self._fail(node, "here must stand one value")
        return str(node.value)

    def _count(self, node: Node) -> int:
        text = self._text(node)
        if not text.isdecimal():
            self._fail(node, f"{text!r} is not a whole number of 0 or more")
        return int(text)

    def _flag(self, node: Node) -> bool:
        text = self._text(node).lower()
        if text not in ("true", "false"):
            self._fail(node, f"{text!r} is neither true nor false")
        return text == "true"

    def _one_of(self, words: type[E]) -> Callable[[Node], E]:
        def read(node: Node) -> E:
            text = self._text(node)
            allowed = [str(word) for word in words]
            if text not in allowed:
                self._fail(node, f"{text!r} is not one of {', '.join(allowed)}{nearest(text, allowed)}")
            return words(text)

        return read

    def _fail(self, node: Node, message: str) -> NoReturn:
        where = f"{self._origin}, line {_line(node)}: " if self._origin else ""
        raise ConfigurationError(f"{where}{message}.")


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def write_entities(entities: Iterable[Entity]) -> str:
    """YAML that `read_entities` reads back to the same entities; what is default is left out."""
    document = {"entities": [_as_yaml(entity) for entity in entities]}
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def write_entity(entity: Entity) -> str:
    """One entity as a YAML mapping of its own."""
    return yaml.dump(_as_yaml(entity), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def entity_lines(entity: Entity) -> tuple[str, ...]:
    """The same, one line for each setting and each mapping, however long."""
    text = yaml.dump(_as_yaml(entity), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_NEVER_BROKEN)
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


def _as_yaml(entity: Entity) -> dict[str, object]:
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
