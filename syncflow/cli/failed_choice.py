"""Which failed records a command means: numbers, or options that together make a filter."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from syncflow.errors import UsageError

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.store.failed_filter import FailedFilter

UIDS = typer.Argument(metavar="RECORD", help="Records by number, or its beginning.")
ENTITY = typer.Option("--entity", help="Of this entity.")
STAGE = typer.Option("--stage", help="That failed in this stage, such as s4_numeric.")
FIELD = typer.Option("--field", help="That failed at this field.")
ERROR_TYPE = typer.Option("--error-type", help="With this type of error, such as not_a_number.")
BATCH = typer.Option("--batch", help="Opened by this batch; its number, or its beginning.")
TEXT = typer.Option("--text", help="With this text in the message or in the row.")
SINCE = typer.Option("--since", metavar="TIME", help="Failed first since then, such as 2026-07-01 or 2026-07-01T22:00.")
STATE = typer.Option("--state", metavar="STATE", help="open, resolved or all.")
AFTER = typer.Option("--after", metavar="RECORD", help="Go on behind this record, the last one of a list.")


@dataclass(frozen=True)
class Choice:
    """What was given on the command line, as it was given."""

    entity: str | None = None
    stage: str | None = None
    field: str | None = None
    error_type: str | None = None
    batch: str | None = None
    text: str | None = None
    since: str | None = None
    state: str = "open"
    records: Sequence[str] = ()
    all_: bool = False

    @property
    def chooses(self) -> bool:
        return self != Choice(state=self.state)

    def filter(self, runtime: "Runtime", *, must_choose: bool = False) -> "FailedFilter":
        """Raises UsageError for what cannot be meant; with `must_choose`, also when nothing is chosen."""
        if must_choose and not self.chooses:
            raise UsageError(
                "Name the records, or say which ones by options such as --entity. See: syncflow failed list"
            )
        if self.all_ and self != Choice(all_=True):
            raise UsageError("--all means every open record: leave out everything else.")
        if self.records:
            if replace(self, records=()) != Choice():
                raise UsageError("Name the records, or say which ones by options, one of the two.")
            return runtime.failed_records.named(self.records)
        return self._filter(runtime)

    def _filter(self, runtime: "Runtime") -> "FailedFilter":
        from syncflow.store.failed_filter import FailedFilter, RecordState  # deferred: help need not wait for it

        if self.state not in list(RecordState):
            raise UsageError("--state takes open, resolved or all, and not {state}.", state=repr(self.state))
        return FailedFilter(
            entity=self.entity,
            stage=self.stage,
            field=self.field,
            error_type=self.error_type,
            batch=None if self.batch is None else runtime.batches.find(self.batch).uid,
            text=self.text,
            since=None if self.since is None else _moment(self.since),
            state=RecordState(self.state),
        )


def columns(given: Sequence[str], nulls: Sequence[str]) -> dict[str, str | None]:
    """The new values of `--set COLUMN=VALUE` and `--null COLUMN`, by column."""
    values: dict[str, str | None] = {}
    for one in given:
        name, separator, value = one.partition("=")
        if not separator or not name:
            raise UsageError(
                "--set takes COLUMN=VALUE, for example --set WEIGHT=12.5, and not {given}.", given=repr(one)
            )
        _put(values, name, value)
    for name in nulls:
        _put(values, name, None)
    if not values:
        raise UsageError("Nothing to change. Say what: --set COLUMN=VALUE or --null COLUMN")
    return values


def _put(values: dict[str, str | None], name: str, value: str | None) -> None:
    if name in values:
        raise UsageError("{name} is given twice; say once what it is to hold.", name=name)
    values[name] = value


def _moment(text: str) -> datetime:
    """A time without an offset is one of this machine's time zone."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(
            "--since takes a day or a time such as 2026-07-01T22:00, and not {text}.", text=repr(text)
        ) from None
