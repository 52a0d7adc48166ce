"""What the demo needs: a company behind an APISmith, a PostgreSQL, perhaps a ScheduleHub, and settings for them."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from syncflow.cli.sandbox import APISMITH_PORT, LOOPBACK, SCHEDULEHUB_PORT
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.erp.day import DayReport
from syncflow.sandbox.erp.erp import Erp
from syncflow.sandbox.running import RunningServer
from syncflow.sandbox.schedulehub.server import ScheduleHub
from syncflow.sandbox.tokens import TokenOptions
from syncflow.settings import Settings
from syncflow.store.embedded import EmbeddedPostgres

SCHEMA = "schedulehub"
_LOGIN = TokenOptions()
_PASSABLE = 0o711
"""A database server that is started by root runs as another user, who must pass through the directory."""


@dataclass(frozen=True)
class DemoPlace:
    """`put_away` stops the database and, unless it is to be kept, removes everything; it may be called twice."""

    directory: Path
    settings: Settings
    environment: Mapping[str, str]
    """The same settings for another process."""
    advance_day: Callable[[], Mapping[str, DayReport]]
    put_away: Callable[[], None]


@contextmanager
def demo_place(rows: int, seed: int, *, http: bool, keep: bool) -> Iterator[DemoPlace]:
    """Everything on free ports and in a directory of its own. `http` puts a ScheduleHub before its tables."""
    directory = Path(tempfile.mkdtemp(prefix="syncflow-demo-"))
    directory.chmod(_PASSABLE)
    server = EmbeddedPostgres(directory, durable=keep)

    def put_away() -> None:
        server.stop()
        if not keep:
            for each in (server.directory, directory):
                shutil.rmtree(each, ignore_errors=True)

    with ExitStack() as stack:
        stack.callback(put_away)
        database = server.start()
        company = ApiSmith(business=Erp(seed, rows), tokens=_LOGIN)
        apismith = stack.enter_context(RunningServer(company.app)).url
        schedulehub = database
        if http:
            hub = ScheduleHub(database, SCHEMA, tokens=_LOGIN)
            schedulehub = stack.enter_context(RunningServer(hub.app)).url
        if keep:
            _write_settings(directory, f"http://{LOOPBACK}:{SCHEDULEHUB_PORT}" if http else database)
        values = _settings(directory, apismith, schedulehub)
        environment = {name.upper(): value for name, value in values.items()}
        yield DemoPlace(directory, Settings.model_validate(values), environment, company.service.advance_day, put_away)


def _settings(directory: Path, apismith: str, schedulehub: str) -> dict[str, str]:
    return {
        "state_dir": str(directory),
        "apismith_url": apismith,
        "apismith_username": _LOGIN.username,
        "apismith_password": _LOGIN.password,
        "schedulehub_url": schedulehub,
        "schedulehub_username": _LOGIN.username,
        "schedulehub_password": _LOGIN.password,
        "schedulehub_schema": SCHEMA,
    }


def _write_settings(directory: Path, schedulehub: str) -> None:
    """A `.env` with which every command that is called in this directory finds the kept database, and sandboxes on
    their usual ports."""
    settings = _settings(directory, f"http://{LOOPBACK}:{APISMITH_PORT}", schedulehub)
    lines = [f"{name.upper()}={value}\n" for name, value in settings.items()]
    (directory / ".env").write_text("".join(lines), encoding="utf-8")
