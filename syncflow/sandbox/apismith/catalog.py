"""The published APIs: tables with their rendered rows and indexes, made when they are first asked for."""

import threading
from collections.abc import Iterable

from syncflow.sandbox.apismith.arrow_rows import ArrowRows
from syncflow.sandbox.apismith.column_index import ColumnIndex, Ints
from syncflow.sandbox.apismith.query import Query, select_rows
from syncflow.sandbox.apismith.rendering import RenderedRows
from syncflow.sandbox.apismith.table import Table
from syncflow.sandbox.apismith.wires import Wire


class PublishedTable:
    """One state of a table, never changed. Safe for several threads; rendering and indexing happen once."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._lock = threading.Lock()
        self._rendered: RenderedRows | None = None
        self._arrow: ArrowRows | None = None
        self._indexes: dict[str, ColumnIndex] = {}

    def select(self, query: Query) -> Ints:
        return select_rows(query, self.table.texts.height, self.table.texts, self._index)

    def page(self, rows: Ints, wire: Wire = Wire.JSON) -> bytes:
        """The rows with these numbers: a JSON array, lines of NDJSON, an Arrow stream."""
        if wire is Wire.ARROW:
            return self._arrow_rows().page(rows)
        rendered = self._rendered_rows()
        return rendered.page(rows) if wire is Wire.JSON else rendered.lines(rows)

    def warm(self, *columns: str, wire: Wire = Wire.JSON) -> None:
        """Render the rows and index these columns now, so that no request has to wait for it."""
        self.page(self.select(Query(1, 1))[:1], wire)
        for column in columns:
            _ = self._index(column).ascending

    def _rendered_rows(self) -> RenderedRows:
        with self._lock:
            if self._rendered is None:
                self._rendered = RenderedRows(self.table)
            return self._rendered

    def _arrow_rows(self) -> ArrowRows:
        with self._lock:
            if self._arrow is None:
                self._arrow = ArrowRows(self.table)
            return self._arrow

    def _index(self, column: str) -> ColumnIndex:
        with self._lock:
            if column not in self._indexes:
                self._indexes[column] = ColumnIndex(self.table.texts[column], self.table.definition.kind(column))
            return self._indexes[column]


class Catalog:
    """The APIs of one server by slug, in the order in which they were published. Thread-safe: a request reads one
    state of a table, whatever is published meanwhile."""

    def __init__(self, tables: Iterable[Table] = ()) -> None:
        self._tables = {table.definition.slug: PublishedTable(table) for table in tables}

    def publish(self, *tables: Table) -> None:
        """Add tables, or put them in the place of what had their slug."""
        changed = {table.definition.slug: PublishedTable(table) for table in tables}
        self._tables = {**self._tables, **changed}

    def find(self, slug: str) -> PublishedTable | None:
        return self._tables.get(slug)

    def all(self) -> tuple[PublishedTable, ...]:
        return tuple(self._tables.values())
