"""Logs: one line a batch, chunk or retry, none a row; JSON for machines, readable in a terminal; secrets never."""

import logging
import re
from collections.abc import Iterable
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from syncflow.masking import MASK, mask_text

_SECRET_KEY = re.compile(r"password|passwd|secret|token|authorization|credential", re.IGNORECASE)
_OURS = ("logger", "level", "timestamp")
"""What is never said by anybody else: a password such as `syncflow` does not make the logger's name secret."""
_QUIET = ("httpx", "httpcore", "alembic", "apscheduler", "uvicorn.access")
"""Libraries that would write a line for every request or step."""


def configure_logs(level: str, *, json: bool, stream: TextIO, secrets: Iterable[str] = ()) -> None:
    """Set up logging for this process, once, at start-up: structlog and the standard library's loggers go to `stream`
    in the same form, times in UTC. `secrets` are values that must not appear even inside other texts."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        Masking(secrets),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(shared, _renderer(json=json, colors=stream.isatty())))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _formatter(shared: list[Processor], renderer: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def _renderer(*, json: bool, colors: bool) -> Processor:
    if json:
        return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return structlog.dev.ConsoleRenderer(
        colors=colors, sort_keys=False, exception_formatter=structlog.dev.plain_traceback
    )


class Masking:
    """A structlog processor: values under names that mean a secret are masked whole, known secrets and passwords in
    addresses wherever they stand, in nested values too."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(secrets)

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {
            key: value if key.startswith("_") or key in _OURS else self._masked(key, value)
            for key, value in event.items()
        }

    def _masked(self, key: str, value: object) -> object:
        if _SECRET_KEY.search(key) and value is not None:
            return MASK
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {name: self._masked(str(name), item) for name, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._masked("", item) for item in value]
        return mask_text(str(value), self._secrets)
