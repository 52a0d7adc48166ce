"""Failed records and retries as a terminal shows them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from syncflow.cli.figures import count, facts, local_time, table
from syncflow.cli.report import exit_code, outcome
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import retold

if TYPE_CHECKING:
    from uuid import UUID

    from syncflow.engine.failed_retries import Retried
    from syncflow.service.failed_records import RetryResult
    from syncflow.store.failed_records import FailedDetail, FailedRecord

MESSAGE_WIDTH = 90
FAILURES_SHOWN = 10
_PASSED = (N_("inserted"), N_("updated"), N_("unchanged"), N_("pending"))


def list_lines(records: Sequence["FailedRecord"], total: int) -> Iterator[str]:
    header = [N_("number"), N_("entity"), N_("stage"), N_("field"), N_("state"), N_("failed first"), N_("message")]
    rows = [
        [
            str(record.uid),
            record.entity_name,
            record.stage_failed,
            record.field or "",
            _(record.resolution or N_("open")),
            local_time(record.created_at),
            _short(retold(record.error_message)),
        ]
        for record in records
    ]
    yield from table(header, rows, left=header)
    if len(records) < total:
        yield some_of(len(records), total, records[-1].uid)


def some_of(shown: int, total: int, last: "UUID") -> str:
    """Under a list that is not all."""
    said = _("{some} of {all}. The next ones: --after {number}")
    return said.format(some=count(shown), all=count(total), number=last)


def detail_lines(record: "FailedDetail") -> Iterator[str]:
    where = _("{stage}, {error}, field {field}") if record.field else "{stage}, {error}"
    attempts = _("{done} of {most} by itself")
    yield from facts(
        {
            N_("record"): str(record.uid),
            N_("entity"): record.entity_name,
            N_("state"): _state(record),
            N_("failed"): where.format(stage=record.stage_failed, error=record.error_type, field=record.field),
            N_("message"): retold(record.error_message),
            N_("batch"): str(record.batch_uid),
            N_("source"): record.source_system,
            N_("first"): local_time(record.created_at),
            N_("last"): local_time(record.updated_at),
            N_("attempts"): attempts.format(done=count(record.retry_count), most=count(record.max_retries))
            if record.temporary
            else "",
            N_("next"): local_time(record.next_retry_at),
            N_("purged"): local_time(record.purged_at),
        }
    )
    yield from _values_table(record)
    if record.stack_trace:
        yield ""
        yield record.stack_trace


def _state(record: "FailedDetail") -> str:
    if record.resolved_at is None:
        return _("open")
    said = _("{resolution} by {person} on {time}").format(
        resolution=_(str(record.resolution)), person=record.resolved_by, time=local_time(record.resolved_at)
    )
    return f"{said}: {record.reason}" if record.reason else said


def _values_table(record: "FailedDetail") -> Iterator[str]:
    """The row as it was sent, edited, after stage 5, and after stage 6 under the target's names."""
    for title, values in (
        (_("as the source sent it"), record.raw_data),
        (_("edited"), record.override),
        (_("after normalising"), record.normalized_data),
        (_("after mapping"), record.mapped_data),
    ):
        if values:
            yield ""
            yield f"{title}:"
            yield from _value_lines(values)


def _value_lines(values: Mapping[str, object]) -> Iterator[str]:
    width = max(len(name) for name in values)
    yield from (f"  {name.ljust(width)}  {'NULL' if value is None else repr(value)}" for name, value in values.items())


def retry_lines(result: "RetryResult") -> Iterator[str]:
    if not result.retried:
        yield _("There is nothing to try again.")
    for done in result.retried:
        yield from _batch_lines(done)
    for ended in result.woken:
        yield plural(
            "{entity}: {n} row that had waited for a parent loaded.",
            "{entity}: {n} rows that had waited for a parent loaded.",
            ended.counters.inserted,
            entity=ended.entity,
        )


def _batch_lines(done: "Retried") -> Iterator[str]:
    ended, tally = done.ended, done.tally
    counters = ended.counters
    said = [plural("{n} record passed", "{n} records passed", tally.passed)]
    kinds = [f"{count(getattr(counters, kind))} {_(kind)}" for kind in _PASSED if getattr(counters, kind)]
    said[0] += f" ({_(', ').join(kinds)})" if kinds and tally.passed else ""
    said += [plural("{n} failed again", "{n} failed again", tally.failed)] if tally.failed else []
    if tally.superseded:
        said.append(
            plural(
                "{n} superseded by what ScheduleHub got later",
                "{n} superseded by what ScheduleHub got later",
                tally.superseded,
            )
        )
    yield f"{ended.entity}: {_(', ').join(said)}."
    for failure in tally.failures[:FAILURES_SHOWN]:
        where = f"{failure.stage}, {failure.field}" if failure.field else failure.stage
        yield f"  {failure.uid} ({where}): {retold(failure.message)}"
    if tally.failed > FAILURES_SHOWN:
        yield "  " + _("All of them: syncflow failed list --entity {entity}").format(entity=ended.entity)
    if ended.error_message is not None:
        yield f"{ended.entity}: {_(ended.status)}: {retold(ended.error_message)}"


def retry_exit_code(result: "RetryResult") -> int:
    return exit_code([outcome(done.ended) for done in result.retried])


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_WIDTH else f"{line[: MESSAGE_WIDTH - 1]}…"
