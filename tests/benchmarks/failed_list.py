"""How soon the console shows a long list of failed records, and its end, measured through a terminal.

    python -m tests.benchmarks.failed_list --records 1000000

Prints milliseconds from the key to what it paints, and what the process holds.
"""

import argparse
import sys
import time
from collections.abc import Iterator

import psycopg

from tests.benchmarks.console import place, resident
from tests.tui.terminal import Terminal

FAILED_SCREEN = "4"
DASHBOARD = "1"
END, BEGINNING = "G", "g"
ROUNDS = 5
_FILL = """
INSERT INTO failed_records (uid, batch_uid, entity_name, key_hash, raw_hash, source_system, raw_data, stage_failed,
    field, error_type, error_message, created_at, updated_at, value, value_shape)
SELECT lpad(to_hex(n), 32, '0')::uuid, gen_random_uuid(), 'order_lines', md5(n::text), md5('raw' || n),
    'erp', json_build_object('LINE_ID', n, 'QTY', 'N/A'), 'numeric', 'qty', 'not_a_number',
    'Row ' || n || '!', now(), now(), 'N/A', 'A/A'
FROM generate_series(1, %s) AS n
"""


def measure(records: int) -> Iterator[str]:
    with place(10) as values:
        with psycopg.connect(str(values["database_url"]), autocommit=True) as connection:
            connection.execute(_FILL, (records,))
            connection.execute("VACUUM ANALYZE failed_records")
        terminal = Terminal(values, rows=36, columns=120)
        try:
            terminal.shows("dashboard")
            terminal.shows("● database")
            time.sleep(2)
            first, last = f"Row {records}!", "Row 1!"  # the newest stand first
            for number in range(ROUNDS):
                yield f"round {number + 1}: shown in {_until(terminal, FAILED_SCREEN, first):.0f} ms, "
                time.sleep(1)
                yield f"its end in {_until(terminal, END, last):.0f} ms, "
                yield f"its beginning in {_until(terminal, BEGINNING, first):.0f} ms\n"
                terminal.type(DASHBOARD)
                time.sleep(1)
            yield f"resident: {resident(terminal.console)} MiB\n"
        finally:
            terminal.close()


def _until(terminal: Terminal, key: str, text: str) -> float:
    before, pressed = terminal.written, time.perf_counter()
    terminal.type(key)
    while text.encode() not in terminal.since(before):
        if time.perf_counter() - pressed > 20:
            raise SystemExit(f"{text!r} was not shown within 20 seconds.")
        time.sleep(0.001)
    return (time.perf_counter() - pressed) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    for line in measure(parser.parse_args().records):
        sys.stdout.write(line)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
