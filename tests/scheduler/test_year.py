"""A year of nights in seconds: the scheduler's own decisions on a clock that goes from one due moment to the next, with
a source of a size that changes, outages, and nights in which the machine is off."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.model import BatchStatus, Entity, SyncType
from syncflow.scheduler.forecast import forecast
from syncflow.scheduler.jobs import Begin, Facts, GoOn, decide
from syncflow.scheduler.slicing import rows_tonight
from syncflow.schedules import BackgroundSchedule, NightEnd, NightRecord
from syncflow.store.night_slices import NightBatch

pytestmark = pytest.mark.unit

ZONES = ("Europe/Berlin", "Asia/Tehran", "Europe/Istanbul", "America/New_York")
SCHEDULE = UUID(int=7)
CHUNK = 50_000
FORESEEN = 0.03
"""Of the nights are forecast from: that looks at all nights to come."""
START = datetime(2025, 6, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
OPENS, CLOSES = time(19), time(7)


@dataclass
class Year:
    """A source of `rows` rows that are read `rate` a second; `trouble` is how often a chunk meets an outage, `off` how
    often the machine is off for a day or two."""

    zone: str
    seed: int
    rows: int = 9_000_000
    rate: float = 60.0
    trouble: float = 0.01
    off: float = 0.02
    now: datetime = START
    chunks: list[tuple[datetime, int, int]] = field(default_factory=list)
    """When it began, the cycle, and the offset at which it began."""
    cycles: list[tuple[int, int]] = field(default_factory=list)
    """The cycles that came to their end, each with the rows that it has settled."""
    history: list[NightRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.schedule = BackgroundSchedule(SCHEDULE, "items", OPENS, CLOSES, self.zone, days_to_complete=7)
        self.batch: NightBatch | None = None

    def run(self) -> "Year":
        while self.now < START + YEAR:
            facts = Facts(
                {"items": Entity("items", "items", ("id",))},
                schedules={"items": self.schedule},
                nights={} if self.batch is None else {SCHEDULE: [self.batch]},
            )
            decision = decide(facts, self.now)
            for begin in decision.begin:
                self._begin(begin)
            for go_on in decision.go_on:
                self._go_on(go_on)
            assert len(decision.begin) + len(decision.go_on) <= 1, "one part at a time"
            if not decision.begin and not decision.go_on:
                assert decision.look_at is not None
                assert decision.look_at > self.now
                self.now = decision.look_at
                if self.random.random() < self.off:
                    self.now += timedelta(hours=self.random.randint(1, 60))
        return self

    def _begin(self, begin: Begin) -> None:
        terms, done = begin.terms, self.schedule.current_offset
        self.rows += self.random.randint(-20_000, 60_000)
        self.rows = max(self.rows, done + 1)
        planned = rows_tonight(self.rows, done, terms.nights_left, CHUNK)
        if self.schedule.cycle_started_at is None:
            self.schedule = replace(self.schedule, cycle_started_at=self.now)
        self.schedule = replace(self.schedule, source_rows=self.rows, nights=self.schedule.nights + 1)
        uid = UUID(int=len(self.history) + 1)
        self.batch = NightBatch(uid, SyncType.BACKGROUND, terms, BatchStatus.RUNNING, self.now, stopped=False)
        night = NightRecord(SCHEDULE, terms.night, uid, self.schedule.cycle, planned, self.now)
        self.history.insert(0, night)
        self._work()

    def _go_on(self, go_on: GoOn) -> None:
        assert self.batch is not None
        assert go_on.batch == self.batch.uid
        self._work()

    def _work(self) -> None:
        """Chunk by chunk, as the engine does."""
        assert self.batch is not None
        end = self.batch.terms.window_end
        assert end is not None
        while self.history[0].rows < self.history[0].planned and self.schedule.current_offset < self.rows:
            if self.now >= end:
                self._ends(BatchStatus.COMPLETED, NightEnd.WINDOW_END)
                return
            if self.random.random() < self.trouble:
                self.now += timedelta(minutes=self.random.randint(0, 40))
                self._ends(BatchStatus.INTERRUPTED, NightEnd.SOURCE_DOWN)
                return
            self._chunk()
        if self.schedule.current_offset >= self.rows:
            self.cycles.append((self.schedule.cycle, self.schedule.current_offset))
            self._ends(BatchStatus.COMPLETED, NightEnd.CYCLE_DONE)
            cycle = self.schedule.cycle + 1
            self.schedule = replace(
                self.schedule, cycle=cycle, current_offset=0, nights=0, cycle_started_at=None, last_key=None
            )
        else:
            self._ends(BatchStatus.COMPLETED, NightEnd.SLICE_DONE)

    def _chunk(self) -> None:
        done = self.schedule.current_offset
        rows = min(CHUNK, self.rows - done)
        self.chunks.append((self.now, self.schedule.cycle, done))
        seconds = rows / (self.rate * self.random.uniform(0.5, 1.5))
        self.now += timedelta(seconds=seconds)
        self.schedule = replace(self.schedule, current_offset=done + rows)
        night = self.history[0]
        self.history[0] = replace(night, rows=night.rows + rows, seconds=night.seconds + seconds)

    def _ends(self, status: BatchStatus, reason: NightEnd) -> None:
        assert self.batch is not None
        self.batch = replace(self.batch, status=status, reason=reason, touched_at=self.now)
        self.history[0] = replace(self.history[0], ended_at=self.now, reason=reason)
        if self.random.random() > FORESEEN:
            return
        foreseen = forecast(self.schedule, self.history, self.now, CHUNK)
        assert foreseen.finishes_at is None or foreseen.finishes_at >= self.now, "nobody promises the past"


def is_open(at: datetime, zone: str) -> bool:
    """By the clock on the wall alone."""
    clock = at.astimezone(ZoneInfo(zone)).time()
    return clock >= OPENS or clock < CLOSES


def night_of(at: datetime, zone: str) -> date:
    here = at.astimezone(ZoneInfo(zone))
    return here.date() - timedelta(days=here.time() < CLOSES)


def holds(year: Year) -> None:
    """What must hold of any year."""
    assert all(is_open(at, year.zone) for at, _, _ in year.chunks)
    expected = (1, 0)
    for (_, cycle, offset), following in zip(year.chunks, [*year.chunks[1:], None], strict=True):
        assert (cycle, offset) == expected, "no row is left out, none is read twice, no offset goes back"
        expected = (cycle, offset + CHUNK) if following is None or following[1] == cycle else (cycle + 1, 0)
    nights = [night.night for night in year.history]
    assert len(set(nights)) == len(nights), "one batch a night"
    assert nights == sorted(nights, reverse=True)
    assert [cycle for cycle, _ in year.cycles] == list(range(1, len(year.cycles) + 1))


@pytest.mark.parametrize("zone", ZONES)
def test_a_year_without_trouble_works_in_every_night(zone: str) -> None:
    year = Year(zone, 1, trouble=0, off=0).run()
    holds(year)
    worked = {night_of(at, zone) for at, _, _ in year.chunks}
    first = START.astimezone(ZoneInfo(zone)).date()
    assert worked >= {first + timedelta(days=day) for day in range(1, 364)}
    # Nine million rows and more in seven nights each: some cycle is late by a night at most.
    assert len(year.cycles) >= 365 // 8


@pytest.mark.parametrize("zone", ZONES)
def test_a_slow_source_fills_the_window_to_its_end(zone: str) -> None:
    """A night has 11 or 13 hours when the clocks change in it, and is worked on for all of them."""
    year = Year(zone, 2, rows=10**9, rate=10.0, trouble=0, off=0).run()
    holds(year)
    hours: dict[date, timedelta] = {}
    for night in year.history[1:-1]:
        assert night.ended_at is not None
        hours[night.night] = night.ended_at - night.started_at
    shifts = {night for night in hours if utc_hours(night, zone) != 12}
    assert len(shifts) == (2 if zone in ("Europe/Berlin", "America/New_York") else 0)
    for night, worked in hours.items():
        longest = timedelta(seconds=CHUNK / 5)
        assert timedelta(0) <= worked - timedelta(hours=utc_hours(night, zone)) <= longest


def utc_hours(night: date, zone: str) -> float:
    """How long a night is, from its opening to its closing on the wall."""
    opens = datetime.combine(night, OPENS, ZoneInfo(zone))
    closes = datetime.combine(night + timedelta(days=1), CLOSES, ZoneInfo(zone))
    return (closes.astimezone(UTC) - opens.astimezone(UTC)).total_seconds() / 3600


@settings(max_examples=10)
@given(st.sampled_from(ZONES), st.integers(0, 2**32), st.floats(0, 0.05), st.floats(0, 0.3), st.floats(20, 400))
def test_a_year_with_outages_and_nights_off_leaves_nothing_out(
    zone: str, seed: int, trouble: float, off: float, rate: float
) -> None:
    year = Year(zone, seed, rows=4_000_000, rate=rate, trouble=trouble, off=off).run()
    holds(year)
    assert year.chunks
