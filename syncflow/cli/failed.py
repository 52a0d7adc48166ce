"""`syncflow failed`: the rows that could not be loaded, and what is to be done with them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.confirm import confirmed
from syncflow.cli.failed_choice import (
    AFTER,
    BATCH,
    ENTITY,
    ERROR_TYPE,
    FIELD,
    SINCE,
    STAGE,
    STATE,
    TEXT,
    UIDS,
    Choice,
    columns,
)  # fmt: skip
from syncflow.cli.failed_view import detail_lines, list_lines, retry_exit_code, retry_lines
from syncflow.cli.figures import count
from syncflow.cli.graceful import graceful
from syncflow.cli.output import note, say, say_json
from syncflow.cli.progress import display
from syncflow.cli.session import send_logs, session
from syncflow.errors import UsageError
from syncflow.i18n.catalog import _, plural
from syncflow.i18n.texts import retold

if TYPE_CHECKING:
    from syncflow.service.failed_records import Closed, RetryResult
    from syncflow.store.failed_records import FailedRecord

app = typer.Typer(
    help="The rows that could not be loaded, and what is to be done with them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

STANDARD_OUTPUT = Path("-")

_UID = typer.Argument(metavar="RECORD", help="The record's number, or its beginning.")
_JSON = typer.Option("--json", help="As JSON.")
_YES = typer.Option("--yes", help="Do not ask.")
_REASON = typer.Option("--reason", metavar="TEXT", help="Why, for those who come after you.")


@dataclass(frozen=True)
class ListDocument:
    """What `failed list --json` prints: `total` records are like that, `records` are the newest of them."""

    total: int
    records: list["FailedRecord"]


@dataclass(frozen=True)
class RowsDocument:
    """What acts on many records print: how many were changed, and a sentence for each refusal."""

    rows: int
    refused: Sequence[str] = ()


@app.command("list")
def list_(
    entity: Annotated[str | None, ENTITY] = None,
    stage: Annotated[str | None, STAGE] = None,
    field: Annotated[str | None, FIELD] = None,
    error_type: Annotated[str | None, ERROR_TYPE] = None,
    batch: Annotated[str | None, BATCH] = None,
    text: Annotated[str | None, TEXT] = None,
    since: Annotated[str | None, SINCE] = None,
    state: Annotated[str, STATE] = "open",
    after: Annotated[str | None, AFTER] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 20,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """List failed records, the newest first."""
    choice = Choice(entity, stage, field, error_type, batch, text, since, state)
    with session() as runtime:
        chosen = choice.filter(runtime)
        behind = None if after is None else runtime.failed_records.get(after).uid
        records = runtime.failed_records.page(chosen, behind, limit)
        total = runtime.failed_records.count(chosen)
    if json:
        say_json(ListDocument(total, records))
    elif not records:
        note(_("There is no failed record like that."))
    else:
        for line in list_lines(records, total):
            say(line)


@app.command()
def show(record: Annotated[str, _UID], json: Annotated[bool, _JSON] = False) -> None:
    """Show all that is known of one failed record."""
    with session() as runtime:
        found = runtime.failed_records.get(record)
    if json:
        say_json(found)
    else:
        for line in detail_lines(found):
            say(line)


@app.command()
def retry(
    records: Annotated[list[str] | None, UIDS] = None,
    entity: Annotated[str | None, ENTITY] = None,
    stage: Annotated[str | None, STAGE] = None,
    field: Annotated[str | None, FIELD] = None,
    error_type: Annotated[str | None, ERROR_TYPE] = None,
    batch: Annotated[str | None, BATCH] = None,
    text: Annotated[str | None, TEXT] = None,
    since: Annotated[str | None, SINCE] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every open record.")] = False,
    due: Annotated[
        bool, typer.Option("--due", help="What is due by itself: failures that may pass, or after a new configuration.")
    ] = False,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Try failed records again: those named, or all that fit the options.

    Each row is read again as the source sent it, under today's configuration, in a batch of its own for each entity.
    What ScheduleHub got later stays as it is.
    """
    choice = Choice(entity, stage, field, error_type, batch, text, since, records=records or (), all_=all_)
    if due and choice.chooses:
        raise UsageError("--due finds the records itself: leave out everything else.")
    shown = display(quiet=json)
    with session(shown) as runtime, graceful(runtime.stopping), shown:
        send_logs(runtime.settings)
        service = runtime.failed_records
        result = service.retry_due() if due else service.retry(choice.filter(runtime, must_choose=True))
    _tell_retry(result, json=json)


