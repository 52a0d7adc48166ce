"""Which daemons are there, which of them leads, and that one is missed which says nothing any more."""

import socket

import pytest

from tests.faults.field import Field

pytestmark = pytest.mark.integration


def insert(field: Field, worker: str, host: str, *, seconds: int) -> None:
    field.execute(
        f"INSERT INTO syncflow.daemons VALUES ('{worker}', '{host}', '0.1', now() - interval '1 day', "
        f"now() - interval '{seconds} s', 'idle', 'running', 0, 0)"
    )


def test_the_one_that_has_been_there_the_longest_leads_and_the_dead_are_missed(field: Field) -> None:
    with field.runtime() as one, field.runtime() as other:
        assert not one.presence.leads()
        one.presence.beat()
        other.presence.beat()
        assert (one.presence.leads(), other.presence.leads()) == (True, False)
        insert(field, "syncflow far", "elsewhere", seconds=130)
        insert(field, "syncflow near", socket.gethostname(), seconds=130)
        assert one.presence.leads()
        one.alerts.evaluate()
        assert {(each.kind, each.subject) for each in one.alerts.current()} == {
            ("worker_silent", "elsewhere"),
            ("worker_silent", socket.gethostname()),
        }
        one.presence.leave()
        assert other.presence.leads()
        with field.runtime() as third:
            third.presence.beat()  # takes the place of the dead one of this host, and leaves the living
            assert [each.worker for each in third.presence.all()] == [
                "syncflow far",
                other.database.application,
                third.database.application,
            ]
        other.alerts.evaluate()
        assert [each.subject for each in other.alerts.current()] == ["elsewhere"]
        field.execute("UPDATE syncflow.daemons SET beat_at = now() - interval '2 days' WHERE host = 'elsewhere'")
        with field.runtime() as fourth:
            fourth.presence.beat()
        other.alerts.evaluate()
        assert other.alerts.current() == []
