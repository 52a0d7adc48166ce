"""Nights on a clock that the test moves: the real rounds, the real engine, real servers, a real database."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from syncflow.clock import ManualClock
from syncflow.connectors.auth import Credentials
from syncflow.connectors.exchange import Timeouts
from syncflow.connectors.registry import Endpoint, open_source, open_target
from syncflow.connectors.retrying import RetryPolicy
from syncflow.engine.dispatcher import Dispatcher
from syncflow.engine.extract import PageSizes
from syncflow.engine.nights import NightHabits
from syncflow.engine.runner import Options, Surroundings
from syncflow.events import BatchEnded, ChunkSettled, Event, Listener
from syncflow.model import BatchStatus
from syncflow.protocols import Page, PageRequest, Source
from syncflow.scheduler.jobs import AGAIN, Decision
from syncflow.scheduler.night_requests import NightRequests
from syncflow.scheduler.rounds import Rounds
from syncflow.scheduler.slicing import rows_tonight
from syncflow.schedules import BackgroundSchedule, NightRecord
from syncflow.service.batches import BatchService
from syncflow.service.schedules import GivenTerms, Habits, SchedulesService
from syncflow.store import background_schedules
from syncflow.store.claims import worker_name
from syncflow.store.database import Database
from tests.faults.field import SLUG, TOKENS, Field

CHUNK = 200


@dataclass
class Asked:
    """A page that the source was asked for, and when."""

    at: datetime
    request: PageRequest


class WatchedSource:
    """Notes each page with the time on the test's clock; `before` is called with each request."""

    def __init__(self, source: Source, clock: ManualClock, before: Callable[[PageRequest], None]) -> None:
        self._source = source
        self._clock = clock
        self._before = before
        self.asked: list[Asked] = []

    @property
    def name(self) -> str:
        return self._source.name

    def definition(self, api: str):  # type: ignore[no-untyped-def]
        return self._source.definition(api)

    def definitions(self):  # type: ignore[no-untyped-def]
        return self._source.definitions()

    def page(self, request: PageRequest) -> Page:
        self.asked.append(Asked(self._clock.now(), request))
        self._before(request)
        return self._source.page(request)

    def until(self, should_stop: Callable[[], bool]) -> "WatchedSource":
        return self


@dataclass
class Nights:
    """`advance` moves the clock; `work` does what is due. `seconds_a_chunk` pass on the clock with each chunk."""

    field: Field
    clock: ManualClock
    database: Database
    source: WatchedSource
    batches: BatchService
    rounds: Rounds
    requests: NightRequests
    schedules: SchedulesService
    stopping: threading.Event
    ended: list[BatchEnded] = field(default_factory=list)
    seconds_a_chunk: float = 60.0
    on_chunk: Callable[[ChunkSettled], None] = lambda _: None

    def heard(self, event: Event) -> None:
        if isinstance(event, ChunkSettled):
            self.clock.advance(self.seconds_a_chunk)
            self.on_chunk(event)
        elif isinstance(event, BatchEnded):
            self.ended.append(event)
            if event.status is BatchStatus.INTERRUPTED:
                # The books say by the database's clock when it ended, and that one stands still beside this one.
                self.clock.advance(AGAIN.total_seconds())

    def work(self) -> Decision:
        """Rounds and batches until nothing is due at this moment."""
        while True:
            decision = self.rounds.make()
            assert decision is not None
            groups = self.batches.take_queued(9)
            for group in groups:
                self.batches.carry_out(group)
                self.batches.give_back(group)
            if not groups:
                return decision

    def until(self, at: datetime) -> None:
        """Go from one due moment to the next."""
        while self.clock.now() < at:
            decision = self.work()
            wait = (min(decision.look_at or at, at) - self.clock.now()).total_seconds()
            self.clock.advance(max(0.001, wait))

    @property
    def schedule(self) -> BackgroundSchedule:
        with self.database.begin() as connection:
            found = background_schedules.get(connection, SLUG)
        assert found is not None
        return found

    def records(self) -> Sequence[NightRecord]:
        with self.database.begin() as connection:
            return background_schedules.nights(connection, self.schedule.uid, 1000)[::-1]


@contextmanager
def open_nights(at: Field, start: datetime, terms: GivenTerms, options: str = "", workers: int = 1) -> Iterator[Nights]:
    """A schedule for the field's entity, at work from `start` on."""
    at.configure(options)
    clock = ManualClock(start)
    holder: list[Nights] = []

    def heard(event: Event) -> None:
        holder[0].heard(event)

    with ExitStack() as stack:
        nights = _open(at, clock, heard, stack, lambda _: None, workers)
        holder.append(nights)
        nights.schedules.create(SLUG, terms)
        yield nights


def _open(
    at: Field, clock: ManualClock, listener: Listener, stack: ExitStack, before: Callable[[PageRequest], None],
    workers: int,
) -> Nights:  # fmt: skip
    retry = RetryPolicy(attempts=2, wait_initial=0.02, wait_max=0.1)
    credentials = Credentials(TOKENS.service_token, None, None, None)
    database = stack.enter_context(Database(at.database_url, application=worker_name()))
    apismith = open_source(Endpoint(str(at.settings["apismith_url"]), credentials, Timeouts(exchange=5.0), retry))
    stack.callback(apismith.close)
    target = open_target(
        Endpoint(str(at.settings["schedulehub_url"]), credentials, Timeouts(exchange=5.0), retry, schema=at.schema)
    )
    stack.callback(target.close)
    source = WatchedSource(apismith, clock, before)
    options = Options(chunk_rows=CHUNK, pages=PageSizes(100, 100), workers=workers)
    stopping = threading.Event()
    around = Surroundings(database, source, target, clock, options, listener, stopping)
    dispatcher = Dispatcher(around, 1, NightHabits(rows_tonight, 30.0))
    batches = BatchService(database, source, dispatcher, clock, 100, "test")
    requests = NightRequests(database, clock, source.name, "test")
    rounds = Rounds(database, clock, requests, lambda names: batches.request_due(names, "scheduler"), 0.0, "UTC")
    schedules = SchedulesService(database, clock, Habits(CHUNK), requests.run_now, "test")
    return Nights(at, clock, database, source, batches, rounds, requests, schedules, stopping)
