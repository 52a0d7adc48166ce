"""Tells a command of this machine: a JSON text on its standard input."""

import os
import shlex
import signal
import subprocess
from collections.abc import Collection

from syncflow.errors import RetriableError

_EXCERPT = 200


class AlertCommand:
    """`line` is read as a shell would read it, but no shell runs it. It does not inherit the environment variables that
    are named in `hidden`, in any case."""

    def __init__(self, line: str, timeout_seconds: float, hidden: Collection[str]) -> None:
        self._words = shlex.split(line)
        self._timeout = timeout_seconds
        self._hidden = frozenset(name.lower() for name in hidden)

    def send(self, body: bytes) -> None:
        """Returns when it ended well. Raises RetriableError when it cannot be run, fails or takes too long; then it is
        killed with all that it has started."""
        environment = {name: value for name, value in os.environ.items() if name.lower() not in self._hidden}
        try:
            process = subprocess.Popen(  # noqa: S603 - an admin has set it up
                self._words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise RetriableError(
                "{said} cannot be run: {reason}.", said=self._said, reason=error.strerror or error
            ) from error
        with process:
            try:
                _, said = process.communicate(body, self._timeout)
            except subprocess.TimeoutExpired as error:
                os.killpg(process.pid, signal.SIGKILL)
                raise RetriableError(
                    "{said} did not end within {timeout} seconds.", said=self._said, timeout=f"{self._timeout:g}"
                ) from error
        if process.returncode != 0:
            excerpt = " ".join(said.decode("utf-8", "replace").split())[-_EXCERPT:]
            if excerpt:
                raise RetriableError(
                    "{said} ended with {code}: {excerpt}.",
                    said=self._said,
                    code=str(process.returncode),
                    excerpt=excerpt,
                )
            raise RetriableError("{said} ended with {code}.", said=self._said, code=str(process.returncode))

    @property
    def _said(self) -> str:
        return f"The command of ALERT_COMMAND ({self._words[0]})"
