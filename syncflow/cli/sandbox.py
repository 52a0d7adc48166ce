"""`syncflow sandbox`: reference neighbours on this machine, to try SyncFlow and to test it."""

import json as jsonlib
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Annotated
from urllib.error import HTTPError

import typer

from syncflow.cli.figures import count, plural, table
from syncflow.cli.graceful import terminable
from syncflow.cli.output import note, say
from syncflow.errors import ConfigurationError, SyncFlowError, UnavailableError, UsageError
from syncflow.masking import mask_url
from syncflow.sandbox.errors import SandboxError

LOOPBACK = "127.0.0.1"
APISMITH_PORT, SCHEDULEHUB_PORT = 8007, 5180
ADVANCE_SECONDS = 600.0
NO_CAPABILITIES = "none"

app = typer.Typer(
    help="Reference neighbours on this machine: an APISmith with a company's data, and a ScheduleHub.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_HOST = typer.Option(help="The address to listen at.")
_USERNAME = typer.Option(help="The login that is taken.")
_PASSWORD = typer.Option(help="Its password.")


@app.command()
def apismith(
    host: Annotated[str, _HOST] = LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = APISMITH_PORT,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same company.")] = 1,
    rows: Annotated[int, typer.Option(min=1, help="About how many rows its biggest table has.")] = 20_000,
    days: Annotated[int, typer.Option(min=0, help="Days of business that have gone by at the start.")] = 0,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Serve <slug>.csv with <slug>.json of this folder instead of the company."),
    ] = None,
    advance_day: Annotated[
        bool, typer.Option("--advance-day", help="Tell the one that runs at this host and port to go one day on.")
    ] = False,
    username: Annotated[str, _USERNAME] = "syncflow",
    password: Annotated[str, _PASSWORD] = "syncflow",  # noqa: S107 - the sandbox's published default
) -> None:
    """Serve an APISmith until Ctrl-C: a made-up manufacturing company, or a folder of CSV files."""
    if advance_day:
        _advance(f"http://{host}:{port}")
        return
    tokens = TokenOptions(username=username, password=password)
    with _ending_cleanly(), _told(ConfigurationError):
        if data is not None:
            served = ApiSmith(read_folder(data), tokens=tokens)
        else:
            note(f"Making the company: {plural(rows, 'row')} in its biggest table, seed {seed} ..")
            served = ApiSmith(business=_company(seed, rows, days), tokens=tokens)
        names = [published.table.definition.slug for published in served.service.catalog.all()]
        with _told(UnavailableError):
            serve(served.app, host, port, lambda url: _announce("APISmith", url, tokens, [f"APIs: {', '.join(names)}"]))


@app.command()
def schedulehub(
    host: Annotated[str, _HOST] = LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = SCHEDULEHUB_PORT,
    database_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Its PostgreSQL; the embedded database without it.")
    ] = None,
    schema: Annotated[str, typer.Option(help="The schema of its tables.")] = "schedulehub",
    capabilities: Annotated[
        str, typer.Option(metavar="LIST", help=f"What it offers, with commas between: {', '.join(CAPABILITIES)}; none.")
    ] = ",".join(CAPABILITIES),
    tables: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Tables to make at the start, as `syncflow entities tables` prints them."),
    ] = None,
    username: Annotated[str, _USERNAME] = "syncflow",
    password: Annotated[str, _PASSWORD] = "syncflow",  # noqa: S107 - the sandbox's published default
) -> None:
    """Serve a ScheduleHub until Ctrl-C; it keeps its tables in PostgreSQL."""
    tokens = TokenOptions(username=username, password=password)
    options = ScheduleHubOptions(capabilities=_capabilities(capabilities), tables_file=tables)
    with _ending_cleanly(), ExitStack() as stack:
        url = database_url
        if url is None:
            url = stack.enter_context(EmbeddedPostgres(load_settings().state_dir)).url()
        with _told(UnavailableError):
            served = ScheduleHub(url, schema, options=options, tokens=tokens)
            facts = [f"Tables: schema {schema} of {mask_url(url)}", f"Capabilities: {capabilities}"]
            serve(served.app, host, port, lambda at: _announce("ScheduleHub", at, tokens, facts))


@app.command()
def entities() -> None:
    """Print how the made-up company is to be synced: a file for `syncflow entities import`."""
    sys.stdout.write(entities_yaml())


def _company(seed: int, rows: int, days: int) -> Erp:
    erp = Erp(seed, rows)
    for _ in range(days):
        erp.advance_day()
    return erp


def _capabilities(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == [NO_CAPABILITIES]:
        return []
    unknown = [name for name in names if name not in CAPABILITIES]
    if unknown:
        raise UsageError(
            f"There is no capability {unknown[0]!r}. --capabilities takes {', '.join(CAPABILITIES)} with commas "
            f"between, or {NO_CAPABILITIES}."
        )
    return names


def _announce(name: str, url: str, tokens: TokenOptions, facts: list[str]) -> None:
    say(f"{name} sandbox at {url}")
    say(f"Login: {tokens.username} / {tokens.password}")
    for fact in facts:
        say(fact)
    say("Ctrl-C ends it.")
    sys.stdout.flush()


def _advance(url: str) -> None:
    request = urllib.request.Request(f"{url}/control/advance-day", method="POST")  # noqa: S310 - http alone
    try:
        with urllib.request.urlopen(request, timeout=ADVANCE_SECONDS) as answer:  # noqa: S310 - http alone
            body = jsonlib.load(answer)
    except HTTPError as error:
        raise UsageError(f"The APISmith sandbox at {url} does not do that: {_reason(error)}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise UnavailableError(
            f"No APISmith sandbox answers at {url} ({getattr(error, 'reason', error)}). Start one with: syncflow "
            "sandbox apismith, or say where it is with --host and --port."
        ) from error
    say(f"The company is on day {body['day']} now.")
    names = ("inserted", "updated", "deleted")
    rows = [[slug, *(count(changes[name]) for name in names)] for slug, changes in body["tables"].items()]
    for line in table(["table", *names], rows, left=("table",)):
        say(line)


def _reason(error: HTTPError) -> str:
    try:
        return str(jsonlib.load(error)["error"])
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
    """Ctrl-C and SIGTERM end what is inside in good order, and are no error."""
    try:
        with terminable():
            yield
    except KeyboardInterrupt:
        note("Ended.")
