"""The operator's own keys: a small YAML file `binding id: key`, checked as a whole."""

from collections.abc import Collection, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import yaml
from textual.binding import Binding
from textual.keys import KEY_ALIASES, Keys

from syncflow.errors import ConfigurationError
from syncflow.i18n.catalog import _
from tui import screens
from tui.screens.place import Place
from tui.widgets.lazy_table import LazyTable

FILE = "keys.yaml"


def binding_ids() -> dict[str, str]:
    """Every key that can be changed: the binding's id and its keys as they are delivered."""
    return {binding.id: binding.key for owner in _owners() for binding in _bindings(owner) if binding.id is not None}


def read(file: Path) -> dict[str, str]:
    """The key map of a file; empty where there is none. Raises ConfigurationError that names the line at fault."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            _("The key file {file} cannot be read: {error}").format(file=file, error=error)
        ) from error
    try:
        found = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        said = _("The key file {file} is no YAML: {error}")
        raise ConfigurationError(said.format(file=file, error=" ".join(str(error).split()))) from error
    if not isinstance(found, dict):
        raise ConfigurationError(_("The key file {file} takes lines such as `failed.retry: r`.").format(file=file))
    known = binding_ids()
    for name, keys in found.items():
        _check(file, str(name), keys, known)
    return {str(name): str(keys) for name, keys in found.items()}


def template() -> str:
    """A key file that changes nothing: every name with the key that it is delivered with, as comments."""
    about = _("Your own keys. Take the # away from a line and write another key there; several with commas between.")
    lines = [f"# {about}", *(f"# {name}: {key}" for name, key in sorted(binding_ids().items()))]
    return "\n".join(lines) + "\n"


def _check(file: Path, name: str, keys: object, known: Collection[str]) -> None:
    if name not in known:
        told = _("The key file {file} names {name!r}; there is no such binding. ? lists the names.")
        raise ConfigurationError(told.format(file=file, name=name))
    for key in str(keys).split(","):
        if not _is_key(key.strip()):
            told = _("The key file {file}: {name} takes keys such as r, R, f5 or ctrl+r, not {key!r}.")
            raise ConfigurationError(told.format(file=file, name=name, key=key))


def _is_key(key: str) -> bool:
    *modifiers, last = key.split("+") if key != "+" else [key]
    if any(modifier not in ("ctrl", "shift", "alt") for modifier in modifiers):
        return False
    return len(last) == 1 or last in {each.value for each in Keys} or last in KEY_ALIASES or last.isidentifier()


def _owners() -> Iterator[type]:
    """What has keys, also in the screens that are imported only when they are opened."""
    for screen in iter_modules(screens.__path__):
        import_module(f"{screens.__name__}.{screen.name}")
    waiting: list[type] = [Place, LazyTable]
    while waiting:
        owner = waiting.pop()
        yield owner
        waiting += owner.__subclasses__()


def _bindings(owner: type) -> Iterator[Binding]:
    yield from Binding.make_bindings(owner.__dict__.get("BINDINGS", ()))
