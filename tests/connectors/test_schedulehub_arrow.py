"""ScheduleHub's answers in Arrow streams: taken whole, or refused."""

import io

import httpx
import polars as pl
import pytest

from syncflow.chunk import DATA, KEY, UID
from syncflow.connectors import schedulehub_arrow as arrow
from syncflow.connectors.exchange import Answer, Call, Neighbour
from syncflow.errors import PageError
from tests.connectors.arrow_streams import stream_of

pytestmark = pytest.mark.unit

IDENTITIES = pl.DataFrame(
    {
        "uid": [f"u{n}" for n in range(40)],
        "erp_key_hash": [f"{n:032x}" for n in range(40)],
        "erp_data_hash": [None if n == 7 else f"{n:064x}" for n in range(40)],
        "erp_rowversion": [str(n) for n in range(40)],
        "deleted_at": ["2026-01-01T00:00:00Z" if n == 3 else None for n in range(40)],
    },
)


def listed(stream: bytes) -> list[str]:
    return [key for frame in arrow.identity_frames(io.BytesIO(stream)) for key in frame[KEY]]


def test_identities_are_those_that_live() -> None:
    frames = pl.concat(arrow.identity_frames(io.BytesIO(stream_of(IDENTITIES))))
    assert frames[KEY].to_list() == [f"{n:032x}" for n in range(40) if n != 3]
    assert frames.filter(pl.col(UID) == "u7")[DATA][0] not in (None, "")


def test_a_stream_that_is_cut_anywhere_is_refused() -> None:
    stream = stream_of(IDENTITIES)
    for length in range(len(stream)):
        with pytest.raises(PageError):
            listed(stream[:length])


def answer_of(frame: pl.DataFrame, written: object, failed: object) -> Answer:
    headers = httpx.Headers({"X-Success-Count": str(written), "X-Failure-Count": str(failed)})
    call = Call("POST", "/things/batch/insert", "writing 3 rows of things")
    return Answer(Neighbour("ScheduleHub", "http://hub", "SCHEDULEHUB"), call, 200, headers, stream_of(frame))


FAILED = pl.DataFrame(
    {"position": [1], "error": ["no"], "code": ["value"], "ref": [None]}, schema_overrides={"ref": pl.String}
)


@pytest.mark.parametrize(
    ("frame", "written", "failed", "said"),
    [
        (FAILED, 3, 1, "where 3 were sent"),
        (FAILED, 3, 0, "where 3 were sent"),
        (FAILED, "many", 1, "no number in the header X-Success-Count"),
        (FAILED.drop("code"), 2, 1, "without code"),
        (FAILED.with_columns(position=pl.lit(3)), 2, 1, "were not sent"),
        (FAILED.with_columns(position=pl.lit(None, dtype=pl.Int64)), 2, 1, "were not sent"),
        (pl.concat([FAILED, FAILED]), 1, 2, "were not sent"),
        (FAILED.with_columns(position=pl.lit("x")), 2, 1, "wrong types"),
    ],
)
def test_an_answer_that_does_not_account_for_every_record_is_refused(
    frame: pl.DataFrame, written: object, failed: object, said: str
) -> None:
    with pytest.raises(PageError, match=said):
        arrow.read_failures(answer_of(frame, written, failed), 3)


def test_failures_are_told_by_their_place() -> None:
    told = arrow.read_failures(answer_of(FAILED, 2, 1), 3)
    assert told.select("state", "error_type", "message").rows() == [("rejected", "value", "no")]
