"""Reads the settings from where they may stand. In order of precedence: the process's environment, a directory of
secret files, the tokens that were replaced at run time, `.env` in the working directory, the system's file, the
defaults."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource, SecretsSettingsSource, SettingsError

from syncflow.errors import ConfigurationError
from syncflow.i18n.texts import Sentences, Text
from syncflow.settings import DEFAULT_ORIGIN, Settings, kept_tokens, mask_value, takes

SYSTEM_FILE = Path("/etc/syncflow/syncflow.env")
ENVIRONMENT = "environment"
SECRETS_DIRECTORIES = ("SYNCFLOW_SECRETS_DIR", "CREDENTIALS_DIRECTORY")
"""Environment names of the directory with one file per secret; the second is what systemd sets for LoadCredential."""


@dataclass(frozen=True)
class _Given:
    """The raw text of a setting and where it stands."""

    text: str
    origin: str


def load_settings(working_directory: Path | None = None, system_file: Path = SYSTEM_FILE) -> Settings:
    """The settings of this process; `.env` is looked for in `working_directory` (default: the current one).

    Raises ConfigurationError with one line for each wrong value: the setting, what it holds (masked where it may be
    a secret), what it takes, and where it came from. An empty value counts as not set.
    """
    files = ((working_directory or Path.cwd()) / ".env", system_file)
    given: dict[str, _Given] = {}
    warnings: list[Text] = []
    for name, value in (*_from_environment(), *_from_secret_files()):
        given.setdefault(name, value)
    below: dict[str, _Given] = {}
    for file in files:
        for name, value in _from_file(file, warnings):
            below.setdefault(name, value)
    if "state_dir" not in given | below and (state := os.environ.get("XDG_STATE_HOME")):
        below["state_dir"] = _Given(str(Path(state) / "syncflow"), "XDG_STATE_HOME")
    for name, value in (*_from_kept_tokens(below | given), *below.items()):
        given.setdefault(name, value)
    settings = _validated(given)
    settings._origins = {name: value.origin for name, value in given.items()}
    settings._warnings = tuple(warnings)
    return settings


def _from_environment() -> Iterator[tuple[str, _Given]]:
    source = EnvSettingsSource(Settings, env_ignore_empty=True)
    return _known(source(), ENVIRONMENT)


def _from_secret_files() -> Iterator[tuple[str, _Given]]:
    variable = next((name for name in SECRETS_DIRECTORIES if os.environ.get(name)), None)
    if variable is None:
        return
    directory = Path(os.environ[variable])
    if not directory.is_dir():
        raise ConfigurationError(
            "{variable} holds {directory} (from {environment}); it takes a directory of files, each named "
            "after a setting, and there is none at that path.",
            variable=variable,
            directory=repr(str(directory)),
            environment=ENVIRONMENT,
        )
    try:
        values = SecretsSettingsSource(Settings, secrets_dir=directory, env_ignore_empty=True)()
    except (OSError, SettingsError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "The secret files in {directory} cannot be read: {error}", directory=directory, error=error
        ) from error
    yield from _known({name: text for name, text in values.items() if text}, f"secret file in {directory}")


def _from_kept_tokens(given: Mapping[str, _Given]) -> Iterator[tuple[str, _Given]]:
    """What `syncflow.service.tokens` has kept in the state directory."""
    state = given.get("state_dir")
    if state is None:
        state = _Given(str(Settings.model_construct().state_dir), DEFAULT_ORIGIN)
    directory = kept_tokens(Path(state.text.strip()).expanduser())
    for name in ("apismith_token", "schedulehub_token"):
        try:
            text = (directory / name).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                "The token in {file} cannot be read: {error}", file=directory / name, error=error
            ) from error
        if text:
            yield name, _Given(text, f"kept in {directory}")


def _from_file(file: Path, warnings: list[Text]) -> Iterator[tuple[str, _Given]]:
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise ConfigurationError("{file} cannot be read: {reason}.", file=file, reason=error.strerror) from error
    try:
        source = DotEnvSettingsSource(Settings, env_file=file, env_file_encoding="utf-8", env_ignore_empty=True)
        values = source()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else Text("it is not UTF-8 text")
        raise ConfigurationError("{file} cannot be read: {reason}.", file=file, reason=reason) from error
    origin = file.name if file.name == ".env" else str(file)
    warnings.extend(_misspelt(source.env_vars, origin))
    yield from _known(values, origin)


def _known(values: Mapping[str, object], origin: str) -> Iterator[tuple[str, _Given]]:
    for name, value in values.items():
        if name in Settings.model_fields:
            yield name, _Given(str(value), origin)


def _misspelt(names: Mapping[str, str | None], origin: str) -> Iterator[Text]:
    for name in names:
        nearest = get_close_matches(name.lower(), Settings.model_fields, n=1, cutoff=0.85)
        if nearest and name.lower() != nearest[0]:
            yield Text(
                "{name} in {file} is no setting and was not read; the nearest is {nearest}.",
                name=name.upper(), file=origin, nearest=nearest[0].upper(),
            )  # fmt: skip


def _validated(given: Mapping[str, _Given]) -> Settings:
    try:
        return Settings.model_validate({name: value.text.strip() for name, value in given.items()})
    except ValidationError as wrong:
        # A default made of other values is not looked at while one of those is wrong: no mistake of its own.
        errors = [error for error in wrong.errors() if error["type"] != "default_factory_not_called"]
        raise ConfigurationError(Sentences((_line(error, given) for error in errors), "\n")) from None


def _line(error: ErrorDetails, given: Mapping[str, _Given]) -> Text:
    name = str(error["loc"][0])
    value = given.get(name, _Given(str(error["input"]), DEFAULT_ORIGIN))
    reason = error.get("ctx", {}).get("error")
    said = reason.args[0] if isinstance(reason, ValueError) and error["type"] == "value_error" else takes(name)
    return Text(
        "{setting} holds {value} (from {origin}); it takes {wanted}.",
        setting=name.upper(),
        value=repr(mask_value(name, value.text)),
        origin=Text(value.origin),
        wanted=said if isinstance(said, Text) else Text(str(said)),
    )
