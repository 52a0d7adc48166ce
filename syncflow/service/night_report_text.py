"""A night in sentences, for a screen and for whoever is sent them.

`say` is what makes words of a text: `str` (English, for messages), or `told` (the reader's language).
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, tzinfo

from syncflow.i18n.texts import Counted, Sentences, Text
from syncflow.model import Counters
from syncflow.service.night_report import EntityNight, NightReport, Waiting

Say = Callable[[Text], str]


def report_lines(report: NightReport, zone: tzinfo | None = None, say: Say = str) -> Iterator[str]:
    """The whole report; times on the clocks of `zone`, None: of this machine."""
    yield from headline(report, zone, say)
    yield from (say(_entity(each)) for each in report.entities)
    yield from rest(report, zone, say)


def headline(report: NightReport, zone: tzinfo | None = None, say: Say = str) -> Iterator[str]:
    """What the night did, over all."""
    syncs = sum(each.batches for each in report.entities)
    yield say(Text("{since} to {until}", since=report.since.astimezone(zone), until=report.until.astimezone(zone)))
    if not report.entities:
        yield say(Text("Nothing was synced."))
        return
    entities = Counted("{n} entity", "{n} entities", len(report.entities))
    retries = sum(each.retries for each in report.entities)
    if retries:
        yield say(Text("{batches} and {retries} of {entities}: {rows}.", batches=_batches(syncs),
                       retries=_retries(retries), entities=entities, rows=_rows(report.total)))  # fmt: skip
    else:
        yield say(Text("{batches} of {entities}: {rows}.", batches=_batches(syncs), entities=entities,
                       rows=_rows(report.total)))  # fmt: skip
    if report.running:
        yield say(Counted("{n} batch is under way still.", "{n} batches are under way still.", report.running))


def rest(report: NightReport, zone: tzinfo | None = None, say: Say = str) -> Iterator[str]:
    """Everything but the entities' own lines: slices, failures, queues, and what needs a person."""
    sections = (
        (Text("By night"), (line for each in report.entities for line in _slices(each))),
        (Text("Failed"), _failed(report, zone)),
        (Text("Waits"), _waits(report.pending, zone)),
        (Text("Withheld"), _withheld(report, zone)),
        (Text("Needs a person"), _to_do(report)),
    )
    for title, lines in sections:
        yield from _section(title, lines, say)
    if not report.to_do:
        yield ""
        yield say(Text("Nothing needs a person."))


def _section(title: Text, lines: Iterable[Text], say: Say) -> Iterator[str]:
    said = [f"  {say(line)}" for line in lines]
    if said:
        yield ""
        yield say(title)
        yield from said


def _entity(each: EntityNight) -> Text:
    """`items: 1 batch, 1,000 rows read, 12 in, 3 up, 985 unchanged`."""
    batches, rows = _batches(each.batches), _rows(each.counters)
    if not each.retries:
        return Text("{entity}: {batches}, {rows}", entity=each.entity, batches=batches, rows=rows)
    return Text("{entity}: {batches} and {retries}, {rows}", entity=each.entity, batches=batches,
                retries=_retries(each.retries), rows=rows)  # fmt: skip


def _retries(count: int) -> Counted:
    return Counted("{n} retry", "{n} retries", count)


def _slices(each: EntityNight) -> Iterator[Text]:
    for night in each.slices:
        ended = Text("at work") if night.reason is None else Text(night.reason.replace("_", " "))
        yield Counted(
            "{entity}: {done} of {n} planned row, {ended}", "{entity}: {done} of {n} planned rows, {ended}",
            night.planned, entity=each.entity, done=night.rows, ended=ended,
        )  # fmt: skip
    if each.schedule is not None:
        cycle = str(each.schedule.schedule.cycle)
        yield Text("{entity}: cycle {cycle} {forecast}", entity=each.entity, cycle=cycle,
                   forecast=each.schedule.forecast_text)  # fmt: skip


def _failed(report: NightReport, zone: tzinfo | None) -> Iterator[Text]:
    for batch in report.failed_batches:
        yield Text("{entity}: {why}. See: {command}", entity=batch.entity, why=batch.message,
                   command=f"syncflow status {batch.batch}")  # fmt: skip
    for each in report.entities:
        failed = each.counters.failed - each.counters.ignored
        if failed > 0:
            yield Counted("{entity}: {n} row failed in this time", "{entity}: {n} rows failed in this time", failed,
                          entity=each.entity)  # fmt: skip
    if report.failed_records.rows:
        yield Counted(
            "{n} failed record open in all, the oldest since {since}. See: {command}",
            "{n} failed records open in all, the oldest since {since}. See: {command}",
            report.failed_records.rows, since=_oldest(report.failed_records, zone), command="syncflow failed list",
        )  # fmt: skip


def _waits(waiting: Waiting, zone: tzinfo | None) -> Iterator[Text]:
    if waiting.rows:
        yield Counted(
            "{n} row for a parent, the oldest since {since}. See: {command}",
            "{n} rows for a parent, the oldest since {since}. See: {command}",
            waiting.rows, since=_oldest(waiting, zone), command="syncflow pending list",
        )  # fmt: skip


def _withheld(report: NightReport, zone: tzinfo | None) -> Iterator[Text]:
    for each in report.withheld:
        yield Counted(
            "{entity}: {n} deletion since {since}. See: {command}",
            "{entity}: {n} deletions since {since}. See: {command}",
            each.rows, entity=each.entity, since=each.created_at.astimezone(zone),
            command=f"syncflow withheld {each.batch}",
        )  # fmt: skip


def _to_do(report: NightReport) -> Iterator[Text]:
    for each in report.to_do:
        yield Text("{entity}: {what}. Type: {command}", entity=each.entity, what=each.what, command=each.command)


def _oldest(waiting: Waiting, zone: tzinfo | None) -> datetime | str:
    return "" if waiting.oldest is None else waiting.oldest.astimezone(zone)


def _batches(number: int) -> Text:
    return Counted("{n} batch", "{n} batches", number)


def _rows(counters: Counters) -> Text:
    """Rows that were read and what became of them; what nothing became is left out."""
    parts = (
        (counters.inserted, Text("{n} in", n=counters.inserted)),
        (counters.updated, Text("{n} up", n=counters.updated)),
        (counters.deleted, Text("{n} deleted", n=counters.deleted)),
        (counters.unchanged, Text("{n} unchanged", n=counters.unchanged)),
        (counters.duplicate, Text("{n} duplicate", n=counters.duplicate)),
        (counters.pending, Text("{n} waiting for parents", n=counters.pending)),
        (failed := counters.failed - counters.ignored, Counted("{n} failed", "{n} failed", failed)),
        (counters.ignored, Text("{n} left out", n=counters.ignored)),
        (counters.withheld, Counted("{n} deletion withheld", "{n} deletions withheld", counters.withheld)),
    )
    read = Counted("{n} row read", "{n} rows read", counters.fetched)
    return Sentences([read, *(text for number, text in parts if number > 0)], ", ")
