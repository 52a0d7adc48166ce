"""The machine's floor: what PostgreSQL alone needs to swallow the finished rows.

A table of the same columns and types (`LIKE .. INCLUDING ALL`, logged, server defaults, a checkpoint before), the rows
as CSV ready in memory, COPY over two connections into it without indexes, then both indexes built at once.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg

FLOOR = "syncflow_floor"
BLOCK = 1 << 20


def read_rows(url: str, schema: str, table: str) -> tuple[bytes, bytes]:
    """The rows of a table as two halves of CSV."""
    lines: list[bytes] = []
    statement = f'COPY "{schema}"."{table}" TO STDOUT (FORMAT csv)'
    with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(statement) as copy:
        lines.extend(bytes(line) for line in copy)
    middle = len(lines) // 2
    return b"".join(lines[:middle]), b"".join(lines[middle:])


def floor_seconds(url: str, schema: str, table: str, halves: tuple[bytes, bytes]) -> float:
    """Seconds of one round; the floor's table is gone afterwards."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {FLOOR}")
        connection.execute(f'CREATE TABLE {FLOOR} (LIKE "{schema}"."{table}" INCLUDING ALL EXCLUDING INDEXES)')
        indexes = _index_statements(connection, schema, table)
        connection.execute("CHECKPOINT")
        started = time.perf_counter()
        _at_once([lambda half=half: _copy(url, half) for half in halves])
        _at_once([lambda statement=statement: _execute(url, statement) for statement in indexes])
        seconds = time.perf_counter() - started
        connection.execute(f"DROP TABLE {FLOOR}")
    return seconds


def _index_statements(connection: psycopg.Connection, schema: str, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT indexdef, indexname FROM pg_indexes WHERE schemaname = %s AND tablename = %s", (schema, table)
    ).fetchall()
    return [
        definition.replace(f" {name} ON ", f" {FLOOR}_{number} ON ").replace(f"{schema}.{table}", FLOOR)
        for number, (definition, name) in enumerate(rows)
    ]


def _copy(url: str, data: bytes) -> None:
    statement = f"COPY {FLOOR} FROM STDIN (FORMAT csv)"
    with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for start in range(0, len(data), BLOCK):
            copy.write(data[start : start + BLOCK])


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _at_once(tasks: list[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(len(tasks)) as pool:
        for future in [pool.submit(task) for task in tasks]:
            future.result()
