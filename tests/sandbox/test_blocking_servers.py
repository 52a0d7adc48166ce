"""The runners that block, as the command line calls them."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from syncflow.sandbox.errors import SandboxError
from syncflow.sandbox.servers import parse_capabilities

_SERVE = """
from pathlib import Path
from syncflow.sandbox.servers import ApiSmithSettings, serve_apismith
serve_apismith(ApiSmithSettings(data=Path({data!r})), lambda url: print(url, flush=True), port={port})
"""


@pytest.mark.integration
def test_a_runner_announces_serves_and_ends_at_sigterm(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("A\n1\n")
    (tmp_path / "x.json").write_text('{"definition": {"slug": "x"}}')
    code = _SERVE.format(data=str(tmp_path), port=0)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/api/v1/health").json()["service"] == "apismith"
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) in (0, -signal.SIGTERM)


@pytest.mark.integration
def test_a_runner_refuses_a_port_in_use(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("A\n1\n")
    (tmp_path / "x.json").write_text('{"definition": {"slug": "x"}}')
    with socket.create_server(("127.0.0.1", 0)) as holder:
        code = _SERVE.format(data=str(tmp_path), port=holder.getsockname()[1])
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "is in use: stop what holds it, or choose another with --host and --port." in ended.stderr


@pytest.mark.unit
def test_capabilities_are_read() -> None:
    assert parse_capabilities("none") == ()
    assert parse_capabilities("upsert, tables, arrow") == ("upsert", "tables", "arrow")
    with pytest.raises(SandboxError, match="Unknown capability 'xml'"):
        parse_capabilities("xml")
