"""Settings that are unknown, or that somebody could be sorry for."""

import ipaddress
import os
import shlex
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Counted, Text
from syncflow.service.findings import Finding, failure, ok, warning
from syncflow.settings import AppEnv, Settings

_SHORTEST_SECRET = 32
"""Characters: what HS256 takes to be as strong as its hash (RFC 7518, 3.2)."""
_NAME = N_("settings")


def examine_settings(settings: Settings) -> Iterator[Finding]:
    found = [*_found(settings)]
    yield from found
    if not found:
        given = sum(settings.origin(name) != "default" for name in type(settings).model_fields)
        said = Counted(
            "{n} is set, the others have their defaults", "{n} are set, the others have their defaults", given
        )
        yield ok(_NAME, said)


def _found(settings: Settings) -> Iterator[Finding]:
    for misspelt in settings.warnings:
        yield warning(_NAME, misspelt, Text("Correct its name, or take it away."))
    production = settings.app_env is AppEnv.PRODUCTION
    if settings.debug and production:
        said = Text("DEBUG is on in production: tracebacks stand in the logs.")
        yield warning(_NAME, said, Text("Set DEBUG=false."))
    yield from _secrets(settings)
    yield from _clear_text(settings)
    yield from _told(settings, production=production)


def _secrets(settings: Settings) -> Iterator[Finding]:
    secret = settings.internal_service_jwt_secret
    if secret is not None and len(secret.get_secret_value()) < _SHORTEST_SECRET:
        said = Text(
            "INTERNAL_SERVICE_JWT_SECRET is shorter than {least} characters: it can be guessed.", least=_SHORTEST_SECRET
        )
        yield warning(_NAME, said, Text("Make one (openssl rand -hex 32), and set it on both sides."))
    files = {
        settings.origin(name) for name in type(settings).model_fields if isinstance(getattr(settings, name), SecretStr)
    }
    for file in sorted(files):
        path = Path(file)
        if path.is_file() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            said = Text("{file} holds secrets, and others than its owner can read it.", file=file)
            yield warning(_NAME, said, f"chmod 600 {file}")


def _clear_text(settings: Settings) -> Iterator[Finding]:
    for name in ("apismith_url", "schedulehub_url"):
        parts = urlsplit(getattr(settings, name))
        if parts.scheme == "http" and not _is_here(parts.hostname or ""):
            said = Text(
                "{setting} is http:// to another machine: tokens and rows go over the network in the clear.",
                setting=name.upper(),
            )
            yield warning(_NAME, said, Text("Use https://, or a tunnel."))
    if settings.api_port and not _is_here(settings.api_host):
        address = f"{settings.api_host}:{settings.api_port}"
        said = Text("Health and metrics are open to all who reach {address}.", address=address)
        yield warning(_NAME, said, Text("Set API_HOST=127.0.0.1, or let a firewall or a proxy decide who comes."))


def _told(settings: Settings, *, production: bool) -> Iterator[Finding]:
    if settings.alert_command is not None:
        program = shlex.split(settings.alert_command)[0]
        if shutil.which(program, path=os.environ.get("PATH")) is None:
            said = Text("The program of ALERT_COMMAND is not there: {program}.", program=program)
            yield failure(_NAME, said, Text("Name it by its whole path."))
    elif production and settings.alert_webhook_url is None:
        said = Text("Nobody is told when something goes wrong: there is neither ALERT_WEBHOOK_URL nor ALERT_COMMAND.")
        yield warning(_NAME, said, Text("Set one of them."))


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
