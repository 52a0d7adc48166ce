"""A night in sentences, for a screen and for whoever is sent them."""

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo

from syncflow.model import Counters
from syncflow.service.night_report import EntityNight, NightReport, Waiting

_OUTCOMES = (
    ("inserted", "in"),
    ("updated", "up"),
    ("deleted", "deleted"),
    ("unchanged", "unchanged"),
    ("duplicate", "duplicate"),
    ("pending", "waiting for parents"),
)


def report_text(report: NightReport, zone: tzinfo | None = None) -> str:
    """The whole report as lines of text; times on the clocks of `zone`, None: of this machine."""
    return "\n".join((*headline(report, zone), *(entity_line(each) for each in report.entities), *rest(report, zone)))


def headline(report: NightReport, zone: tzinfo | None = None) -> Iterator[str]:
    """What the night did, over all."""
    syncs = sum(each.batches for each in report.entities)
    yield f"{_clock(report.since, zone)} to {_clock(report.until, zone)}"
    if not report.entities:
        yield "Nothing was synced."
        return
    entities = _plural(len(report.entities), "entity", "entities")
    yield f"{_plural(syncs, 'batch', 'batches')} of {entities}: {_rows(report.total)}."
    if report.running:
        yield f"{_plural(report.running, 'batch is', 'batches are')} under way still."


def entity_line(each: EntityNight) -> str:
    """`items: 1 batch, 1,000 rows read, 12 in, 3 up, 985 unchanged`."""
    retries = f" and {_plural(each.retries, 'retry', 'retries')}" if each.retries else ""
    return f"{each.entity}: {_plural(each.batches, 'batch', 'batches')}{retries}, {_rows(each.counters)}"


def rest(report: NightReport, zone: tzinfo | None = None) -> Iterator[str]:
    """Everything but the entities' own lines: slices, failures, queues, and what needs a person."""
    yield from _section("By night", (line for each in report.entities for line in _slices(each)))
    yield from _section("Failed", _failed(report, zone))
    yield from _section("Waits", _waits(report.pending, zone))
    yield from _section("Withheld", _withheld(report, zone))
    yield from _section(
        "Needs a person", (f"{each.entity}: {each.what}. Type: {each.command}" for each in report.to_do)
    )
    if not report.to_do:
        yield ""
        yield "Nothing needs a person."


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    told = [f"  {line}" for line in lines]
    if told:
        yield ""
        yield title
        yield from told


def _slices(each: EntityNight) -> Iterator[str]:
    for night in each.slices:
        ended = "at work" if night.reason is None else night.reason.replace("_", " ")
        yield f"{each.entity}: {night.rows:,} of {_plural(night.planned, 'planned row')}, {ended}"
    if each.schedule is not None:
        yield f"{each.entity}: cycle {each.schedule.schedule.cycle} {each.schedule.forecast_text}"


def _failed(report: NightReport, zone: tzinfo | None) -> Iterator[str]:
    for batch in report.failed_batches:
        yield f"{batch.entity}: {batch.message}. See: syncflow status {batch.batch}"
    for each in report.entities:
        failed = each.counters.failed - each.counters.ignored
        if failed > 0:
            yield f"{each.entity}: {_plural(failed, 'row')} failed in this time"
    open_ = report.failed_records
    if open_.rows:
        yield f"{_plural(open_.rows, 'failed record')} open in all{_oldest(open_, zone)}. See: syncflow failed list"


def _waits(waiting: Waiting, zone: tzinfo | None) -> Iterator[str]:
    if waiting.rows:
        yield f"{_plural(waiting.rows, 'row')} for a parent{_oldest(waiting, zone)}. See: syncflow pending list"


def _withheld(report: NightReport, zone: tzinfo | None) -> Iterator[str]:
    for each in report.withheld:
        since = _clock(each.created_at, zone)
        yield f"{each.entity}: {_plural(each.rows, 'deletion')} since {since}. See: syncflow withheld {each.batch}"


def _oldest(waiting: Waiting, zone: tzinfo | None) -> str:
    return "" if waiting.oldest is None else f", the oldest since {_clock(waiting.oldest, zone)}"


def _rows(counters: Counters) -> str:
    """Rows that were read and what became of them; what nothing became is left out."""
    parts = [f"{getattr(counters, name):,} {word}" for name, word in _OUTCOMES if getattr(counters, name)]
    failed = counters.failed - counters.ignored
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{counters.ignored:,} left out"] if counters.ignored else []
    parts += [f"{_plural(counters.withheld, 'deletion')} withheld"] if counters.withheld else []
    return ", ".join((f"{_plural(counters.fetched, 'row')} read", *parts))


def _clock(moment: datetime, zone: tzinfo | None) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _plural(number: int, singular: str, plural: str | None = None) -> str:
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"
