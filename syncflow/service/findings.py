"""What an examination finds: a line each, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Grade(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """`said` is what was found, in a sentence; `remedy` what to do, empty where nothing is to be done or it stands in
    the sentence already."""

    name: str
    grade: Grade
    said: str
    remedy: str = ""


def ok(name: str, said: str) -> Finding:
    return Finding(name, Grade.OK, said)


def warning(name: str, said: str, remedy: str = "") -> Finding:
    return Finding(name, Grade.WARNING, said, remedy)


def failure(name: str, said: str, remedy: str = "") -> Finding:
    return Finding(name, Grade.FAILURE, said, remedy)


NOTICED, TOO_MUCH = timedelta(seconds=5), timedelta(seconds=60)


def skew(name: str, ahead: timedelta) -> Finding:
    """How far another clock is ahead of this machine's."""
    seconds = abs(ahead.total_seconds())
    said = f"its clock is {seconds:.1f} s {'ahead of' if ahead > timedelta(0) else 'behind'} this machine's"
    remedy = "Let both machines follow a time server (chrony, systemd-timesyncd): logins, windows and leases go by it."
    if seconds > TOO_MUCH.total_seconds():
        return failure(name, said, remedy)
    return warning(name, said, remedy) if seconds > NOTICED.total_seconds() else ok(name, "the clocks agree")


def listed(names: Sequence[str], most: int = 5) -> str:
    """`a, b and 7 more`."""
    told = ", ".join(names[:most])
    return told if len(names) <= most else f"{told} and {len(names) - most} more"
