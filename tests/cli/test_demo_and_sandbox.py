"""`syncflow demo` and `syncflow sandbox`, as processes of their own."""

import json
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncflow.store.embedded import EmbeddedPostgres
from tests.cli.conftest import Shell

pytestmark = pytest.mark.integration

GONE_BY_LAW = ("inserted", "updated", "unchanged", "duplicate", "pending", "failed")


@pytest.mark.parametrize("way", [(), ("--http",)], ids=["database", "http"])
def test_the_demo_adds_up_and_leaves_nothing(shell: Shell, tmp_path: Path, way: tuple[str, ...]) -> None:
    demo = shell.start("demo", "--rows", "3000", "--json", *way)
    out, err = demo.communicate(timeout=60)
    assert demo.returncode == 0, err
    told = json.loads(out)
    first, second = told["days"]
    for batch in (*first["batches"], *second["batches"]):
        counters = batch["counters"]
        assert counters["fetched"] == sum(counters[name] for name in GONE_BY_LAW), batch
    assert {batch["entity"] for batch in first["batches"]} == set(second["company"])
    whole = [batch for batch in second["batches"] if not batch["retry"] and batch["entity"] in ("customers", "items")]
    for batch in whole:
        changes = second["company"][batch["entity"]]
        assert batch["counters"]["inserted"] == changes["inserted"], batch
        assert batch["counters"]["updated"] == changes["updated"], batch
    assert len(told["failures"]) == 3
    assert told["waited"] > 0
    assert told["waiting_still"] == 0
    assert any(batch["retry"] and batch["counters"]["inserted"] for batch in second["batches"])
    assert not list(tmp_path.iterdir()), "the demo left something in the working directory"


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that the user of an embedded server may enter, which a test's own directory is not."""
    directory = EmbeddedPostgres.temporary().directory
    yield directory
    shutil.rmtree(directory)


def test_a_stopped_demo_ends_and_leaves_nothing(
    shell: Shell, open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(open_directory))
    demo = shell.start("demo", "--rows", "100000")
    assert demo.stdout is not None
    for line in demo.stdout:
        if "configured" in line:
            break
    time.sleep(1)
    demo.send_signal(signal.SIGTERM)
    out, err = demo.communicate(timeout=60)
    assert demo.returncode == 75, err
    assert "Finishing the chunk in flight" in err
    assert "interrupted" in out
    assert not list(open_directory.iterdir())


def test_the_two_sandboxes_serve_and_end_cleanly(shell: Shell, postgres_url: str) -> None:
    port = _free_port()
    apismith = shell.start("sandbox", "apismith", "--rows", "200", "--port", str(port))
    schedulehub = shell.start(
        "sandbox", "schedulehub", "--port", "0", "--database-url", postgres_url, "--schema", "cli"
    )
    assert apismith.stdout is not None
    assert schedulehub.stdout is not None
    assert apismith.stdout.readline() == f"APISmith sandbox at http://127.0.0.1:{port}\n"
    assert schedulehub.stdout.readline().startswith("ScheduleHub sandbox at http://127.0.0.1:")
    for server in (apismith, schedulehub):
        assert server.stdout is not None
        assert server.stdout.readline() == "Login: syncflow / syncflow\n"
    assert "The company is on day 1 now." in shell.run("sandbox", "apismith", "--advance-day", "--port", str(port)).out
    for server, number in ((apismith, signal.SIGINT), (schedulehub, signal.SIGTERM)):
        server.send_signal(number)
        _, err = server.communicate(timeout=60)
        assert server.returncode == 0, err
        assert err.endswith("Ended.\n")


def test_help_answers(shell: Shell) -> None:
    bare = shell.run()
    assert bare.code == 0
    for command in ("sync", "status", "history", "stop", "entities", "demo", "sandbox", "config", "db"):
        assert f"\n  {command} " in bare.out
        assert shell.run(command, "--help").code == 0
    assert shell.run("--version").out.startswith("syncflow ")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
