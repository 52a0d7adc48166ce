"""Asking before harm is done."""

import sys

import typer

from syncflow.cli.output import note
from syncflow.errors import UsageError
from syncflow.i18n.catalog import _


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether it is to be done: `yes` was said beforehand, or somebody says so now. Raises UsageError when nobody is
    there to ask."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("{question} Nobody is there to answer. Say so beforehand: --yes", question=question)
    if typer.confirm(question, err=True):
        return True
    note(_("Nothing was done."))
    return False
