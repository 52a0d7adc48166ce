"""`syncflow sandbox`: reference neighbours on this machine, to try SyncFlow and to test it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from syncflow.errors import UsageError

LOOPBACK = "127.0.0.1"
APISMITH_PORT, SCHEDULEHUB_PORT = 8007, 5180
CAPABILITIES = ("tables", "identities", "upsert", "arrow")
NO_CAPABILITIES = "none"
WIRES = ("json", "ndjson", "arrow")

app = typer.Typer(
    help="Reference neighbours, to try SyncFlow with.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_HOST = typer.Option(help="The address to listen at.")
_USERNAME = typer.Option(help="The login that is taken.")
_PASSWORD = typer.Option(help="Its password.")
_PORT = typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")
_LOGIN = "syncflow"


@app.command()
def apismith(
    host: Annotated[str, _HOST] = LOOPBACK,
    port: Annotated[int, _PORT] = APISMITH_PORT,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same company.")] = 1,
    rows: Annotated[int, typer.Option(min=1, help="About how many rows its biggest table has.")] = 20_000,
    days: Annotated[int, typer.Option(min=0, help="Days of business that have gone by at the start.")] = 0,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Serve <slug>.csv or .parquet with <slug>.json of this folder instead of the company."
        ),
    ] = None,
    wire: Annotated[
        str, typer.Option(metavar="LIST", help=f"The forms of a page that it offers, of {', '.join(WIRES)}; or all.")
    ] = "all",
    advance_day: Annotated[
        bool, typer.Option("--advance-day", help="Tell the one that runs at this host and port to go one day on.")
    ] = False,
    username: Annotated[str, _USERNAME] = _LOGIN,
    password: Annotated[str, _PASSWORD] = _LOGIN,
) -> None:
    """Serve an APISmith until Ctrl-C.

    Behind it is a made-up manufacturing company, or a folder of CSV and Parquet files.
    """
    from syncflow.cli import sandbox_servers  # deferred: help need not wait for the servers

    if advance_day:
        sandbox_servers.advance_day(f"http://{host}:{port}")
        return
    server = sandbox_servers.Server(host, port, username, password)
    if data is not None:
        sandbox_servers.serve_folder(server, data, wire)
    else:
        sandbox_servers.serve_company(server, seed, rows, days, wire)


@app.command()
def schedulehub(
    host: Annotated[str, _HOST] = LOOPBACK,
    port: Annotated[int, _PORT] = SCHEDULEHUB_PORT,
    database_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Its PostgreSQL; the embedded database without it.")
    ] = None,
    schema: Annotated[str, typer.Option(help="The schema of its tables.")] = "schedulehub",
    capabilities: Annotated[
        str, typer.Option(metavar="LIST", help=f"What it offers of {', '.join(CAPABILITIES)}; or {NO_CAPABILITIES}.")
    ] = ",".join(CAPABILITIES),
    tables: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Tables to make at the start, as `syncflow entities tables` prints them."),
    ] = None,
    username: Annotated[str, _USERNAME] = _LOGIN,
    password: Annotated[str, _PASSWORD] = _LOGIN,
) -> None:
    """Serve a ScheduleHub until Ctrl-C.

    It keeps its tables in PostgreSQL.
    """
    from syncflow.cli import sandbox_servers  # deferred, too

    server = sandbox_servers.Server(host, port, username, password)
    sandbox_servers.serve_schedulehub(server, database_url, schema, _capabilities(capabilities), tables)


@app.command()
def entities() -> None:
    """Print how the made-up company is to be synced.

    It is a file for: syncflow entities import
    """
    from syncflow.sandbox.erp.entities import entities_yaml  # deferred, too

    sys.stdout.write(entities_yaml())


def _capabilities(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == [NO_CAPABILITIES]:
        return []
    unknown = [name for name in names if name not in CAPABILITIES]
    if unknown:
        raise UsageError(
            "There is no capability {unknown}. --capabilities takes {capabilities} with commas between, or {none}.",
            unknown=repr(unknown[0]),
            capabilities=", ".join(CAPABILITIES),
            none=NO_CAPABILITIES,
        )
    return names
