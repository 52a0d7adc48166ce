"""`syncflow config` and `syncflow db`, called as a terminal calls them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from syncflow.cli import config, db
from syncflow.errors import ConfigurationError, UsageError
from syncflow.settings import Settings
from syncflow.store import migrate
from syncflow.store.embedded import EmbeddedPostgres

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_config_show_tells_each_value_and_its_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APISMITH_TOKEN", "hunter2")
    Path(".env").write_text("MAX_RETRIES=7\nMAX_RETRYS=8\n")
    shown = CliRunner().invoke(config.app, ["show"])
    lines = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines()}
    assert lines["MAX_RETRIES"] == ["7", ".env"]
    assert lines["APISMITH_TOKEN"] == ["***", "environment"]
    assert "MAX_RETRYS in .env is no setting" in shown.stderr
    listed = json.loads(CliRunner().invoke(config.app, ["show", "--json"]).stdout)
    assert {"name": "MAX_RETRIES", "value": "7", "origin": ".env"}.items() <= listed[
        [line["name"] for line in listed].index("MAX_RETRIES")
    ].items()


def test_config_show_refuses_a_wrong_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_RETRIES", "many")
    assert isinstance(CliRunner().invoke(config.app, ["show"]).exception, ConfigurationError)


def test_db_goes_up_and_down(monkeypatch: pytest.MonkeyPatch, postgres_server: EmbeddedPostgres) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_server.url())
    monkeypatch.setenv("POSTGRES_SCHEMA", "by_hand")
    head = migrate.head()

    def said(*arguments: str) -> str:
        return CliRunner().invoke(db.app, list(arguments), catch_exceptions=False).stdout.strip()

    assert said("url") == postgres_server.url()
    assert said("current") == f"none (needed: {head})"
    assert said("upgrade") == f"The tables went from none to {head}."
    assert said("upgrade") == f"Nothing to do: the tables are at {head}."
    assert said("current") == f"{head} (up to date)"
    assert said("downgrade", "base") == f"The tables went from {head} to none."
    with pytest.raises(UsageError):
        said("upgrade", "zzz")
