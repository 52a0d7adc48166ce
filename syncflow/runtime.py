"""The one place where parts are made and handed to each other."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from importlib.metadata import version

from pydantic import SecretStr

from syncflow.actor import this_user
from syncflow.clock import Clock, SystemClock
from syncflow.collector import spare_what_is_loaded
from syncflow.connectors.auth import Credentials, Minting
from syncflow.connectors.exchange import Timeouts
from syncflow.connectors.registry import Endpoint, open_source, open_target
from syncflow.connectors.retrying import RetryPolicy
from syncflow.connectors.webhook import Webhook
from syncflow.engine.dispatcher import Dispatcher
from syncflow.engine.dry_run import DryRun
from syncflow.engine.error_rate import ErrorLimit
from syncflow.engine.extract import PageSizes
from syncflow.engine.nights import NightHabits
from syncflow.engine.runner import Options, Surroundings
from syncflow.events import Event, Listener, News
from syncflow.observe.figures import Figures
from syncflow.protocols import Source, Target
from syncflow.queues.failed_records import RetryRule
from syncflow.scheduler.cleanup import CleanUp
from syncflow.scheduler.night_requests import NightRequests
from syncflow.scheduler.rounds import Rounds
from syncflow.scheduler.service import Scheduler
from syncflow.scheduler.slicing import rows_tonight
from syncflow.service.alert_causes import Limits
from syncflow.service.alert_command import AlertCommand
from syncflow.service.alert_facts import AlertFacts
from syncflow.service.alert_telling import AlertTelling, Channel, Origin
from syncflow.service.alerts import AlertService
from syncflow.service.approvals import ApprovalService
from syncflow.service.audit_trail import AuditTrailService
from syncflow.service.batch_detail import BatchDetailService
from syncflow.service.batches import BatchService
from syncflow.service.doctor import Doctor
from syncflow.service.dry_runs import DryRunService
from syncflow.service.entities import EntityService
from syncflow.service.explain import ExplainService
from syncflow.service.failed_records import FailedRecordService
from syncflow.service.health import HealthService
from syncflow.service.mapping_preview import MappingPreviewService
from syncflow.service.morning import Morning
from syncflow.service.neighbours import Checkable, NeighbourService, NeighbourWatch
from syncflow.service.night_report import NightReportService
from syncflow.service.overview import OverviewService
from syncflow.service.pending_children import PendingChildService
from syncflow.service.presence import PresenceService
from syncflow.service.remedies import RemedyService
from syncflow.service.schedules import Habits, SchedulesService
from syncflow.service.statistics import StatisticsService
from syncflow.service.tokens import TokenService
from syncflow.service.watch import Relay, Watch
from syncflow.service.worker import Worker
from syncflow.settings import Settings, kept_tokens
from syncflow.store import migrate
from syncflow.store.claims import worker_name
from syncflow.store.database import Database
from syncflow.store.embedded import EmbeddedPostgres
from syncflow.store.queue_counts import QueueCounts


@dataclass(frozen=True)
class Runtime:
    """A SyncFlow at work: what the command line, the console and the daemon are given."""

    settings: Settings
    database: Database
    source: Source
    target: Target
    batches: BatchService
    entities: EntityService
    mapping_previews: MappingPreviewService
    failed_records: FailedRecordService
    pending_children: PendingChildService
    remedies: RemedyService
    schedules: SchedulesService
    night_report: NightReportService
    dry_runs: DryRunService
    approvals: ApprovalService
    audit_trail: AuditTrailService
    statistics: StatisticsService
    batch_detail: BatchDetailService
    explain: ExplainService
    tokens: TokenService
    overview: OverviewService
    neighbours: NeighbourService
    neighbour_watch: NeighbourWatch
    """Not asked yet: who has the time calls its `look` again and again."""
    alerts: AlertService
    doctor: Doctor
    presence: PresenceService
    health: HealthService
    figures: Figures
    telling: AlertTelling
    morning: Morning
    scheduler: Scheduler
    """Not started, as the worker."""
    worker: Worker
    """Not started: who has the time for it starts it."""
    stopping: threading.Event
    """Set it, and running batches stop at their next checkpoint, resumable."""

    def watch(self, listener: Callable[[News], None]) -> Watch:
        """A watch over all processes on this database, not started; it tells this process's worker and scheduler as
        well."""

        def tell(news: News) -> None:
            self.worker.heard(news)
            self.scheduler.heard(news)
            listener(news)

        return Watch(self.database, tell)


CHECK_SECONDS = 4.0
"""How long a neighbour may take to say that it is there."""


def nobody(_: Event) -> None:
    """A listener that does not listen."""


def doctor_of(settings: Settings) -> Doctor:
    """Who examines an installation whatever there is of it. Nothing is opened before it examines."""
    return _doctor(settings, lambda: _any_database(settings), "syncflow doctor")


def _doctor(settings: Settings, opens: Callable[[], AbstractContextManager[Database]], application: str) -> Doctor:
    return Doctor(
        settings,
        opens,
        lambda: open_source(_briefly(_apismith(settings))),
        lambda: open_target(_briefly(_schedulehub(settings, application))),
        SystemClock(),
    )


@contextmanager
def _any_database(settings: Settings) -> Iterator[Database]:
    """The configured metadata database, or the embedded one, as it is."""
    with ExitStack() as stack:
        url = settings.database_url
        if url is None:
            url = stack.enter_context(EmbeddedPostgres(settings.state_dir)).url()
        yield stack.enter_context(Database(url, settings.postgres_schema, application=worker_name()))


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The configured metadata database, migrated; without one, the embedded database is started for as long as the
    block runs, and migrated as needed."""
    with _any_database(settings) as database:
        if settings.database_url is None:
            migrate.upgrade(database)
        else:
            database.require_sessions()
        migrate.require_current(database)
        yield database


