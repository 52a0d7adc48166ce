"""`syncflow withheld`, `approve` and `discard`: deletions that wait for somebody's word."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.figures import count, local_time, table
from syncflow.cli.graceful import graceful
from syncflow.cli.output import note, say, say_json
from syncflow.cli.progress import display
from syncflow.cli.report import Outcome, outcome
from syncflow.cli.session import send_logs, session
from syncflow.errors import UsageError
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import Counted, retold

if TYPE_CHECKING:
    from uuid import UUID

    from syncflow.service.approvals import Withheld
    from syncflow.store.withheld_deletes import WithheldSet

_SHOWN = 20
STATES = (N_("withheld"), N_("approved"), N_("discarded"), N_("superseded"), N_("deleted"), N_("refused"))
"""Of withheld deletions, and what becomes of them."""
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
        said = plural(
            "{entity}: {n} withheld deletion dropped; the row stays in ScheduleHub.",
            "{entity}: {n} withheld deletions dropped; the rows stay in ScheduleHub.",
            rows,
            entity=found.entity_name,
        )
        say(said)


def _asked(found: "Withheld") -> int:
    """The number, confirmed by a person. Raises UsageError without one at a terminal."""
    if not sys.stdin.isatty():
        raise UsageError(
            Counted(
                "{n} row of {entity} would be deleted. To say so in a script: syncflow approve {batch} "
                "--count {number}",
                "{n} rows of {entity} would be deleted. To say so in a script: syncflow approve {batch} "
                "--count {number}",
                found.waiting,
                entity=found.batch.entity_name,
                batch=found.batch.uid,
                number=str(found.waiting),
            )
        )
    for line in _lines(found):
        note(line)
    if found.needs_count:
        asked = _("Type {number} to delete these rows of {entity}")
        typed = typer.prompt(asked.format(number=found.waiting, entity=found.batch.entity_name), err=True)
        if typed.strip().replace(",", "") != str(found.waiting):
            raise UsageError("That was another number; nothing was deleted.")
    else:
        asked = plural(
            "Delete {n} row of {entity}?", "Delete {n} rows of {entity}?", found.waiting, entity=found.batch.entity_name
        )
        typer.confirm(asked, abort=True, err=True)
    return found.waiting


def _say_waiting(sets: Sequence["WithheldSet"], *, json: bool) -> None:
    if json:
        say_json(list(sets))
        return
    if not sets:
        note(_("No deletion waits for your word."))
        return
    rows = [
        [each.entity, count(each.rows), local_time(each.created_at), str(each.batch), retold(each.reason)]
        for each in sets
    ]
    for line in table(
        [N_("entity"), N_("rows"), N_("since"), N_("batch"), N_("reason")],
        rows,
        left=("entity", "since", "batch", "reason"),
    ):
        say(line)
    say("")
    advice = _(
        "To delete them after a fresh look at the source: syncflow approve BATCH. To keep them: syncflow discard BATCH"
    )
    say(advice)


def _lines(found: "Withheld") -> Iterator[str]:
    rows = sum(each.rows for each in found.sets)
    yield plural(
        "{entity}, batch {batch}: {n} deletion withheld",
        "{entity}, batch {batch}: {n} deletions withheld",
        rows,
        entity=found.batch.entity_name,
        batch=str(found.batch.uid),
    )
    for each in found.sets:
        yield f"  {plural('{n} row', '{n} rows', each.rows)} {_fate(each)}: {retold(each.reason)}"
    for row in found.rows:
        yield f"    {row.ref_str or row.key_hash}"
    if rows > len(found.rows):
        yield "    ..."


def _fate(each: "WithheldSet") -> str:
    if each.decided_at is None:
        return _(each.state)
    said = _("{state} by {person} {time}") if each.decided_by else "{state} {time}"
    said = said.format(state=_(each.state), person=each.decided_by, time=local_time(each.decided_at))
    return f"{said}{_(', ')}{_(each.outcome.replace('_', ' '))}" if each.outcome else said


def _told(ended: Outcome) -> Iterator[str]:
    counters = ended.counters
    parts = {
        N_("deleted"): counters.deleted,
        N_("still at the source, so they stay"): counters.still_at_source,
        N_("refused by ScheduleHub"): counters.refused,
        N_("withheld as before"): counters.withheld,
    }
    told = _(", ").join(f"{count(rows)} {_(what)}" for what, rows in parts.items() if rows)
    yield plural(
        "{entity}: of {n} approved deletion {told}.",
        "{entity}: of {n} approved deletions {told}.",
        counters.delete_candidates,
        entity=ended.entity,
        told=told or _("none was carried out"),
    )
    yield from (f"{ended.entity}: {retold(text)}" for text in ended.notes)
    if ended.error_message is not None:
        yield f"{ended.entity}: {_(ended.status)}: {retold(ended.error_message)}"
    yield _("See: syncflow status {batch}").format(batch=ended.batch)
