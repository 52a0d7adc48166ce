"""How a SyncFlow is to sync the built-in ERP: the file that `syncflow entities import` takes."""

from importlib.resources import files

FILE = "entities.yaml"


def entities_yaml() -> str:
    """Every table with its business key, strategy and parents."""
    return (files("syncflow.sandbox.erp") / FILE).read_text(encoding="utf-8")
