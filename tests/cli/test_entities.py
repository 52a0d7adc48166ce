"""`syncflow entities`: from what APISmith declares to what is synced."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import ENTITIES, Shell

pytestmark = pytest.mark.integration


def test_discover_import_export_make_the_same_entities(plant: Shell) -> None:
    proposed = plant.run("entities", "discover")
    assert "2 entities proposed" in proposed.err
    Path("entities.yaml").write_text(proposed.out, encoding="utf-8")
    assert plant.run("entities", "import", "entities.yaml").out == "Created: sites, items.\n"
    assert plant.run("entities", "import", "entities.yaml").out == "As before: sites, items.\n"
    assert sorted(plant.run("entities", "export").out.splitlines()) == sorted(proposed.out.splitlines())
    assert plant.run("entities", "discover").out == "entities: []\n"
    listed = plant.run("entities", "list").out.splitlines()
    assert {line.split()[0] for line in listed} == {"entity", "items", "sites"}


def test_create_update_delete(configured: Shell) -> None:
    assert configured.run("entities", "delete", "items", "--yes").code == 0
    made = configured.run("entities", "create", "items", "--set", "business_key=[item_no]", "--set", "delete_mode=soft")
    assert made.code == 0, made.err
    changed = configured.run("entities", "update", "items", "--set", "delete_mode=", "--set", "hash_exclude=[weight]")
    assert changed.out == "Changed items: delete_mode, hash_exclude.\n"
    shown = json.loads(configured.run("entities", "show", "items", "--json").out)
    assert (shown["delete_mode"], shown["hash_exclude"]) == ("hard", ["weight"])
    assert "hash_exclude: [weight]" in configured.run("entities", "show", "items").out


def test_tables_are_in_the_words_of_schedulehub(configured: Shell) -> None:
    tables = json.loads(configured.run("entities", "tables").out)
    assert list(tables) == ["sites", "items"]
    assert tables["items"]["parent_refs"] == [{"name": "site", "entity": "sites"}]
    assert {"name": "item_no", "type": "text", "nullable": False} in tables["items"]["columns"]


def test_delete_asks_and_refuses_without_a_terminal(configured: Shell) -> None:
    refused = configured.run("entities", "delete", "items")
    assert refused.code == 64
    assert "syncflow entities delete items --yes" in refused.err
    children = configured.run("entities", "delete", "sites", "--yes")
    assert children.code == 64
    assert "items refer to it" in children.err
    assert configured.run("entities", "export").out.count("- name:") == ENTITIES.count("- name:")
