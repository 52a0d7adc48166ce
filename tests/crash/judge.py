"""Whether what must hold does hold (the seven promises): asked of PostgreSQL and of the company, never of SyncFlow."""

from collections import Counter
from collections.abc import Sized
from dataclasses import dataclass, field

import psycopg

from tests.crash.company import ENTITIES, Company, columns, references, values

MOST_MEMORY_KB = 700_000
MOST_CALLS = 400
"""Of one process, over all its entities; an undisturbed sync of the company takes a tenth over the database and a
quarter over HTTP."""


@dataclass
class Judge:
    """`after_a_kill` says what holds at every instant, `at_rest` what holds after an undisturbed sync."""

    url: str
    schema: str
    company: Company
    held_before: dict[str, set[int]] = field(default_factory=lambda: {entity: set() for entity in ENTITIES})
    """Rows that the target held when it was last at rest."""
    uncounted: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ENTITIES, 0))
    """Rows that were inserted, or deleted, before a kill, and that changed at the source before anybody could count
    them: one that is gone or fails by then is counted as what it is."""

    def after_a_kill(self) -> None:
        for entity in ENTITIES:
            self._no_key_stands_twice(entity)
        self._every_batch_balances()
        self._no_status_is_untrue()
        self._the_watermark_passed_settled_rows_alone()

    def at_rest(self, *, steady: bool) -> None:
        """`steady`: the company did not change while its batches were killed and gone on with."""
        self.after_a_kill()
        for entity in ENTITIES:
            self._equals_the_source(entity)
            self._references_lead_to_their_parents(entity)
            self._what_is_not_there_stands_in_a_queue(entity)
            self._counted_once(entity, steady=steady)
            self.held_before[entity] = set(self._held(entity))
        ended = "('completed', 'completed_with_errors', 'cancelled')"
        left = f"SELECT entity_name, sync_type, status FROM sync_batches WHERE status NOT IN {ended}"
        _none(self._ask(left), "batches that have not come to their end")
        _none(self._ask("SELECT * FROM withheld_deletes WHERE state = 'withheld'"), "deletions withheld, though few")

    def bounded(self, memory_kb: int, calls: int) -> None:
        """The seventh promise, for one process."""
        assert memory_kb < MOST_MEMORY_KB, f"{memory_kb} kB of memory"
        assert calls < MOST_CALLS, f"{calls} calls of the neighbours"

    def _equals_the_source(self, entity: str) -> None:
        held, wanted = self._held(entity), values(entity, self.company.loaded(entity).items())
        wrong = {number: (held.get(number), row) for number, row in wanted.items() if held.get(number) != row}
        _none(wrong, f"{entity}: rows that the target lacks, or holds otherwise (held, wanted)")
        failing = self.company.failing(entity)
        strange = held.keys() - wanted.keys() - failing
        _none(strange, f"{entity}: rows that the target must not hold")
        lost = (self.held_before[entity] & failing) - held.keys()
        _none(lost, f"{entity}: rows that were deleted though the source has them")

    def _references_lead_to_their_parents(self, entity: str) -> None:
        for reference in references(entity):
            name, parents = reference["name"], self._table(reference["entity"])
            lost = self._ask(
                f"SELECT c.no::int, c.{name}_no::int, p.no::int FROM {self._table(entity)} c "
                f"LEFT JOIN {parents} p ON p._bridge_uid = c.{name}_uid WHERE c.{name}_no IS DISTINCT FROM p.no"
            )
            _none(lost, f"{entity}: references that lead elsewhere (row, parent, where to)")

    def _what_is_not_there_stands_in_a_queue(self, entity: str) -> None:
        queued = self._ask(
            f"SELECT (raw_data->>'NO')::int FROM failed_records WHERE entity_name = '{entity}' AND resolved_at IS NULL "
            f"UNION ALL SELECT (child_payload->>'NO')::int FROM pending_children WHERE child_entity = '{entity}' "
            "AND resolved_at IS NULL"
        )
        found = Counter(number for (number,) in queued)
        wanted = Counter(self.company.failing(entity) | self.company.waiting(entity))
        _none(wanted - found, f"{entity}: rows that are neither in the target nor in a queue")
        _none(found - wanted, f"{entity}: rows that stand in a queue, but should not, or not twice")

    def _counted_once(self, entity: str, *, steady: bool) -> None:
        """Whatever was killed in between: the books have as many inserts and deletions as there were."""
        sums = f"SELECT sum(rows_inserted - rows_deleted)::int FROM sync_batches WHERE entity_name = '{entity}'"
        counted, held = self._ask(sums)[0][0] + self.uncounted[entity], len(self._held(entity))
        assert counted == held or not steady, f"{entity}: {counted} rows by the books, {held} in the target"
        self.uncounted[entity] += held - counted

    def _no_key_stands_twice(self, entity: str) -> None:
        if self._exists(entity):
            twice = f"SELECT no FROM {self._table(entity)} GROUP BY no, _bridge_erp_key_hash HAVING count(*) > 1"
            _none(self._ask(twice), f"{entity}: rows that stand twice")
            keys = f"SELECT _bridge_erp_key_hash FROM {self._table(entity)} GROUP BY 1 HAVING count(*) > 1"
            _none(self._ask(keys), f"{entity}: keys that stand twice")

    def _every_batch_balances(self) -> None:
        unbalanced = self._ask(
            "SELECT entity_name, status, rows_fetched FROM sync_batches WHERE rows_fetched <> rows_inserted "
            "+ rows_updated + rows_unchanged + rows_duplicate + rows_pending + rows_failed OR delete_candidates <> "
            "rows_deleted + deletes_withheld + deletes_refused + deletes_still_at_source"
        )
        _none(unbalanced, "batches that do not balance")

    def _no_status_is_untrue(self) -> None:
        untrue = self._ask(
            "SELECT entity_name, sync_type, status, error_message FROM sync_batches WHERE status = 'failed' "
            "OR status = 'completed' AND rows_failed > rows_ignored OR status LIKE 'completed%' AND (completed_at "
            "IS NULL OR EXISTS (SELECT FROM batch_chunks WHERE batch_uid = sync_batches.uid AND intent IS NOT NULL))"
        )
        _none(untrue, "batches whose status is untrue")
        twice = "SELECT entity_name FROM sync_batches WHERE status = 'running' GROUP BY 1 HAVING count(*) > 1"
        _none(self._ask(twice), "entities with two running batches")

    def _the_watermark_passed_settled_rows_alone(self) -> None:
        found = self._ask("SELECT watermark::int FROM erp_sync_state WHERE entity_name = 'events'")
        watermark = found[0][0] if found else None
        if watermark is None:
            return
        passed = {number: row for number, row in self.company.rows["events"].items() if row.version <= watermark}
        held = self._held("events")
        wanted = values("events", ((number, row) for number, row in passed.items() if row.qty is not None))
        lost = [number for number, row in wanted.items() if held.get(number) != row]
        _none(lost, f"events that were not loaded, but that the watermark {watermark} has passed")
        failed = self._ask("SELECT (raw_data->>'NO')::int FROM failed_records WHERE entity_name = 'events'")
        unqueued = {number for number, row in passed.items() if row.qty is None} - {number for (number,) in failed}
        _none(unqueued, f"events in no queue that the watermark {watermark} has passed")

    def _held(self, entity: str) -> dict[int, tuple[object, ...]]:
        if not self._exists(entity):
            return {}
        names = ", ".join(columns(entity))
        rows = self._ask(f"SELECT no::int, {names} FROM {self._table(entity)} WHERE _bridge_deleted_at IS NULL")
        return {number: tuple(rest) for number, *rest in rows}

    def _exists(self, entity: str) -> bool:
        return self._ask(f"SELECT to_regclass('{self._table(entity)}') IS NOT NULL") == [(True,)]

    def _table(self, entity: str) -> str:
        return f'"{self.schema}".{entity}'

    def _ask(self, statement: str) -> list[tuple]:  # type: ignore[type-arg]
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET search_path TO syncflow")
            return connection.execute(statement.encode()).fetchall()


def _none(found: Sized, what: str) -> None:
    assert len(found) == 0, f"{what}: {found}"
