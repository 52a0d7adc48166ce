"""`syncflow explain`: why one record is as it is."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.figures import local_time, table
from syncflow.cli.output import say, say_json
from syncflow.cli.session import session

if TYPE_CHECKING:
    from syncflow.engine.explain import FieldStory, Held, RowStory
    from syncflow.service.explain import Explanation, History

_NULL = "NULL"


def explain(
    entity: Annotated[str, typer.Argument(help="The entity.")],
    key: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY...", help="The values of its business key in their order, or as field=value."),
    ] = None,
    failed: Annotated[
        str | None, typer.Option("--failed", metavar="RECORD", help="The row of this failed record, instead of a key.")
    ] = None,
    pending: Annotated[
        str | None, typer.Option("--pending", metavar="ROW", help="This waiting row, instead of a key.")
    ] = None,
    no_source: Annotated[bool, typer.Option("--no-source", help="Do not ask APISmith what it says now.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say why a record is, or is not, in ScheduleHub: its way through all stages, and what the books know of it.

    For example: syncflow explain sales_order_lines 4711 3
    """
    with session() as runtime:
        if failed is not None or pending is not None:
            told = runtime.explain.of_queue(entity, failed=failed, pending=pending, ask_source=not no_source)
        else:
            told = runtime.explain.explain(entity, key or [], ask_source=not no_source)
    if json:
        say_json(told)
    else:
        for line in explanation_lines(told):
            say(line)


def explanation_lines(told: "Explanation") -> Iterator[str]:
    """The explanation as it is read in a terminal."""
    yield f"{told.entity}  {told.key}"
    yield told.sentence
    if told.command is not None:
        yield f"Next: {told.command}"
    if told.source_problem is not None:
        yield f"The source: {told.source_problem}"
    if told.row is not None:
        yield ""
        yield from _row_lines(told.row)
    if told.held is not None:
        yield ""
        yield from _held_lines(told.held)
    if told.changes:
        yield ""
        yield "Where they differ:"
        lines = [[change.field, _shown(change.before), _shown(change.after)] for change in told.changes]
        header = ["field", "in ScheduleHub", "at the source"]
        yield from table(header, lines, left=header)
    history = list(_history_lines(told.history))
    if history:
        yield ""
        yield from history


def _row_lines(row: "RowStory") -> Iterator[str]:
    yield "As the source sends it, stage by stage:"
    for field in row.fields:
        yield from _field_lines(field)
    known = {field.source for field in row.fields}
    extra = [name for name in row.raw if name not in known and not name.startswith("@")]
    if extra:
        yield f"  not loaded: {', '.join(extra)}"
    if row.refusal is not None:
        yield f"  {row.refusal.stage} refuses it: {row.refusal.message}"
    for parent in row.parents:
        there = "none named" if parent.key is None else "there" if parent.is_there else "missing"
        yield f"  parent {parent.ref}: {parent.entity} {parent.key or ''} ({there})"
    if row.canonical is not None:
        yield f"  canonical  {row.canonical}"
    if row.key_hash is not None:
        yield f"  BK_HASH    {row.key_hash}"
    if row.data_hash is not None:
        yield f"  DATA_HASH  {row.data_hash}"


def _field_lines(field: "FieldStory") -> Iterator[str]:
    marks = " (key)" if field.in_key else "" if field.in_hash else " (not compared)"
    name = field.target if field.target == field.source.lower() else f"{field.source} -> {field.target}"
    yield f"  {name}{marks}, {field.type}: {_shown(field.raw)}" + ("" if field.steps else " stays as it is")
    for step in field.steps:
        yield f"      {step.stage}: {_shown(step.after)}   ({step.rule})"


def _held_lines(held: "Held") -> Iterator[str]:
    yield f"ScheduleHub holds it (uid {held.uid or 'not told'}), loaded with DATA_HASH {held.data_hash}:"
    yield "  " + ", ".join(f"{name}={_shown(value)}" for name, value in held.values.items())


def _history_lines(history: "History") -> Iterator[str]:
    lines = [
        *(
            (each.created_at, f"failed in {each.stage}: {each.message} ({each.resolution or 'open'})")
            for each in history.failures
        ),
        *(
            (each.created_at, f"waited for {each.parent_entity} {each.parent_key} ({each.resolution or 'waits'})")
            for each in history.waits
        ),
        *((each.created_at, f"deletion withheld: {each.reason} ({each.state})") for each in history.withheld),
        *((each.at, f"{each.actor}: {each.act}") for each in history.acts),
        *((each.requested_at, f"batch {each.uid} of {each.entity_name}: {each.status}") for each in history.batches),
    ]
    if lines:
        yield "What the books know, the newest first:"
    for time, text in sorted(lines, key=lambda line: line[0], reverse=True):
        yield f"  {local_time(time)}  {text}"


def _shown(value: str | None) -> str:
    return _NULL if value is None else repr(value)
