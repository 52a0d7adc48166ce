"""An explanation as a terminal shows it: lines of at most 80 columns, but for commands, which stay whole."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from syncflow.cli.figures import count, local_time, plural

if TYPE_CHECKING:
    from syncflow.service.explain import Explanation, FieldStory, Held, History, RowStory

_NULL = "NULL"
_WIDTH = 80
_LONGEST_VALUE = 240
"""Characters of a value that are shown; `--json` has it whole."""
_STAGES = {"coercion": 2, "string": 3, "numeric": 4, "datetime": 5, "mapping": 6, "identity": 7}
_ORIGINS = {
    "source": "as the source sends it",
    "failed_record": "as it stands in the failed record",
    "waiting_row": "as it stands among the waiting rows",
}


def explanation_lines(told: "Explanation") -> Iterator[str]:
    yield from _wrapped(f"{told.entity} {told.key}")
    yield from _wrapped(f"{told.verdict.replace('_', ' ')}: {told.sentence}")
    if told.command is not None:
        yield f"Next: {told.command}"
    if told.source_problem is not None:
        yield from _wrapped(f"APISmith: {told.source_problem}")
    if told.target_problem is not None:
        yield from _wrapped(f"ScheduleHub: {told.target_problem}")
    if told.row is not None:
        yield ""
        yield from _row_lines(told, told.row)
    yield ""
    yield from _end_lines(told)
    if told.held is not None:
        yield ""
        yield from _held_lines(told.held)
    yield from _history_lines(told.history)


def _row_lines(told: "Explanation", row: "RowStory") -> Iterator[str]:
    rows = "" if told.rows_at_source in (None, 1) else f" (one of {told.rows_at_source} rows of this key)"
    yield from _wrapped(f"Stages 1 to 6, {_ORIGINS[row.origin]}{rows}:")
    for field in row.fields:
        yield from _field_lines(field)
    known = {field.source for field in row.fields}
    extra = [name for name in row.raw if name not in known and not name.startswith("@")]
    if extra:
        yield from _wrapped(f"not loaded: {', '.join(extra)}", 2)
    if row.refusal is not None:
        yield from _wrapped(f"{row.refusal.stage} refuses it: {row.refusal.message}", 2)
    if row.canonical is not None:
        yield "Stage 7, identity:"
        yield from _wrapped(f"canonical  {row.canonical}", 2)
    yield from (f"  {name} {value}" for name, value in _hashes(row) if value is not None)
    for parent in row.parents:
        there = "none named" if parent.key is None else {True: "there", False: "missing", None: "?"}[parent.is_there]
        yield from _wrapped(f"parent {parent.ref}: {parent.entity} {parent.key or ''} ({there}) {parent.why or ''}", 2)


def _hashes(row: "RowStory") -> list[tuple[str, str | None]]:
    return [("BK_HASH   ", row.key_hash), ("DATA_HASH ", row.data_hash), ("rowversion", row.rowversion)]


def _field_lines(field: "FieldStory") -> Iterator[str]:
    marks = ", key" if field.in_key else "" if field.in_hash else ", not compared"
    name = field.target if field.target == field.source.lower() else f"{field.source} -> {field.target}"
    stays = "" if field.steps else "  stays as it is"
    yield from _wrapped(f"{name} ({field.type}{marks}): {_shown(field.raw)}{stays}", 2)
    for step in field.steps:
        number = _STAGES.get(step.stage)
        stage = step.stage if number is None else f"{number} {step.stage}"
        yield from _wrapped(f"{stage}: {_shown(step.after)}  ({step.rule})", 6)


def _end_lines(told: "Explanation") -> Iterator[str]:
    yield f"Stages 8 and 9, the next sync: {told.decision.replace('_', ' ')}"
    if told.rows_read:
        yield f"  {plural(told.rows_read, 'row')} of the source were looked through for it."
    for change in told.changes:
        text = f"{change.field}: {_shown(change.before)} in ScheduleHub, {_shown(change.after)} at the source"
        yield from _wrapped(text, 2)


def _held_lines(held: "Held") -> Iterator[str]:
    yield f"ScheduleHub holds it{'' if held.uid is None else f', uid {held.uid}'}:"
    yield f"  DATA_HASH  {held.data_hash}"
    for name, value in held.values.items():
        yield from _wrapped(f"{name}: {_shown(value)}", 2)


def _history_lines(history: "History") -> Iterator[str]:
    lines = [
        *(
            (each.created_at, f"failed in {each.stage}: {each.message} ({each.resolution or 'open'}, {each.uid})")
            for each in history.failures
        ),
        *(
            (each.created_at, f"waits for {each.parent_entity} {each.parent_key} ({each.resolution or 'open'})")
            for each in history.waits
        ),
        *((each.created_at, f"deletion withheld: {each.reason} ({each.state})") for each in history.withheld),
        *((each.at, f"{each.actor}: {each.act}") for each in history.acts),
        *(
            (
                each.requested_at,
                f"batch {each.uid}: {each.sync_type}, {each.status}, {count(each.counters.fetched)} rows",
            )
            for each in history.batches
        ),
    ]
    if not lines:
        return
    yield ""
    yield "What the books know, the newest first:"
    for time, text in sorted(lines, key=lambda line: line[0], reverse=True):
        yield from _wrapped(f"{local_time(time)}  {text}", 2)


def _shown(value: str | None) -> str:
    if value is None:
        return _NULL
    if len(value) <= _LONGEST_VALUE:
        return repr(value)
    return f"{value[:_LONGEST_VALUE]!r}.. ({count(len(value))} characters; --json shows all)"


def _wrapped(text: str, indent: int = 0) -> list[str]:
    blanks = " " * indent
    return textwrap.wrap(
        text.rstrip(), _WIDTH, initial_indent=blanks, subsequent_indent=f"{blanks}    ", break_on_hyphens=False
    )
