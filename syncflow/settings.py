"""All settings of SyncFlow: names, types, limits and defaults. `settings_loader` reads them, nothing else does."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, get_args
from urllib.parse import SplitResult, quote, urlencode, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from syncflow.i18n import texts
from syncflow.i18n.catalog import N_
from syncflow.masking import MASK, mask_address, mask_url

DEFAULT_ORIGIN = "default"
NOT_SET = "(not set)"


@dataclass(frozen=True)
class Takes:
    """What a setting takes, in words that follow "it takes"."""

    text: str


class AppEnv(StrEnum):
    """Where this installation stands; shown, and said in the logs."""

    DEVELOPMENT = "development"
    TEST = "test"
    STAGING = "staging"
    PRODUCTION = "production"


class LogLevel(StrEnum):
    """The least severe line that is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class JwtAlgorithm(StrEnum):
    """How minted service tokens are signed."""

    HS256 = "HS256"
    HS384 = "HS384"
    HS512 = "HS512"


_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
HTTP_SCHEMES = ("http", "https")
POSTGRES_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")


def _address(value: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    wrong = ValueError(f"an address such as {example}")
    try:
        parts = urlsplit(value)
        # libpq's addresses may name several servers, each with a port of its own; that is for libpq to read.
        readable = parts.scheme not in HTTP_SCHEMES or (bool(parts.hostname) and parts.port != 0)
    except ValueError:
        raise wrong from None
    if parts.scheme not in schemes or not readable:
        raise wrong
    return parts


def _http_address(value: str) -> str:
    _address(value, HTTP_SCHEMES, "http://host:8007")
    return value.rstrip("/")


def _target_address(value: str) -> str:
    parts = _address(value, HTTP_SCHEMES + POSTGRES_SCHEMES, "http://host:5180 or postgresql://user@host/database")
    return value.rstrip("/") if parts.scheme in HTTP_SCHEMES else value


def _database_address(value: str) -> str:
    _address(value, POSTGRES_SCHEMES, "postgresql://user:password@host:5432/database")
    return value


def _webhook(value: SecretStr) -> SecretStr:
    try:
        return SecretStr(_http_address(value.get_secret_value()))
    except ValueError:
        raise ValueError(N_("an address such as https://host/path, never shown")) from None


def _path_prefix(value: str) -> str:
    if not _PREFIX.fullmatch(value):
        raise ValueError(N_("a path such as /api/v1"))
    return value.rstrip("/")


def _command(value: str) -> str:
    try:
        words = shlex.split(value)
    except ValueError:
        words = []
    if not words:
        raise ValueError(N_("a command with its arguments, as a shell would read it"))
    return value


def _schema_name(value: str) -> str:
    if not _IDENTIFIER.fullmatch(value) or value.startswith("pg_"):
        raise ValueError(N_("a schema's name of small letters, digits and _, not beginning with a digit or pg_"))
    return value


def _time_zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(N_("the name of a time zone such as Europe/Berlin")) from None


def _database_from_parts(parts: dict[str, object]) -> str | None:
    """The address made of POSTGRES_*; None when none of host, database, user and password is set (PORT alone is
    not enough to mean a server)."""
    host, name, user, password = (parts.get(f"postgres_{part}") for part in ("host", "db", "user", "password"))
    if host is None and name is None and user is None and password is None:
        return None
    secret = f":{quote(password.get_secret_value(), safe='')}" if isinstance(password, SecretStr) else ""
    login = f"{quote(str(user or 'syncflow'), safe='')}{secret}@"
    database = quote(str(name or "syncflow"), safe="")
    port = parts.get("postgres_port")
    if str(host or "").startswith("/"):
        return f"postgresql://{login}/{database}?{urlencode({'host': str(host), 'port': port})}"
    server = f"[{host}]" if ":" in str(host or "") else quote(str(host or "localhost"), safe="")
    return f"postgresql://{login}{server}:{port}/{database}"


def _default_state_dir() -> Path:
    return Path("~/.local/state/syncflow")


Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False), Takes("seconds, more than 0 and at most 86400")]
Workers = Annotated[int, Field(ge=1, le=64), Takes("a whole number from 1 to 64")]
Schema = Annotated[str, AfterValidator(_schema_name), Takes("the name of a database schema")]
HttpAddress = Annotated[str, AfterValidator(_http_address), Takes("an address such as http://host:8007")]
TargetAddress = Annotated[
    str,
    AfterValidator(_target_address),
    Takes("an address such as http://host:5180, or postgresql://user@host/database for ScheduleHub's own database"),
]
DatabaseAddress = Annotated[
    str, AfterValidator(_database_address), Takes("an address such as postgresql://user:password@host:5432/database")
]
Webhook = Annotated[SecretStr, AfterValidator(_webhook), Takes("an address such as https://host/path, never shown")]
Text = Annotated[str, Takes("a text")]
Secret = Annotated[SecretStr, Takes("a text, never shown")]


