"""This machine: programs, time zones, room on its disks."""

import os
import re
import shutil
import sys
import tempfile
import zoneinfo
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from platform import python_version

from syncflow.errors import ConfigurationError
from syncflow.scheduler.zones import zone_named
from syncflow.service.findings import Finding, failure, listed, ok, warning
from syncflow.settings import Settings

OLDEST_PYTHON = (3, 11)
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*)(;.*)?")
_BOUND = re.compile(r"(>=|<)\s*([0-9.]+)")
_LITTLE, _TOO_LITTLE = 2 << 30, 200 << 20
_OLD_YEARS = 2


def examine_versions() -> Iterator[Finding]:
    if sys.version_info < OLDEST_PYTHON:
        yield failure("versions", f"This is Python {python_version()}.", "SyncFlow takes Python 3.11 or newer.")
    wrong = list(_wrong_packages(requires("syncflow") or []))
    told = f"SyncFlow {version('syncflow')}, Python {python_version()}, polars {version('polars')}"
    if wrong:
        yield failure("versions", f"{told}; wrong are: {listed(wrong)}", "Install SyncFlow anew, with its packages.")
    else:
        yield ok("versions", told)


def _wrong_packages(required: list[str]) -> Iterator[str]:
    """Those that SyncFlow needs in any case."""
    for requirement in required:
        found = _REQUIREMENT.fullmatch(requirement)
        if found is None or found.group(3):
            continue
        name, bounds = found.group(1), found.group(2).strip()
        try:
            there = version(name)
        except PackageNotFoundError:
            yield f"{name} (not installed)"
            continue
        if not all(_keeps(there, sign, bound) for sign, bound in _BOUND.findall(bounds)):
            yield f"{name} {there} (it takes {bounds})"


def _keeps(there: str, sign: str, bound: str) -> bool:
    numbers, limit = _numbers(there), _numbers(bound)
    return numbers >= limit if sign == ">=" else numbers < limit


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def examine_time_zones(settings: Settings) -> Iterator[Finding]:
    try:
        zone_named(settings.schedule_time_zone)
        zone_named("Europe/Berlin")
    except ConfigurationError as error:
        yield failure("time zones", str(error))
        return
    told, origin = _zone_data()
    said = f"the rules of {told}, {origin}; SCHEDULE_TIME_ZONE is {settings.schedule_time_zone}"
    if int(told[:4]) < datetime.now().year - _OLD_YEARS:
        remedy = "Bring the tzdata package up to date: clocks change by rules that governments change."
        yield warning("time zones", said, remedy)
    else:
        yield ok("time zones", said)


def _zone_data() -> tuple[str, str]:
    """The version of the rules in use (`2026a`, or `2026.1`), and whose they are: the system's go first."""
    for folder in map(Path, zoneinfo.TZPATH):
        file = folder / "tzdata.zi"
        if file.is_file():
            with file.open(encoding="utf-8") as lines:
                return lines.readline().removeprefix("# version ").strip(), "of this system"
        if (folder / "Europe" / "Berlin").exists():
            return version("tzdata"), "of this system, or older"
    return version("tzdata"), "of the package tzdata"


def examine_disks(settings: Settings) -> Iterator[Finding]:
    for name, wanted in (("state directory", settings.state_dir), ("temporary files", Path(tempfile.gettempdir()))):
        folder = _nearest(wanted)
        if not os.access(folder, os.W_OK):
            yield failure(f"disk: {name}", f"{wanted} cannot be written to.", "Let this user write there.")
            continue
        free = shutil.disk_usage(folder).free
        said = f"{free / (1 << 30):,.1f} GiB are free in {wanted}"
        if free < _TOO_LITTLE:
            yield failure(f"disk: {name}", said, "Make room there.")
        elif free < _LITTLE:
            yield warning(f"disk: {name}", said, "Make room there.")
        else:
            yield ok(f"disk: {name}", said)


def _nearest(path: Path) -> Path:
    """The first folder above that is there."""
    return next(each for each in (path, *path.parents) if each.exists())
