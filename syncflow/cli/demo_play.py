"""The demo: a company's data synced from nothing, twice, with a day of business between."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from syncflow.cli.batches import failure_lines
from syncflow.cli.demo_place import SCHEMA, DemoPlace, demo_place
from syncflow.cli.figures import count
from syncflow.cli.graceful import graceful
from syncflow.cli.progress import Display, display
from syncflow.cli.report import OK, Outcome, exit_code, messages, outcome, outcome_table
from syncflow.cli.session import send_logs
from syncflow.i18n.catalog import _, plural
from syncflow.model import SyncType
from syncflow.runtime import Runtime, open_runtime
from syncflow.sandbox.erp.day import DayReport
from syncflow.sandbox.erp.entities import entities_yaml
from syncflow.store.failed_records import FailedRecord

FAILURES_SHOWN = 3
_COLUMNS = ("fetched", "inserted", "updated", "deleted", "unchanged", "pending", "failed")
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Day:
    """One sync of everything; `company` is what the day before it changed in the ERP, by table."""

    day: int
    company: Mapping[str, DayReport]
    batches: list[Outcome]


@dataclass(frozen=True)
class DemoDocument:
    """What `demo --json` prints. `waited` children were without a parent on the first day, `waiting_still` of them are
    on the second; the others are loaded, or have gone from the ERP. `kept_in` is where everything was left."""

    rows: int
    seed: int
    days: list[Day]
    failures: list[FailedRecord]
    waited: int
    waiting_still: int
    kept_in: str | None
    exit_code: int


def play(rows: int, seed: int, tell: Tell, *, http: bool, keep: bool, console: bool = False) -> DemoDocument:
    """Everything from the company to the last word; `tell` is given one line at a time. `console` opens the console on
    it before everything is put away."""
    company = _("A company behind an APISmith ({rows} rows in its biggest table), and an empty ScheduleHub.")
    tell(company.format(rows=count(rows)))
    with demo_place(rows, seed, http=http, keep=keep) as place:
        days, failures, waited, still = _two_days(place, tell)
        code = _exit_code([batch for day in days for batch in day.batches])
        if code == OK:
            for line in (*_failure_findings(failures), *_child_findings(waited, still)):
                tell(line)
            if console:
                _open_console(place, tell)
    kept = str(place.directory) if keep else None
    for line in _goodbye() if kept is None else _what_next(kept, _servers(rows, seed, http=http)):
        tell(line)
    return DemoDocument(rows, seed, days, failures, waited, still, kept, code)


def _two_days(place: DemoPlace, tell: Tell) -> tuple[list[Day], list[FailedRecord], int, int]:
    """The days, the rows that failed, how many children waited after the first and how many still after the second."""
    shown = display(quiet=True)
    with open_runtime(place.settings, shown, actor="demo") as runtime:
        stage = _Stage(place, runtime, shown, tell)
        stage.configure()
        days = [stage.sync(0, {})]
        before = runtime.batches.waiting()
        if not runtime.stopping.is_set():
            days.append(stage.sync(1, stage.day_of_business()))
        batches = [batch for day in days for batch in day.batches]
        return days, stage.failures(batches), len(before), len(before & runtime.batches.waiting())


def _open_console(place: DemoPlace, tell: Tell) -> None:
    """In a process of its own, since this one serves the company."""
    tell("")
    tell(_("The console opens on it: q leaves it, ? helps. Enter opens it now."))
    sys.stdin.readline()
    start = "from syncflow.cli.main import main; main()"
    subprocess.run([sys.executable, "-c", start], env={**os.environ, **place.environment}, check=False)  # noqa: S603


class _Stage:
    """The acts of the demo."""

    def __init__(self, place: DemoPlace, runtime: Runtime, shown: Display, tell: Tell) -> None:
        self._place = place
        self._runtime = runtime
        self._shown = shown
        self._tell = tell

    def configure(self) -> None:
        """What APISmith publishes, configured as the company's own file says."""
        proposed = self._runtime.entities.discover()
        done = self._runtime.entities.import_yaml(entities_yaml(), "the company's entities.yaml")
        configured = plural("{n} entity configured", "{n} entities configured", len(done.created))
        self._tell(plural("{n} API found, {more}.", "{n} APIs found, {more}.", len(proposed), more=configured))

    def day_of_business(self) -> Mapping[str, DayReport]:
        report = self._place.advance_day()
        come, changed, gone = (
            count(sum(getattr(one, name) for one in report.values())) for name in ("inserted", "updated", "deleted")
        )
        self._tell("")
        said = _("A day goes by in the company: {come} rows come, {changed} change, {gone} go.")
        self._tell(said.format(come=come, changed=changed, gone=gone))
        return report

    def sync(self, day: int, company: Mapping[str, DayReport]) -> Day:
        names = [entity.name for entity in self._runtime.entities.all()]
        with graceful(self._runtime.stopping, self._place.put_away), self._shown:
            send_logs(self._runtime.settings)
            ended = [outcome(batch) for batch in self._runtime.batches.sync(names, SyncType.INCREMENTAL)]
        self._tell("")
        self._tell(_("Day {day}").format(day=count(day + 1)))
        for line in (*outcome_table(ended, _COLUMNS), *messages(ended)):
            self._tell(line)
        return Day(day, company, ended)

    def failures(self, batches: Iterable[Outcome]) -> list[FailedRecord]:
        """A few open failed records, of different kinds first, the newest batches' first."""
        found: dict[tuple[str, str | None], list[FailedRecord]] = {}
        for batch in sorted(batches, key=lambda batch: batch.batch, reverse=True):
            if batch.counters.failed:
                for record in self._runtime.batches.failures(batch.batch, FAILURES_SHOWN):
                    found.setdefault((record.error_type, record.field), []).append(record)
        turns = zip_longest(*found.values())
        return [record for turn in turns for record in turn if record is not None][:FAILURES_SHOWN]