@contextmanager
def open_runtime(settings: Settings, listener: Listener = nobody, actor: str | None = None) -> Iterator[Runtime]:
    """Everything that an operator's act needs. Nothing of the neighbours is touched before it is used."""
    spare_what_is_loaded()
    with ExitStack() as stack:
        database = stack.enter_context(open_database(settings))
        clock = SystemClock()
        stopping = threading.Event()
        source = open_source(_apismith(settings), stopping.is_set)
        stack.callback(source.close)
        target = open_target(_schedulehub(settings, database.application), stopping.is_set)
        stack.callback(target.close)
        options = Options(
            chunk_rows=settings.sync_chunk_rows,
            pages=PageSizes(settings.default_batch_size, settings.max_batch_size),
            in_flight=settings.apismith_max_concurrency,
            retries=RetryRule(settings.max_retries, settings.retry_delay_seconds, settings.max_retry_delay_seconds),
            errors=ErrorLimit(settings.error_rate_limit, settings.error_rate_minimum_rows),
        )
        around = Surroundings(database, source, target, clock, options, Relay(database, listener), stopping)
        nights = NightHabits(rows_tonight, settings.grace_seconds)
        dispatcher = Dispatcher(around, settings.sync_worker_threads, nights)
        who = actor or this_user()
        first_page = settings.default_batch_size
        batches = BatchService(database, source, dispatcher, clock, first_page, who)
        entities = EntityService(database, source, clock, first_page, who)
        failed = FailedRecordService(around, first_page, who)
        pending = PendingChildService(around, first_page, who)
        approvals = ApprovalService(around, batches, first_page, who)
        remedies = RemedyService(around, entities, failed, first_page)
        requests = NightRequests(database, clock, source.name, who)
        schedules = SchedulesService(database, clock, _habits(settings), requests.run_now, who)
        counts = QueueCounts(database)
        overview = OverviewService(database, batches, approvals, counts, clock)
        night_report = NightReportService(database, overview, approvals, schedules, clock)
        neighbours = _neighbours(settings, database.application, clock)
        watched = NeighbourWatch(neighbours)
        scheduler = _scheduler(settings, database, clock, source.name, batches)
        worker = Worker(batches, (failed.retry_due, pending.retry_due), stopping, settings.sync_worker_threads)
        presence = PresenceService(database, worker, scheduler)
        limits = _limits(settings)
        facts = AlertFacts(database, counts, watched, clock, settings.sync_chunk_rows)
        alerts = AlertService(database, facts, limits)
        origin = Origin(settings.app_env, socket.gethostname(), version("syncflow"))
        yield Runtime(
            settings=settings,
            database=database,
            source=source,
            target=target,
            batches=batches,
            entities=entities,
            mapping_previews=MappingPreviewService(database, source, first_page),
            failed_records=failed,
            pending_children=pending,
            remedies=remedies,
            schedules=schedules,
            night_report=night_report,
            dry_runs=DryRunService(database, source, DryRun(around), clock, first_page, who),
            approvals=approvals,
            audit_trail=AuditTrailService(database),
            statistics=StatisticsService(database, counts, clock),
            batch_detail=BatchDetailService(database, batches, remedies, approvals),
            explain=ExplainService(database, *_soon(settings, database.application, stack), options.pages, clock),
            tokens=TokenService(
                database, clock, partial(_with_token, settings), settings.origin, kept_tokens(settings.state_dir), who
            ),
            overview=overview,
            neighbours=neighbours,
            neighbour_watch=watched,
            alerts=alerts,
            doctor=_doctor(settings, lambda: nullcontext(database), database.application),
            presence=presence,
            health=HealthService(database, counts, watched, presence, alerts, worker, scheduler, clock, limits.queue),
            figures=Figures(database, counts, clock, settings.sync_chunk_rows),
            telling=AlertTelling(database, _channels(settings), origin),
            morning=Morning(database, night_report, _report_channel(settings), clock, origin),
            scheduler=scheduler,
            worker=worker,
            stopping=stopping,
        )


