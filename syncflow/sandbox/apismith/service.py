"""What an APISmith publishes and how it changes, without HTTP."""

import threading
from collections.abc import Iterable, Mapping
from typing import Protocol

from syncflow.sandbox.apismith.catalog import Catalog
from syncflow.sandbox.apismith.table import Table, change_rows
from syncflow.sandbox.erp.day import DayReport
from syncflow.sandbox.errors import SandboxError

_Rows = list[dict[str, object]]


class Business(Protocol):
    """A company whose days go by."""

    day: int

    def tables(self) -> list[Table]: ...

    def advance_day(self) -> Mapping[str, DayReport]: ...


class ApiSmithService:
    """The published tables. `business`, when there is one, brings its own tables and its days. Thread-safe."""

    def __init__(self, tables: Iterable[Table] = (), business: Business | None = None) -> None:
        self._business = business
        self._lock = threading.Lock()
        self._changes: list[tuple[str, _Rows, _Rows]] = []
        self.catalog = Catalog([*(business.tables() if business else ()), *tables])

    @property
    def day(self) -> int:
        return self._business.day if self._business else 0

    def publish(self, *tables: Table) -> None:
        with self._lock:
            self.catalog.publish(*tables)

    def advance_day(self) -> Mapping[str, DayReport]:
        """One day of business. Rows that were changed by hand stay as they were changed."""
        if self._business is None:
            raise SandboxError("Only the built-in ERP has days of business; change rows by /control/rows/{slug}.")
        with self._lock:
            report = self._business.advance_day()
            self.catalog.publish(*self._business.tables())
            for slug, upserts, deletes in self._changes:
                self._apply(slug, upserts, deletes)
            return report

    def change_rows(self, slug: str, upserts: _Rows, deletes: _Rows) -> None:
        """Insert, replace and delete rows by business key. The built-in ERP's truth does not know of such changes."""
        with self._lock:
            self._apply(slug, upserts, deletes)
            self._changes.append((slug, upserts, deletes))

    def _apply(self, slug: str, upserts: _Rows, deletes: _Rows) -> None:
        published = self.catalog.find(slug)
        if published is None:
            raise SandboxError(f"There is no API '{slug}'.")
        keys = [{name: None if value is None else str(value) for name, value in row.items()} for row in deletes]
        self.catalog.publish(change_rows(published.table, upserts, keys))