@app.command()
def edit(
    record: Annotated[str, _UID],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="COLUMN=VALUE", help="Another raw value; give it once for each column."),
    ] = None,
    null: Annotated[
        list[str] | None, typer.Option("--null", metavar="COLUMN", help="NULL in this column; once for each.")
    ] = None,
    reason: Annotated[str | None, _REASON] = None,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Try a failed record with other raw values.

    If the row passes, the edit holds for as long as the source sends the row as it is now; if it fails, you are told
    why, and nothing has changed.

    For example: syncflow failed edit 0198c2 --set WEIGHT=12.5 --null SITE
    """
    values = columns(set_ or (), null or ())
    with session() as runtime, graceful(runtime.stopping):
        result = runtime.failed_records.edit(record, values, reason)
    if json:
        say_json(result)
        raise typer.Exit(retry_exit_code(result))
    for failure in (failure for done in result.retried for failure in done.tally.failures):
        where = f"{failure.stage}, {failure.field}" if failure.field else failure.stage
        note(_("The edited row fails, too ({where}): {reason}").format(where=where, reason=retold(failure.message)))
        note(_("Nothing was changed."))
    if any(done.tally.superseded for done in result.retried):
        note(_("ScheduleHub holds a row of this key that came later, or from another row. Nothing was changed."))
    _say_retry(result)


@app.command()
def ignore(
    reason: Annotated[str, _REASON],
    records: Annotated[list[str] | None, UIDS] = None,
    entity: Annotated[str | None, ENTITY] = None,
    stage: Annotated[str | None, STAGE] = None,
    field: Annotated[str | None, FIELD] = None,
    error_type: Annotated[str | None, ERROR_TYPE] = None,
    batch: Annotated[str | None, BATCH] = None,
    text: Annotated[str | None, TEXT] = None,
    since: Annotated[str | None, SINCE] = None,
    yes: Annotated[bool, _YES] = False,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Leave rows out for as long as the source sends them as they are now."""
    choice = Choice(entity, stage, field, error_type, batch, text, since, records=records or ())
    with session() as runtime:
        chosen = choice.filter(runtime, must_choose=True)
        rows = runtime.failed_records.count(chosen)
        asked = plural("Ignore {n} failed record from now on?", "Ignore {n} failed records from now on?", rows)
        if rows > 1 and not confirmed(asked, yes=yes):
            return
        closed = runtime.failed_records.ignore(chosen, reason)
    said = plural("Ignored {n} failed record.", "Ignored {n} failed records.", closed.rows)
    _tell_closed(closed, said, json=json)


