"""The sandbox's two servers around one PostgreSQL, for each way into ScheduleHub."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from syncflow.model import TargetTable
from syncflow.runtime import Runtime, open_runtime
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.running import RunningServer
from syncflow.sandbox.schedulehub.server import ScheduleHub, ScheduleHubOptions
from syncflow.sandbox.tokens import TokenOptions
from syncflow.settings import Settings
from syncflow.store.database import Database

TOKENS = TokenOptions(service_token="acceptance")
WAYS = ("database", "http", "http-v1")
"""ScheduleHub's own database; over HTTP with all capabilities; over HTTP with version 1 alone."""


@dataclass(frozen=True)
class Neighbours:
    """`target_database` and `target_schema` are where ScheduleHub's tables are, whatever way they are written."""

    settings: Settings
    apismith: ApiSmith
    target_database: str
    target_schema: str

    def runtime(self) -> AbstractContextManager[Runtime]:
        return open_runtime(self.settings, actor="acceptance")


@contextmanager
def neighbours(
    way: str, apismith: ApiSmith, database: Database, tables: Sequence[TargetTable], folder: Path
) -> Iterator[Neighbours]:
    """Both servers for as long as the block runs. `tables` are what a ScheduleHub of version 1 alone has beforehand."""
    schema = f"hub_{uuid4().hex[:8]}"
    with ExitStack() as stack:
        source = stack.enter_context(RunningServer(apismith.app))
        target = database.url if way == "database" else None
        if target is None:
            hub = ScheduleHub(database.url, schema, options=_options(way, tables, folder), tokens=TOKENS)
            target = stack.enter_context(RunningServer(hub.app)).url
        settings = Settings(
            state_dir=folder,
            database_url=database.url,
            apismith_url=source.url,
            apismith_token=TOKENS.service_token,
            schedulehub_url=target,
            schedulehub_token=TOKENS.service_token,
            schedulehub_schema=schema,
            sync_chunk_rows=5_000,
            sync_worker_threads=2,
        )
        yield Neighbours(settings, apismith, database.url, schema)


def _options(way: str, tables: Sequence[TargetTable], folder: Path) -> ScheduleHubOptions:
    if way == "http":
        return ScheduleHubOptions()
    file = folder / "tables.json"
    file.write_text(json.dumps({table.entity: _body(table) for table in tables}), encoding="utf-8")
    return ScheduleHubOptions(capabilities=(), tables_file=file)


def _body(table: TargetTable) -> dict[str, object]:
    refs = [{"name": name, "entity": entity} for name, entity in table.parents]
    return {"columns": [asdict(column) for column in table.columns], "parent_refs": refs}
