"""The Dockerfile's steps, carried out in an empty folder: what is copied is enough to build, and what is built runs."""

import os
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PLACES = ("/src", "/opt", "/var/lib/syncflow")


def instructions(stage: str) -> list[tuple[str, str]]:
    """The name and the rest of each, continued lines joined, of one stage."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", stage, flags=re.MULTILINE))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def inside(folder: Path, text: str) -> str:
    """The image's places as those of a folder."""
    for place in PLACES:
        text = re.sub(rf"(?<![\w/]){place}(?=[/\s\":$]|$)", f"{folder}{place}", text)
    return text


def is_sent(name: str) -> bool:
    """Whether .dockerignore lets it through."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    sent = True
    for line in lines:
        if fnmatch(name, line.removeprefix("!")):
            sent = line.startswith("!")
    return sent


def test_its_steps_build_a_syncflow_that_runs_without_its_sources(tmp_path: Path) -> None:
    build, result = (instructions(part) for part in re.split(r"(?m)^FROM .*$", TEXT)[1:])
    here = tmp_path / "src"
    (tmp_path / "opt").mkdir()
    (tmp_path / "var" / "lib").mkdir(parents=True)
    here.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    environment |= {
        name: os.environ[name] for name in ("PIP_CERT", "PIP_INDEX_URL", "SSL_CERT_FILE") if name in os.environ
    }
    for name, rest in build:
        if name == "COPY":
            *sources, target = rest.split()
            for source in sources:
                assert is_sent(source), f".dockerignore keeps {source} back"
                into = here / target / source if target == "./" else here / target
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, into, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / source, into)
        elif name == "RUN":
            subprocess.run(["bash", "-euc", inside(tmp_path, rest)], cwd=here, env=environment, check=True, timeout=500)
    shutil.rmtree(here)
    for name, rest in result:
        if name == "COPY" and "/opt/state" in rest:
            shutil.copytree(tmp_path / "opt" / "state", tmp_path / "var" / "lib" / "syncflow")
    assert ("USER", "10001:10001") in result
    assert ("CMD", '["--daemon"]') in result
    settings = next(rest for name, rest in result if name == "ENV")
    environment |= dict(pair.split("=", 1) for pair in inside(tmp_path, settings).split())
    environment["PATH"] = environment["PATH"].replace("$PATH", os.environ["PATH"])
    state = tmp_path / "var" / "lib" / "syncflow"
    said = subprocess.run(
        ["syncflow", "--version"], cwd=state, env=environment, capture_output=True, text=True, timeout=60
    )
    assert said.stdout.startswith("syncflow ")
    program = shutil.which("syncflow", path=environment["PATH"])
    assert program == str(tmp_path / "opt" / "syncflow" / "bin" / "syncflow")
    refused = subprocess.run(
        [program, "--daemon"], cwd=state, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (refused.returncode, "DATABASE_URL" in refused.stderr) == (78, True)
    site = next((tmp_path / "opt" / "syncflow" / "lib").glob("python*/site-packages"))
    assert {path.parts[-3] for path in site.glob("syncflow/_locales/*/LC_MESSAGES/*.mo")} >= {"ar", "fa", "tr"}
    packages = {path.name for path in (tmp_path / "opt" / "syncflow" / "lib").glob("python*/site-packages/*")}
    assert "pip" not in packages