@app.command()
def resolve(
    reason: Annotated[str, _REASON],
    records: Annotated[list[str] | None, UIDS] = None,
    entity: Annotated[str | None, ENTITY] = None,
    stage: Annotated[str | None, STAGE] = None,
    field: Annotated[str | None, FIELD] = None,
    error_type: Annotated[str | None, ERROR_TYPE] = None,
    batch: Annotated[str | None, BATCH] = None,
    text: Annotated[str | None, TEXT] = None,
    since: Annotated[str | None, SINCE] = None,
    yes: Annotated[bool, _YES] = False,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Close failed records that were dealt with elsewhere; a row that fails again opens a new one."""
    choice = Choice(entity, stage, field, error_type, batch, text, since, records=records or ())
    with session() as runtime:
        chosen = choice.filter(runtime, must_choose=True)
        rows = runtime.failed_records.count(chosen)
        asked = plural(
            "Close {n} failed record without loading it?", "Close {n} failed records without loading them?", rows
        )
        if rows > 1 and not confirmed(asked, yes=yes):
            return
        closed = runtime.failed_records.resolve(chosen, reason)
    said = plural("Closed {n} failed record.", "Closed {n} failed records.", closed.rows)
    _tell_closed(closed, said, json=json)


@app.command()
def withdraw(
    record: Annotated[str, _UID],
    reason: Annotated[str | None, _REASON] = None,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Take an edit or an ignore back: the row stands among the failed records again."""
    with session() as runtime:
        now_open = runtime.failed_records.withdraw(record, reason)
    if json:
        say_json(now_open)
    else:
        said = _("Withdrawn; the row stands open as {record}. To try it: syncflow failed retry {record}")
        say(said.format(record=now_open.uid))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; - is standard output.")],
    entity: Annotated[str | None, ENTITY] = None,
    stage: Annotated[str | None, STAGE] = None,
    field: Annotated[str | None, FIELD] = None,
    error_type: Annotated[str | None, ERROR_TYPE] = None,
    batch: Annotated[str | None, BATCH] = None,
    text: Annotated[str | None, TEXT] = None,
    since: Annotated[str | None, SINCE] = None,
    state: Annotated[str, STATE] = "open",
    format_: Annotated[
        str | None, typer.Option("--format", metavar="FORMAT", help="csv, jsonl or parquet, unless FILE ends with it.")
    ] = None,
) -> None:
    """Write failed records into a file: CSV, JSON lines or Parquet."""
    from syncflow.service.failed_export import format_named, format_of  # deferred: help need not wait for it

    wanted = format_of(file) if format_ is None else format_named(format_)
    choice = Choice(entity, stage, field, error_type, batch, text, since, state)
    with session() as runtime:
        chosen = choice.filter(runtime)
        if file == STANDARD_OUTPUT:
            rows = runtime.failed_records.stream(chosen, sys.stdout.buffer, wanted)
            sys.stdout.flush()
        else:
            rows = runtime.failed_records.export(chosen, file, wanted)
    if file == STANDARD_OUTPUT:
        note(plural("{n} failed record written.", "{n} failed records written.", rows))
    else:
        written = plural(
            "{n} failed record written to {file}.", "{n} failed records written to {file}.", rows, file=str(file)
        )
        note(written)


@app.command()
def purge(
    days: Annotated[int, typer.Option("--days", min=0, max=36_500, help="Closed more than so many days ago.")],
    yes: Annotated[bool, _YES] = False,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Empty the payloads of closed records: what the rows held is gone, that they failed stays known.

    Edits and ignores that hold keep what they need.
    """
    with session() as runtime:
        rows = runtime.failed_records.purgeable(days)
        asked = plural(
            "Empty the payloads of {n} closed record for good?",
            "Empty the payloads of {n} closed records for good?",
            rows,
        )
        if rows and not confirmed(asked, yes=yes):
            return
        rows = runtime.failed_records.purge(days) if rows else 0
    if json:
        say_json(RowsDocument(rows))
    else:
        say(_("{rows} payloads emptied.").format(rows=count(rows)))


def _tell_retry(result: "RetryResult", *, json: bool) -> None:
    if json:
        say_json(result)
        raise typer.Exit(retry_exit_code(result))
    _say_retry(result)


def _say_retry(result: "RetryResult") -> None:
    for line in retry_lines(result):
        say(line)
    for sentence in result.refused:
        note(retold(sentence))
    raise typer.Exit(retry_exit_code(result))


def _tell_closed(closed: "Closed", said: str, *, json: bool) -> None:
    if json:
        say_json(RowsDocument(closed.rows, closed.refused))
        return
    say(said)
    for sentence in closed.refused:
        note(retold(sentence))
