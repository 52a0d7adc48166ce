"""The HTTP client against a server with fault switches: tokens, deadlines, retries, limits."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import msgspec
import pytest

from syncflow.connectors.apismith import ApiSmith as Source
from syncflow.connectors.auth import Credentials, Minting
from syncflow.connectors.exchange import Timeouts
from syncflow.connectors.registry import Endpoint, open_source, open_target
from syncflow.connectors.retrying import RetryPolicy
from syncflow.errors import ConfigurationError, PageError, RetriableError
from syncflow.model import DeltaStrategy
from syncflow.protocols import Filter, PageRequest, Sort
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.faults import Fault
from syncflow.sandbox.running import RunningServer
from syncflow.sandbox.servers import ApiSmithSettings, make_apismith
from syncflow.sandbox.tokens import TokenOptions

pytestmark = pytest.mark.integration

LOGIN = Credentials(username="syncflow", password="syncflow")
SHORT = Timeouts(connect=2, exchange=5)
RETRY = RetryPolicy(attempts=3, wait_initial=0.01)
SITES = PageRequest("sites", 10)
EXECUTE = "/api/v1/runtime/sites/execute"
SECRET = "s" * 32


@pytest.fixture(scope="module")
def smith() -> ApiSmith:
    tokens = TokenOptions(service_token="service", internal_secret=SECRET)
    return make_apismith(ApiSmithSettings(rows=300, tokens=tokens))


@pytest.fixture(scope="module")
def url(smith: ApiSmith) -> Iterator[str]:
    with RunningServer(smith.app) as server:
        yield server.url


@pytest.fixture(autouse=True)
def no_faults(smith: ApiSmith) -> Iterator[None]:
    smith.faults.clear()
    smith.calls.reset()
    yield
    smith.faults.clear()


@pytest.fixture
def source(url: str) -> Iterator[Source]:
    with opened(url) as source:
        yield source


@contextmanager
def opened(
    url: str,
    credentials: Credentials = LOGIN,
    timeouts: Timeouts = SHORT,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Source]:
    source = open_source(Endpoint(url, credentials, timeouts, RETRY), should_stop)
    yield source
    source.close()


def calls(smith: ApiSmith, path: str) -> int:
    counted = smith.calls.snapshot()["calls"]
    assert isinstance(counted, dict)
    return sum(count for name, count in counted.items() if name.endswith(path))


def test_definitions_and_pages(source: Source) -> None:
    definitions = {each.slug: each for each in source.definitions()}
    site = definitions["sites"]
    assert source.definition("sites") == site
    assert site.business_key_columns
    assert site.delta_strategy in set(DeltaStrategy)
    key = site.business_key_columns[0]
    columns = tuple(column.name for column in site.columns)
    request = PageRequest("sites", 2, sort=Sort(key, descending=True), columns=columns)
    page = source.page(request)
    assert page.rows.columns == list(columns)
    assert page.rows.height == 2
    assert page.observed == {}
    first = page.rows[key].to_list()
    assert first == sorted(first, reverse=True)
    same = source.page(PageRequest("sites", 10, filters=(Filter(key, "in", tuple(first)),), columns=columns))
    assert set(same.rows[key]) == set(first)
    assert same.total_rows == 2
    assert source.page(
        PageRequest("sites", 10, filters=(Filter(key, "is_null", True),), columns=columns)
    ).rows.is_empty()
    with pytest.raises(ConfigurationError, match="has no API 'no/such'"):
        source.page(PageRequest("no/such", 10))
    with pytest.raises(ConfigurationError, match="has no API 'nothing'"):
        source.definition("nothing")


@pytest.mark.parametrize(
    "credentials", [LOGIN, Credentials(token="service"), Credentials(minting=Minting(SECRET, expire_minutes=1))]
)
def test_every_way_in(url: str, credentials: Credentials) -> None:
    with opened(url, credentials) as source:
        assert source.page(SITES).rows.height > 0
    assert SECRET not in repr(credentials)


@pytest.mark.parametrize("credentials", [LOGIN, Credentials(minting=Minting(SECRET))])
@pytest.mark.parametrize("refresh", ["", "refresh"])
def test_a_token_that_ends_in_mid_run_is_renewed_once_for_all(
    smith: ApiSmith, url: str, credentials: Credentials, refresh: str
) -> None:
    with opened(url, credentials) as source, ThreadPoolExecutor(8) as pool:
        source.page(SITES)
        smith.calls.reset()
        smith.faults.add(Fault("expire_tokens", path="sites", text=refresh))
        assert all(page.rows.height for page in pool.map(source.page, [SITES] * 24))
    if credentials is LOGIN:
        assert (calls(smith, "/auth/refresh"), calls(smith, "/auth/login")) == (1, 1 if refresh else 0)


def test_a_refused_login_is_tried_once_by_all(smith: ApiSmith, url: str) -> None:
    def attempt(source: Source) -> str:
        with pytest.raises(ConfigurationError) as caught:
            source.page(SITES)
        return str(caught.value)

    with opened(url, Credentials(username="joe", password="pass-word-x")) as source, ThreadPoolExecutor(8) as pool:
        messages = set(pool.map(attempt, [source] * 16))
    assert calls(smith, "/auth/login") == 1
    (message,) = messages
    assert message.endswith("refuses the login of joe (status 401). Check APISMITH_USERNAME and APISMITH_PASSWORD.")
    assert "pass-word-x" not in message


@pytest.mark.parametrize(
    ("credentials", "reason"),
    [
        (Credentials(token="old"), "refuses the service token"),
        (Credentials(), "asks for a login"),
        (Credentials(minting=Minting("o" * 32)), "INTERNAL_SERVICE_JWT_SECRET must be the same"),
    ],
)
def test_a_token_that_is_never_taken(smith: ApiSmith, url: str, credentials: Credentials, reason: str) -> None:
    with opened(url, credentials) as source:
        for _ in range(3):
            with pytest.raises(ConfigurationError, match=reason):
                source.page(SITES)
    assert calls(smith, EXECUTE) <= 2


def test_tokens_are_refreshed_before_they_end() -> None:
    smith = make_apismith(ApiSmithSettings(rows=100, tokens=TokenOptions(lifetime=timedelta(seconds=4))))
    with RunningServer(smith.app) as server, opened(server.url) as source:
        for _ in range(5):
            source.page(SITES)
            time.sleep(0.9)
    statuses = smith.calls.snapshot()["statuses"]
    assert isinstance(statuses, dict)
    assert calls(smith, "/auth/refresh") >= 1
    assert not any(name.endswith("401") for name in statuses)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", path=EXECUTE, status=429, retry_after="0", times=2),
        Fault("status", path=EXECUTE, status=500, times=2),
        Fault("status", path=EXECUTE, status=425, times=2),
        Fault("reset", path=EXECUTE, times=2),
        Fault("truncate", path=EXECUTE, bytes=100, times=2),
        Fault("html", path=EXECUTE, times=2),
        Fault("content_type", path=EXECUTE, text="text/plain", times=2),
        Fault("not_success", path=EXECUTE, times=2),
        Fault("status", path="/api/v1/auth/login", status=503, times=2),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_what_passes_is_tried_again_and_what_stays_is_told(smith: ApiSmith, url: str, fault: Fault) -> None:
    with opened(url) as source:
        smith.faults.add(fault)
        assert source.page(SITES).rows.height > 0
    with opened(url) as source:
        smith.faults.add(msgspec.structs.replace(fault, times=None))
        with pytest.raises(RetriableError, match=r"^APISmith \(http://127.0.0.1:\d+\): .* failed: it ") as caught:
            source.page(SITES)
        assert "syncflow:" not in str(caught.value)
        if fault.kind in ("html", "content_type", "not_success"):
            assert isinstance(caught.value, PageError)


@pytest.mark.parametrize(
    "fault",
    [Fault("drip", path=EXECUTE, bytes=20, times=None), Fault("delay", path=EXECUTE, seconds=8, times=None)],
    ids=["one piece at a time", "silence"],
)
def test_an_exchange_has_a_deadline(smith: ApiSmith, url: str, fault: Fault) -> None:
    smith.faults.add(fault)
    started = time.monotonic()
    with (
        opened(url, timeouts=Timeouts(exchange=0.7)) as source,
        pytest.raises(RetriableError, match=r"within 0\.7 seconds"),
    ):
        source.page(SITES)
    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    "fault",
    [
        Fault("delay", path=EXECUTE, seconds=8),
        Fault("status", path=EXECUTE, status=503, retry_after="60", times=None),
    ],
    ids=["in flight", "waiting"],
)
def test_it_ends_promptly_when_stopped(smith: ApiSmith, url: str, fault: Fault) -> None:
    smith.faults.add(fault)
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    started = time.monotonic()
    with opened(url, should_stop=stop.is_set) as source, pytest.raises(RetriableError):
        source.page(SITES)
    assert time.monotonic() - started < 3


def test_no_more_requests_at_once_than_allowed(smith: ApiSmith, url: str) -> None:
    source = open_source(Endpoint(url, LOGIN, retry=RETRY, max_concurrency=2))
    smith.faults.add(Fault("delay", path=EXECUTE, seconds=0.05, times=None))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(source.page, [SITES] * 12))
    source.close()
    assert smith.calls.snapshot()["max_concurrency"] == 2


def test_nobody_there() -> None:
    with (
        opened("http://127.0.0.1:9") as source,
        pytest.raises(RetriableError, match=r"cannot be reached.*APISMITH_URL"),
    ):
        source.page(SITES)


@pytest.mark.parametrize("open_it", [open_source, open_target])
def test_an_address_of_another_kind(open_it: Callable[[Endpoint], AbstractContextManager[object]]) -> None:
    with pytest.raises(ConfigurationError, match=r"mysql://joe:\*\*\*@h; an address must begin with one of http://"):
        open_it(Endpoint("mysql://joe:secret@h"))