class Settings(BaseSettings):
    """One installation's settings. Made by `settings_loader.load_settings`; by keyword in tests, where nothing but
    the keywords and the defaults counts. Field names are the setting's names in lower case."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    app_env: Annotated[AppEnv, Takes("development, test, staging or production")] = AppEnv.DEVELOPMENT
    debug: Annotated[bool, Takes("true or false")] = False
    log_level: Annotated[LogLevel, Takes("DEBUG, INFO, WARNING or ERROR")] = LogLevel.INFO
    state_dir: Annotated[Path, Takes("a directory that this user may write to")] = Field(
        default_factory=_default_state_dir
    )

    postgres_host: Annotated[str, Takes("a host name, or the directory of a socket")] | None = None
    postgres_port: Annotated[int, Field(ge=1, le=65535), Takes("a port from 1 to 65535")] = 5432
    postgres_db: Annotated[str, Takes("a database's name")] | None = None
    postgres_user: Text | None = None
    postgres_password: Secret | None = None
    postgres_schema: Schema = "syncflow"
    database_url: DatabaseAddress | None = Field(default_factory=_database_from_parts, repr=False)
    """The metadata database: DATABASE_URL, or else made of POSTGRES_*; None means the embedded one."""

    apismith_url: HttpAddress = Field(default="http://127.0.0.1:8007", repr=False)
    apismith_token: Secret | None = None
    apismith_username: Text | None = None
    apismith_password: Secret | None = None
    apismith_timeout_seconds: Seconds = 60.0
    apismith_max_concurrency: Workers = 4

    schedulehub_url: TargetAddress = Field(default="http://127.0.0.1:5180", repr=False)
    schedulehub_token: Secret | None = None
    schedulehub_username: Text | None = None
    schedulehub_password: Secret | None = None
    schedulehub_timeout_seconds: Seconds = 60.0
    schedulehub_schema: Schema = "schedulehub"

    internal_service_jwt_secret: Secret | None = None
    jwt_algorithm: Annotated[JwtAlgorithm, Takes("HS256, HS384 or HS512")] = JwtAlgorithm.HS256
    access_token_expire_minutes: Annotated[int, Field(ge=1, le=1440), Takes("a whole number from 1 to 1440")] = 30

    max_batch_size: Annotated[int, Field(ge=1, le=10_000), Takes("a whole number from 1 to 10000")] = 10_000
    default_batch_size: Annotated[int, Field(ge=1), Takes("a whole number from 1 to MAX_BATCH_SIZE")] = 1_000
    sync_chunk_rows: Annotated[int, Field(ge=1, le=1_000_000), Takes("a whole number from 1 to 1000000")] = 50_000
    sync_worker_threads: Workers = 4
    error_rate_limit: Annotated[
        float, Field(ge=0, le=100, allow_inf_nan=False), Takes("percent of a batch's rows, from 0 to 100")
    ] = 20.0
    """More rows than these may not fail, or the entity is stopped; 100 lets all through."""
    error_rate_minimum_rows: Annotated[int, Field(ge=1), Takes("a whole number from 1")] = 1_000

    max_retries: Annotated[int, Field(ge=0, le=100), Takes("a whole number from 0 to 100")] = 5
    retry_delay_seconds: Seconds = 1.0
    max_retry_delay_seconds: Seconds = 60.0
    lease_seconds: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False), Takes("seconds from 1 to 3600")] = 15.0
    grace_seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False), Takes("seconds from 0 to 3600")] = 30.0

    default_sync_interval_seconds: Annotated[
        float, Field(ge=0, le=31_622_400, allow_inf_nan=False), Takes("seconds from 0 (not by itself) to 31622400")
    ] = 0.0
    """How often an entity is synced that has no schedule of its own."""
    schedule_time_zone: Annotated[
        str, AfterValidator(_time_zone), Takes("the name of a time zone such as Europe/Berlin")
    ] = "UTC"
    """The clocks that windows and cron lines go by which name no zone."""
    retention_days: Annotated[int, Field(ge=0, le=36_525), Takes("days from 0 (everything is kept) to 36525")] = 180
    """Batches and closed queue rows are removed so long after they ended; open rows never."""

    api_host: Annotated[str, Takes("a host name or an address of this machine")] = "127.0.0.1"
    api_port: Annotated[int, Field(ge=0, le=65535), Takes("a port from 1 to 65535, or 0 for none")] = 8016
    """Where a daemon answers /health, /health/detailed and /metrics."""
    api_prefix: Annotated[str, AfterValidator(_path_prefix), Takes("a path such as /api/v1")] = "/api/v1"

    alert_webhook_url: Webhook | None = None
    alert_command: Annotated[str, AfterValidator(_command), Takes("a command with its arguments")] | None = None
    alert_timeout_seconds: Seconds = 10.0
    alert_queue_hours: Annotated[
        float, Field(ge=0, le=8784, allow_inf_nan=False), Takes("hours from 0 (never) to 8784")
    ] = 24.0
    """A row that waits in a queue for longer is told."""
    alert_neighbour_minutes: Annotated[
        float, Field(ge=0, le=1440, allow_inf_nan=False), Takes("minutes from 0 (never) to 1440")
    ] = 15.0
    report_webhook_url: Webhook | None = None

    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _warnings: tuple[texts.Text, ...] = PrivateAttr(default=())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the names are pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The keywords alone: where values come from is the loader's affair, because each keeps its origin."""
        return (init_settings,)

    @field_validator("app_env", mode="before")
    @classmethod
    def _small_letters(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("log_level", "jwt_algorithm", mode="before")
    @classmethod
    def _capitals(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("state_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        try:
            return value.expanduser().absolute()
        except RuntimeError:
            raise ValueError(N_("a directory; there is no home directory that ~ could stand for")) from None

    @field_validator("default_batch_size")
    @classmethod
    def _not_above_the_largest(cls, value: int, info: ValidationInfo) -> int:
        largest = info.data.get("max_batch_size", value)
        if value > largest:
            raise ValueError(
                texts.Text("a whole number from 1 to MAX_BATCH_SIZE, which is {largest}", largest=str(largest))
            )
        return value

    @field_validator("max_retry_delay_seconds")
    @classmethod
    def _not_below_the_first(cls, value: float, info: ValidationInfo) -> float:
        first = info.data.get("retry_delay_seconds", value)
        if value < first:
            raise ValueError(texts.Text("seconds, at least RETRY_DELAY_SECONDS, which is {first}", first=f"{first:g}"))
        return value

    def origin(self, name: str) -> str:
        """Where the value of a setting (any case) comes from: `environment`, a file's path, `POSTGRES_*`, `default`."""
        field = name.lower()
        if field == "database_url" and self.database_url is not None:
            return self._origins.get(field, "POSTGRES_*")
        return self._origins.get(field, DEFAULT_ORIGIN)

    @property
    def warnings(self) -> tuple[texts.Text, ...]:
        """Sentences about what looked wrong while reading but may be meant so."""
        return self._warnings

    @classmethod
    def secret_names(cls) -> frozenset[str]:
        """The settings that may hold a secret, addresses with a password in them among them."""
        hidden = {name for name in cls.model_fields if SecretStr in _bare(name)}
        return frozenset({*hidden, "database_url", "schedulehub_url", "apismith_url"})

    def secrets(self) -> Iterator[str]:
        """Every secret value that is set, for masking texts."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                yield value.get_secret_value()
        for url in (self.database_url, self.apismith_url, self.schedulehub_url):
            password = urlsplit(url).password if url else None
            if password:
                yield password


def kept_tokens(state_dir: Path) -> Path:
    """Where tokens stand that were replaced at run time."""
    return state_dir / "tokens"


@dataclass(frozen=True)
class SettingLine:
    """One setting as it may be shown: secrets are masked."""

    name: str
    value: str
    origin: str
    takes: str


def describe(settings: Settings) -> list[SettingLine]:
    """Every setting in the order of its declaration."""
    return [
        SettingLine(name.upper(), _shown(name, getattr(settings, name)), settings.origin(name), takes(name))
        for name in Settings.model_fields
    ]


def takes(name: str) -> str:
    """What the setting takes, in words that follow "it takes"."""
    field = Settings.model_fields[name.lower()]
    metadata = [*field.metadata, *(item for option in _options(name) for item in getattr(option, "__metadata__", ()))]
    return next(item.text for item in metadata if isinstance(item, Takes))


def mask_value(name: str, value: str) -> str:
    """What may be shown of a raw value of this setting, right or wrong."""
    if SecretStr in _bare(name):
        return MASK
    return mask_address(value) if name.lower() == "database_url" else mask_url(value)


def _options(name: str) -> tuple[object, ...]:
    """The types of which a setting's value is one."""
    annotation = Settings.model_fields[name.lower()].annotation
    return get_args(annotation) or (annotation,)


def _bare(name: str) -> tuple[object, ...]:
    return tuple(getattr(option, "__origin__", option) for option in _options(name))


def _shown(name: str, value: object) -> str:
    if value is None:
        return "(embedded)" if name == "database_url" else NOT_SET
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return mask_value(name, str(value))
