"""Service tokens: replaced while SyncFlow runs, tested before they are kept, in files that only their owner reads."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import NamedTemporaryFile

from syncflow.clock import Clock
from syncflow.errors import UsageError
from syncflow.i18n.texts import Text
from syncflow.service.neighbours import Checkable
from syncflow.store import audit_log
from syncflow.store.database import Database

SETTINGS = {"APISmith": "apismith_token", "ScheduleHub": "schedulehub_token"}


class TokenService:
    """`opens` gives a connector that uses a token, by the neighbour's name; None where the neighbour takes none.
    `origin` says where a setting comes from now, `directory` is where tokens are kept."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        opens: Callable[[str, str], Checkable | None],
        origin: Callable[[str], str],
        directory: Path,
        actor: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._opens = opens
        self._origin = origin
        self._directory = directory
        self._actor = actor

    def replace(self, neighbour: str, token: str) -> str:
        """Keep this token for a neighbour, if the neighbour takes it; what the neighbour says of itself. It is in use
        when the runtime is opened anew. Raises UsageError where it would not be used, and what the neighbour raised."""
        name = SETTINGS[neighbour]
        self._check_use(neighbour, name)
        token = token.strip()
        if not token or not token.isprintable() or not token.isascii():
            raise UsageError("A token is one line of letters, digits and signs.")
        connector = self._opens(neighbour, token)
        if connector is None:
            raise UsageError(
                "{neighbour} is a database here; it takes a user and a password, in its address.", neighbour=neighbour
            )
        with closing(connector):
            said = connector.check()
        self._write(name, token)
        with self._database.begin() as connection:
            act = audit_log.Act(self._actor, "token.replace", None, neighbour)
            audit_log.record(connection, act, self._clock.now())
        return said

    def replace_from(self, neighbour: str, file: Path) -> str:
        """The same with the token that stands in a file. Raises UsageError when it cannot be read."""
        try:
            token = file.expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else Text("it is not UTF-8 text")
            raise UsageError("{file} cannot be read: {reason}.", file=file, reason=reason) from error
        return self.replace(neighbour, token)

    def _check_use(self, neighbour: str, name: str) -> None:
        origin = self._origin(name)
        if origin == "environment" or origin.startswith("secret file"):
            raise UsageError(
                "{setting} comes from the {origin}, which goes before a token that is kept here: {neighbour}'s "
                "token is to be changed there.",
                setting=name.upper(),
                origin=origin,
                neighbour=neighbour,
            )

    def _write(self, name: str, token: str) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._directory.chmod(0o700)
            with NamedTemporaryFile("w", dir=self._directory, delete=False, encoding="utf-8") as new:
                os.fchmod(new.fileno(), 0o600)
                new.write(token)
                new.flush()
                os.fsync(new.fileno())
            Path(new.name).replace(self._directory / name)
        except OSError as error:
            raise UsageError(
                "{directory} cannot be written to: {reason}.", directory=self._directory, reason=error.strerror
            ) from error
