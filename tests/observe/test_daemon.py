"""The daemon tells over HTTP how it is: to a probe, to a person, to Prometheus."""

import json
import signal
import socket
import subprocess

import pytest

from syncflow.model import SyncType
from tests.faults.daemons import COMMAND, daemon, without_database
from tests.faults.field import BAD, ROOT, ROWS, SLUG, Field
from tests.observe.scrape import get, parse
from tests.waiting import until

pytestmark = pytest.mark.integration


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_daemon_at_work_is_healthy_and_its_metrics_are_those_of_the_books(field: Field) -> None:
    field.configure()
    base = f"http://127.0.0.1:{(port := free_port())}"
    with daemon(field, api_port=port) as running, field.runtime() as runtime:
        running.wait_ready()
        assert json.loads(get(f"{base}/health").body)["status"] == "healthy"
        runtime.batches.request([SLUG], SyncType.FULL)
        until(lambda: field.statuses() == ["completed_with_errors"])
        until(lambda: 'syncflow_queue_rows{queue="failed"} 3' in get(f"{base}/metrics").body)
        answer = get(f"{base}/metrics")
        assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
        scrape = parse(answer.body)
        assert scrape.value("syncflow_rows_fetched_total", entity=SLUG) == ROWS
        assert scrape.value("syncflow_rows_total", entity=SLUG, outcome="inserted") == ROWS - len(BAD)
        assert scrape.value("syncflow_batches", status="completed_with_errors") == 1
        assert scrape.value("syncflow_in_doubt_rows") == 0
        assert scrape.value("syncflow_database_up") == 1
        until(lambda: {"APISmith", "ScheduleHub", "worker", "scheduler"} <= set(components(base)))
        assert set(components(f"{base}/api/v1").values()) == {"ok"}
        said = subprocess.run(
            [COMMAND, "health", "--json"], cwd=ROOT, env=running.environment, capture_output=True, check=True
        )
        assert f"daemon on {socket.gethostname()}" in {each["name"] for each in json.loads(said.stdout)["components"]}
        assert running.ends(signal.SIGTERM)[0] == 143
        assert runtime.presence.all() == []


def components(base: str) -> dict[str, str]:
    return {each["name"]: each["level"] for each in json.loads(get(f"{base}/health/detailed").body)["components"]}


def test_without_its_database_it_lives_and_says_so(field: Field) -> None:
    base = f"http://127.0.0.1:{(port := free_port())}"
    with without_database(field), daemon(field, api_port=port) as running:
        until(lambda: running.logged("waiting for the metadata database"))
        assert get(f"{base}/health").status == 200
        assert get(f"{base}/api/v1/health/detailed").status == 503
        assert parse(get(f"{base}/metrics").body).value("syncflow_database_up") == 0
        assert running.ends(signal.SIGTERM)[0] == 143
    with daemon(field, api_port=port) as running:
        running.wait_ready()
        until(lambda: get(f"{base}/health/detailed").status == 200)
        with without_database(field):
            until(lambda: get(f"{base}/health/detailed").status == 503)
            assert get(f"{base}/health").status == 200
        until(lambda: get(f"{base}/health/detailed").status == 200)


def test_a_port_in_use_is_told_at_the_start_and_survived_later(field: Field) -> None:
    secrets = field.folder / "secrets"
    secrets.mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        with daemon(field, api_port=port) as running:
            assert running.process.wait(30) == 69
            said = running.log.read_text(encoding="utf-8")
        assert f"Error: Port {port} on 127.0.0.1, for health and metrics, is in use" in said
        (secrets / "api_port").write_text("0", encoding="utf-8")
        with daemon(field, syncflow_secrets_dir=secrets, api_port="") as running:
            running.wait_ready()
            (secrets / "api_port").write_text(str(port), encoding="utf-8")
            running.told.clear()
            running.process.send_signal(signal.SIGHUP)
            until(lambda: running.has_told("READY=1"))
            assert f"Port {port}" in str(running.logged("it goes on without")[0]["error"])
            (secrets / "api_port").write_text(str(other := free_port()), encoding="utf-8")
            running.process.send_signal(signal.SIGHUP)
            until(lambda: running.logged("health and metrics are served"))
            assert get(f"http://127.0.0.1:{other}/health").status == 200
