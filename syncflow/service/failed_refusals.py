"""What is said of failed records that an act came too late for."""

from collections.abc import Container
from datetime import datetime

from syncflow.errors import UsageError
from syncflow.i18n.texts import Counted, Text
from syncflow.store import audit_log
from syncflow.store.database import Connection
from syncflow.store.failed_records import OVERRIDES, FailedRecord


def closed_already(record: FailedRecord) -> Text:
    """By whom and when."""
    return Text(
        "The failed record {record} was closed already: {resolution} by {by} on {at}. Nothing was done with it.",
        record=record.uid,
        resolution=Text(str(record.resolution)),
        by=record.resolved_by,
        at=_when_and_why(record),
    )


def sent_otherwise(record: FailedRecord) -> Text:
    """An act was meant for the row as the source sent it before."""
    return Text(
        "The source has sent the row of the failed record {record} otherwise by now, and it fails in {stage} "
        "({error_type}). Nothing was done with it; look at it again.",
        record=record.uid,
        stage=record.stage_failed,
        error_type=record.error_type,
    )


def nothing_to_withdraw(record: FailedRecord) -> Text:
    if record.resolved_at is None:
        return Text(
            "The failed record {record} is open: there is no edit and no ignore to be withdrawn.", record=record.uid
        )
    if record.resolution in OVERRIDES:
        return Text(
            "The failed record {record} was changed by somebody else just now. Look at it again.", record=record.uid
        )
    return Text(
        "Nothing holds any more that could be withdrawn: the failed record {record} was {resolution} by {by} on {at}.",
        record=record.uid,
        resolution=Text(str(record.resolution)),
        by=record.resolved_by,
        at=_when_and_why(record),
    )


def gone(connection: Connection, entity: str, rows: int) -> Text:
    """Who deleted the entity, as far as it is known."""
    deleted = audit_log.latest(connection, "entity.delete", entity)
    if deleted is None:
        return Counted(
            "{n} failed record belongs to the entity {name}, which is not configured any more, so nothing was done. "
            "Configure the entity again, or close what it left: "
            "syncflow failed resolve --entity {entity} --reason TEXT",
            "{n} failed records belong to the entity {name}, which is not configured any more, so nothing was done. "
            "Configure the entity again, or close what it left: "
            "syncflow failed resolve --entity {entity} --reason TEXT",
            rows,
            name=repr(entity),
            entity=entity,
        )
    by, at = deleted
    return Counted(
        "{n} failed record belongs to the entity {name}, which was deleted by {by} on {at}, so nothing was done. "
        "Configure the entity again, or close what it left: "
        "syncflow failed resolve --entity {entity} --reason TEXT",
        "{n} failed records belong to the entity {name}, which was deleted by {by} on {at}, so nothing was done. "
        "Configure the entity again, or close what it left: "
        "syncflow failed resolve --entity {entity} --reason TEXT",
        rows,
        name=repr(entity),
        entity=entity,
        by=by,
        at=_at(at),
    )


def must_be_configured(connection: Connection, entity: str, entities: Container[str]) -> None:
    if entity not in entities:
        raise UsageError(gone(connection, entity, 1))


def _when_and_why(record: FailedRecord) -> Text | str:
    at = _at(record.resolved_at)
    return Text("{at} ({reason})", at=at, reason=record.reason) if record.reason else at


def _at(moment: datetime | None) -> Text | str:
    return Text("an unknown day") if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
