"""Days of a company that is synced by processes which are killed again and again, judged after every kill."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from uuid import uuid4

import psycopg

from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.calls import CallCounter
from syncflow.sandbox.running import RunningServer
from syncflow.sandbox.schedulehub.server import ScheduleHub, ScheduleHubOptions
from syncflow.sandbox.tokens import TokenOptions
from tests.crash.company import ENTITIES_YAML, Company, tables
from tests.crash.judge import Judge
from tests.crash.points import named_points

ROOT = Path(__file__).parents[2]
WAYS = ("database", "http", "http-v1")
_TOKENS = TokenOptions(service_token="crash")
_SECONDS = 90.0
_ALIVE = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE %s"
_UNFINISHED = "SELECT count(*) FROM syncflow.sync_batches WHERE status IN ('queued', 'running', 'interrupted')"
Say = Callable[[str], None]


@dataclass(frozen=True)
class World:
    """Both neighbours, and the surroundings that a `syncflow` process takes its settings from."""

    apismith: ApiSmith
    counters: tuple[CallCounter, ...]
    environment: dict[str, str]
    url: str
    schema: str
    folder: Path


@dataclass(frozen=True)
class Ended:
    """How a process ended: `code` as `wait` says it, -9 when it was killed."""

    code: int
    seconds: float
    memory_kb: int
    said: str


@dataclass
class Tally:
    """What a campaign has done so far. `points` were killed at, each so often."""

    kills: int = 0
    at_points: Counter[str] = field(default_factory=Counter)
    syncs: int = 0
    days: int = 0
    most_calls: int = 0
    most_memory_kb: int = 0


class Campaign:
    """`fight` until so many processes were killed. All choices come from the seed; what they meet, from the machine."""

    def __init__(self, world: World, way: str, seed: int, say: Say) -> None:
        self._world = world
        self._random = Random(seed)
        self._say = say
        self._company = Company(self._random)
        self._judge = Judge(world.url, world.schema, self._company)
        self._length = 1.0
        self._named = named_points(way)
        self._ahead: list[tuple[str, int]] = []
        self.tally = Tally()

    def fight(self, kills: int) -> Tally:
        self._company.serve(self._world.apismith)
        self._configure()
        while self.tally.kills < kills:
            self._day(min(self._random.choice((2, 3, 3, 4, 5)), kills - self.tally.kills))
            self._company.change()
            self._company.serve(self._world.apismith)
        return self.tally

    def _day(self, kills: int) -> None:
        """Up to so many kills, most of them of the same batches; then all must come to stand."""
        changed = False
        for _ in range(kills):
            if not self._kill():
                break
            self._judge.after_a_kill()
            if self._random.random() < 0.25:
                changed = True
                self._say(f"day {self.tally.days}: the company changes meanwhile")
                self._company.change()
                self._company.serve(self._world.apismith)
        self._undisturbed()
        if changed:
            self._undisturbed()
        self._judge.at_rest(steady=not changed)
        self.tally.days += 1

    def _kill(self) -> bool:
        """Start a process and kill it; False when it came to its end before that."""
        command = self._command()
        if self._random.random() < 0.3:
            at = self._random.uniform(0.0, self._length)
            ended, what = self._killed_after(at, command), f"{at:.2f} s after it began to work"
        else:
            point, times = self._next_point()
            runner = [sys.executable, "-m", "tests.crash.to_the_point", point, str(times)]
            ended, what = self._run([*runner, *command]), f"{point} ({times})"
            if ended.code == -9:
                self.tally.at_points[point] += 1
            elif times > 1:
                self._ahead.append((point, 1))
        died = ended.code == -9
        self.tally.kills += died
        self._say(f"day {self.tally.days}: {command[0]}, {'killed' if died else 'not killed'} {what}")
        assert died or ended.code in (0, 1), ended.said
        return died

    def _command(self) -> list[str]:
        """Two commands go on with a batch; `resume` alone has nothing to do on a day that has not begun."""
        with psycopg.connect(self._world.url, autocommit=True) as connection:
            left = connection.execute(_UNFINISHED).fetchone()
        begun = left is not None and left[0] > 0
        return ["resume"] if begun and self._random.random() < 0.3 else ["sync", "--all"]

    def _next_point(self) -> tuple[str, int]:
        """A named point, and at which of its times; each has its turn before any comes again."""
        if not self._ahead:
            points = self._random.sample(self._named, len(self._named))
            self._ahead = [(point, self._random.choice((1, 1, 1, 2, 3, 6))) for point in points]
        return self._ahead.pop()

    def _undisturbed(self) -> None:
        ended = self._run([*self._product(), "sync", "--all"])
        assert ended.code in (0, 1), ended.said
        self._length = ended.seconds
        self.tally.syncs += 1

    def _configure(self) -> None:
        file = self._world.folder / "entities.yaml"
        file.write_text(ENTITIES_YAML, encoding="utf-8")
        ended = self._run([*self._product(), "entities", "import", str(file)])
        assert ended.code == 0, ended.said

    def _killed_after(self, seconds: float, command: list[str]) -> Ended:
        """Killed at an instant, counted from its first session: before that it only imports, which takes long."""
        with self._started([*self._product(), *command]) as process:
            pattern = f"syncflow {process.pid}.%"
            with psycopg.connect(self._world.url, autocommit=True) as connection:
                while process.poll() is None and connection.execute(_ALIVE, (pattern,)).fetchone() == (0,):
                    time.sleep(0.005)
            end = time.monotonic() + seconds
            while process.poll() is None and time.monotonic() < end:
                time.sleep(0.002)
            process.kill()
            said = process.communicate(timeout=_SECONDS)[0]
            return Ended(process.returncode, seconds, 0, said)

    def _run(self, command: list[str]) -> Ended:
        """A process up to its end, with what it took; `seconds` without those for its start."""
        for counter in self._world.counters:
            counter.reset()
        file = self._world.folder / "said.txt"
        with file.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self._world.environment, stdout=output, stderr=subprocess.STDOUT
            )
            began = time.monotonic()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        calls = sum(self._calls(counter) for counter in self._world.counters)
        self._judge.bounded(usage.ru_maxrss, calls)
        self.tally.most_calls = max(self.tally.most_calls, calls)
        self.tally.most_memory_kb = max(self.tally.most_memory_kb, usage.ru_maxrss)
        seconds = max(0.3, time.monotonic() - began - 1.0)
        return Ended(process.returncode, seconds, usage.ru_maxrss, file.read_text(encoding="utf-8"))

    @contextmanager
    def _started(self, command: list[str]) -> Iterator["subprocess.Popen[str]"]:
        process = subprocess.Popen(
            command, cwd=ROOT, env=self._world.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @staticmethod
    def _calls(counter: CallCounter) -> int:
        calls = counter.snapshot()["calls"]
        return sum(calls.values()) if isinstance(calls, dict) else 0

    @staticmethod
    def _product() -> list[str]:
        return [str(Path(sys.executable).parent / "syncflow")]


@contextmanager
def open_world(way: str, url: str, folder: Path) -> Iterator[World]:
    """Both servers in this process; `url` is a migrated metadata database that ScheduleHub's tables stand beside."""
    schema = f"hub_{uuid4().hex[:8]}"
    with ExitStack() as stack:
        apismith = ApiSmith(tokens=_TOKENS)
        source = stack.enter_context(RunningServer(apismith.app)).url
        counters = [apismith.calls]
        target = url
        if way != "database":
            file = folder / "tables.json"
            file.write_text(json.dumps(tables()), encoding="utf-8")
            options = ScheduleHubOptions() if way == "http" else ScheduleHubOptions(capabilities=(), tables_file=file)
            hub = ScheduleHub(url, schema, options=options, tokens=_TOKENS)
            counters.append(hub.calls)
            target = stack.enter_context(RunningServer(hub.app)).url
        settings = {
            "STATE_DIR": str(folder),
            "DATABASE_URL": url,
            "APISMITH_URL": source,
            "APISMITH_TOKEN": str(_TOKENS.service_token),
            "SCHEDULEHUB_URL": target,
            "SCHEDULEHUB_TOKEN": str(_TOKENS.service_token),
            "SCHEDULEHUB_SCHEMA": schema,
            "DEFAULT_BATCH_SIZE": "100",
            "MAX_BATCH_SIZE": "100",
            "SYNC_CHUNK_ROWS": "100",
            "SYNC_WORKER_THREADS": "2",
            "MAX_RETRIES": "2",
            "RETRY_DELAY_SECONDS": "0.02",
            "MAX_RETRY_DELAY_SECONDS": "0.1",
        }
        yield World(apismith, tuple(counters), {**os.environ, **settings}, url, schema, folder)
