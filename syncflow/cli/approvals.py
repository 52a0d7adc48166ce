"""`syncflow withheld`, `approve` and `discard`: deletions that wait for somebody's word."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.figures import count, local_time, plural, table
from syncflow.cli.graceful import graceful
from syncflow.cli.output import note, say, say_json
from syncflow.cli.progress import display
from syncflow.cli.report import Outcome, outcome
from syncflow.cli.session import send_logs, session
from syncflow.errors import UsageError
from syncflow.i18n.texts import Counted

if TYPE_CHECKING:
    from uuid import UUID

    from syncflow.service.approvals import Withheld
    from syncflow.store.withheld_deletes import WithheldSet

_SHOWN = 20
_IN_JSON = 1_000
_BATCH = typer.Argument(metavar="BATCH", help="The batch's number, or its beginning.")
_JSON = typer.Option("--json", help="Print one JSON document and nothing else.")


@dataclass(frozen=True)
class Discarded:
    """What `discard --json` prints."""

    batch: "UUID"
    entity: str
    rows: int


def withheld(
    batch: Annotated[
        str | None, typer.Argument(metavar="BATCH", help="A batch's number, or its beginning; none: all that wait.")
    ] = None,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Show the deletions that wait for your word, or what became of those of one batch."""
    with session() as runtime:
        if batch is None:
            _say_waiting(runtime.approvals.waiting(), json=json)
            return
        found = runtime.approvals.withheld(batch, _IN_JSON if json else _SHOWN)
    if json:
        say_json(found)
        return
    for line in _lines(found):
        say(line)


def approve(
    batch: Annotated[str, _BATCH],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    count_: Annotated[
        int | None,
        typer.Option("--count", metavar="N", help="The number of rows that you mean; needed where much would go."),
    ] = None,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Delete what a batch withheld, as far as it is still gone.

    Each row is asked for at the source once more; what it shows again stays. Nothing else is deleted.
    """
    shown = display(quiet=json)
    with session(shown) as runtime:
        found = runtime.approvals.withheld(batch)
        if not yes and count_ is None and found.waiting:
            count_ = _asked(found)
        with graceful(runtime.stopping), shown:
            send_logs(runtime.settings)
            ended = outcome(runtime.approvals.approve(str(found.batch.uid), count_))
    if json:
        say_json(ended)
    else:
        for line in _told(ended):
            say(line)
    raise typer.Exit(ended.error_exit_code or 0)


def discard(batch: Annotated[str, _BATCH], json: Annotated[bool, _JSON] = False) -> None:
    """Drop the deletions that a batch withheld.

    The rows stay in ScheduleHub; the next whole comparison that finds them gone from the source asks again.
    """
    with session() as runtime:
        found = runtime.approvals.withheld(batch).batch
        rows = runtime.approvals.discard(str(found.uid))
    if json:
        say_json(Discarded(found.uid, found.entity_name, rows))
    else:
        say(f"{found.entity_name}: {plural(rows, 'withheld deletion')} dropped; the rows stay in ScheduleHub.")


def _asked(found: "Withheld") -> int:
    """The number, confirmed by a person. Raises UsageError without one at a terminal."""
    if not sys.stdin.isatty():
        raise UsageError(
            Counted(
                "{n} row of {entity} would be deleted. To say so in a script: syncflow approve {batch} --count {count}",
                "{n} rows of {entity} would be deleted. To say so in a script: "
                "syncflow approve {batch} --count {count}",
                found.waiting,
                entity=found.batch.entity_name,
                batch=found.batch.uid,
                count=str(found.waiting),
            )
        )
    for line in _lines(found):
        note(line)
    if found.needs_count:
        typed = typer.prompt(f"Type {found.waiting} to delete these rows of {found.batch.entity_name}", err=True)
        if typed.strip().replace(",", "") != str(found.waiting):
            raise UsageError("That was another number; nothing was deleted.")
    else:
        typer.confirm(f"Delete {plural(found.waiting, 'row')} of {found.batch.entity_name}?", abort=True, err=True)
    return found.waiting


def _say_waiting(sets: Sequence["WithheldSet"], *, json: bool) -> None:
    if json:
        say_json(list(sets))
        return
    if not sets:
        note("No deletion waits for your word.")
        return
    rows = [[each.entity, count(each.rows), local_time(each.created_at), str(each.batch), each.reason] for each in sets]
    for line in table(
        ["entity", "rows", "since", "batch", "reason"], rows, left=("entity", "since", "batch", "reason")
    ):
        say(line)
    say("")
    say("To delete them after a fresh look at the source: syncflow approve BATCH. To keep them: syncflow discard BATCH")


def _lines(found: "Withheld") -> Iterator[str]:
    rows = sum(each.rows for each in found.sets)
    yield f"{found.batch.entity_name}, batch {found.batch.uid}: {plural(rows, 'deletion')} withheld"
    for each in found.sets:
        yield f"  {plural(each.rows, 'row')} {_fate(each)}: {each.reason}"
    for row in found.rows:
        yield f"    {row.ref_str or row.key_hash}"
    if rows > len(found.rows):
        yield "    ..."


def _fate(each: "WithheldSet") -> str:
    if each.decided_at is None:
        return each.state
    who = f" by {each.decided_by}" if each.decided_by else ""
    became = f", {each.outcome.replace('_', ' ')}" if each.outcome else ""
    return f"{each.state}{who} {local_time(each.decided_at)}{became}"


def _told(ended: Outcome) -> Iterator[str]:
    counters = ended.counters
    parts = {
        "deleted": counters.deleted,
        "still at the source, so they stay": counters.still_at_source,
        "refused by ScheduleHub": counters.refused,
        "withheld as before": counters.withheld,
    }
    told = ", ".join(f"{count(rows)} {what}" for what, rows in parts.items() if rows) or "none was carried out"
    yield f"{ended.entity}: of {plural(counters.delete_candidates, 'approved deletion')} {told}."
    yield from (f"{ended.entity}: {text}" for text in ended.notes)
    if ended.error_message is not None:
        yield f"{ended.entity}: {ended.status}: {ended.error_message}"
    yield f"See: syncflow status {ended.batch}"
