"""UUID version 7 in columns (RFC 9562)."""

import time
from uuid import UUID

import pytest

from syncflow.uuid7 import uuid7, uuid7_column

pytestmark = pytest.mark.unit


def test_a_column_is_of_version_7_strictly_ascending_and_of_now() -> None:
    before = time.time_ns() // 1_000_000
    column = uuid7_column(300_000)
    assert column.len() == column.n_unique() == 300_000
    assert column.is_sorted()
    for text in (column[0], column[-1], column[262_143], column[262_144]):
        uid = UUID(text)
        assert (str(uid), uid.version, uid.variant) == (text, 7, "specified in RFC 4122")
        assert before <= uid.int >> 80 <= time.time_ns() // 1_000_000 + 2


def test_none_and_one() -> None:
    assert uuid7_column(0).to_list() == []
    assert uuid7() != uuid7()
