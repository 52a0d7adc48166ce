"""What a dry run says of one entity, in lines."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.formats import NOTHING, stopwatch, whole
from syncflow.i18n.texts import retold
from tui.marks import Tone, toned
from tui.widgets.rows import Cell

if TYPE_CHECKING:
    from syncflow.service.dry_runs import BatchPlan, FailureGroup, MissingParent, UpdateSample

VERDICTS = {
    "changes": ("▲", Tone.LIVE, N_("would change")),
    "no_change": ("✔", Tone.GOOD, N_("no change")),
    "would_fail": ("✖", Tone.BAD, N_("would fail")),
    "cannot_be_previewed": ("?", Tone.WARN, N_("cannot tell")),
    "stopped": ("◐", Tone.WARN, N_("stopped")),
}
_EXPLAINED = {
    "changes": N_("The sync would write this."),
    "no_change": N_("The sync would run, and write nothing."),
    "would_fail": N_("The sync would end before its time."),
    "cannot_be_previewed": N_("What the sync would do cannot be previewed; that is not the same as no change."),
    "stopped": N_("The dry run was stopped; more may follow what is told here."),
}
SHOWN = 20
_COUNTS = (
    ("fetched", N_("fetched")),
    ("inserted", N_("inserted")),
    ("updated", N_("updated")),
    ("deleted", N_("deleted")),
    ("unchanged", N_("unchanged")),
    ("duplicate", N_("duplicate")),
    ("pending", N_("would wait for a parent")),
    ("failed", N_("would fail")),
    ("withheld", N_("would be withheld")),
    ("refused", N_("would be refused")),
)


def _verdict(plan: "BatchPlan") -> tuple[str, Tone, str]:
    """Its sign, tone and name; that nothing would change is not well where rows would fail."""
    sign, tone, name = VERDICTS[plan.verdict]
    return ("▲", Tone.WARN, name) if plan.verdict == "no_change" and plan.counters.failed else (sign, tone, name)


def verdict(plan: "BatchPlan") -> Cell:
    sign, tone, name = _verdict(plan)
    return f"{sign} {_(name)}", tone


def detail(plan: "BatchPlan") -> Content:
    """Everything that is known of one entity's sync."""
    return Content("\n").join(list(_lines(plan)))


def _lines(plan: "BatchPlan") -> Iterator[Content]:
    sign, tone, name = _verdict(plan)
    took = toned("  " + _("planned in {}").format(stopwatch(plan.seconds)), Tone.QUIET) if plan.seconds else Content("")
    yield toned(f"{sign} {plan.entity}: {_(name)}. {_(_EXPLAINED[plan.verdict])}", tone) + took
    if plan.message is not None:
        yield toned(f"✖ {retold(plan.message)}" if plan.verdict == "would_fail" else retold(plan.message), tone)
    yield _counts(plan)
    if plan.resumes is not None:
        yield toned(_("It goes on with the batch {}; its rows so far are counted.").format(plan.resumes))
    for limit in plan.cannot_be_previewed:
        yield toned("? " + _("Cannot be previewed:") + f" {retold(limit)}", Tone.WARN)
    yield from (toned("▲ " + _("Its table:") + f" {retold(change)}", Tone.LIVE) for change in plan.table_changes)
    yield from (toned(f"· {retold(note)}", Tone.QUIET) for note in plan.notes)
    yield from _updates(plan.updates, plan.counters.updated)
    yield from _deletions(plan)
    yield from _failures(plan.failures)
    yield from _waiting(plan.missing_parents)


def _counts(plan: "BatchPlan") -> Content:
    counted = [(_(title), getattr(plan.counters, name)) for name, title in _COUNTS]
    told = [f"{title} {whole(number)}" for title, number in counted if number]
    return toned(" · ".join(told) if told else _("no rows"))


def _title(text: str, tone: Tone = Tone.PLAIN) -> Content:
    return Content("\n") + toned(text, tone).stylize("bold")


def _updates(samples: "Sequence[UpdateSample]", updated: int) -> Iterator[Content]:
    if not samples:
        return
    said = plural("{n} row would be updated", "{n} rows would be updated", updated)
    if len(samples) < updated:
        said += " · " + plural("{n} of them:", "{n} of them:", len(samples))
    yield _title(said)
    for sample in samples:
        yield toned(f"  {sample.ref}")
        for change in sample.changes:
            before, after = _value(change.before), _value(change.after)
            yield toned(f"    {change.field}: ") + toned(before, Tone.BAD) + toned(" → ") + toned(after, Tone.GOOD)
        if not sample.changes:
            yield toned("    " + _("written again, no field differs"), Tone.QUIET)


def _value(text: str | None) -> str:
    return _("NULL") if text is None else f"'{text}'"


def _deletions(plan: "BatchPlan") -> Iterator[Content]:
    deletions, counters = plan.deletions, plan.counters
    if deletions.deleted:
        yield _title(plural("{n} row would be deleted", "{n} rows would be deleted", counters.deleted), Tone.BAD)
        yield toned(f"  {_some(deletions.deleted, counters.deleted)}")
    if deletions.withheld:
        said = plural("{n} deletion would be withheld", "{n} deletions would be withheld", counters.withheld)
        yield _title(f"{said}: {retold(deletions.withheld[0].reason)}", Tone.WARN)
        yield toned(f"  {_some([row.ref for row in deletions.withheld], counters.withheld)}")
    if deletions.refused:
        said = plural("{n} deletion would be refused", "{n} deletions would be refused", counters.refused)
        yield _title(said, Tone.WARN)
        yield from (toned(f"  {row.ref}: {retold(row.reason)}") for row in deletions.refused)


def _some(refs: Sequence[str], of: int) -> str:
    return ", ".join(refs[:SHOWN]) + (" …" if of > min(len(refs), SHOWN) else "")


def _failures(groups: "Sequence[FailureGroup]") -> Iterator[Content]:
    for group in groups:
        said = plural("{n} row would fail", "{n} rows would fail", group.rows)
        yield _title(f"✖ {said}: {group.field or NOTHING} · {group.error_type} · {group.stage}", Tone.BAD)
        for sample in group.samples:
            yield toned(f"  {retold(sample.message)}")
            raw = ", ".join(f"{name}={value!r}" for name, value in sample.raw.items() if value is not None)
            yield toned(f"    {raw}", Tone.QUIET)


def _waiting(parents: "Sequence[MissingParent]") -> Iterator[Content]:
    if not parents:
        return
    said = plural(
        "{n} row would wait for a parent", "{n} rows would wait for a parent", sum(each.children for each in parents)
    )
    yield _title(f"◑ {said}", Tone.WARN)
    for parent in parents[:SHOWN]:
        rows = plural("{n} row", "{n} rows", parent.children)
        whom = parent.key or _("other parents")
        yield toned(f"  {parent.entity} {whom} ({parent.ref}): {rows}")
    if len(parents) > SHOWN:
        rest = sum(parent.children for parent in parents[SHOWN:])
        yield toned("  " + plural("{n} row for other parents", "{n} rows for other parents", rest), Tone.QUIET)
