"""The way to the metadata database: connections with the right schema and time zone, and its errors in plain words.

Store functions take a connection and never commit; whoever opens `begin` owns the transaction.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

import psycopg
import sqlalchemy as sa
import structlog
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Connection as Connection  # for those who hand one on
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from syncflow.errors import ConfigurationError, RetriableError, SyncFlowError, UnavailableError
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
from syncflow.masking import mask_url

T = TypeVar("T")
_log = structlog.get_logger()

OLDEST_VERSION = 14
CONNECT_SECONDS = 10
RECONNECT_WAITS = (0.1, 0.5, 1.0, 2.0, 4.0)
"""Seconds between the attempts to reach a metadata database that was restarted."""

_SESSION = {
    "connect_timeout": str(CONNECT_SECONDS),
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}

_NOT_MIGRATED = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedColumn)
_REMEDIES: tuple[tuple[type[psycopg.Error], str], ...] = (
    (psycopg.errors.DiskFull, N_("Its disk is full: make room there; the work goes on from its last checkpoint.")),
    (psycopg.errors.InsufficientPrivilege, N_("Its user lacks a right there: grant it, or configure another user.")),
    (psycopg.errors.ReadOnlySqlTransaction, N_("It is read-only (a standby?): point DATABASE_URL to the primary.")),
)
_POOLED = N_(
    "The metadata database {address} is behind a connection pooler that shares sessions (transaction pooling), and "
    "SyncFlow needs sessions of its own: point DATABASE_URL to PostgreSQL itself, or to a pool in session mode."
)
_REFUSALS = (
    (
        "unsupported startup parameter",
        N_(
            "It is behind a connection pooler that shares sessions (transaction pooling), and SyncFlow needs sessions "
            "of its own: point DATABASE_URL to PostgreSQL itself, or to a pool in session mode."
        ),
    ),
    ("password authentication failed", N_("The password is wrong: check DATABASE_URL or POSTGRES_PASSWORD.")),
    ("no password supplied", N_("It asks for a password: set POSTGRES_PASSWORD or put it into DATABASE_URL.")),
    ("Peer authentication failed", N_("It knows this user by another name: check the user in DATABASE_URL.")),
    ("no pg_hba.conf entry", N_("It does not let this user in from here: allow it in pg_hba.conf.")),
    ("does not exist", N_("Create it, or correct DATABASE_URL or POSTGRES_DB and POSTGRES_USER.")),
)
_REACH_IT = N_("Start it, or correct DATABASE_URL or POSTGRES_HOST and POSTGRES_PORT.")


class Database:
    """One metadata database and schema; safe to share among threads. Nothing is connected before it is needed.

    All three ways to a connection raise UnavailableError when there is none, and translate what goes wrong in the
    `with` block: RetriableError for what passes by itself (connection lost, deadlock, server shutting down),
    UnavailableError for what somebody must mend (not migrated, disk full, a right that lacks). Programming errors and
    violated constraints stay as they are, for the caller to judge.
    """

    def __init__(
        self, url: str, schema: str = "syncflow", *, application: str = "syncflow", pool_size: int = 8
    ) -> None:
        """`application` names the sessions in PostgreSQL, by which the successor of a worker finds what it left."""
        self.schema = schema
        self.application = application
        self.url = libpq_url(url)
        self.address = mask_url(self.url)
        """The address as it may be shown."""
        self._arguments = {**_SESSION, **_session(self.url, schema), "application_name": application}
        self._engine = sa.create_engine(
            sqlalchemy_url(url),
            connect_args=self._arguments,
            pool_pre_ping=True,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_recycle=3600,
        )
        sa.event.listen(self._engine, "connect", self._check_version)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def engine(self) -> Engine:
        return self._engine

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection whose transaction is rolled back at the end: for reading."""
        with self._connecting():
            connection = self._engine.connect()
        with self._working(), connection:
            yield connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection in a transaction that is committed at the end, or rolled back when an exception passes."""
        with self._connecting():
            connection = self._engine.connect()
        with self._working(), connection, connection.begin():
            yield connection

    def insist(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives, done in a transaction; done again when the database was away for a moment. Since a COMMIT
        whose answer was lost may have been carried out, `work` has to say how things stand, not what is to be added."""
        for seconds in RECONNECT_WAITS:
            try:
                with self.begin() as connection:
                    return work(connection)
            except (RetriableError, UnavailableError) as error:
                _log.warning("the metadata database is asked again", error=str(error))
                time.sleep(seconds)
        with self.begin() as connection:
            return work(connection)

    @contextmanager
    def dedicated(self) -> Iterator[psycopg.Connection]:
        """A connection of its own beside the pool, in autocommit mode: for LISTEN, session locks and COPY."""
        with self._connecting():
            connection = psycopg.connect(make_conninfo(self.url, **self._arguments), autocommit=True)
        with self._working(), connection:
            self._check_version(connection)
            yield connection

    def require_sessions(self) -> None:
        """Raises ConfigurationError when a pooler hands one session to several connections (transaction pooling): locks
        that tell who lives would not be kept."""
        with self.dedicated() as one, self.dedicated() as other:
            if one.execute("SELECT pg_backend_pid()").fetchone() == other.execute("SELECT pg_backend_pid()").fetchone():
                raise ConfigurationError(_POOLED, address=self.address)

    def close(self) -> None:
        """Close the pool's connections; those in use are closed when they come back."""
        self._engine.dispose()

    @contextmanager
    def _connecting(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, psycopg.OperationalError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            remedy = next((remedy for phrase, remedy in _REFUSALS if phrase in str(reason)), _REACH_IT)
            raise UnavailableError(
                "The metadata database {address} is not to be had: {reason}. {remedy}",
                address=self.address,
                reason=_first_line(reason),
                remedy=Text(remedy),
            ) from error
        except sa.exc.TimeoutError as error:
            raise RetriableError(
                "No connection to the metadata database {address} came free in time.", address=self.address
            ) from error

    @contextmanager
    def _working(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, psycopg.Error) as error:
            told = self._told(error.orig if isinstance(error, DBAPIError) else error)
            if told is None:
                raise
            raise told from error

    def _told(self, error: BaseException | None) -> SyncFlowError | None:
        """What an error of the driver means to the caller; None for those that are for the caller to judge."""
        name = f"The metadata database {self.address}"
        if isinstance(error, _NOT_MIGRATED):
            return UnavailableError(
                "{name} does not have SyncFlow's tables in the schema {schema}, or an older version of them. "
                "Run: syncflow db upgrade",
                name=name,
                schema=repr(self.schema),
            )
        for kind, remedy in _REMEDIES:
            if isinstance(error, kind):
                return UnavailableError(
                    "{name} cannot do it: {error}. {remedy}", name=name, error=_first_line(error), remedy=Text(remedy)
                )
        if isinstance(error, psycopg.OperationalError):
            return RetriableError("{name} broke off: {error}.", name=name, error=_first_line(error))
        return None

    def _check_version(self, connection: psycopg.Connection, _record: object = None) -> None:
        version = connection.info.server_version
        if version < OLDEST_VERSION * 10000:
            raise ConfigurationError(
                "The metadata database {address} is PostgreSQL {version}; SyncFlow takes {oldest} or newer.",
                address=self.address,
                version=str(version // 10000),
                oldest=str(OLDEST_VERSION),
            )


def libpq_url(url: str) -> str:
    """The address in the form that libpq and psql read: `postgresql://..`."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql{separator}{rest}" if scheme in ("postgres", "postgresql+psycopg") else url


def sqlalchemy_url(url: str) -> sa.URL:
    """The address for SQLAlchemy with psycopg 3."""
    try:
        parsed = sa.make_url(libpq_url(url)).set(drivername="postgresql+psycopg")
    except (sa.exc.ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "{url} is no address of a database; it takes postgresql://user:password@host:5432/database.",
            url=repr(mask_url(url)),
        ) from error
    # `options` are merged into ours by `_session`; twice in one connection they would shadow each other.
    return parsed.difference_update_query(["options"])


def _session(url: str, schema: str) -> dict[str, str]:
    """Session settings as libpq's `options`, after those that the address brings itself."""
    try:
        own = str(conninfo_to_dict(url).get("options") or "")
    except psycopg.ProgrammingError:
        raise ConfigurationError(
            "{url} is no address of a database; it takes postgresql://user:password@host:5432/database.",
            url=repr(mask_url(url)),
        ) from None
    return {"options": f'{own} -c search_path="{schema}" -c timezone=UTC'.strip()}


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return mask_url(lines[0].rstrip(".")) if lines else "it gave no reason"
