"""The sandbox's servers, started for a person: a banner, a clean end, errors in plain words."""

import json
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

from starlette.types import ASGIApp

from syncflow.cli.figures import count, table
from syncflow.cli.graceful import terminable
from syncflow.cli.output import note, say
from syncflow.errors import ConfigurationError, SyncFlowError, UnavailableError, UsageError
from syncflow.i18n.catalog import _, plural
from syncflow.masking import mask_url
from syncflow.sandbox.apismith.csv_folder import read_folder
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.wires import Wire, parse_wires
from syncflow.sandbox.erp.erp import Erp
from syncflow.sandbox.errors import SandboxError
from syncflow.sandbox.running import serve
from syncflow.sandbox.schedulehub.server import ScheduleHub, ScheduleHubOptions
from syncflow.sandbox.tokens import TokenOptions
from syncflow.settings_loader import load_settings
from syncflow.store.embedded import EmbeddedPostgres

ADVANCE_SECONDS = 600.0


@dataclass(frozen=True)
class Server:
    """Where a server listens, and the login that it takes."""

    host: str
    port: int
    username: str
    password: str

    @property
    def tokens(self) -> TokenOptions:
        return TokenOptions(username=self.username, password=self.password)

    def serve(self, name: str, app: ASGIApp, facts: Sequence[str]) -> None:
        """Serve until Ctrl-C. Raises UnavailableError when the port cannot be had."""

        def announce(url: str) -> None:
            for line in (
                _("{name} sandbox at {url}").format(name=name, url=url),
                _("Login: {user} / {password}").format(user=self.username, password=self.password),
                *facts,
            ):
                say(line)
            say(_("Ctrl-C ends it."))
            sys.stdout.flush()

        with _told(UnavailableError):
            serve(app, self.host, self.port, announce)


def serve_folder(server: Server, folder: Path, wires: str) -> None:
    """An APISmith over a folder of CSV and Parquet files. `wires` as `--wire` takes them."""
    offered = _wires(wires)
    with _ending_cleanly():
        with _told(ConfigurationError):
            served = ApiSmith(read_folder(folder), tokens=server.tokens, wires=offered)
        server.serve("APISmith", served.app, [_apis(served)])


def serve_company(server: Server, seed: int, rows: int, days: int, wires: str) -> None:
    """An APISmith over the made-up company, so many days after its first. `wires` as `--wire` takes them."""
    offered = _wires(wires)
    with _ending_cleanly():
        making = plural(
            "Making the company: {n} row in its biggest table, seed {seed} ..",
            "Making the company: {n} rows in its biggest table, seed {seed} ..",
            rows,
            seed=str(seed),
        )
        note(making)
        company = Erp(seed, rows)
        for _day in range(days):
            company.advance_day()
        served = ApiSmith(business=company, tokens=server.tokens, wires=offered)
        hint = _("How to sync it: syncflow sandbox entities > entities.yaml; syncflow entities import entities.yaml")
        server.serve("APISmith", served.app, [_apis(served), hint])


def serve_schedulehub(
    server: Server, database_url: str | None, schema: str, capabilities: Sequence[str], tables: Path | None
) -> None:
    """A ScheduleHub over a PostgreSQL; without an address over the embedded one."""
    with _ending_cleanly(), ExitStack() as stack:
        url = database_url
        if url is None:
            url = stack.enter_context(EmbeddedPostgres(load_settings().state_dir)).url()
        with _told(UnavailableError):
            served = ScheduleHub(url, schema, options=ScheduleHubOptions(capabilities), tokens=server.tokens)
        if tables is not None:
            with _told(ConfigurationError):
                served.hub.read_tables_file(tables)
        offered = ", ".join(capabilities) or "none"
        facts = [
            _("Tables: schema {schema} of {url}").format(schema=schema, url=mask_url(url)),
            _("Capabilities: {names}").format(names=offered),
        ]
        server.serve("ScheduleHub", served.app, facts)


def advance_day(url: str) -> None:
    """Tell a running APISmith sandbox that a day goes by, and say what it changed."""
    request = urllib.request.Request(f"{url}/control/advance-day", method="POST")  # noqa: S310 - http alone
    try:
        with urllib.request.urlopen(request, timeout=ADVANCE_SECONDS) as answer:  # noqa: S310 - http alone
            body = json.load(answer)
    except HTTPError as error:
        raise UsageError(
            "The APISmith sandbox at {url} does not do that: {reason}", url=url, reason=_reason(error)
        ) from error
    except (OSError, HTTPException, ValueError) as error:
        raise UnavailableError(
            "No APISmith sandbox answers at {url} ({reason}). Start one with: syncflow "
            "sandbox apismith, or say where it is with --host and --port.",
            url=url,
            reason=getattr(error, "reason", error),
        ) from error
    say(_("The company is on day {day} now.").format(day=count(body["day"])))
    names = ("inserted", "updated", "deleted")
    rows = [[slug, *(count(changes[name]) for name in names)] for slug, changes in body["tables"].items()]
    for line in table(["table", *names], rows, left=("table",)):
        say(line)


def _wires(text: str) -> tuple[Wire, ...]:
    with _told(UsageError):
        return parse_wires(text)


def _apis(served: ApiSmith) -> str:
    names = ", ".join(published.table.definition.slug for published in served.service.catalog.all())
    return _("APIs: {names}").format(names=names)


def _reason(error: HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"it answers {error.code}."


@contextmanager
def _told(kind: type[SyncFlowError]) -> Iterator[None]:
    """What the sandbox says, as an error of this program."""
    try:
        yield
    except SandboxError as error:
        raise kind(str(error)) from error


@contextmanager
def _ending_cleanly() -> Iterator[None]:
    """Ctrl-C and SIGTERM end what is inside in good order, and are no error. The server may take the signal for itself
    and return: that is an end as well."""
    with suppress(KeyboardInterrupt), terminable():
        yield
    note(_("Ended."))
