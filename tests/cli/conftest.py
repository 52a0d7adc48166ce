"""The command as a shell calls it: in this process where that is enough, else as a process of its own."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from syncflow.cli.main import main
from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import table_from_rows
from syncflow.sandbox.running import RunningServer
from syncflow.settings import Settings
from syncflow.store.database import Database

SYNCFLOW = Path(sys.executable).with_name("syncflow")
ITEMS = 60


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


class Shell:
    """A directory and an environment in which `syncflow` is called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def set(self, **environment: str) -> None:
        for name, value in environment.items():
            self._monkeypatch.setenv(name.upper(), value)

    def run(self, *arguments: str) -> Said:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(arguments)
        said = self._capsys.readouterr()
        return Said(int(end.value.code or 0), said.out, said.err)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [SYNCFLOW, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    """An empty directory and no settings but where the embedded database would be."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    shell = Shell(monkeypatch, capsys)
    shell.set(state_dir=str(tmp_path / "state"), retry_delay_seconds="0.01", max_retries="1", syncflow_lang="en")
    handlers = logging.getLogger().handlers
    yield shell
    logging.getLogger().handlers = handlers


@pytest.fixture
def apismith() -> ApiSmith:
    """An APISmith with sites and items; two items can never be loaded, one waits for its site."""
    sites = parse_definition(
        {
            "slug": "sites",
            "name": "Sites",
            "columns": [{"name": "CODE", "data_type": "CHAR(4)"}, {"name": "NAME", "data_type": "VARCHAR2(40)"}],
            "business_key_columns": ["CODE"],
            "delta_strategy": "hash",
        }
    )
    items = parse_definition(
        {
            "slug": "items",
            "name": "Items",
            "columns": [
                {"name": "ITEM_NO", "data_type": "VARCHAR2(20)"},
                {"name": "SITE", "data_type": "CHAR(4)"},
                {"name": "WEIGHT", "data_type": "NUMBER(12,3)"},
            ],
            "business_key_columns": ["ITEM_NO"],
            "delta_strategy": "hash",
        }
    )
    rows: list[dict[str, object]] = [
        {"ITEM_NO": f"A-{n:03}", "SITE": "THR ", "WEIGHT": f"{n},000.5" if n % 7 else "12.5"} for n in range(ITEMS)
    ]
    rows[7]["WEIGHT"] = "heavy"
    rows[9]["WEIGHT"] = "1,5"
    rows[11]["SITE"] = "LATE"
    tables = [table_from_rows(sites, [{"CODE": "THR ", "NAME": "Tehran"}]), table_from_rows(items, rows)]
    return ApiSmith(tables)


@pytest.fixture
def source(apismith: ApiSmith, shell: Shell) -> Iterator[str]:
    with RunningServer(apismith.app) as server:
        shell.set(apismith_url=server.url, apismith_username="syncflow", apismith_password="syncflow")
        yield server.url


@pytest.fixture
def plant(shell: Shell, source: str, database: Database) -> Shell:
    """A shell in which everything is set, with a database that holds the metadata and ScheduleHub's tables."""
    shell.set(database_url=database.url, schedulehub_url=database.url, schedulehub_schema="hub")
    return shell


ENTITIES = """\
entities:
  - name: sites
    api: sites
    business_key: [code]
  - name: items
    api: items
    business_key: [item_no]
    parent_refs:
      site: {entity: sites, fields: {site: code}}
"""


@pytest.fixture
def configured(plant: Shell) -> Shell:
    Path("entities.yaml").write_text(ENTITIES, encoding="utf-8")
    assert plant.run("entities", "import", "entities.yaml").code == 0
    return plant
