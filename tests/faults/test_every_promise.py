"""Every fault that must not lose a row, with the tests that show what comes of it. A row whose test is gone fails."""

import ast
from functools import cache

import pytest

from tests.faults.field import ROOT

pytestmark = pytest.mark.unit

SHOWN_BY = {
    "kill -9 at any point of any stage, at any I/O": (
        "crash/test_crash.py::test_kill_9_at_any_point_of_any_stage",
        "faults/test_kill.py::test_the_next_sync_goes_on_where_a_process_was_killed",
        "faults/test_kill.py::test_what_was_settled_is_not_read_again",
        "faults/test_kill.py::test_killed_while_the_source_is_read",
        "faults/test_kill.py::test_killed_at_any_time",
    ),
    "kill -9 or time-out after a write was sent": (
        "faults/test_kill.py::test_killed_after_a_write_was_applied_and_before_its_answer",
        "faults/test_kill.py::test_over_http_killed_twice_before_the_same_books",
        "faults/test_target_faults.py::test_one_batch_comes_through",
        "faults/test_target_faults.py::test_updates_without_an_answer_are_read_back",
        "faults/test_target_faults.py::test_deletions_without_an_answer_are_read_back",
        "faults/test_take_over.py::test_rows_in_doubt_are_shown_until_they_are_settled",
    ),
    "SIGTERM; a second one": (
        "faults/test_stop_and_share.py::test_sigterm_finishes_the_chunk_in_flight_and_the_next_sync_goes_on",
        "faults/test_stop_and_share.py::test_a_stop_ends_a_read_that_hangs",
        "faults/test_stop_and_share.py::test_a_second_sigterm_exits_at_once",
    ),
    "login refused": (
        "faults/test_source_faults.py::test_tokens_that_expire_are_renewed_once_and_a_login_that_is_refused_is_tried_once",
        "connectors/test_http.py::test_a_refused_login_is_tried_once_by_all",
    ),
    "401 in mid-run": (
        "connectors/test_http.py::test_a_token_that_ends_in_mid_run_is_renewed_once_for_all",
        "connectors/test_http.py::test_a_token_that_is_never_taken",
        "connectors/test_schedulehub_http.py::test_busy_and_expired_tokens_pass_by_themselves",
        "faults/test_source_faults.py::test_tokens_that_expire_are_renewed_once_and_a_login_that_is_refused_is_tried_once",
    ),
    "429, 503 with Retry-After (seconds or date); without": (
        "faults/test_source_faults.py::test_one_batch_comes_through",
        "faults/test_target_faults.py::test_one_batch_comes_through",
        "connectors/test_retrying.py::test_retry_after",
        "connectors/test_retrying.py::test_delay",
    ),
    "5xx, resets, refused connections": (
        "faults/test_source_faults.py::test_one_batch_comes_through",
        "faults/test_source_faults.py::test_what_stays_wrong_interrupts_the_batch",
        "faults/test_target_faults.py::test_a_target_that_is_down_interrupts_the_batch_and_the_next_sync_goes_on",
        "connectors/test_http.py::test_nobody_there",
    ),
    "truncated body, HTML, wrong content type, success: false": (
        "faults/test_source_faults.py::test_one_batch_comes_through",
        "connectors/test_schedulehub_http.py::test_an_unreadable_answer_is_no_answer",
        "connectors/test_schedulehub_http.py::test_a_stream_of_identities_is_whole_or_an_error",
    ),
    "one byte a second; silence": (
        "faults/test_source_faults.py::test_what_stays_wrong_interrupts_the_batch",
        "connectors/test_http.py::test_an_exchange_has_a_deadline",
    ),
    "a page served twice; rows shifting between pages": (
        "faults/test_source_faults.py::test_one_batch_comes_through",
        "faults/test_source_faults.py::test_rows_that_shift_between_the_pages_of_a_live_table",
        "faults/test_source_faults.py::test_pages_that_shift_are_read_again",
    ),
    "total_rows missing, wrong, changing": ("faults/test_source_faults.py::test_one_batch_comes_through",),
    "empty extract of a table that was not empty": (
        "faults/test_source_faults.py::test_an_empty_extract_deletes_nothing_and_the_watermark_stays",
        "faults/test_source_faults.py::test_an_empty_increment_does_not_move_the_watermark",
        "engine/test_deletions.py::test_an_empty_extract_deletes_nothing_and_a_later_judgement_supersedes",
    ),
    "a column appears, vanishes or changes type": (
        "faults/test_source_faults.py::test_columns_that_drift_under_a_sync",
        "engine/test_guards.py::test_a_frozen_entity_stops_before_anything_is_loaded",
        "engine/test_guards.py::test_a_new_column_and_another_type_widen_the_target",
        "engine/test_guards.py::test_a_column_that_vanished_from_the_definition_keeps_its_values",
    ),
    "target rejects some records, or all for one": (
        "faults/test_target_faults.py::test_exactly_the_refused_row_fails",
        "connectors/test_schedulehub_pg.py::test_exactly_the_poison_rows_are_rejected",
    ),
    "target answers 409 for our own earlier insert": (
        "faults/test_kill.py::test_a_write_that_is_applied_only_after_the_successor_has_looked",
        "connectors/test_schedulehub_http.py::test_version_1_tells_of_known_and_unknown_keys",
    ),
    "target down all night": (
        "faults/test_target_faults.py::test_a_target_that_is_down_interrupts_the_batch_and_the_next_sync_goes_on",
    ),
    "metadata database restarts, connection lost, COMMIT unknown": (
        "faults/test_metadata_faults.py::test_a_database_server_that_restarts_in_mid_run",
        "faults/test_metadata_faults.py::test_all_sessions_are_ended_after_every_chunk",
        "faults/test_metadata_faults.py::test_a_connection_lost_at_commit",
        "faults/test_metadata_faults.py::test_a_metadata_database_that_stays_away",
    ),
    "two processes want the same batch": (
        "faults/test_stop_and_share.py::test_of_two_processes_one_has_the_entity",
        "faults/test_stop_and_share.py::test_many_that_start_at_once",
        "store/test_migrate.py::test_the_tables_refuse_what_must_not_be",
    ),
    "a process dies; its host vanishes or it is suspended": (
        "faults/test_take_over.py::test_a_running_process_takes_over_what_a_killed_one_leaves",
        "faults/test_take_over.py::test_a_suspended_process_is_succeeded_when_its_lease_has_run_out_and_stops_when_it_wakes",
    ),
    "a process paused for minutes, then woken": (
        "faults/test_take_over.py::test_a_suspended_process_is_succeeded_when_its_lease_has_run_out_and_stops_when_it_wakes",
        "faults/test_stop_and_share.py::test_a_process_that_wakes_up_after_its_batch_was_taken_over_stops",
    ),
    "a pooler that breaks session state": ("store/test_database.py::test_a_pooler_that_shares_sessions_is_noticed",),
    "disk full": (
        "faults/test_surroundings.py::test_a_full_disk_is_a_clear_error_and_the_batch_resumes",
        "faults/test_surroundings.py::test_a_full_disk_of_its_own_is_a_clear_error_and_the_batch_resumes",
    ),
    "clock steps": (
        "faults/test_clocks.py::test_a_clock_that_is_set_in_mid_run_changes_nothing",
        "faults/test_clocks.py::test_nothing_but_these_looks_at_the_wall_clock",
    ),
    "configuration edited in mid-run": (
        "faults/test_surroundings.py::test_a_running_batch_keeps_the_configuration_that_it_began_with",
    ),
    "parents: NULL, self, chains, cycles, composite keys, 100,000 children, deleted later": (
        "engine/test_parent_order.py::test_every_order_of_parents_resolves",
        "engine/test_sync.py::test_a_chain_of_rows_in_one_table_is_loaded_in_the_worst_order",
        "engine/test_sync.py::test_rows_that_wait_for_nothing_but_each_other_are_loaded_as_a_ring",
        "engine/test_sync.py::test_a_ring_of_required_references_fails_and_is_named",
        "engine/test_deletions.py::test_parents_with_living_children_are_refused_and_children_go_first",
        "faults/test_waiting_children.py::test_a_hundred_thousand_children_of_one_parent_are_woken_at_once",
    ),
    "pending child out of attempts": (
        "faults/test_waiting_children.py::test_a_child_out_of_attempts_becomes_a_failed_record_with_its_payload",
    ),
}
"""The names of tests without `tests/`. One that is parametrised shows its row with some of its cases."""


@pytest.mark.parametrize("fault", SHOWN_BY)
def test_each_fault_is_shown_by_tests_that_exist(fault: str) -> None:
    missing = [name for name in SHOWN_BY[fault] if name.partition("::")[2] not in found_in(name.partition("::")[0])]
    assert not missing


@cache
def found_in(file: str) -> frozenset[str]:
    path = ROOT / "tests" / file
    if not path.exists():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