def _neighbours(settings: Settings, application: str, clock: Clock) -> NeighbourService:
    return NeighbourService(
        {
            "APISmith": lambda: open_source(_briefly(_apismith(settings))),
            "ScheduleHub": lambda: open_target(_briefly(_schedulehub(settings, application))),
        },
        clock,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(timedelta(hours=settings.alert_queue_hours), timedelta(minutes=settings.alert_neighbour_minutes))


def _channels(settings: Settings) -> dict[str, Channel]:
    """Whom alerts are told."""
    seconds, channels = settings.alert_timeout_seconds, dict[str, Channel]()
    if settings.alert_webhook_url is not None:
        address = settings.alert_webhook_url.get_secret_value()
        channels["webhook"] = Webhook(address, "ALERT_WEBHOOK_URL", seconds)
    if settings.alert_command is not None:
        channels["command"] = AlertCommand(settings.alert_command, seconds, settings.secret_names())
    return channels


def _report_channel(settings: Settings) -> Channel | None:
    address = _reveal(settings.report_webhook_url)
    return None if address is None else Webhook(address, "REPORT_WEBHOOK_URL", settings.alert_timeout_seconds)


SCHEDULER = "scheduler"
"""Who has asked for what is due by itself."""


def _scheduler(
    settings: Settings, database: Database, clock: Clock, source_name: str, batches: BatchService
) -> Scheduler:
    rounds = Rounds(
        database,
        clock,
        NightRequests(database, clock, source_name, SCHEDULER),
        partial(batches.request_due, requested_by=SCHEDULER),
        settings.default_sync_interval_seconds,
        settings.schedule_time_zone,
    )
    return Scheduler(rounds, CleanUp(database, clock, settings.retention_days), clock)


def _habits(settings: Settings) -> Habits:
    return Habits(settings.sync_chunk_rows, settings.default_sync_interval_seconds, settings.schedule_time_zone)


def _apismith(settings: Settings) -> Endpoint:
    token, password = settings.apismith_token, settings.apismith_password
    return Endpoint(
        url=settings.apismith_url,
        credentials=_credentials(settings, token, settings.apismith_username, password),
        timeouts=Timeouts(exchange=settings.apismith_timeout_seconds),
        retry=_retry(settings),
        max_concurrency=settings.apismith_max_concurrency,
    )


def _schedulehub(settings: Settings, application: str) -> Endpoint:
    token, password = settings.schedulehub_token, settings.schedulehub_password
    return Endpoint(
        url=settings.schedulehub_url,
        credentials=_credentials(settings, token, settings.schedulehub_username, password),
        timeouts=Timeouts(exchange=settings.schedulehub_timeout_seconds),
        retry=_retry(settings),
        max_batch_size=settings.max_batch_size,
        schema=settings.schedulehub_schema,
        application=application,
    )


def _briefly(endpoint: Endpoint) -> Endpoint:
    """For who only wants to know whether it answers."""
    timeouts = Timeouts(connect=CHECK_SECONDS, exchange=CHECK_SECONDS)
    return replace(endpoint, timeouts=timeouts, retry=RetryPolicy(attempts=1), statement_timeout=CHECK_SECONDS)


def _soon(settings: Settings, application: str, stack: ExitStack) -> tuple[Source, Target]:
    """Neighbours for a person who waits for an answer: a call is tried twice at most."""
    retry = replace(_retry(settings), attempts=min(2, settings.max_retries + 1))
    source = open_source(replace(_apismith(settings), retry=retry))
    target = open_target(replace(_schedulehub(settings, application), retry=retry))
    stack.callback(source.close)
    stack.callback(target.close)
    return source, target


def _with_token(settings: Settings, neighbour: str, token: str) -> Checkable | None:
    """A connector that uses this token instead of what is configured; None where the neighbour is a database."""
    if neighbour == "APISmith":
        return open_source(replace(_briefly(_apismith(settings)), credentials=Credentials(token)))
    if not settings.schedulehub_url.startswith("http"):
        return None
    hub = _briefly(_schedulehub(settings, "syncflow"))
    return open_target(replace(hub, credentials=Credentials(token)))


def _credentials(
    settings: Settings, token: SecretStr | None, username: str | None, password: SecretStr | None
) -> Credentials:
    return Credentials(_reveal(token), username, _reveal(password), _minting(settings))


def _retry(settings: Settings) -> RetryPolicy:
    return RetryPolicy(
        attempts=settings.max_retries + 1,
        wait_initial=settings.retry_delay_seconds,
        wait_max=settings.max_retry_delay_seconds,
    )


def _minting(settings: Settings) -> Minting | None:
    secret = _reveal(settings.internal_service_jwt_secret)
    if secret is None:
        return None
    return Minting(secret, str(settings.jwt_algorithm), settings.access_token_expire_minutes)


def _reveal(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
