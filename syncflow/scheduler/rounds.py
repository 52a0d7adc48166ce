"""One round of the scheduler: read the books, decide, ask for what is due. One process at a time makes a round, so that
two never ask for the same."""

from collections.abc import Callable, Sequence

import structlog

from syncflow.clock import Clock
from syncflow.scheduler.jobs import Decision, Facts, decide
from syncflow.scheduler.night_requests import NightRequests
from syncflow.store import background_schedules, entity_config, erp_sync_state, night_slices, sync_batches
from syncflow.store.database import Connection, Database

_log = structlog.get_logger()


class Rounds:
    """`syncs` queues syncs of entities, in a transaction of its own."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        requests: NightRequests,
        syncs: Callable[[Sequence[str]], object],
        default_interval: float,
        time_zone: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._requests = requests
        self._syncs = syncs
        self._default_interval = default_interval
        self._time_zone = time_zone

    def make(self) -> Decision | None:
        """What was decided, and is done; None when another process makes a round just now. Raises SyncFlowError when
        the database is not to be had."""
        now = self._clock.now()
        with self._database.begin() as connection:
            if not night_slices.take_turn(connection):
                return None
            facts = self._facts(connection)
            decision = decide(facts, now)
            self._carry_out(connection, facts, decision)
            if decision.syncs:
                self._syncs(decision.syncs)
        return decision

    def _facts(self, connection: Connection) -> Facts:
        states = erp_sync_state.load_all(connection)
        return Facts(
            entities=entity_config.load_all(connection),
            newest=sync_batches.latest_of_each(connection),
            stopped=sync_batches.stopped_by_hand(connection),
            schedules=background_schedules.load_all(connection),
            nights=night_slices.newest(connection),
            watermarked=frozenset(name for name, state in states.items() if state.watermark is not None),
            default_interval=self._default_interval,
            time_zone=self._time_zone,
        )

    def _carry_out(self, connection: Connection, facts: Facts, decision: Decision) -> None:
        for part in decision.begin:
            batch = self._requests.ask(connection, facts.entities[part.entity], part.sync_type, part.terms)
            if batch is not None:
                _log.info(
                    "a night begins", entity=part.entity, part=part.sync_type, night=str(part.terms.night),
                    window_end=str(part.terms.window_end), batch=str(batch.uid),
                )  # fmt: skip
        for move in decision.move_end:
            night_slices.move_end(connection, move.batch, move.window_end)
        for each in decision.go_on:
            if each.terms is not None:
                night_slices.put_off(connection, each.batch, each.terms)
            sync_batches.enqueue(connection, each.batch)
