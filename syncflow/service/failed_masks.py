"""Failed records as they may be shown or exported: personal data masked."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar, cast

from syncflow.engine.failed_retries import Retried
from syncflow.engine.masked import masked_message, masked_names, masked_values
from syncflow.field_masks import MASK, masked_text
from syncflow.model import Entity
from syncflow.protocols import RAW_TEXT
from syncflow.service.pending_masks import masked_references
from syncflow.store.failed_records import FailedDetail, FailedRecord

R = TypeVar("R", bound=FailedRecord)


def as_shown(records: Iterable[R], entities: Mapping[str, Entity]) -> list[R]:
    """The records with the values of masked fields made unreadable; those of an entity that is gone are as they were,
    since nobody says any more what of them is personal."""
    hidden = {name: masked_names(entity.mappings) for name, entity in entities.items()}
    refs = {name: masked_references(name, entities) for name in entities}
    none = frozenset[str]()
    return [
        _shown(record, hidden.get(record.entity_name, none), refs.get(record.entity_name, none)) for record in records
    ]


def retried_as_shown(retried: Iterable[Retried], entities: Mapping[str, Entity]) -> tuple[Retried, ...]:
    """What came of retries, with messages that quote no masked value."""
    return tuple(
        _told(done, masked_names(entities[done.ended.entity].mappings) | masked_references(done.ended.entity, entities))
        for done in retried
    )


def _told(done: Retried, hidden: frozenset[str]) -> Retried:
    failures = tuple(
        replace(one, message=masked_message(one.message, one.field, hidden)) for one in done.tally.failures
    )
    return replace(done, tally=replace(done.tally, failures=failures))


def _shown(record: R, hidden: frozenset[str], refs: frozenset[str]) -> R:
    record = replace(record, error_message=masked_message(record.error_message, record.field, hidden | refs))
    if not hidden:
        return record
    at_fault = record.field is None or record.field in hidden
    shown = replace(
        record,
        raw_data=_row(record.raw_data, hidden),
        value=masked_text(record.value) if at_fault else record.value,
    )
    return cast(R, _detail(shown, hidden)) if isinstance(shown, FailedDetail) else shown


def _detail(record: FailedDetail, hidden: frozenset[str]) -> FailedDetail:
    return replace(
        record,
        normalized_data=None if record.normalized_data is None else _row(record.normalized_data, hidden),
        mapped_data=None if record.mapped_data is None else _row(record.mapped_data, hidden),
        override=None if record.override is None else masked_values(record.override, hidden),
        stack_trace=None if record.stack_trace is None else MASK,
    )


def _row(row: Mapping[str, object], hidden: frozenset[str]) -> dict[str, object]:
    unreadable = {*hidden, RAW_TEXT}
    return {
        name: masked_text(str(value)) if name in unreadable and value is not None else value
        for name, value in row.items()
    }
