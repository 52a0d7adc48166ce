"""What a wrong call, file, setting or definition is answered with: the thing, the place, the remedy, the exit code."""

import socket
from pathlib import Path

import pytest

from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import table_from_rows
from tests.cli.conftest import ENTITIES, Said, Shell

pytestmark = pytest.mark.integration


def _refused(said: Said, code: int, *parts: str) -> None:
    assert said.code == code, said
    assert said.out == ""
    assert "Traceback" not in said.err
    for part in parts:
        assert part in said.err


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["sinc"], ["No such command 'sinc'", "sync"]),
        (["sync", "--type", "half"], ["half", "incremental"]),
        (["history", "--limit", "many"], ["--limit"]),
        (["sandbox", "schedulehub", "--capabilities", "fast"], ["There is no capability 'fast'", "upsert"]),
        (["entities", "import", "missing.yaml"], ["missing.yaml cannot be read", "No such file"]),
        (["entities", "update", "items"], ["Nothing to change", "--set KEY=YAML"]),
        (["entities", "create", "items", "--set", "api"], ["--set takes KEY=YAML", "'api'"]),
    ],
)
def test_wrong_usage(shell: Shell, arguments: list[str], parts: list[str]) -> None:
    _refused(shell.run(*arguments), 64, *parts)


def test_a_wrong_setting(shell: Shell) -> None:
    shell.set(sync_chunk_rows="many")
    _refused(shell.run("status"), 78, "SYNC_CHUNK_ROWS holds 'many' (from environment)", "a whole number from 1")


def test_no_database(shell: Shell) -> None:
    shell.set(database_url="postgresql://somebody:secret@127.0.0.1:1/nowhere")
    said = shell.run("status")
    _refused(said, 69, "is not to be had", "127.0.0.1:1", "correct DATABASE_URL")
    assert "secret" not in said.err


def test_a_port_in_use(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = shell.run("sandbox", "apismith", "--rows", "100", "--port", port)
    _refused(said, 69, f"Port {port} on 127.0.0.1 is in use", "--port")


def test_no_sandbox_to_advance(shell: Shell) -> None:
    said = shell.run("sandbox", "apismith", "--advance-day", "--port", "1")
    _refused(said, 69, "No APISmith sandbox answers at http://127.0.0.1:1", "syncflow sandbox apismith")


def test_a_folder_that_is_not_there(shell: Shell) -> None:
    _refused(shell.run("sandbox", "apismith", "--data", "exports"), 78, "There is no data folder exports")


def test_nothing_is_named_or_configured(plant: Shell) -> None:
    _refused(plant.run("sync"), 64, "Name the entities to sync, or say --all")
    _refused(plant.run("sync", "sites", "--all"), 64, "one of the two")
    _refused(plant.run("sync", "--all"), 78, "No entity is configured", "syncflow entities discover > entities.yaml")


def test_unknown_entities_are_told_with_the_nearest(configured: Shell) -> None:
    _refused(
        configured.run("sync", "itms"),
        64,
        "There is no entity 'itms' (did you mean items?). See: syncflow entities list",
    )
    _refused(configured.run("entities", "show", "itms"), 64, "did you mean items?")
    _refused(configured.run("history", "itms"), 64, "did you mean items?")
    _refused(configured.run("status", "ffff"), 64, "There is no batch 'ffff'", "syncflow history")


@pytest.mark.parametrize(
    ("wrong", "right", "parts"),
    [
        ("busines_key", "business_key", ["line 4", "'busines_key'", "did you mean business_key?"]),
        ("api: itms", "api: items", ["itms"]),
        ("{site: kode}", "{site: code}", ["parent_refs.site", "code"]),
        ("[item_nr]", "[item_no]", ["items: business_key: there is no field 'item_nr' (did you mean item_no?)"]),
        ("name: sites\n", "name: items\n", ["stands twice"]),
    ],
)
def test_a_wrong_file_changes_nothing(plant: Shell, wrong: str, right: str, parts: list[str]) -> None:
    assert right in ENTITIES
    Path("entities.yaml").write_text(ENTITIES.replace(right, wrong), encoding="utf-8")
    _refused(plant.run("entities", "import", "entities.yaml"), 78, *parts)
    assert plant.run("entities", "export").out == "entities: []\n"


def _publish(apismith: ApiSmith, rows: list[dict[str, object]], **definition: object) -> None:
    whole = {"slug": "odd", "name": "Odd", "business_key_columns": ["NO"], **definition}
    apismith.service.publish(table_from_rows(parse_definition(whole), rows))


def _create_odd(shell: Shell) -> Said:
    return shell.run("entities", "create", "odd", "--set", "business_key=[no]")


def test_a_definition_without_columns_and_rows(plant: Shell, apismith: ApiSmith) -> None:
    _publish(apismith, [])
    _refused(_create_odd(plant), 78, "The API odd declares no columns and its first page is empty", "column_types")
    _publish(apismith, [{"NO": "1", "NAME": "one"}])
    assert _create_odd(plant).code == 0


def test_a_type_that_nobody_knows(plant: Shell, apismith: ApiSmith) -> None:
    columns = [{"name": "NO", "data_type": "NUMBER(5)"}, {"name": "WHERE_", "data_type": "SDO_GEOMETRY"}]
    _publish(apismith, [], columns=columns)
    _refused(_create_odd(plant), 78, "odd: column WHERE_ of the API odd", "SDO_GEOMETRY", "column_types: {WHERE_: ...}")


def test_a_key_that_is_not_among_the_columns(plant: Shell, apismith: ApiSmith) -> None:
    _publish(apismith, [], columns=[{"name": "NUMMER", "data_type": "NUMBER(5)"}])
    _refused(_create_odd(plant), 78, "odd: business_key: there is no field 'no'", "nummer")
