"""What is said of failed records that an act came too late for."""

from collections.abc import Container
from datetime import datetime

from syncflow.errors import UsageError
from syncflow.store import audit_log
from syncflow.store.database import Connection
from syncflow.store.failed_records import OVERRIDES, FailedRecord


def closed_already(record: FailedRecord) -> str:
    """By whom and when."""
    return (
        f"The failed record {record.uid} was closed already: {record.resolution} by {record.resolved_by} on "
        f"{_at(record.resolved_at)}{_because(record)}. Nothing was done with it."
    )


def sent_otherwise(record: FailedRecord) -> str:
    """An act was meant for the row as the source sent it before."""
    return (
        f"The source has sent the row of the failed record {record.uid} otherwise by now, and it fails in "
        f"{record.stage_failed} ({record.error_type}). Nothing was done with it; look at it again."
    )


def nothing_to_withdraw(record: FailedRecord) -> str:
    if record.resolved_at is None:
        return f"The failed record {record.uid} is open: there is no edit and no ignore to be withdrawn."
    if record.resolution in OVERRIDES:
        return f"The failed record {record.uid} was changed by somebody else just now. Look at it again."
    return (
        f"Nothing holds any more that could be withdrawn: the failed record {record.uid} was {record.resolution} by "
        f"{record.resolved_by} on {_at(record.resolved_at)}{_because(record)}."
    )


def gone(connection: Connection, entity: str, rows: int) -> str:
    """Who deleted the entity, as far as it is known."""
    deleted = audit_log.latest(connection, "entity.delete", entity)
    how = "is not configured any more" if deleted is None else f"was deleted by {deleted[0]} on {_at(deleted[1])}"
    what = "1 failed record belongs" if rows == 1 else f"{rows:,} failed records belong"
    return (
        f"{what} to the entity {entity!r}, which {how}, so nothing was done. Configure the entity again, or close what "
        f"it left: syncflow failed resolve --entity {entity} --reason TEXT"
    )


def must_be_configured(connection: Connection, entity: str, entities: Container[str]) -> None:
    if entity not in entities:
        raise UsageError(gone(connection, entity, 1))


def _because(record: FailedRecord) -> str:
    return f" ({record.reason})" if record.reason else ""


def _at(moment: datetime | None) -> str:
    return "an unknown day" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
