"""Failed records and retries as a terminal shows them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from syncflow.cli.figures import count, local_time, plural, table
from syncflow.cli.report import exit_code, outcome

if TYPE_CHECKING:
    from syncflow.engine.failed_retries import Retried
    from syncflow.service.failed_records import RetryResult
    from syncflow.store.failed_records import FailedDetail, FailedRecord

MESSAGE_WIDTH = 90
FAILURES_SHOWN = 10


def list_lines(records: Sequence["FailedRecord"], total: int) -> Iterator[str]:
    header = ["number", "entity", "stage", "field", "state", "failed first", "message"]
    rows = [
        [
            str(record.uid),
            record.entity_name,
            record.stage_failed,
            record.field or "",
            record.resolution or "open",
            local_time(record.created_at),
            _short(record.error_message),
        ]
        for record in records
    ]
    yield from table(header, rows, left=header)
    if len(records) < total:
        yield f"{len(records)} of {count(total)}. The next ones: --after {records[-1].uid}"


def detail_lines(record: "FailedDetail") -> Iterator[str]:
    facts = {
        "record": str(record.uid),
        "entity": record.entity_name,
        "state": _state(record),
        "failed": f"{record.stage_failed}, {record.error_type}{f', field {record.field}' if record.field else ''}",
        "message": record.error_message,
        "batch": str(record.batch_uid),
        "source": record.source_system,
        "first": local_time(record.created_at),
        "last": local_time(record.updated_at),
        "attempts": f"{record.retry_count} of {record.max_retries} by itself" if record.temporary else "",
        "next": local_time(record.next_retry_at),
        "purged": local_time(record.purged_at),
    }
    width = max(len(name) for name in facts)
    yield from (f"{name.ljust(width)}  {value}" for name, value in facts.items() if value)
    yield from _values_table(record)
    if record.stack_trace:
        yield ""
        yield record.stack_trace


def _state(record: "FailedDetail") -> str:
    if record.resolved_at is None:
        return "open"
    reason = f": {record.reason}" if record.reason else ""
    return f"{record.resolution} by {record.resolved_by} on {local_time(record.resolved_at)}{reason}"


def _values_table(record: "FailedDetail") -> Iterator[str]:
    """The row as it was sent, edited, after stage 5, and after stage 6 under the target's names."""
    for title, values in (
        ("as the source sent it", record.raw_data),
        ("edited", record.override),
        ("after normalising", record.normalized_data),
        ("after mapping", record.mapped_data),
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
        yield "There is nothing to try again."
    for done in result.retried:
        yield from _batch_lines(done)
    for ended in result.woken:
        yield f"{ended.entity}: {plural(ended.counters.inserted, 'row')} that had waited for a parent loaded."


def _batch_lines(done: "Retried") -> Iterator[str]:
    ended, tally = done.ended, done.tally
    counters = ended.counters
    said = [f"{plural(tally.passed, 'record')} passed"]
    kinds = [f"{count(getattr(counters, kind))} {kind}" for kind in ("inserted", "updated", "unchanged", "pending")
             if getattr(counters, kind)]  # fmt: skip
    said[0] += f" ({', '.join(kinds)})" if kinds and tally.passed else ""
    said += [f"{count(tally.failed)} failed again"] if tally.failed else []
    said += [f"{count(tally.superseded)} superseded by what ScheduleHub got later"] if tally.superseded else []
    yield f"{ended.entity}: {', '.join(said)}."
    for failure in tally.failures[:FAILURES_SHOWN]:
        yield f"  {failure.uid} ({failure.stage}{f', {failure.field}' if failure.field else ''}): {failure.message}"
    if tally.failed > FAILURES_SHOWN:
        yield f"  All of them: syncflow failed list --entity {ended.entity}"
    if ended.error_message is not None:
        yield f"{ended.entity}: {ended.status}: {ended.error_message}"


def retry_exit_code(result: "RetryResult") -> int:
    return exit_code([outcome(done.ended) for done in result.retried])


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_WIDTH else f"{line[: MESSAGE_WIDTH - 1]}…"
