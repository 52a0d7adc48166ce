"""Where an embedded PostgreSQL lives and as whom it runs.

PostgreSQL refuses to run as root. Started by root, the server runs as an unprivileged user that exists already
(`postgres`, else `nobody`), in a directory that this user may enter. No user is created, and the rights of directories
that exist are left alone. What root writes lies in root's directories only, so that the server's user cannot lead
root's hand by a symbolic link.
"""

import hashlib
import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from syncflow.errors import UnavailableError

SERVER_USERS = ("postgres", "nobody")
SYSTEM_STATE = Path("/var/lib/syncflow")
LONGEST_SOCKET_PATH = 107
"""Bytes of a Unix socket's path (sun_path is 108 with its terminator)."""
SOCKET_NAME = ".s.PGSQL.5432"
_OPEN_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - used through mkdtemp or checked for ownership


@dataclass(frozen=True)
class ServerUser:
    """The user as whom the server runs; `switched` says that it is another one than ours."""

    name: str
    uid: int
    gid: int
    switched: bool

    def may_enter(self, directory: Path) -> bool:
        """Whether this user may pass through `directory` and all above it, as far as they exist."""
        chain = (directory, *directory.parents)
        return all(self._may_pass(each) for each in chain if each.exists())

    def _may_pass(self, directory: Path) -> bool:
        status = directory.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def server_user(data: Path | None = None) -> ServerUser:
    """As whom the server of this data directory runs: its owner where it exists, else the best there is."""
    if os.geteuid() != 0:
        return _user(pwd.getpwuid(os.geteuid()), switched=False) if _has_name() else _nameless()
    if data is not None and data.exists():
        return _user(pwd.getpwuid(data.stat().st_uid), switched=True)
    for name in SERVER_USERS:
        try:
            return _user(pwd.getpwnam(name), switched=True)
        except KeyError:
            continue
    raise UnavailableError(
        "PostgreSQL does not run as root, and this machine has neither a user 'postgres' nor 'nobody' to run it as. "
        "Start SyncFlow as another user, or set DATABASE_URL."
    )


def user_name() -> str:
    """The operating system's name of the user of this process, as PostgreSQL's peer authentication sees it."""
    return pwd.getpwuid(os.geteuid()).pw_name


def _has_name() -> bool:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return True


def _nameless() -> ServerUser:
    raise UnavailableError(
        "The user id {uid} has no name on this machine, and PostgreSQL starts only for a user with one. Add "
        "it to /etc/passwd, or set DATABASE_URL.",
        uid=str(os.geteuid()),
    )


def _user(entry: pwd.struct_passwd, *, switched: bool) -> ServerUser:
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid, switched)


def embedded_directory(state_dir: Path) -> Path:
    """`postgres` in the state directory; where the server's user may not enter that (root's home is closed), a
    directory of its own below /var/lib/syncflow, one for each state directory. Creates nothing."""
    wanted = state_dir.absolute() / "postgres"
    user = server_user(wanted / "server" / "data")
    if user.may_enter(wanted):
        return wanted
    return SYSTEM_STATE / f"postgres-{_digest(wanted)}"


def make_directory(directory: Path, user: ServerUser) -> None:
    """Create the directory and those above it, as far as missing: closed to others, but for passing through when the
    server runs as another user than ours."""
    mode = 0o711 if user.switched else 0o700
    try:
        for each in reversed([directory, *directory.parents]):
            if not each.exists():
                each.mkdir(exist_ok=True)
                each.chmod(mode)
    except OSError as error:
        raise UnavailableError(
            "The directory {directory} for the embedded database cannot be made: {reason}. Set STATE_DIR to a "
            "directory that may be written to, or DATABASE_URL to a server.",
            directory=directory,
            reason=error.strerror,
        ) from error
    if not user.may_enter(directory):
        raise UnavailableError(
            "The user {user}, as whom the embedded database runs, may not enter {directory}. Set STATE_DIR to "
            "a directory that every user may enter, or DATABASE_URL to a server.",
            user=repr(user.name),
            directory=directory,
        )


def make_own_directory(directory: Path, user: ServerUser) -> None:
    """A directory that belongs to the server's user alone. One that stands there already must be just that."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        status = directory.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != user.uid or status.st_mode & 0o077:
            raise UnavailableError(
                "{directory} is not a directory of the user {user} alone, and the embedded database needs it "
                "to be. Remove it, or set STATE_DIR to another place.",
                directory=directory,
                user=repr(user.name),
            ) from None
        return
    if user.switched:
        os.chown(directory, user.uid, user.gid)


def temporary_directory(user: ServerUser) -> Path:
    """A new directory for a database that is thrown away, where the server's user may go."""
    for base in (Path(tempfile.gettempdir()), *_OPEN_TEMPORARY):
        if base.is_dir() and user.may_enter(base):
            directory = Path(tempfile.mkdtemp(prefix="syncflow-", dir=base))
            if user.switched:
                directory.chmod(0o711)
            return directory
    raise UnavailableError(
        "There is no temporary directory that the user {user} may enter. Set TMPDIR to one, or DATABASE_URL.",
        user=repr(user.name),
    )


def socket_directory(directory: Path) -> Path:
    """Where the server's socket goes: beside its data, or where that path is too long for a socket, a short one."""
    beside = directory / "server" / "run"
    if len(os.fsencode(beside / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        return beside
    return _OPEN_TEMPORARY[0] / f"syncflow-{os.geteuid()}-{_digest(directory)}"


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
