"""Compiles the catalogues when SyncFlow is installed: beside their sources, and into the wheel."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CatalogueHook(BuildHookInterface[Any]):
    """For a wheel, and for an installation that runs from its sources (`editable`)."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        catalogues = Path(self.root, "locales")
        sys.path.insert(0, str(catalogues))
        from compiling import compile_all

        for compiled in compile_all():
            if version == "standard":
                place = Path("syncflow/_locales", compiled.relative_to(catalogues))
                build_data["force_include"][str(compiled)] = place.as_posix()
