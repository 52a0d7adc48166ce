"""Waiting rows and their parents as they may be shown: fields that hold personal data are masked."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from syncflow.engine.masked import masked_message, masked_names, masked_ref, masked_values
from syncflow.model import Entity
from syncflow.store.pending_lists import MissingParent, PendingChild, PendingDetail


def rows_as_shown(rows: Iterable[PendingChild], entities: Mapping[str, Entity]) -> list[PendingChild]:
    return [replace(row, parent_key=_key(row.parent_entity, row.parent_key, entities)) for row in rows]


def detail_as_shown(row: PendingDetail, entities: Mapping[str, Entity]) -> PendingDetail:
    return replace(
        row,
        parent_key=_key(row.parent_entity, row.parent_key, entities),
        child_payload=masked_values(row.child_payload, _hidden(row.child_entity, entities)),
    )


def parent_as_shown(parent: MissingParent, entities: Mapping[str, Entity]) -> MissingParent:
    message = parent.failed_message
    awaited = parent.awaits_key
    return replace(
        parent,
        key=_key(parent.entity, parent.key, entities),
        failed_message=None if message is None else masked_message(message, None, _hidden(parent.entity, entities)),
        awaits_key=None if awaited is None else _key(parent.awaits_entity or "", awaited, entities),
    )


def _hidden(entity: str, entities: Mapping[str, Entity]) -> frozenset[str]:
    """Also of an entity that is not configured any more: of that, nothing is known to be personal."""
    return masked_names(entities[entity].mappings) if entity in entities else frozenset()


def _key(parent: str, key: str, entities: Mapping[str, Entity]) -> str:
    """A parent's readable key: its values come from the fields of its children."""
    names = set(_hidden(parent, entities))
    for child in entities.values():
        hidden = masked_names(child.mappings)
        names |= {
            field for ref in child.parent_refs if ref.entity == parent for own, field in ref.fields if own in hidden
        }
    return masked_ref(key, names)
