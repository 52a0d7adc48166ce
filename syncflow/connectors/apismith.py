"""APISmith as a Source: definitions of its APIs, and their rows page by page."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from syncflow.connectors.exchange import Answer, Call
from syncflow.connectors.http import HttpClient
from syncflow.connectors.page_answer import ACCEPT, check_content_type, read_page
from syncflow.connectors.retrying import StopCheck
from syncflow.errors import ConfigurationError, PageError
from syncflow.i18n.texts import Text
from syncflow.model import ApiColumn, ApiDefinition, DeltaStrategy
from syncflow.protocols import Filter, Page, PageRequest

_LIST_SIZE = 100
_MOST_APIS = 100_000


class _Column(msgspec.Struct):
    name: str
    data_type: str | None = None
    nullable: bool | None = None


class _Definition(msgspec.Struct):
    slug: str
    name: str | None = None
    columns: list[_Column] | None = None
    business_key_columns: list[str] | None = None
    rowversion_column: str | None = None
    delta_strategy: str | None = None


class _Listed(msgspec.Struct):
    slug: str


class _ApiList(msgspec.Struct):
    items: list[_Listed]


_DEFINITION = msgspec.json.Decoder(_Definition)
_API_LIST = msgspec.json.Decoder(_ApiList)


class ApiSmith:
    """Keeps the promises of `protocols.Source`; thread-safe."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    @property
    def name(self) -> str:
        return self._client.name

    def close(self) -> None:
        self._client.close()

    def until(self, should_stop: StopCheck) -> "ApiSmith":
        return ApiSmith(self._client.until(should_stop))

    def check(self) -> str:
        """One call of `health` and one that needs the login."""
        told = self._client.health()
        self._list(1)
        return told

    def clock(self) -> datetime | None:
        """What time it is there; None where it does not say."""
        return self._client.clock()

    def definition(self, api: str) -> ApiDefinition:
        call = Call(
            "GET",
            f"/apis/slug/{_part(api)}",
            Text("Reading the definition of API {api}", api=api),
            expected=frozenset({404}),
        )
        return self._client.call(call, lambda answer: _read_definition(answer, api))

    def definitions(self) -> Iterator[ApiDefinition]:
        """All published APIs, each once, although the list may shift while it is read."""
        seen: set[str] = set()
        for page in range(1, _MOST_APIS // _LIST_SIZE + 1):
            slugs = self._list(page)
            new = [slug for slug in slugs if slug not in seen]
            seen.update(new)
            yield from map(self.definition, new)
            if not new:
                return

    def page(self, request: PageRequest) -> Page:
        call = Call(
            "POST",
            f"/runtime/{_part(request.api)}/execute",
            Text("Reading page {page} of {api}", page=str(request.page), api=request.api),
            body=msgspec.json.encode(_execute(request)),
            accept=ACCEPT,
            expected=frozenset({404}),
        )
        return self._client.call(call, lambda answer: _read_page(answer, request))

    def _list(self, page: int) -> list[str]:
        params = {"page": str(page), "page_size": str(_LIST_SIZE)}
        call = Call("GET", "/apis", Text("Listing the APIs (page {page})", page=str(page)), params=params)
        return self._client.call(call, _read_list)


def _part(slug: str) -> str:
    return quote(slug, safe="")


def _execute(request: PageRequest) -> dict[str, Any]:
    body: dict[str, Any] = {"page": request.page, "page_size": request.page_size}
    if request.filters:
        body["filters"] = [_filter(each) for each in request.filters]
    if request.sort is not None:
        body["sort"] = {"field": request.sort.field, "direction": "desc" if request.sort.descending else "asc"}
    return body


def _filter(wanted: Filter) -> dict[str, str | bool | tuple[str, ...]]:
    return {"field": wanted.field, "operator": wanted.operator, "value": wanted.value}


def _read_page(answer: Answer, request: PageRequest) -> Page:
    """Raises PageError for anything that is not a whole page; the client then asks again."""
    _check_known(answer, request.api)
    return read_page(answer, request)


def _read_list(answer: Answer) -> list[str]:
    check_content_type(answer)
    try:
        return [item.slug for item in _API_LIST.decode(answer.body).items]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PageError(answer.error(Text("sent no readable list: {error}", error=error))) from error


def _read_definition(answer: Answer, api: str) -> ApiDefinition:
    _check_known(answer, api)
    check_content_type(answer)
    try:
        read = _DEFINITION.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PageError(answer.error(Text("sent no readable definition: {error}", error=error))) from error
    return ApiDefinition(
        slug=read.slug,
        name=read.name or read.slug,
        columns=tuple(ApiColumn(each.name, each.data_type, each.nullable is not False) for each in read.columns or ()),
        business_key_columns=tuple(read.business_key_columns or ()),
        rowversion_column=read.rowversion_column,
        delta_strategy=_strategy(read.delta_strategy),
    )


def _strategy(name: str | None) -> DeltaStrategy | None:
    """None also for a strategy that only a newer APISmith knows: it is a proposal, no more."""
    return DeltaStrategy(name) if name in set(DeltaStrategy) else None


def _check_known(answer: Answer, api: str) -> None:
    if answer.status == 404:
        raise ConfigurationError(
            "{neighbour} has no API {api}. Publish it there, or correct the entity's `api`.",
            neighbour=answer.neighbour.said,
            api=repr(api),
        )
