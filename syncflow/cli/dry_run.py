"""`syncflow sync --dry-run`: what the sync would do, for a person and for a script."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

import typer

from syncflow.cli.figures import count, table
from syncflow.cli.output import say, say_json
from syncflow.cli.report import OK
from syncflow.errors import RetriableError
from syncflow.events import Event, Listener
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import retold

if TYPE_CHECKING:
    from syncflow.engine.dry_run import BatchPlan
    from syncflow.engine.planned_books import FailureGroup, MissingParent
    from syncflow.engine.planning import FieldChange, UpdateSample

_COUNTS = (
    N_("fetched"),
    N_("inserted"),
    N_("updated"),
    N_("deleted"),
    N_("unchanged"),
    N_("duplicate"),
    N_("pending"),
    N_("failed"),
    N_("withheld"),
    N_("refused"),
)
_WOULD = {
    "changes": N_("change"),
    "no_change": N_("change nothing"),
    "would_fail": N_("FAIL"),
    "cannot_be_previewed": N_("(cannot tell)"),
    "stopped": N_("(stopped)"),
}
DRY_RUN_STOPS = N_("Stopping the dry run after the chunk in flight. Once more ends at once.")

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
        listener(replace(event, entity=_("{entity} (dry run)").format(entity=event.entity)))

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
    header = [N_("entity"), N_("would"), *_COUNTS]
    rows = [
        [plan.entity, _(_WOULD[plan.verdict]), *(count(getattr(plan.counters, name)) for name in _COUNTS)]
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
    yield _("This was a dry run: nothing was written.")


def _plan_lines(plan: "BatchPlan") -> Iterator[str]:
    if plan.resumes is not None:
        yield _("goes on with the batch {batch}; its rows so far are counted").format(batch=plan.resumes)
    if plan.message is not None:
        yield retold(plan.message)
    yield from (_("cannot be previewed: {limit}").format(limit=retold(limit)) for limit in plan.cannot_be_previewed)
    yield from (_("its table: {change}").format(change=retold(change)) for change in plan.table_changes)
    yield from map(retold, plan.notes)
    yield from _update_lines(plan.updates, plan.counters.updated)
    yield from _deletion_lines(plan)
    yield from _failure_lines(plan.failures)
    yield from _waiting_lines(plan.missing_parents)


def _update_lines(samples: Sequence["UpdateSample"], updated: int) -> Iterator[str]:
    if samples:
        if len(samples) < updated:
            some = count(len(samples))
            yield plural(
                "{n} row would be updated; {some} of them:",
                "{n} rows would be updated; {some} of them:",
                updated,
                some=some,
            )
        else:
            yield plural("{n} row would be updated:", "{n} rows would be updated:", updated)
    for sample in samples:
        changes = "; ".join(map(_change, sample.changes)) or _("written again, no field differs")
        yield f"  {sample.ref}: {changes}"


def _change(change: "FieldChange") -> str:
    return f"{change.field}: {_value(change.before)} -> {_value(change.after)}"


def _value(text: str | None) -> str:
    return "NULL" if text is None else repr(text)


def _deletion_lines(plan: "BatchPlan") -> Iterator[str]:
    deletions, counters = plan.deletions, plan.counters
    if deletions.deleted:
        refs = _some(deletions.deleted, counters.deleted)
        yield plural(
            "{n} row would be deleted: {refs}", "{n} rows would be deleted: {refs}", counters.deleted, refs=refs
        )
    if deletions.withheld:
        yield plural(
            "{n} deletion would be withheld: {reason}",
            "{n} deletions would be withheld: {reason}",
            counters.withheld,
            reason=retold(deletions.withheld[0].reason),
        )
        yield f"  {_some([row.ref for row in deletions.withheld], counters.withheld)}"
    for row in deletions.refused[:_SHOWN]:
        yield _("{ref} would not be deleted: {reason}").format(ref=row.ref, reason=retold(row.reason))


def _some(refs: Sequence[str], of: int) -> str:
    shown = ", ".join(refs[:_SHOWN])
    return shown if of <= _SHOWN else f"{shown}, ..."


def _failure_lines(groups: Sequence["FailureGroup"]) -> Iterator[str]:
    for group in groups[:_SHOWN]:
        reason = f"{group.field} {group.error_type}" if group.field else group.error_type
        yield plural(
            "{n} row would fail: {reason} ({stage})",
            "{n} rows would fail: {reason} ({stage})",
            group.rows,
            reason=reason,
            stage=group.stage,
        )
        for sample in group.samples[:1]:
            raw = ", ".join(f"{name}={value!r}" for name, value in sample.raw.items() if value is not None)
            yield f"  {retold(sample.message)}"
            yield f"  {raw}"
    if len(groups) > _SHOWN:
        yield plural(
            "and {n} row more, for other reasons",
            "and {n} rows more, for other reasons",
            sum(group.rows for group in groups[_SHOWN:]),
        )


def _waiting_lines(parents: Sequence["MissingParent"]) -> Iterator[str]:
    for parent in parents[:_SHOWN]:
        yield plural(
            "{n} row would wait for {entity} {key} ({ref})",
            "{n} rows would wait for {entity} {key} ({ref})",
            parent.children,
            entity=parent.entity,
            key=parent.key or _("other parents"),
            ref=parent.ref,
        )
    if len(parents) > _SHOWN:
        rest = sum(parent.children for parent in parents[_SHOWN:])
        yield plural("and {n} row more for other parents", "and {n} rows more for other parents", rest)
