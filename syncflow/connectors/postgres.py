"""Connections to ScheduleHub's PostgreSQL, transactions that are tried again, and PostgreSQL's errors as sentences."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from queue import Empty, LifoQueue
from typing import Generic, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from syncflow.connectors.retrying import Retrier, StopCheck
from syncflow.errors import ConfigurationError, RetriableError, SyncFlowError
from syncflow.i18n.texts import Text
from syncflow.masking import mask_url

T = TypeVar("T")
Connection = psycopg.Connection[tuple[object, ...]]

_REFUSED_LOGIN = ("authentication failed", "no password supplied", "pg_hba.conf")
_DOES_NOT_EXIST = "does not exist"
_ROW_CLASSES = ("22", "23")
"""SQLSTATE classes that one row can cause: data exception and integrity constraint violation."""
_ROW_STATES = frozenset({"54000", "P0001"})
"""A row too long for an index; an exception raised by a trigger."""
_PASSING_CLASSES = ("08", "40", "53", "55", "57", "58")
"""Connection, transaction rollback, resources (disk full), locks, operator intervention, system error."""


class CommitUnknown(RetriableError, Generic[T]):
    """The connection was lost at COMMIT: nobody can say whether it was carried out. `result` is what it would be."""

    def __init__(self, message: Text, result: T) -> None:
        super().__init__(message)
        self.result = result


def is_row_error(error: psycopg.Error) -> bool:
    """Whether a row's own values are to blame, so that the others can pass without it."""
    state = error.sqlstate or ""
    return state[:2] in _ROW_CLASSES or state in _ROW_STATES


class Database:
    """A few kept connections to one database, each used by one thread at a time; opened when needed.

    `statement_timeout` and `connect_timeout` are in seconds. Sessions are in UTC, with ISO dates.
    """

    def __init__(
        self,
        url: str,
        retrier: Retrier,
        *,
        connect_timeout: float = 10.0,
        statement_timeout: float = 600.0,
        application_name: str = "syncflow",
    ) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._retrier = retrier
        self._connect_timeout = max(1, round(connect_timeout))
        self._options = (
            f"-c statement_timeout={round(statement_timeout * 1000)} -c lock_timeout={round(statement_timeout * 500)} "
            "-c timezone=UTC -c datestyle=ISO -c bytea_output=hex -c client_encoding=UTF8"
        )
        self._application_name = application_name
        self._idle: LifoQueue[Connection] = LifoQueue()

    @property
    def address(self) -> str:
        """The address without secrets."""
        return mask_url(self._url)

    @property
    def said(self) -> str:
        return f"ScheduleHub's database ({self.address})"

    def close(self) -> None:
        """Close the connections that are idle now."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def until(self, should_stop: StopCheck) -> "Database":
        """The same connections, for work that is not tried again for this reason, too."""
        same = copy(self)
        same._retrier = self._retrier.until(should_stop)
        return same

    def run(self, what: Text, work: Callable[[Connection], T]) -> T:
        """Do `work` in one transaction, again from its start after a deadlock or a lost connection.

        `what` is a phrase for messages (`writing to sites`). Raises CommitUnknown, RetriableError when the attempts
        are used up, ConfigurationError for what somebody has to put right.
        """
        return self._retrier.run(
            lambda: self._once(what, work), lambda error: not isinstance(error, CommitUnknown) and not _is_final(error)
        )

    def _once(self, what: Text, work: Callable[[Connection], T]) -> T:
        with self._connection(what) as connection:
            connection.execute("BEGIN")
            result = work(connection)
            try:
                connection.execute("COMMIT")
            except psycopg.OperationalError as error:
                if error.sqlstate is not None and error.sqlstate[:2] not in ("08", "57"):
                    raise
                raise CommitUnknown(
                    Text(
                        "{database}: the connection was lost while {what} was being committed ({reason}). What was "
                        "written is read back before anything is sent again.",
                        database=self.said,
                        what=what,
                        reason=_first_line(error),
                    ),
                    result,
                ) from error
            return result

    @contextmanager
    def _connection(self, what: Text) -> Iterator[Connection]:
        """A connection that is put back only when nothing went wrong with it; a broken one is replaced by the next."""
        connection = self._kept() or self._opened()
        try:
            yield connection
        except psycopg.Error as error:
            connection.close()
            raise self._translated(what, error) from error
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)

    def _kept(self) -> Connection | None:
        while True:
            try:
                connection = self._idle.get_nowait()
            except Empty:
                return None
            if not connection.closed and _answers(connection):
                return connection

    def _opened(self) -> Connection:
        try:
            return psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=self._connect_timeout,
                application_name=self._application_name,
                options=f"{conninfo_to_dict(self._url).get('options') or ''} {self._options}".strip(),
            )
        except psycopg.Error as error:
            raise self._not_connected(error) from error

    def _not_connected(self, error: psycopg.Error) -> SyncFlowError:
        said = _first_line(error)
        if isinstance(error, psycopg.ProgrammingError):
            return ConfigurationError("SCHEDULEHUB_URL is not a PostgreSQL address: {reason}.", reason=said)
        if any(sign in said for sign in _REFUSED_LOGIN):
            return ConfigurationError(
                "{database} refuses the login: {reason}. Check user and password in SCHEDULEHUB_URL.",
                database=self.said,
                reason=said,
            )
        if _DOES_NOT_EXIST in said:
            return ConfigurationError(
                "{database}: {reason}. Create it, or correct SCHEDULEHUB_URL.", database=self.said, reason=said
            )
        return RetriableError(
            "{database} cannot be reached: {reason}. Is it running, and is SCHEDULEHUB_URL right?",
            database=self.said,
            reason=said,
        )

    def _translated(self, what: Text, error: psycopg.Error) -> SyncFlowError:
        state = error.sqlstate or ""
        said = Text("{database}: {what} failed: {reason}", database=self.said, what=what, reason=_first_line(error))
        if state == "42501":
            return ConfigurationError("{said}. Grant this right to the user of SCHEDULEHUB_URL.", said=said)
        if state[:2] in ("42", "3F"):
            return ConfigurationError(
                "{said}. A table is missing or was changed by somebody; run the sync again, and it prepares the table.",
                said=said,
            )
        if state.startswith("53"):
            return RetriableError(
                "{said}. Free space or connections on that server; the batch goes on afterwards.", said=said
            )
        kind = _Refused if state and state[:2] not in _PASSING_CLASSES else RetriableError
        return kind(
            Text("{database}: {what} failed: {reason}.", database=self.said, what=what, reason=_first_line(error))
        )


class _Refused(RetriableError):
    """PostgreSQL understood and said no; trying at once would bring the same answer."""


def _is_final(error: RetriableError) -> bool:
    return isinstance(error, _Refused)


def _answers(connection: Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.Error:
        connection.close()
        return False
    return True


def _first_line(error: psycopg.Error) -> str:
    primary = error.diag.message_primary
    return (primary or str(error).strip().partition("\n")[0]).rstrip(".")
