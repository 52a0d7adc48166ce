"""Logs: one form for our lines and the libraries', and no secret in either."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from syncflow.logs import configure_logs

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_json_lines_carry_what_was_said_and_when() -> None:
    stream = io.StringIO()
    configure_logs("info", json=True, stream=stream)
    structlog.get_logger("engine").info("chunk settled", entity="items", rows=50_000)
    structlog.get_logger("engine").debug("not this one")
    logging.getLogger("library").warning("took %s s", 3)
    ours, theirs = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (ours["event"], ours["entity"], ours["rows"], ours["level"]) == ("chunk settled", "items", 50_000, "info")
    assert ours["timestamp"].endswith("Z")
    assert (theirs["event"], theirs["logger"]) == ("took 3 s", "library")


@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_reaches_a_log(as_json: bool) -> None:
    stream = io.StringIO()
    configure_logs("debug", json=as_json, stream=stream, secrets=["hunter2"])
    log = structlog.get_logger("x")
    log.info("login hunter2", password="abc123", url="postgresql://me:abc123@host/db", deep={"access_token": "abc123"})
    log.info("list", items=["hunter2", ("http://me:abc123@host",)])
    logging.getLogger("library").error("failed with %s", "hunter2")
    try:
        raise ValueError("hunter2 is wrong")
    except ValueError:
        log.exception("broke")
    said = stream.getvalue()
    assert "hunter2" not in said
    assert "abc123" not in said
    assert "ValueError: *** is wrong" in said
