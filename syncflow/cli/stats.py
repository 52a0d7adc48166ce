"""`syncflow stats`: how much was done, and how much waits."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.figures import count, duration, table
from syncflow.cli.output import say, say_json
from syncflow.cli.session import session
from syncflow.i18n.catalog import N_, _, plural

if TYPE_CHECKING:
    from syncflow.service.statistics import Period, Statistics, Work

_COUNTS = (
    N_("fetched"),
    N_("inserted"),
    N_("updated"),
    N_("deleted"),
    N_("unchanged"),
    N_("pending"),
    N_("failed"),
)
_PERIODS = (N_("last 24 hours"), N_("last 7 days"), N_("last 30 days"))


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
        yield (
            plural(
                "queue {queue}: {n} row, the oldest for {time}",
                "queue {queue}: {n} rows, the oldest for {time}",
                queue.rows,
                queue=_(queue.queue),
                time=duration(queue.oldest_seconds),
            )
            if queue.rows
            else plural("queue {queue}: {n} row", "queue {queue}: {n} rows", 0, queue=_(queue.queue))
        )
    statuses = _(", ").join(f"{count(number)} {_(status)}" for status, number in taken.batches.items() if number)
    yield _("batches: {statuses}").format(statuses=statuses or _("none"))


def _period(period: "Period") -> Iterable[str]:
    if not period.entities:
        yield _("{period}: nothing was synced").format(period=_(period.name))
        return
    header = [period.name, N_("batches"), *_COUNTS, N_("rows/s")]
    rows = [_row(each.entity, [each]) for each in period.entities]
    total = [_row(_("all"), period.entities)] if len(period.entities) > 1 else []
    yield from table(header, [*rows, *total], left=(period.name,))


def _row(name: str, work: "Sequence[Work]") -> list[str]:
    retries = sum(each.retries for each in work)
    batches = count(sum(each.batches for each in work)) + (f"+{count(retries)}" if retries else "")
    seconds = sum(each.seconds for each in work)
    read = sum(each.rows_per_second * each.seconds for each in work)
    rows = [count(sum(getattr(each, column) for each in work)) for column in _COUNTS]
    return [name, batches, *rows, count(round(read / seconds)) if seconds else "0"]
