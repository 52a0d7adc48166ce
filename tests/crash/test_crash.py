"""`syncflow` killed with SIGKILL at random instants and at named points, over days of business: nothing is lost,
nothing stands twice, and the books are true. Its long form: `make crash KILLS=200`."""

from pathlib import Path

import pytest

from syncflow.store.database import Database
from tests.crash.campaign import WAYS, Campaign, open_world

pytestmark = pytest.mark.integration

KILLS = 6


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=[pytest.mark.slow] if way == "http-v1" else []) for way in WAYS]
)
def test_kill_9_at_any_point_of_any_stage(way: str, database: Database, tmp_path: Path) -> None:
    seed = 41
    print(f"seed {seed}")
    with open_world(way, database.url, tmp_path) as world:
        tally = Campaign(world, way, seed, print).fight(KILLS)
    assert tally.kills == KILLS
