"""The sandbox's front door: options in, running servers out.

The command line calls `serve_apismith` and `serve_schedulehub`, which block. Tests and the demo make an ApiSmith or a
ScheduleHub (`make_apismith`, `make_schedulehub`) and run its `app` in a RunningServer, or give one of the `.._app`
functions to a ServerProcess.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import httpx
from starlette.types import ASGIApp

from syncflow.sandbox.apismith.csv_folder import read_folder
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.erp.erp import Erp
from syncflow.sandbox.errors import SandboxError
from syncflow.sandbox.running import RunningServer, ServerProcess, serve
from syncflow.sandbox.schedulehub.server import CAPABILITIES, ScheduleHub, ScheduleHubOptions
from syncflow.sandbox.tokens import TokenOptions

APISMITH_PORT = 8007
SCHEDULEHUB_PORT = 5180
_CONTROL_SECONDS = 120.0


@dataclass(frozen=True)
class ApiSmithSettings:
    """What an APISmith serves: the built-in ERP (`seed`, `rows` of its biggest table), or the CSV files of `data`."""

    seed: int = 1
    rows: int = 20_000
    data: Path | None = None
    tokens: TokenOptions = TokenOptions()


@dataclass(frozen=True)
class ScheduleHubSettings:
    """Where a ScheduleHub stores and what of the fast path it offers."""

    database_url: str
    schema: str = "public"
    capabilities: Collection[str] = CAPABILITIES
    tables_file: Path | None = None
    tokens: TokenOptions = TokenOptions()


def make_apismith(settings: ApiSmithSettings) -> ApiSmith:
    """Raises SandboxError when the data folder is wrong."""
    if settings.data is not None:
        return ApiSmith(read_folder(settings.data), tokens=settings.tokens)
    return ApiSmith(business=Erp(settings.seed, settings.rows), tokens=settings.tokens)


def make_schedulehub(settings: ScheduleHubSettings) -> ScheduleHub:
    """Raises SandboxError when the database or the tables file is wrong."""
    options = ScheduleHubOptions(settings.capabilities, tables_file=settings.tables_file)
    return ScheduleHub(settings.database_url, settings.schema, options=options, tokens=settings.tokens)


def apismith_app(settings: ApiSmithSettings) -> ASGIApp:
    """For ServerProcess: `partial(apismith_app, settings)`."""
    return make_apismith(settings).app


def schedulehub_app(settings: ScheduleHubSettings) -> ASGIApp:
    """For ServerProcess: `partial(schedulehub_app, settings)`."""
    return make_schedulehub(settings).app


def serve_apismith(
    settings: ApiSmithSettings,
    announce: Callable[[str], None],
    host: str = "127.0.0.1",
    port: int = APISMITH_PORT,
) -> None:
    """Serve until SIGINT or SIGTERM; `announce` is told the URL. Raises SandboxError with a sentence for the user."""
    serve(make_apismith(settings).app, host, port, announce)


def serve_schedulehub(
    settings: ScheduleHubSettings,
    announce: Callable[[str], None],
    host: str = "127.0.0.1",
    port: int = SCHEDULEHUB_PORT,
) -> None:
    """Serve until SIGINT or SIGTERM; `announce` is told the URL. Raises SandboxError with a sentence for the user."""
    serve(make_schedulehub(settings).app, host, port, announce)


def parse_capabilities(text: str) -> tuple[str, ...]:
    """`tables,identities,upsert,arrow`, some of them, or `none`. Raises SandboxError for others."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if names in ((), ("none",)):
        return ()
    unknown = [name for name in names if name not in CAPABILITIES]
    if unknown:
        raise SandboxError(f"Unknown capability '{unknown[0]}'; known are: {', '.join(CAPABILITIES)}, or none.")
    return names


def advance_day(apismith_url: str) -> dict[str, dict[str, int]]:
    """Let a day of business go by at a running APISmith; what changed, by table. Raises SandboxError."""
    try:
        answer = httpx.post(f"{apismith_url.rstrip('/')}/control/advance-day", timeout=_CONTROL_SECONDS)
        answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        raise SandboxError(f"APISmith at {apismith_url} refused: {error.response.text}") from error
    except httpx.HTTPError as error:
        raise SandboxError(f"No sandbox APISmith answers at {apismith_url}: start it first ({error}).") from error
    tables: dict[str, dict[str, int]] = answer.json()["tables"]
    return tables


__all__ = [
    "APISMITH_PORT",
    "SCHEDULEHUB_PORT",
    "ApiSmithSettings",
    "RunningServer",
    "ScheduleHubSettings",
    "ServerProcess",
    "advance_day",
    "apismith_app",
    "make_apismith",
    "make_schedulehub",
    "parse_capabilities",
    "schedulehub_app",
    "serve_apismith",
    "serve_schedulehub",
]