def _failure_findings(failures: Sequence[FailedRecord]) -> Iterator[str]:
    if failures:
        yield ""
        yield plural("{n} row of those that failed, and why:", "{n} rows of those that failed, and why:", len(failures))
        for record in failures:
            yield from failure_lines(record)


def _child_findings(waited: int, still: int) -> Iterator[str]:
    if waited:
        yield ""
        yield plural(
            "On the first day {n} child came before its parent and waited.",
            "On the first day {n} children came before their parents and waited.",
            waited,
        )
        if still:
            yield plural(
                "On the second day parents came: {n} of them waits still.",
                "On the second day parents came: {n} of them wait still.",
                still,
            )
        else:
            yield _("On the second day the parents came: none of them waits any more.")


def _goodbye() -> Iterator[str]:
    yield ""
    yield _("Everything is removed again. To keep it and look at it: syncflow demo --keep")


def _servers(rows: int, seed: int, *, http: bool) -> dict[str, str]:
    """The commands that start the neighbours again, each in a terminal of its own."""
    company = {
        f"syncflow sandbox apismith --rows {rows} --seed {seed} --days 1": _("the company again; leave it running")
    }
    return {**company, "syncflow sandbox schedulehub": _("ScheduleHub; leave it running, too")} if http else company


def _what_next(kept: str, servers: Mapping[str, str]) -> Iterator[str]:
    yield ""
    yield _("Everything is kept in {folder} until you remove it (rm -r {folder}).").format(folder=kept)
    yield _("Called there, syncflow is about this database: cd {folder}").format(folder=kept)
    commands = {
        "syncflow status": _("what was synced last"),
        "syncflow history": _("every batch"),
        **servers,
        "syncflow sync --all": _("in another terminal: only sites and work areas, which go by full, are written anew"),
        'psql "$(syncflow db url)"': _(
            "while one of these runs; ScheduleHub's tables are in the schema {schema}"
        ).format(schema=SCHEMA),
    }
    width = max(len(command) for command in commands)
    yield from (f"  {command.ljust(width)}  {what}" for command, what in commands.items())


def _exit_code(ended: Sequence[Outcome]) -> int:
    """Rows that fail belong to the demo; a batch that ended early does not."""
    return exit_code([batch for batch in ended if batch.error_exit_code is not None])
