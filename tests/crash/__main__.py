"""The long form of the crash test: `python -m tests.crash --kills 200 --seed 7`, over the three ways to the target."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory

from syncflow.store import migrate
from syncflow.store.database import Database
from syncflow.store.embedded import EmbeddedPostgres
from tests.crash.campaign import WAYS, Campaign, Tally, open_world
from tests.crash.points import named_points


@contextmanager
def database() -> Iterator[str]:
    """The address of a migrated database in a PostgreSQL that is gone afterwards."""
    with EmbeddedPostgres.temporary(durable=False) as server:
        with Database(server.url()) as opened:
            migrate.upgrade(opened)
        yield server.url()


def fight(way: str, kills: int, seed: int) -> Tally:
    with database() as url, TemporaryDirectory() as folder, open_world(way, url, Path(folder)) as world:
        return Campaign(world, way, seed, partial(print, f"{way}:", flush=True)).fight(kills)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--way", choices=WAYS, action="append")
    wanted = parser.parse_args()
    ways: list[str] = wanted.way or list(WAYS)
    print(f"seed {wanted.seed}", flush=True)
    began = time.monotonic()
    shares = [wanted.kills // len(ways) + (place < wanted.kills % len(ways)) for place in range(len(ways))]
    for way, kills in zip(ways, shares, strict=True):
        tally = fight(way, kills, wanted.seed)
        missed = sorted(set(named_points(way)) - tally.at_points.keys())
        print(
            f"{way}: {tally.kills} kills ({tally.at_points.total()} at {len(tally.at_points)} named points), "
            f"{tally.days} days, {tally.syncs} undisturbed syncs; at most {tally.most_calls} calls and "
            f"{tally.most_memory_kb // 1024} MB a process; not killed: {', '.join(missed) or 'nowhere'}"
        )
    minutes = (time.monotonic() - began) / 60
    print(
        f"All promises held after each of {wanted.kills} kills, in {minutes:.1f} minutes "
        f"({wanted.kills / minutes:.0f} a minute; seed {wanted.seed})."
    )


if __name__ == "__main__":
    sys.exit(main())
