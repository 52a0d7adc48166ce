"""`POST /runtime/{slug}/execute`: one page, with the faults that a run of an API can have."""

import itertools
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from syncflow.sandbox.apismith.catalog import Catalog, PublishedTable
from syncflow.sandbox.apismith.column_index import Ints
from syncflow.sandbox.apismith.drift import drifted
from syncflow.sandbox.apismith.query import Query, parse_query
from syncflow.sandbox.apismith.wires import Wire
from syncflow.sandbox.errors import ApiError
from syncflow.sandbox.faults import Fault
from syncflow.sandbox.web import encode_json

_SHUFFLE_SEED = 7
_HEADERS = {"total_rows": "X-Total-Rows", "page": "X-Page", "page_size": "X-Page-Size"}


@dataclass(frozen=True)
class PageAnswer:
    """`headers` tell of the page what a JSON page says in its `metadata`."""

    body: bytes
    wire: Wire
    headers: Mapping[str, str] = field(default_factory=dict)


class Runtime:
    """Runs published APIs. Thread-safe."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._last_answers: dict[str, PageAnswer] = {}
        self._drift = itertools.count(1)

    def execute(self, slug: str, body: object, faults: tuple[Fault, ...], wire: Wire = Wire.JSON) -> PageAnswer:
        """The page in the form of `wire` (a page that is repeated, as it was).

        Raises ApiError 404 for an unknown slug, 400 and 422 for a request that is wrong.
        """
        started = time.perf_counter()
        published = self._catalog.find(slug)
        if published is None:
            raise ApiError(404, f"There is no API '{slug}'.", code="unknown_api")
        published = drifted(published, faults)
        query = parse_query(body, published.table.texts.columns)
        switched: dict[str, Fault] = {fault.kind: fault for fault in faults}
        with self._lock:
            if "repeat_page" in switched and slug in self._last_answers:
                return self._last_answers[slug]
        rows = _selected(published, query, switched)
        start = _first_row(query, switched.get("shift_rows"))
        data = published.page(rows[start : start + query.page_size], wire)
        metadata = {
            **self._total(len(rows), switched.get("total_rows")),
            "page": query.page,
            "page_size": query.page_size,
            "execution_time_ms": round((time.perf_counter() - started) * 1000),
        }
        answer = _answer(data, metadata, wire)
        with self._lock:
            self._last_answers[slug] = answer
        return answer

    def _total(self, total: int, fault: Fault | None) -> dict[str, int]:
        if fault is None:
            return {"total_rows": total}
        if fault.text == "missing":
            return {}
        if fault.text == "changing":
            return {"total_rows": total + next(self._drift)}
        return {"total_rows": int(fault.text)}


def _answer(data: bytes, metadata: Mapping[str, int], wire: Wire) -> PageAnswer:
    if wire is Wire.JSON:
        body = b"".join((b'{"success":true,"data":', data, b',"metadata":', encode_json(metadata), b"}"))
        return PageAnswer(body, wire)
    told = {_HEADERS[name]: str(value) for name, value in metadata.items() if name in _HEADERS}
    return PageAnswer(data, wire, told)


def _first_row(query: Query, shift: Fault | None) -> int:
    """Where a page begins; rows that came or went can only have shifted those behind the first page."""
    start = (query.page - 1) * query.page_size
    return start if shift is None or query.page == 1 else max(0, start - int(shift.value or 0))


def _selected(published: PublishedTable, query: Query, switched: Mapping[str, Fault]) -> Ints:
    if "empty" in switched:
        return np.zeros(0, dtype=np.int64)
    if "ignore_sort" not in switched:
        return published.select(query)
    unsorted = published.select(Query(query.page, query.page_size, query.filters))
    return np.random.default_rng(_SHUFFLE_SEED).permutation(unsorted)
