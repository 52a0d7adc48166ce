"""An explanation as a terminal shows it: lines of at most 80 columns, but for commands, which stay whole."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from syncflow.cli.figures import count, local_time
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import retold

if TYPE_CHECKING:
    from syncflow.service.explain import Explanation, FieldStory, Held, History, RowStory
    from syncflow.store.record_history import Failure, Wait, WithheldDeletion

_NULL = "NULL"
_WIDTH = 80
_LONGEST_VALUE = 240
"""Characters of a value that are shown; `--json` has it whole."""
_STAGES = {"coercion": 2, "string": 3, "numeric": 4, "datetime": 5, "mapping": 6, "identity": 7}
_ORIGINS = {
    "source": N_("as the source sends it"),
    "failed_record": N_("as it stands in the failed record"),
    "waiting_row": N_("as it stands among the waiting rows"),
}
_VERDICTS = (
    *(N_("in step"), N_("altered"), N_("outdated"), N_("to come"), N_("passed by"), N_("gone"), N_("not at source")),
    *(N_("several"), N_("closed"), N_("unknown")),
)
_DECISIONS = (
    *(N_("insert"), N_("update"), N_("not fetched"), N_("wait"), N_("fail"), N_("leave out"), N_("delete")),
    *(N_("withhold"), N_("keep"), N_("nothing")),
)
"""Codes that nothing else marks."""


def explanation_lines(told: "Explanation") -> Iterator[str]:
    yield from _wrapped(f"{told.entity} {told.key}")
    yield from _wrapped(f"{_(told.verdict.replace('_', ' '))}: {retold(told.sentence)}")
    if told.command is not None:
        yield _("Next: {command}").format(command=told.command)
    if told.source_problem is not None:
        yield from _wrapped(f"APISmith: {retold(told.source_problem)}")
    if told.target_problem is not None:
        yield from _wrapped(f"ScheduleHub: {retold(told.target_problem)}")
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
    head = _("Stages 1 to 6, {origin}").format(origin=_(_ORIGINS[row.origin]))
    if told.rows_at_source not in (None, 1):
        head += " " + _("(one of {rows} rows of this key)").format(rows=count(told.rows_at_source or 0))
    yield from _wrapped(f"{head}:")
    for field in row.fields:
        yield from _field_lines(field)
    known = {field.source for field in row.fields}
    extra = [name for name in row.raw if name not in known and not name.startswith("@")]
    if extra:
        yield from _wrapped(_("not loaded: {columns}").format(columns=", ".join(extra)), 2)
    if row.refusal is not None:
        refused = _("{stage} refuses it: {reason}")
        yield from _wrapped(refused.format(stage=row.refusal.stage, reason=retold(row.refusal.message)), 2)
    if row.canonical is not None:
        yield _("Stage 7, identity:")
        yield from _wrapped(f"canonical  {row.canonical}", 2)
    yield from (f"  {name} {value}" for name, value in _hashes(row) if value is not None)
    for parent in row.parents:
        there = N_("none named") if parent.key is None else _THERE[parent.is_there]
        said = _("parent {ref}: {entity} {key} ({there}) {why}").format(
            ref=parent.ref, entity=parent.entity, key=parent.key or "", there=_(there), why=retold(parent.why or "")
        )
        yield from _wrapped(said, 2)


_THERE = {True: N_("there"), False: N_("missing"), None: "?"}


def _hashes(row: "RowStory") -> list[tuple[str, str | None]]:
    return [("BK_HASH   ", row.key_hash), ("DATA_HASH ", row.data_hash), ("rowversion", row.rowversion)]


def _field_lines(field: "FieldStory") -> Iterator[str]:
    marks = _(", key") if field.in_key else "" if field.in_hash else _(", not compared")
    name = field.target if field.target == field.source.lower() else f"{field.source} -> {field.target}"
    stays = "" if field.steps else "  " + _("stays as it is")
    yield from _wrapped(f"{name} ({field.type}{marks}): {_shown(field.raw)}{stays}", 2)
    for step in field.steps:
        number = _STAGES.get(step.stage)
        stage = step.stage if number is None else f"{number} {step.stage}"
        yield from _wrapped(f"{stage}: {_shown(step.after)}  ({retold(step.rule)})", 6)


def _end_lines(told: "Explanation") -> Iterator[str]:
    yield _("Stages 8 and 9, the next sync: {decision}").format(decision=_(told.decision.replace("_", " ")))
    if told.rows_read:
        looked = plural(
            "{n} row of the source were looked through for it.",
            "{n} rows of the source were looked through for it.",
            told.rows_read,
        )
        yield f"  {looked}"
    for change in told.changes:
        text = _("{field}: {held} in ScheduleHub, {sent} at the source")
        yield from _wrapped(text.format(field=change.field, held=_shown(change.before), sent=_shown(change.after)), 2)


def _held_lines(held: "Held") -> Iterator[str]:
    said = _("ScheduleHub holds it:") if held.uid is None else _("ScheduleHub holds it, uid {uid}:")
    yield said.format(uid=held.uid)
    yield f"  DATA_HASH  {held.data_hash}"
    for name, value in held.values.items():
        yield from _wrapped(f"{name}: {_shown(value)}", 2)


def _history_lines(history: "History") -> Iterator[str]:
    lines = [
        *((each.created_at, _failed(each)) for each in history.failures),
        *((each.created_at, _waited(each)) for each in history.waits),
        *((each.created_at, _withheld(each)) for each in history.withheld),
        *((each.at, f"{each.actor}: {each.act}") for each in history.acts),
        *(
            (
                each.requested_at,
                plural(
                    "batch {batch}: {type}, {status}, {n} row",
                    "batch {batch}: {type}, {status}, {n} rows",
                    each.counters.fetched,
                    batch=str(each.uid),
                    type=_(each.sync_type),
                    status=_(each.status),
                ),
            )
            for each in history.batches
        ),
    ]
    if not lines:
        return
    yield ""
    yield _("What the books know, the newest first:")
    for time, text in sorted(lines, key=lambda line: line[0], reverse=True):
        yield from _wrapped(f"{local_time(time)}  {text}", 2)


def _failed(each: "Failure") -> str:
    return _("failed in {stage}: {reason} ({state}, {number})").format(
        stage=each.stage, reason=retold(each.message), state=_(each.resolution or N_("open")), number=each.uid
    )


def _waited(each: "Wait") -> str:
    return _("waits for {entity} {key} ({state})").format(
        entity=each.parent_entity, key=each.parent_key, state=_(each.resolution or N_("open"))
    )


def _withheld(each: "WithheldDeletion") -> str:
    return _("deletion withheld: {reason} ({state})").format(reason=retold(each.reason), state=_(each.state))


def _shown(value: str | None) -> str:
    if value is None:
        return _NULL
    if len(value) <= _LONGEST_VALUE:
        return repr(value)
    more = _("({n} characters; --json shows all)").format(n=count(len(value)))
    return f"{value[:_LONGEST_VALUE]!r}.. {more}"


def _wrapped(text: str, indent: int = 0) -> list[str]:
    blanks = " " * indent
    return textwrap.wrap(
        text.rstrip(), _WIDTH, initial_indent=blanks, subsequent_indent=f"{blanks}    ", break_on_hyphens=False
    )
