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
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
from syncflow.scheduler.zones import zone_named
from syncflow.service.findings import Finding, failure, listed, ok, warning
from syncflow.settings import Settings

OLDEST_PYTHON = (3, 11)
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*)(;.*)?")
_BOUND = re.compile(r"(>=|<)\s*([0-9.]+)")
_LITTLE, _TOO_LITTLE = 2 << 30, 200 << 20
_OLD_YEARS = 2


def examine_versions() -> Iterator[Finding]:
    name = N_("versions")
    if sys.version_info < OLDEST_PYTHON:
        said = Text("This is Python {version}.", version=python_version())
        yield failure(name, said, Text("SyncFlow takes Python 3.11 or newer."))
    wrong = list(_wrong_packages(requires("syncflow") or []))
    if wrong:
        said = Text("packages that are not as SyncFlow needs them: {packages}", packages=listed(wrong))
        yield failure(name, said, Text("Install SyncFlow anew, with its packages."))
    else:
        yield ok(
            name,
            Text(
                "SyncFlow {syncflow}, Python {python}, polars {polars}",
                syncflow=version("syncflow"), python=python_version(), polars=version("polars"),
            ),
        )  # fmt: skip


def _wrong_packages(required: list[str]) -> Iterator[str]:
    """Those that SyncFlow needs in any case, with what it takes: `polars 0.9 (>=1,<3)`."""
    for requirement in required:
        found = _REQUIREMENT.fullmatch(requirement)
        if found is None or found.group(3):
            continue
        name, bounds = found.group(1), found.group(2).strip()
        try:
            there = version(name)
        except PackageNotFoundError:
            yield f"{name} -- ({bounds})"
            continue
        if not all(_keeps(there, sign, bound) for sign, bound in _BOUND.findall(bounds)):
            yield f"{name} {there} ({bounds})"


def _keeps(there: str, sign: str, bound: str) -> bool:
    numbers, limit = _numbers(there), _numbers(bound)
    return numbers >= limit if sign == ">=" else numbers < limit


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def examine_time_zones(settings: Settings) -> Iterator[Finding]:
    name = N_("time zones")
    try:
        zone_named(settings.schedule_time_zone)
        zone_named("Europe/Berlin")
    except ConfigurationError as error:
        yield failure(name, error.text)
        return
    rules, said = _zone_data(settings.schedule_time_zone)
    if int(rules[:4]) < datetime.now().year - _OLD_YEARS:
        remedy = Text("Bring the tzdata package up to date: clocks change by rules that governments change.")
        yield warning(name, said, remedy)
    else:
        yield ok(name, said)


def _zone_data(zone: str) -> tuple[str, Text]:
    """The version of the rules in use (`2026a`, or `2026.1`), and whose they are: the system's go first."""
    for folder in map(Path, zoneinfo.TZPATH):
        file = folder / "tzdata.zi"
        if file.is_file():
            with file.open(encoding="utf-8") as lines:
                rules = lines.readline().removeprefix("# version ").strip()
                return rules, Text("the rules of {rules}, of this system; SCHEDULE_TIME_ZONE is {zone}", rules=rules,
                                   zone=zone)  # fmt: skip
        if (folder / "Europe" / "Berlin").exists():
            rules = version("tzdata")
            return rules, Text("the rules of {rules} or older, of this system; SCHEDULE_TIME_ZONE is {zone}",
                               rules=rules, zone=zone)  # fmt: skip
    rules = version("tzdata")
    return rules, Text("the rules of {rules}, of the package tzdata; SCHEDULE_TIME_ZONE is {zone}", rules=rules,
                       zone=zone)  # fmt: skip


def examine_disks(settings: Settings) -> Iterator[Finding]:
    temporary = Path(tempfile.gettempdir())
    for name, wanted in ((N_("disk: state directory"), settings.state_dir), (N_("disk: temporary files"), temporary)):
        folder = _nearest(wanted)
        if not os.access(folder, os.W_OK):
            said = Text("{folder} cannot be written to.", folder=str(wanted))
            yield failure(name, said, Text("Let this user write there."))
            continue
        free = shutil.disk_usage(folder).free
        said = Text("{size} GiB are free in {folder}", size=f"{free / (1 << 30):,.1f}", folder=str(wanted))
        if free < _TOO_LITTLE:
            yield failure(name, said, Text("Make room there."))
        elif free < _LITTLE:
            yield warning(name, said, Text("Make room there."))
        else:
            yield ok(name, said)


def _nearest(path: Path) -> Path:
    """The first folder above that is there."""
    return next(each for each in (path, *path.parents) if each.exists())
