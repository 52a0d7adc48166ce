"""The metadata database goes away under a running batch: nothing is lost, and no batch is called complete too soon."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from syncflow.events import BatchEnded, ChunkSettled, Event, Listener
from syncflow.store import migrate
from syncflow.store.database import Database
from syncflow.store.embedded import EmbeddedPostgres
from tests.connectors.lossy_proxy import LossyProxy, socket_path
from tests.faults.field import BAD, ROWS, Field, items, open_field
from tests.faults.gates import gate

pytestmark = pytest.mark.integration
GOOD = ROWS - len(BAD)
OTHERS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'syncflow%'"
)


class Cutter(LossyProxy):
    """Cuts when it is told to, the next time that the word comes by."""

    def __enter__(self) -> "Cutter":
        super().__enter__()
        return self

    def cut_next(self) -> None:
        self._times = 1

    def vanish(self) -> None:
        """Nobody gets through any more."""
        self._listener.shutdown(socket.SHUT_RDWR)


def after_every_chunk(act: Callable[[], object]) -> Listener:
    def listen(event: Event) -> None:
        if isinstance(event, ChunkSettled):
            act()

    return listen


def come_through(field: Field, ended: BatchEnded) -> None:
    """At the latest after one undisturbed sync everything stands, and the books say what was written."""
    assert ended.status == field.statuses()[0] or field.statuses()[0] == "running"
    field.check_books()
    field.sync()
    field.check()
    assert field.totals("rows_inserted", "rows_updated") == (GOOD, 0)


@pytest.mark.parametrize("strategy", ["hash", pytest.param("full", marks=pytest.mark.slow)])
def test_all_sessions_are_ended_after_every_chunk(field: Field, strategy: str) -> None:
    field.configure(f", delta_strategy: {strategy}, delete_mode: ignore")
    ended = field.sync(after_every_chunk(lambda: field.ask(OTHERS)))
    assert ended.counters.inserted == GOOD, ended.error_message
    field.check()


@pytest.mark.parametrize("forwarded", [True, False])
def test_a_connection_lost_at_commit(field: Field, forwarded: bool) -> None:
    """Whether the books of a chunk were committed is not known: they are written again, and count once."""
    field.configure()
    with through_a_proxy(field, forwarded) as (proxy, url):
        ended = field.sync(after_every_chunk(proxy.cut_next), database_url=url)
    assert ended.counters.inserted == GOOD, ended.error_message
    come_through(field, ended)


def test_a_session_is_ended_while_the_books_of_a_chunk_are_written(any_field: Field) -> None:
    any_field.configure()
    books = ("syncflow.batch_chunks", "UPDATE", "NEW.state = 'done' AND NEW.number = 1")
    with gate(any_field.database_url, *books) as held, any_field.process() as process:
        held.wait()
        held.end_sessions()
        held.open()
        process.communicate(timeout=30)
    assert any_field.statuses() == ["completed_with_errors"]
    any_field.check()
    assert any_field.totals("rows_inserted", "rows_unchanged") == (GOOD, 0)


@pytest.mark.parametrize("how", [signal.SIGINT, pytest.param(signal.SIGQUIT, marks=pytest.mark.slow)])
def test_a_database_server_that_restarts_in_mid_run(tmp_path: Path, how: signal.Signals) -> None:
    """In good order (SIGINT) or by a crash (SIGQUIT). Books and target are on one server here: both go away, and come
    back within a second or two."""
    with EmbeddedPostgres(tmp_path, durable=how is signal.SIGQUIT) as server, Database(server.url()) as database:
        migrate.upgrade(database)
        with open_field("database", database, tmp_path) as field:
            field.settings |= {"max_retries": 5, "retry_delay_seconds": 0.5, "max_retry_delay_seconds": 1.0}
            field.serve(items())
            field.configure()

            def restart(event: Event) -> None:
                if isinstance(event, ChunkSettled) and event.number == 1:
                    postmaster = next(server.directory.rglob("postmaster.pid"))
                    os.kill(int(postmaster.read_text().split()[0]), how)
                    with EmbeddedPostgres(tmp_path):
                        pass

            ended = field.sync(restart)
            assert ended.counters.inserted == GOOD, ended.error_message
            come_through(field, ended)


@pytest.mark.slow
def test_a_metadata_database_that_stays_away(field: Field) -> None:
    field.configure()
    with through_a_proxy(field, forwarded=False) as (proxy, url):

        def close(event: Event) -> None:
            if isinstance(event, ChunkSettled) and event.number == 1:
                proxy.vanish()
                field.ask(OTHERS)

        ended = field.sync(close, database_url=url)
    assert ended.status == "interrupted"
    assert "metadata database" in (ended.error_message or "")
    assert field.statuses() == ["running"]
    assert field.watermark() is None
    come_through(field, ended)


@contextmanager
def through_a_proxy(field: Field, forwarded: bool) -> Iterator[tuple[Cutter, str]]:
    address = urlsplit(field.database_url)
    with Cutter(socket_path(field.database_url), b"COMMIT", forwarded, times=0) as proxy:
        yield proxy, f"postgresql://{address.username}@127.0.0.1:{proxy.port}{address.path}?sslmode=disable"
