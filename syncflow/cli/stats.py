"""`syncflow stats`: how much was done, and how much waits."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.figures import count, duration, plural, table
from syncflow.cli.output import say, say_json
from syncflow.cli.session import session

if TYPE_CHECKING:
    from syncflow.service.statistics import Period, Statistics, Work

_COUNTS = ("fetched", "inserted", "updated", "deleted", "unchanged", "pending", "failed")


def stats(json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Say what each entity's syncs did in the last day, week and month, how fast, and what waits in the queues."""
    with session() as runtime:
        taken = runtime.statistics.take()
    if json:
        say_json(taken)
        return
    for line in _lines(taken):
        say(line)


def _lines(taken: "Statistics") -> Iterable[str]:
    for period in taken.periods:
        yield from _period(period)
        yield ""
    for queue in taken.queues:
        age = f", the oldest for {duration(queue.oldest_seconds)}" if queue.rows else ""
        yield f"queue {queue.queue}: {plural(queue.rows, 'row')}{age}"
    statuses = ", ".join(f"{number:,} {status}" for status, number in taken.batches.items() if number)
    yield f"batches: {statuses or 'none'}"


def _period(period: "Period") -> Iterable[str]:
    if not period.entities:
        yield f"{period.name}: nothing was synced"
        return
    header = [period.name, "batches", *_COUNTS, "rows/s"]
    rows = [_row(each.entity, [each]) for each in period.entities]
    total = [_row("all", period.entities)] if len(period.entities) > 1 else []
    yield from table(header, [*rows, *total], left=(period.name,))


def _row(name: str, work: "Sequence[Work]") -> list[str]:
    retries = sum(each.retries for each in work)
    batches = count(sum(each.batches for each in work)) + (f"+{retries:,}" if retries else "")
    seconds = sum(each.seconds for each in work)
    read = sum(each.rows_per_second * each.seconds for each in work)
    rows = [count(sum(getattr(each, column) for each in work)) for column in _COUNTS]
    return [name, batches, *rows, count(round(read / seconds)) if seconds else "0"]
