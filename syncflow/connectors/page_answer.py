"""One answer of `execute` as a page, in whichever of its three forms it came (wire contract, fast path)."""

from collections.abc import Sequence
from typing import Protocol

from syncflow.connectors.exchange import Answer
from syncflow.connectors.page_arrow import decode_arrow
from syncflow.connectors.page_decoder import decode_page
from syncflow.connectors.page_metadata import check_page, total_rows
from syncflow.connectors.page_ndjson import decode_ndjson
from syncflow.connectors.page_rows import PageRows
from syncflow.errors import ConfigurationError, PageError
from syncflow.i18n.texts import Text
from syncflow.protocols import Page, PageRequest

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
NDJSON = "application/x-ndjson"
ACCEPT = f"{ARROW}, {NDJSON};q=0.9, {JSON};q=0.8"


_OURS = "@"
"""Begins the names of what SyncFlow adds to a row on its way."""


class _Decoder(Protocol):
    def __call__(self, body: bytes, /, columns: Sequence[str], *, decimal_comma: bool = False) -> PageRows: ...


_ROWS_ALONE: dict[str, _Decoder] = {ARROW: decode_arrow, NDJSON: decode_ndjson, "application/ndjson": decode_ndjson}
"""The forms that hold rows alone; what else there is to say of the page stands in headers."""


def read_page(answer: Answer, request: PageRequest) -> Page:
    """Raises PageError for anything that is not the whole page that was asked for, ConfigurationError for columns that
    nobody asked for and that can be no column's name."""
    check_content_type(answer, (*_ROWS_ALONE, JSON))
    try:
        decode = _ROWS_ALONE.get(answer.content_type)
        page = _from_json(answer, request) if decode is None else _from_rows(answer, request, decode)
    except PageError as error:
        raise PageError(answer.error(Text("sent no readable page: {error}", error=error))) from error
    impossible = [name for name in page.observed if not name or "\0" in name or name.startswith(_OURS)]
    if impossible:
        raise ConfigurationError(
            answer.error(
                Text(
                    "sent a column named {impossible}, which cannot be a field's name: give it an alias in the API "
                    "that does not begin with {ours}",
                    impossible=repr(impossible[0]),
                    ours=_OURS,
                )
            )
        )
    return page


def check_content_type(answer: Answer, taken: Sequence[str] = (JSON,)) -> None:
    if answer.content_type not in taken:
        sent = answer.content_type or Text("no content type")
        said = Text("no text") if b"\0" in answer.body else answer.excerpt()
        raise PageError(
            answer.error(Text("sent {sent} instead of {taken} ({said})", sent=sent, taken=taken[-1], said=said))
        )


def _from_json(answer: Answer, request: PageRequest) -> Page:
    return decode_page(answer.body, request.columns, page=request.page, decimal_comma=request.decimal_comma)


def _from_rows(answer: Answer, request: PageRequest, decode: _Decoder) -> Page:
    check_page(answer.headers.get("x-page"), request.page)
    read = decode(answer.body, request.columns, decimal_comma=request.decimal_comma)
    return Page(read.rows, total_rows(answer.headers.get("x-total-rows")), read.observed)
