"""The unit file: what systemd itself says of it, and that nothing is replaced unasked."""

import shutil
import subprocess
from pathlib import Path

import pytest

from syncflow.cli.systemd_unit import Installation, unit_text
from tests.cli.conftest import Shell

pytestmark = pytest.mark.integration


def test_it_is_printed_with_the_paths_of_this_installation(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "apismith_password").write_text("x", encoding="utf-8")
    said = shell.run("service", "install", "--print", "--user", "erp", "--credentials", str(tmp_path))
    assert "syncflow --daemon\n" in said.out
    assert "User=erp\n" in said.out
    assert f"LoadCredential=apismith_password:{tmp_path}/apismith_password\n" in said.out
    assert "TimeoutStopSec=45\n" in said.out


def test_another_unit_file_is_replaced_only_when_that_is_wanted(shell: Shell, tmp_path: Path) -> None:
    unit = tmp_path / "syncflow.service"
    assert "enable --now" in shell.run("service", "install", "--dir", str(tmp_path)).out
    assert "already" in shell.run("service", "install", "--dir", str(tmp_path)).out
    unit.write_text(unit.read_text(encoding="utf-8").replace("User=syncflow", "User=other"), encoding="utf-8")
    refused = shell.run("service", "install", "--dir", str(tmp_path))
    assert refused.code == 64
    assert "-User=other" in refused.err
    assert "--yes" in refused.err
    assert "User=other" in unit.read_text(encoding="utf-8")
    shell.run("service", "install", "--dir", str(tmp_path), "--yes")
    assert "User=other" not in unit.read_text(encoding="utf-8")


def test_a_file_that_is_no_secret_is_refused(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "apismith_pasword").write_text("x", encoding="utf-8")
    said = shell.run("service", "install", "--print", "--credentials", str(tmp_path))
    assert said.code == 78
    assert "apismith_pasword" in said.err
    assert "apismith_password" in said.err


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")
def test_systemd_understands_it_and_finds_little_exposed(tmp_path: Path) -> None:
    # A program that any user may call, in a path that must be quoted.
    program = tmp_path / "a b%" / "syncflow"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    unit = tmp_path / "syncflow.service"
    unit.write_text(unit_text(Installation(program, "root", tmp_path, (), 30.0)), encoding="utf-8")
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    ours = [line for line in verified.stderr.splitlines() if "syncflow" in line]
    assert ours == []
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=30", str(unit)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout[-400:]
