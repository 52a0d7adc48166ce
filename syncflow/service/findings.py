"""What an examination finds: a line each, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from syncflow.i18n.texts import Text


class Grade(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """`name` is marked with N_. `said` is what was found, in a sentence; `remedy` what to do, in a sentence or by a
    command, empty where nothing is to be done or it stands in the sentence already."""

    name: str
    grade: Grade
    said: Text
    remedy: Text | str = ""


def ok(name: str, said: Text) -> Finding:
    return Finding(name, Grade.OK, said)


def warning(name: str, said: Text, remedy: Text | str = "") -> Finding:
    return Finding(name, Grade.WARNING, said, remedy)


def failure(name: str, said: Text, remedy: Text | str = "") -> Finding:
    return Finding(name, Grade.FAILURE, said, remedy)


NOTICED, TOO_MUCH = timedelta(seconds=5), timedelta(seconds=60)


def skew(name: str, ahead: timedelta) -> Finding:
    """How far another clock is ahead of this machine's."""
    seconds = abs(ahead.total_seconds())
    apart = f"{seconds:.1f}"
    said = (
        Text("its clock is {seconds} s ahead of this machine's", seconds=apart)
        if ahead > timedelta(0)
        else Text("its clock is {seconds} s behind this machine's", seconds=apart)
    )
    remedy = Text(
        "Let both machines follow a time server (chrony, systemd-timesyncd): logins, windows and leases go by it."
    )
    if seconds > TOO_MUCH.total_seconds():
        return failure(name, said, remedy)
    return warning(name, said, remedy) if seconds > NOTICED.total_seconds() else ok(name, Text("the clocks agree"))


def listed(names: Sequence[str], most: int = 5) -> str | Text:
    """`a, b and 7 more`."""
    first = ", ".join(names[:most])
    if len(names) <= most:
        return first
    return Text("{names} and {more} more", names=first, more=len(names) - most)
