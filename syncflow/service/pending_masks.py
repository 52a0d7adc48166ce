"""Waiting rows and their parents as they may be shown: fields that hold personal data are masked."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from syncflow.canonical import canonical_text
from syncflow.engine.masked import masked_message, masked_names, masked_ref, masked_values
from syncflow.model import Entity
from syncflow.store.pending_lists import MissingParent, PendingChild, PendingDetail

_HASH = re.compile("[0-9a-f]{32}")


def rows_as_shown(rows: Iterable[PendingChild], entities: Mapping[str, Entity]) -> list[PendingChild]:
    return [replace(row, parent_key=_key(row.parent_entity, row.parent_key, entities)) for row in rows]


def detail_as_shown(row: PendingDetail, entities: Mapping[str, Entity]) -> PendingDetail:
    return replace(
        row,
        parent_key=_key(row.parent_entity, row.parent_key, entities),
        child_payload=masked_values(row.child_payload, _hidden(row.child_entity, entities)),
    )


def parent_as_shown(parent: MissingParent, entities: Mapping[str, Entity]) -> MissingParent:
    message, awaited = parent.failed_message, parent.awaits_key
    quoted = _hidden(parent.entity, entities) | masked_references(parent.entity, entities)
    return replace(
        parent,
        key=_key(parent.entity, parent.key, entities),
        failed_message=None if message is None else masked_message(message, parent.failed_field, quoted),
        awaits_key=None if awaited is None else _key(parent.awaits_entity or "", awaited, entities),
    )


def child_key(entity: Entity | None, payload: Mapping[str, str | None]) -> str:
    """The key of a waiting row as the source sent it (`order_no=4711`), masked; empty for an entity that is not
    configured any more. Fields without a mapping keep their name in lower case."""
    if entity is None:
        return ""
    sources = {each.target: each.source for each in entity.mappings}
    sent = {name.lower(): value for name, value in payload.items()}
    values = {name: sent.get(sources.get(name, name).lower()) for name in entity.business_key}
    return canonical_text(masked_values(values, masked_names(entity.mappings)))


def masked_references(entity: str, entities: Mapping[str, Entity]) -> frozenset[str]:
    """An entity's references to parents whose keys show personal data: what an error says about one names the key."""
    refs = entities[entity].parent_refs if entity in entities else ()
    return frozenset(ref.name for ref in refs if _hidden_of_key(ref.entity, entities) & {key for _, key in ref.fields})


def asked_as_shown(parent_key: str, entities: Mapping[str, Entity]) -> str:
    """A parent's key, or its hash, as somebody gave it to choose rows by."""
    if _HASH.fullmatch(parent_key):
        return parent_key
    return masked_ref(parent_key, frozenset().union(*(_hidden_of_key(name, entities) for name in entities)))


def _hidden(entity: str, entities: Mapping[str, Entity]) -> frozenset[str]:
    """Of an entity that is not configured any more, nothing is known to be personal."""
    return masked_names(entities[entity].mappings) if entity in entities else frozenset()


def _key(parent: str, key: str, entities: Mapping[str, Entity]) -> str:
    return masked_ref(key, _hidden_of_key(parent, entities))


def _hidden_of_key(parent: str, entities: Mapping[str, Entity]) -> frozenset[str]:
    """Masked fields of a parent; those of its key also where a child's field is masked, since that is where a missing
    parent's key comes from."""
    names = set(_hidden(parent, entities))
    for child in entities.values():
        hidden = masked_names(child.mappings)
        names |= {
            field for ref in child.parent_refs if ref.entity == parent for own, field in ref.fields if own in hidden
        }
    return frozenset(names)
