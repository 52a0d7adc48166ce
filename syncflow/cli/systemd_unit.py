"""The unit file under which systemd keeps the daemon (systemd.service(5), systemd.exec(5))."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

STOP_MARGIN_SECONDS = 15
"""What a stop may take beyond the grace period: threads end, and others are told."""
WATCHDOG_SECONDS = 60
HOMES = ("/home", "/root", "/run/user")

_TEMPLATE = """\
# Written by: syncflow service install. Change it with: systemctl edit syncflow
[Unit]
Description=SyncFlow, the bridge from APISmith to ScheduleHub
Wants=network-online.target
After=network-online.target postgresql.service

[Service]
Type=notify
ExecStart={command} --daemon
ExecReload=/bin/kill -HUP $MAINPID
User={user}
StateDirectory=syncflow
StateDirectoryMode=0700
WorkingDirectory={state}
Environment=STATE_DIR={state}
{credentials}
# SIGTERM lets the chunk in flight come to its checkpoint; 143 is how that ends. Wrong settings (78) and wrong
# options (64) do not mend by another start.
KillMode=mixed
TimeoutStopSec={stop_seconds}
TimeoutStartSec=120
SuccessExitStatus=143
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=64 78
WatchdogSec={watchdog}

UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome={protect_home}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Installation:
    """Where things are. `credentials` is a directory of files, each named after a setting that is secret; `secrets` are
    those of them that are there. `grace_seconds` is what a stop may take to finish the chunk in flight."""

    command: Path
    user: str
    credentials: Path
    secrets: Sequence[str]
    grace_seconds: float


def unit_text(installation: Installation) -> str:
    command = str(installation.command)
    at_home = any(command.startswith(f"{home}/") for home in HOMES)
    return _TEMPLATE.format(
        command=_quoted(command),
        user=installation.user,
        state="/var/lib/syncflow",
        credentials=_credentials(installation),
        stop_seconds=round(installation.grace_seconds) + STOP_MARGIN_SECONDS,
        watchdog=WATCHDOG_SECONDS,
        # A program that lies in somebody's home must be read there.
        protect_home="read-only" if at_home else "yes",
    )


def _credentials(installation: Installation) -> str:
    lines = [
        f"LoadCredential={name}:{_escaped(str(installation.credentials / name))}"
        for name in sorted(installation.secrets)
    ]
    if lines:
        return "\n".join(lines)
    example = installation.credentials / "apismith_password"
    return f"# A file of its own for each secret is read by root alone:\n# LoadCredential=apismith_password:{example}"


def _quoted(path: str) -> str:
    """A path as ExecStart takes it."""
    escaped = _escaped(path).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if any(sign.isspace() for sign in path) else escaped


def _escaped(path: str) -> str:
    return path.replace("%", "%%")
