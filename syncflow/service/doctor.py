"""The examination of an installation: one finding after the other, each with what to do. It works with whatever is
there: what cannot be had is a failure, and the rest is examined all the same."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

from syncflow.clock import Clock
from syncflow.errors import SyncFlowError
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
from syncflow.model import Entity
from syncflow.schedules import BackgroundSchedule, NightRecord
from syncflow.service.doctor_database import examine_database
from syncflow.service.doctor_machine import examine_disks, examine_time_zones, examine_versions
from syncflow.service.doctor_neighbours import ExaminedSource, ExaminedTarget, examine_source, examine_target
from syncflow.service.doctor_schedules import examine_daemons, examine_late, examine_schedules
from syncflow.service.doctor_settings import examine_settings
from syncflow.service.findings import Finding as Finding  # what is found
from syncflow.service.findings import Grade as Grade
from syncflow.service.findings import failure, warning
from syncflow.settings import Settings
from syncflow.store import background_schedules, daemons, entity_config, migrate, sync_batches
from syncflow.store.daemons import THERE_SECONDS, Daemon
from syncflow.store.database import Connection, Database

_HISTORY = 14


@dataclass(frozen=True)
class _Books:
    """What the rest of the examination goes by; nothing where the database is not to be had."""

    entities: Mapping[str, Entity] = field(default_factory=dict)
    schedules: Mapping[str, BackgroundSchedule] = field(default_factory=dict)
    nights: Mapping[str, list[NightRecord]] = field(default_factory=dict)
    at_work: frozenset[str] = frozenset()
    daemons: tuple[Daemon, ...] = ()


class Doctor:
    """`opens_database` gives it for as long as a block runs, migrated or not, and raises SyncFlowError when it is not
    to be had. Nothing is changed anywhere, but that the embedded database is made by its first start."""

    def __init__(
        self,
        settings: Settings,
        opens_database: Callable[[], AbstractContextManager[Database]],
        opens_source: Callable[[], ExaminedSource],
        opens_target: Callable[[], ExaminedTarget],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._opens_database = opens_database
        self._opens_source = opens_source
        self._opens_target = opens_target
        self._clock = clock

    def examine(self) -> Iterator[Finding]:
        """As it goes: some of it takes seconds. Each finding as soon as it is known."""
        settings = self._settings
        yield from examine_settings(settings)
        yield from examine_versions()
        yield from examine_time_zones(settings)
        yield from examine_disks(settings)
        with ExitStack() as stack:
            books = yield from self._database(stack)
            known = books or _Books()
            enabled = [each for each in known.entities.values() if each.sync_enabled]
            yield from _safely(N_("APISmith"), examine_source(self._opens_source, enabled, self._clock))
            yield from _safely(
                N_("ScheduleHub"), examine_target(self._opens_target, enabled, known.at_work, self._clock)
            )
            if books is not None:
                yield from self._schedules(books)

    def _database(self, stack: ExitStack) -> Generator[Finding, None, _Books | None]:
        """Gives what the books hold, None where they cannot be read."""
        embedded = self._settings.database_url is None
        if embedded:
            said = Text(
                "none is configured: this is the embedded one in {folder}", folder=str(self._settings.state_dir)
            )
            remedy = Text("For more than a trial set DATABASE_URL or POSTGRES_HOST.")
            yield warning(N_("database"), said, remedy)
        try:
            database = stack.enter_context(self._opens_database())
            yield from examine_database(database, self._clock, embedded=embedded)
            if migrate.current(database) != migrate.head():
                return None
            with database.begin() as connection:
                return _read(connection)
        except SyncFlowError as error:
            yield failure(N_("database"), error.text)
            return None

    def _schedules(self, books: _Books) -> Iterator[Finding]:
        settings = self._settings
        interval, zone = settings.default_sync_interval_seconds, settings.schedule_time_zone
        yield from examine_schedules(books.entities, books.schedules, interval, zone)
        yield from examine_late(books.schedules, books.nights, self._clock.now(), settings.sync_chunk_rows)
        wanted = bool(books.schedules) or interval > 0 or any(each.sync_schedule for each in books.entities.values())
        yield from examine_daemons(books.daemons, wanted=wanted)


def _safely(name: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """What breaks an examination off is its last finding."""
    try:
        yield from findings
    except SyncFlowError as error:
        yield failure(name, error.text)


def _read(connection: Connection) -> _Books:
    schedules = background_schedules.load_all(connection)
    entities = entity_config.load_all(connection)
    return _Books(
        entities=entities,
        schedules=schedules,
        nights={name: background_schedules.nights(connection, each.uid, _HISTORY) for name, each in schedules.items()},
        at_work=frozenset(name for name in entities if sync_batches.at_work(connection, name) is not None),
        daemons=tuple(daemons.load_all(connection, THERE_SECONDS)),
    )
