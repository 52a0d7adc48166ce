"""An edit of a raw row, checked before anything is tried with it."""

from collections.abc import Mapping

from syncflow.engine.failed_attempt import Edit
from syncflow.engine.plan import hinted
from syncflow.errors import UsageError
from syncflow.protocols import RAW_TEXT
from syncflow.store.failed_attempts import UNREADABLE_STAGE
from syncflow.store.failed_decisions import Decision, Override
from syncflow.store.failed_filter import check_text
from syncflow.store.failed_records import FailedDetail


def edit_of(record: FailedDetail, values: Mapping[str, str | None], decision: Decision) -> Edit:
    """Raises UsageError for a column that the row does not have, a value that is no text, values that stand there
    already, and a row of which a part could not be read and is not given."""
    raw = {name: _text(value) for name, value in record.raw_data.items() if name != RAW_TEXT}
    for name, value in values.items():
        _check(record, raw, name, value)
    after = {name: value for name, value in values.items() if raw[name] != value or _is_unreadable(record)}
    if not after:
        raise UsageError(
            "The failed record {record} has these values already; nothing would change.", record=record.uid
        )
    unread = [name for name, value in raw.items() if value is None and name not in after]
    if _is_unreadable(record) and unread:
        raise UsageError(
            "The row of the failed record {record} could not be read whole. Say what stands in "
            "{unread}, too, each with --set COLUMN=VALUE or --null COLUMN.",
            record=record.uid,
            unread=", ".join(unread),
        )
    override = Override(
        record.uid, record.raw_hash, after, record.stage_failed, record.field, record.error_type, record.error_message
    )
    return Edit(override, {name: raw[name] for name in after}, after, decision)


def _check(record: FailedDetail, raw: Mapping[str, str | None], name: str, value: str | None) -> None:
    check_text("the name of a column", name)
    if name not in raw:
        raise UsageError(
            "The row of the failed record {record} has no column {name}. It has: {columns}.",
            record=record.uid,
            name=hinted(repr(name), name, raw),
            columns=", ".join(raw),
        )
    if value is not None:
        check_text(f"the new value of {name}", value)


def _is_unreadable(record: FailedDetail) -> bool:
    return record.stage_failed == UNREADABLE_STAGE


def _text(value: object) -> str | None:
    return None if value is None else str(value)
