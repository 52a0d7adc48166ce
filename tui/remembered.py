"""What the console remembers of an operator from one session to the next: theme, language, keys, and of each screen
its filter and order. A small JSON file in the state directory; a broken one is forgotten, never a reason to stop."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

Value = str | bool | int | None


class Remembered:
    """Read once, written whenever something changes. A directory that cannot be written to costs the memory only."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: dict[str, Value] = dict(_read(file))

    def get(self, name: str, default: Value = None) -> Value:
        return self._kept.get(name, default)

    def text(self, name: str, default: str = "") -> str:
        value = self._kept.get(name)
        return value if isinstance(value, str) else default

    def keep(self, name: str, value: Value) -> None:
        if self._kept.get(name) == value:
            return
        self._kept[name] = value
        try:
            self._write()
        except OSError:
            return

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with NamedTemporaryFile("w", dir=self._file.parent, delete=False, encoding="utf-8") as new:
            json.dump(self._kept, new, ensure_ascii=False, indent=1, sort_keys=True)
        os.replace(new.name, self._file)  # noqa: PTH105 - atomic, and Path.replace says no more


def _read(file: Path) -> Mapping[str, Value]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
