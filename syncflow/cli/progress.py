"""Progress of running batches, on standard error: bars in a terminal, plain lines elsewhere."""

import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self, TextIO
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from syncflow.cli.figures import count, duration, per_second
from syncflow.events import BatchEnded, BatchStarted, ChunkSettled, Event
from syncflow.i18n.catalog import _, plural
from syncflow.i18n.formats import percent

LINE_SECONDS = 2.0
"""The least time between two lines about one batch where nobody sees bars."""
_TOLD = ("inserted", "updated", "deleted", "unchanged", "duplicate", "pending", "failed", "withheld")


class Display(Protocol):
    """Shows events; called by worker threads."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __call__(self, event: Event) -> None: ...


@dataclass
class Pace:
    """How fast one batch goes. `rows` counts what is settled, what was settled before a resumption included."""

    entity: str
    started: float
    resumed: int = 0
    rows: int = 0
    expected: int | None = None
    last: float = 0.0
    stage_seconds: Mapping[str, float] = field(default_factory=dict)

    def take(self, event: ChunkSettled, now: float) -> None:
        self.rows = event.counters.fetched
        announced = event.expected_rows
        self.expected = announced if announced is not None and announced >= self.rows else None
        self.stage_seconds = event.stage_seconds
        self.last = now

    @property
    def rate(self) -> int:
        """Rows a second since this process began or resumed the batch."""
        return per_second(self.rows - self.resumed, self.last - self.started)

    @property
    def remaining(self) -> float | None:
        """Seconds, as far as the source has told how many rows there are; None at the end."""
        if self.expected is None or self.expected == self.rows or self.rate == 0:
            return None
        return (self.expected - self.rows) / self.rate

    @property
    def slowest(self) -> str:
        """The stage that holds the rest up, with its share of all stages' time; empty before anything is known."""
        total = sum(self.stage_seconds.values())
        if total <= 0:
            return ""
        stage = max(self.stage_seconds, key=lambda name: self.stage_seconds[name])
        return f"{stage} {percent(round(self.stage_seconds[stage] / total, 2))}"

    def describe(self) -> str:
        """`50,000 of 1,000,000 rows, 23,400 rows/s, 40 s left, mostly load 61%`."""
        if self.expected is None or self.expected == self.rows:
            parts = [plural("{n} row", "{n} rows", self.rows)]
        else:
            parts = [_("{rows} of {all} rows").format(rows=count(self.rows), all=count(self.expected))]
        parts.append(_("{rows} rows/s").format(rows=count(self.rate)))
        if self.remaining is not None:
            parts.append(_("{time} left").format(time=duration(self.remaining)))
        if self.slowest:
            parts.append(_("mostly {stage}").format(stage=self.slowest))
        return _(", ").join(parts)


def end_line(event: BatchEnded) -> str:
    """`items: completed, 1,000 rows in 0.42 s (inserted 990, failed 10)`."""
    counters = event.counters
    told = _(", ").join(f"{_(name)} {count(getattr(counters, name))}" for name in _TOLD if getattr(counters, name))
    rows = plural("{n} row in {time}", "{n} rows in {time}", counters.fetched, time=duration(event.seconds))
    return f"{event.entity}: {_(event.status)}{_(', ')}{rows}" + (f" ({told})" if told else "")


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def __call__(self, event: Event) -> None:
        pass


class Lines:
    """One line when a batch ends, and while it runs one a chunk at most."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._paces: dict[UUID, Pace] = {}
        self._said: dict[UUID, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.flush()

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        with self._lock:
            if isinstance(event, BatchStarted):
                self._paces[event.batch] = _pace(event, now)
                self._said[event.batch] = now
                if event.resumed_rows:
                    self._say(f"{event.entity}: {_goes_on(event)}")
            elif isinstance(event, BatchEnded):
                self._say(end_line(event))
            else:
                self._chunk(event, now)

    def _chunk(self, event: ChunkSettled, now: float) -> None:
        pace = self._paces[event.batch]
        pace.take(event, now)
        if now - self._said[event.batch] >= LINE_SECONDS:
            self._said[event.batch] = now
            self._say(f"{event.entity}: {pace.describe()}")

    def _say(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


class Bars:
    """A bar for each running batch; those that have ended move up as lines."""

    def __init__(self, stream: TextIO) -> None:
        self._lock = threading.Lock()
        self._paces: dict[UUID, Pace] = {}
        self._tasks: dict[UUID, TaskID] = {}
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[told]}"),
            console=Console(file=stream, highlight=False, markup=False, soft_wrap=True),
            transient=True,
            refresh_per_second=8,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        with self._lock:
            if isinstance(event, BatchStarted):
                self._begin(event, now)
            elif isinstance(event, ChunkSettled):
                self._advance(event, now)
            else:
                self._end(event)

    def _begin(self, event: BatchStarted, now: float) -> None:
        self._paces[event.batch] = _pace(event, now)
        told = _goes_on(event) if event.resumed_rows else _("reading")
        self._tasks[event.batch] = self._progress.add_task(event.entity, total=None, told=told)

    def _advance(self, event: ChunkSettled, now: float) -> None:
        pace = self._paces[event.batch]
        pace.take(event, now)
        self._progress.update(
            self._tasks[event.batch], total=pace.expected, completed=pace.rows, told=pace.describe(), refresh=True
        )

    def _end(self, event: BatchEnded) -> None:
        task = self._tasks.pop(event.batch, None)
        if task is not None:
            self._progress.remove_task(task)
        self._progress.console.print(end_line(event))


def display(*, quiet: bool) -> Display:
    """Bars where standard error is a terminal, else lines, or nothing when `quiet`."""
    if sys.stderr.isatty():
        return Bars(sys.stderr)
    return Silent() if quiet else Lines(sys.stderr)


def _goes_on(event: BatchStarted) -> str:
    return plural("goes on after {n} row", "goes on after {n} rows", event.resumed_rows)


def _pace(event: BatchStarted, now: float) -> Pace:
    return Pace(event.entity, started=now, resumed=event.resumed_rows, rows=event.resumed_rows, last=now)
