"""`syncflow sync --dry-run`: what the sync would do, for a person and for a script."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

import typer

from syncflow.cli.figures import count, plural, table
from syncflow.cli.output import say, say_json
from syncflow.cli.report import OK
from syncflow.errors import RetriableError
from syncflow.events import Event, Listener

if TYPE_CHECKING:
    from syncflow.engine.dry_run import BatchPlan
    from syncflow.engine.planned_books import FailureGroup, MissingParent
    from syncflow.engine.planning import FieldChange, UpdateSample

_COUNTS = (
    "fetched",
    "inserted",
    "updated",
    "deleted",
    "unchanged",
    "duplicate",
    "pending",
    "failed",
    "withheld",
    "refused",
)
_WOULD = {
    "changes": "change",
    "no_change": "change nothing",
    "would_fail": "FAIL",
    "cannot_be_previewed": "(cannot tell)",
    "stopped": "(stopped)",
}
DRY_RUN_STOPS = "Stopping the dry run after the chunk in flight. Once more ends at once."

_SHOWN = 5
"""Groups, parents and deletions of an entity that a person is told of; `--json` has more."""


@dataclass(frozen=True)
class DryRunDocument:
    """What `sync --dry-run --json` prints. `exit_code` is the one that the sync would end with, as far as is known."""

    plans: list["BatchPlan"]
    exit_code: int


def marked(listener: Listener) -> Listener:
    """Has the progress say which lines are of a dry run."""

    def tell(event: Event) -> None:
        listener(replace(event, entity=f"{event.entity} (dry run)"))

    return tell


def tell(plans: list["BatchPlan"], *, json: bool) -> NoReturn:
    """Print, and end with the code that the sync would end with."""
    code = _exit_code(plans)
    if json:
        say_json(DryRunDocument(plans, code))
    else:
        for line in _lines(plans):
            say(line)
    raise typer.Exit(code)


def _exit_code(plans: Sequence["BatchPlan"]) -> int:
    codes = {plan.error_exit_code for plan in plans if plan.error_exit_code} - {None}
    if codes:
        return max(code for code in codes if code is not None)
    if any(plan.verdict in ("cannot_be_previewed", "stopped") for plan in plans):
        return RetriableError.exit_code
    return 1 if any(plan.counters.failed > plan.counters.ignored for plan in plans) else OK


def _lines(plans: Sequence["BatchPlan"]) -> Iterator[str]:
    header = ["entity", "would", *_COUNTS]
    rows = [
        [plan.entity, _WOULD[plan.verdict], *(count(getattr(plan.counters, name)) for name in _COUNTS)]
        for plan in plans
    ]
    yield from table(header, rows, left=("entity", "would"))
    for plan in plans:
        told = list(_plan_lines(plan))
        if told:
            yield ""
            yield f"{plan.entity}:"
            yield from (f"  {line}" for line in told)
    yield ""
    yield "This was a dry run: nothing was written."


def _plan_lines(plan: "BatchPlan") -> Iterator[str]:
    if plan.resumes is not None:
        yield f"goes on with the batch {plan.resumes}; its rows so far are counted"
    if plan.message is not None:
        yield plan.message
    yield from (f"cannot be previewed: {limit}" for limit in plan.cannot_be_previewed)
    yield from (f"its table: {change}" for change in plan.table_changes)
    yield from plan.notes
    yield from _update_lines(plan.updates, plan.counters.updated)
    yield from _deletion_lines(plan)
    yield from _failure_lines(plan.failures)
    yield from _waiting_lines(plan.missing_parents)


def _update_lines(samples: Sequence["UpdateSample"], updated: int) -> Iterator[str]:
    if samples:
        yield f"{plural(updated, 'row')} would be updated" + (
            f"; {len(samples)} of them:" if len(samples) < updated else ":"
        )
    for sample in samples:
        changes = "; ".join(map(_change, sample.changes)) or "written again, no field differs"
        yield f"  {sample.ref}: {changes}"


def _change(change: "FieldChange") -> str:
    return f"{change.field}: {_value(change.before)} -> {_value(change.after)}"


def _value(text: str | None) -> str:
    return "NULL" if text is None else repr(text)


def _deletion_lines(plan: "BatchPlan") -> Iterator[str]:
    deletions, counters = plan.deletions, plan.counters
    if deletions.deleted:
        yield f"{plural(counters.deleted, 'row')} would be deleted: {_some(deletions.deleted, counters.deleted)}"
    if deletions.withheld:
        refs = [row.ref for row in deletions.withheld]
        yield f"{plural(counters.withheld, 'deletion')} would be withheld: {deletions.withheld[0].reason}"
        yield f"  {_some(refs, counters.withheld)}"
    for row in deletions.refused[:_SHOWN]:
        yield f"{row.ref} would not be deleted: {row.reason}"


def _some(refs: Sequence[str], of: int) -> str:
    shown = ", ".join(refs[:_SHOWN])
    return shown if of <= _SHOWN else f"{shown}, ..."


def _failure_lines(groups: Sequence["FailureGroup"]) -> Iterator[str]:
    for group in groups[:_SHOWN]:
        field = f" {group.field}" if group.field else ""
        yield f"{plural(group.rows, 'row')} would fail:{field} {group.error_type} ({group.stage})"
        for sample in group.samples[:1]:
            raw = ", ".join(f"{name}={value!r}" for name, value in sample.raw.items() if value is not None)
            yield f"  {sample.message}"
            yield f"  {raw}"
    if len(groups) > _SHOWN:
        yield f"and {plural(sum(group.rows for group in groups[_SHOWN:]), 'row')} more, for other reasons"


def _waiting_lines(parents: Sequence["MissingParent"]) -> Iterator[str]:
    for parent in parents[:_SHOWN]:
        key = parent.key or "other parents"
        yield f"{plural(parent.children, 'row')} would wait for {parent.entity} {key} ({parent.ref})"
    if len(parents) > _SHOWN:
        rest = sum(parent.children for parent in parents[_SHOWN:])
        yield f"and {plural(rest, 'row')} more for other parents"
