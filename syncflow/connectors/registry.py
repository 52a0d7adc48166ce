"""From an address to the connector that speaks to it: the URL's scheme decides, and nothing else."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from syncflow.connectors.apismith import ApiSmith
from syncflow.connectors.auth import Credentials, TokenKeeper
from syncflow.connectors.exchange import Exchange, Neighbour, Timeouts
from syncflow.connectors.http import HttpClient
from syncflow.connectors.postgres import Database
from syncflow.connectors.retrying import Retrier, RetryPolicy, StopCheck, never
from syncflow.connectors.schedulehub import ScheduleHub
from syncflow.connectors.schedulehub_pg import ScheduleHubPostgres
from syncflow.errors import ConfigurationError
from syncflow.masking import mask_address

HTTP_SCHEMES = frozenset({"http", "https"})
POSTGRES_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+psycopg"})


@dataclass(frozen=True)
class Endpoint:
    """How to speak to a neighbour. `max_concurrency` bounds the requests at once. Where the neighbour is a database,
    `schema` is that of the entity tables, `statement_timeout` (seconds) that of each statement, and `application` the
    name of the sessions there."""

    url: str
    credentials: Credentials = Credentials()
    timeouts: Timeouts = Timeouts()
    retry: RetryPolicy = RetryPolicy()
    max_concurrency: int = 4
    max_batch_size: int = 10_000
    schema: str = "schedulehub"
    statement_timeout: float = 600.0
    application: str = "syncflow"


def open_source(endpoint: Endpoint, should_stop: StopCheck = never) -> ApiSmith:
    """Nothing is sent yet. Raises ConfigurationError for an address that no connector takes."""
    _scheme(endpoint.url, "APISMITH_URL", HTTP_SCHEMES)
    return ApiSmith(_client(Neighbour("APISmith", endpoint.url, "APISMITH"), endpoint, should_stop))


def open_target(endpoint: Endpoint, should_stop: StopCheck = never) -> ScheduleHub | ScheduleHubPostgres:
    """Nothing is sent yet. Raises ConfigurationError for an address that no connector takes."""
    scheme = _scheme(endpoint.url, "SCHEDULEHUB_URL", HTTP_SCHEMES | POSTGRES_SCHEMES)
    if scheme in HTTP_SCHEMES:
        client = _client(Neighbour("ScheduleHub", endpoint.url, "SCHEDULEHUB"), endpoint, should_stop)
        return ScheduleHub(client, endpoint.max_batch_size)
    database = Database(
        endpoint.url,
        Retrier(endpoint.retry, should_stop),
        connect_timeout=endpoint.timeouts.connect,
        statement_timeout=endpoint.statement_timeout,
        application_name=endpoint.application,
    )
    return ScheduleHubPostgres(database, endpoint.schema)


def _client(neighbour: Neighbour, endpoint: Endpoint, should_stop: StopCheck) -> HttpClient:
    exchange = Exchange(neighbour, endpoint.timeouts, endpoint.max_concurrency, should_stop)
    return HttpClient(exchange, TokenKeeper(endpoint.credentials, exchange), Retrier(endpoint.retry, should_stop))


def _scheme(url: str, setting: str, taken: frozenset[str]) -> str:
    scheme = urlsplit(url).scheme.lower()
    if scheme not in taken:
        listed = ", ".join(f"{each}://" for each in sorted(taken))
        raise ConfigurationError(
            "{setting} is {address}; an address must begin with one of {listed}.",
            setting=setting,
            address=mask_address(url),
            listed=listed,
        )
    return scheme
