"""The operator's own editor, in the terminal that the console gives up meanwhile."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from textual.app import App, SuspendNotSupported

from syncflow.errors import UnavailableError
from syncflow.i18n.catalog import _

EDITORS = ("sensible-editor", "nano", "vi")
"""What is tried where neither VISUAL nor EDITOR names one."""


def edit(app: App[object], file: Path) -> None:
    """Returns when the editor has ended. Raises UnavailableError that says why none can be had, or that it failed."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or next(filter(shutil.which, EDITORS), None)
    if editor is None:
        raise UnavailableError(_("No editor is there. Name one in the environment variable EDITOR."))
    try:
        with app.suspend():
            ended = subprocess.run([*shlex.split(editor), str(file)], check=False)  # noqa: S603 - the operator's own
    except SuspendNotSupported as error:
        raise UnavailableError(_("An editor cannot be opened in this terminal.")) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnavailableError(_("The editor {!r} cannot be started: {}.").format(editor, reason)) from error
    if ended.returncode:
        raise UnavailableError(_("The editor ended with {}; nothing was changed.").format(ended.returncode))


def write_privately(file: Path, text: str) -> None:
    """Readable by nobody else. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
