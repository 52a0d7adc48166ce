"""`syncflow status`, `history` and `stop`: what batches did and do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.figures import count, facts, local_time, table
from syncflow.cli.output import note, say, say_json
from syncflow.cli.report import next_steps, outcome_of
from syncflow.cli.session import session
from syncflow.i18n.catalog import ENGLISH, N_, _, language, plural
from syncflow.i18n.formats import percent
from syncflow.i18n.texts import retold
from syncflow.model import Batch, BatchStatus

if TYPE_CHECKING:
    from syncflow.service.batches import Overview
    from syncflow.store.failed_records import FailedRecord

FAILURES_SHOWN = 10
FAILURES_IN_JSON = 1000
_STATUSES = (N_("completed_with_errors"), N_("cancelling"), N_("background"), N_("retry"))
"""Statuses and types as the books hold them, which no other place marks."""
_RUNNING = (BatchStatus.RUNNING, BatchStatus.CANCELLING)
_ENTITY = typer.Argument(metavar="ENTITY", help="Only this entity's.")
_BATCH = typer.Argument(metavar="BATCH", help="The batch's number, or its beginning.")


@dataclass(frozen=True)
class EntityStatus:
    """A line of `status --json`; `batch` is the newest one, None before the first; `alive`: a living process works on
    it."""

    entity: str
    enabled: bool
    alive: bool
    batch: Batch | None


@dataclass(frozen=True)
class BatchDetail:
    """What `status BATCH --json` prints; `failures` are its open failed records, at most 1,000. `in_doubt` rows were
    sent, or about to be, and are not in the books yet."""

    batch: Batch
    alive: bool
    in_doubt: int
    success_rate: float
    failures: list["FailedRecord"]


def status(
    batch: Annotated[str | None, typer.Argument(metavar="BATCH", help="A batch's number, or its beginning.")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show what was synced last, or one batch.

    Without a number, every entity with its newest batch; with one, that batch and the rows that failed.
    """
    with session() as runtime:
        if batch is None:
            overview = runtime.batches.overview()
            if json:
                say_json([_entity_status(line) for line in overview])
            else:
                _say_overview(overview)
            return
        found = runtime.batches.find(batch)
        failures = runtime.batches.failures(found.uid, FAILURES_IN_JSON if json else FAILURES_SHOWN)
        alive, in_doubt = runtime.batches.alive(found), runtime.batches.in_doubt(found)
        detail = BatchDetail(found, alive, in_doubt, round(found.counters.success_rate, 3), failures)
    if json:
        say_json(detail)
    else:
        for line in _detail_lines(detail):
            say(line)


def history(
    entity: Annotated[str | None, _ENTITY] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List batches, the newest first."""
    with session() as runtime:
        if entity is not None:
            runtime.entities.get(entity)
        found = runtime.batches.history(entity, limit)
    if json:
        say_json(found)
    elif not found:
        note(_("There is no batch yet. Start one with: syncflow sync --all"))
    else:
        _say_history(found)


def stop(batch: Annotated[str, _BATCH]) -> None:
    """Ask a batch to stop. It ends after the chunk in flight; `syncflow resume` goes on from there."""
    with session() as runtime:
        found = runtime.batches.stop(batch)
    if found.status is BatchStatus.CANCELLING:
        said = _("{entity}: asked to stop; it ends after the chunk in flight. See: syncflow status {batch}")
    elif found.status is BatchStatus.INTERRUPTED:
        said = _(
            "{entity}: nobody worked on it any more; it stands at its last checkpoint. To go on: "
            "syncflow resume {batch}"
        )
    else:
        said = "{entity}: {status}."
    say(said.format(entity=found.entity_name, batch=found.uid, status=_(found.status)))


def _entity_status(line: "Overview") -> EntityStatus:
    return EntityStatus(line.entity.name, line.entity.sync_enabled, line.alive, line.batch)


def _say_overview(overview: list["Overview"]) -> None:
    if not overview:
        note(_("No entity is configured. Begin with: syncflow entities discover > entities.yaml"))
        return
    words = [N_("entity"), N_("last batch"), N_("status"), N_("type")]
    header = [*words, N_("fetched"), N_("failed"), N_("pending"), N_("withheld"), N_("number")]
    rows = [_overview_row(line) for line in overview]
    for text in table(header, rows, left=(*words, "number")):
        say(text)


def _overview_row(line: "Overview") -> list[str]:
    name = line.entity.name if line.entity.sync_enabled else _("{entity} (disabled)").format(entity=line.entity.name)
    batch = line.batch
    if batch is None:
        return [name, "", _("never synced"), "", "", "", "", "", ""]
    counters = batch.counters
    return [
        name,
        local_time(batch.started_at or batch.requested_at),
        _status_text(batch, line.alive),
        _(batch.sync_type),
        *(count(number) for number in (counters.fetched, counters.failed, counters.pending, counters.withheld)),
        str(batch.uid),
    ]


def _status_text(batch: Batch, alive: bool) -> str:
    """A batch that says it is running, but that no living process works on, is told as what it is."""
    status = _(batch.status)
    return _("{status} (process gone)").format(status=status) if batch.status in _RUNNING and not alive else status


def _say_history(found: list[Batch]) -> None:
    words = [N_("started"), N_("entity"), N_("type"), N_("status")]
    counts = [N_("fetched"), N_("inserted"), N_("updated"), N_("deleted"), N_("failed")]
    rows = [
        [
            local_time(batch.started_at or batch.requested_at),
            batch.entity_name,
            _(batch.sync_type),
            _(batch.status),
            *(count(getattr(batch.counters, name)) for name in counts),
            str(batch.uid),
        ]
        for batch in found
    ]
    for text in table([*words, *counts, N_("number")], rows, left=(*words, "number")):
        say(text)


def _detail_lines(detail: BatchDetail) -> Iterator[str]:
    batch = detail.batch
    none = _("none")
    yield from facts(
        {
            N_("batch"): str(batch.uid),
            N_("entity"): batch.entity_name,
            N_("type"): _("{type}, strategy {strategy}").format(type=_(batch.sync_type), strategy=batch.delta_strategy),
            N_("status"): _status_text(batch, detail.alive),
            N_("source"): batch.source_system,
            N_("asked for"): _("{time} by {person}").format(
                time=local_time(batch.requested_at), person=batch.requested_by
            ),
            N_("started"): local_time(batch.started_at),
            N_("ended"): local_time(batch.completed_at),
            N_("watermark"): f"{batch.watermark_before or none} -> {batch.watermark_after or none}",
            N_("success"): f"{detail.success_rate:g} %"
            if language() == ENGLISH
            else percent(detail.success_rate / 100),
        }
    )
    yield ""
    yield _law(batch)
    if detail.in_doubt:
        yield _doubt(detail)
    if batch.error_message:
        yield _("Message: {text}").format(text=retold(batch.error_message))
    yield from (_("Note: {text}").format(text=retold(text)) for text in batch.notes)
    yield from _failure_lines(detail)
    yield from next_steps([outcome_of(batch)])


def _doubt(detail: BatchDetail) -> str:
    if detail.alive:
        return plural(
            "{n} row on the way to ScheduleHub, not settled yet",
            "{n} rows on the way to ScheduleHub, not settled yet",
            detail.in_doubt,
        )
    return plural(
        "{n} row in doubt: sent, or about to be, when the batch broke off. It is read back before anything is sent "
        "again: syncflow resume {batch}",
        "{n} rows in doubt: sent, or about to be, when the batch broke off. They are read back before anything is sent "
        "again: syncflow resume {batch}",
        detail.in_doubt,
        batch=str(detail.batch.uid),
    )


def _law(batch: Batch) -> str:
    """Where the rows went, as the conservation law adds them up."""
    names = (N_("inserted"), N_("updated"), N_("unchanged"), N_("duplicate"), N_("pending"), N_("failed"))
    counters = batch.counters
    rows = _("{rows} fetched = {sum}").format(rows=count(counters.fetched), sum=_sum(batch, names))
    if counters.ignored:
        rows += " " + _("({rows} of them ignored, as somebody has decided)").format(rows=count(counters.ignored))
    if not counters.delete_candidates:
        return rows
    gone = (N_("deleted"), N_("withheld"), N_("refused"), N_("still at source"))
    absent = _("{rows} absent from the source = {sum}")
    return f"{rows}\n{absent.format(rows=count(counters.delete_candidates), sum=_sum(batch, gone))}"


def _sum(batch: Batch, names: tuple[str, ...]) -> str:
    return " + ".join(f"{count(getattr(batch.counters, name.replace(' ', '_')))} {_(name)}" for name in names)


def _failure_lines(detail: BatchDetail) -> Iterator[str]:
    if not detail.failures:
        return
    failed = detail.batch.counters.failed - detail.batch.counters.ignored
    shown = len(detail.failures)
    yield ""
    if shown < failed:
        some = count(shown)
        yield plural("{n} row failed; {some} of them:", "{n} rows failed; {some} of them:", failed, some=some)
    else:
        yield plural("{n} row failed:", "{n} rows failed:", failed)
    for failure in detail.failures:
        yield from failure_lines(failure)


def failure_lines(failure: "FailedRecord") -> Iterator[str]:
    """A failed record for a person: why, and the row as the source sent it."""
    field = f" {failure.field}" if failure.field else ""
    yield (
        f"  {failure.entity_name}{field} ({failure.stage_failed}, {failure.error_type}): "
        f"{retold(failure.error_message)}"
    )
    raw = ", ".join(f"{name}={value!r}" for name, value in failure.raw_data.items() if value is not None)
    yield f"    {raw}"
