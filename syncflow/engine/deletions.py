"""Rows that the target holds and a complete extract no longer shows: asked for at the source once more, guarded, and
only then deleted (pipeline, stage 8)."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain

import polars as pl

from syncflow.canonical import parse_ref
from syncflow.chunk import KEY, REF, UID
from syncflow.engine.chunks import identified, keys_of_rejected
from syncflow.engine.extract import Approach
from syncflow.engine.look_ahead import worked_ahead
from syncflow.engine.pipeline import Timings
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
from syncflow.identities import KeySet, Words, hexadecimal
from syncflow.model import Counters, DeleteMode, Plan, TargetTable
from syncflow.protocols import FOUND_SCHEMA, Source, Target
from syncflow.stages.s1_fetch import fetch_matching

ASKED_AT_ONCE = 1_000
"""Values in one `in` filter (wire contract)."""

ALWAYS_ALLOWED = 10
_EMPTY = N_("the extract of this batch was empty, but the target holds rows")
_UNSAID = N_("the target did not say whether it has deleted the row")
ALLOWED_SHARE = 0.10
"""More rows gone than the larger of the two (of what the target held) are withheld for approval."""

ASKED_AT_MOST = 20_000
"""More candidates than these are withheld without asking the source for each; approving them asks."""

ROUNDS = 3
"""So often deletions without an answer are read back and sent again."""


@dataclass(frozen=True)
class Judgement:
    """What became of the candidates: `deleted` keys; `withheld` and `refused` (KEY, UID, REF, reason)."""

    counters: Counters
    deleted: pl.Series
    withheld: pl.DataFrame
    refused: pl.DataFrame

    def with_deleted(self, keys: pl.Series) -> "Judgement":
        """With rows that an earlier process of the batch had deleted before it died."""
        more = Counters(delete_candidates=len(keys), deleted=len(keys))
        return replace(self, counters=self.counters + more, deleted=pl.concat([self.deleted, keys]))


NOBODY = pl.DataFrame(schema={**FOUND_SCHEMA, "reason": pl.String})


NOTHING = Judgement(Counters(), pl.Series(dtype=pl.String), NOBODY, NOBODY)


def candidates(held: Iterable[Words], seen: KeySet, table: TargetTable, target: Target) -> pl.DataFrame:
    """FOUND_SCHEMA of the rows that the target holds and this batch has not seen. `held` are keys, a page at a time;
    each candidate is asked for at the target, so that a ledger's old entries do not count."""
    absent = [hexadecimal(keys[~seen.contains(keys)]) for keys in held]
    wanted = pl.concat(absent) if absent else pl.Series(dtype=pl.String)
    if wanted.is_empty():
        return pl.DataFrame(schema=FOUND_SCHEMA)
    return target.find(table, wanted)


def in_pages(keys: Words, rows: int = 100_000) -> Iterator[Words]:
    for start in range(0, len(keys), rows):
        yield keys[start : start + rows]


def judge(
    gone: pl.DataFrame, held: int, fetched: int, plan: Plan, approach: Approach, source: Source, in_flight: int
) -> tuple[pl.DataFrame, Judgement]:
    """Which candidates may be deleted now, and what is said of the others. `held` is how many rows the target held
    before, `fetched` how many the extract had, `in_flight` how many questions the source is asked at once."""
    total = Counters(delete_candidates=gone.height)
    nothing = replace(NOTHING, counters=total)
    if gone.is_empty():
        return gone, nothing
    if fetched == 0:
        return gone.clear(), _withhold(nothing, gone, _EMPTY)
    if gone.height > ASKED_AT_MOST:
        return gone.clear(), _withhold(nothing, gone, _too_many(gone.height, held))
    absent = gone.join(still_there(gone, plan, approach, source, in_flight), on=KEY, how="anti", maintain_order="left")
    counted = replace(nothing, counters=replace(total, still_at_source=gone.height - absent.height))
    if absent.height > max(ALWAYS_ALLOWED, int(held * ALLOWED_SHARE)):
        return gone.clear(), _withhold(counted, absent, _too_many(absent.height, held))
    return absent, counted


def still_there(gone: pl.DataFrame, plan: Plan, approach: Approach, source: Source, in_flight: int) -> pl.DataFrame:
    """KEY of those candidates that the source shows when it is asked for them, in whatever form. A row that cannot be
    decoded, or not be read as a key, stands for every candidate with the same first key value."""
    parsed = [parse_ref(reference) for reference in gone[REF]]
    first_field, first_column = plan.business_key[0], plan.key_columns[0].source
    asked = gone.select(KEY).with_columns(pl.Series("first", [key.get(first_field) for key in parsed], dtype=pl.String))
    values = asked["first"].drop_nulls().unique(maintain_order=True)
    found = [asked.filter(pl.col("first").is_null()).select(KEY)]
    parts = (tuple(values[start : start + ASKED_AT_ONCE]) for start in range(0, len(values), ASKED_AT_ONCE))

    def ask(part: tuple[str, ...]) -> list[pl.DataFrame]:
        return list(fetch_matching(source, approach.extract, first_column, part))

    with closing(worked_ahead(parts, ask, workers=in_flight, ahead=in_flight, name="gone")) as answers:
        for rows in chain.from_iterable(answers):
            found += _keys_shown(rows, asked, first_column, plan)
    return pl.concat(found).unique()


def _keys_shown(rows: pl.DataFrame, asked: pl.DataFrame, first_column: str, plan: Plan) -> Iterator[pl.DataFrame]:
    chunk = identified(0, rows, plan, Timings())
    readable = keys_of_rejected(chunk, plan)
    yield chunk.rows.select(KEY)
    yield readable.select(KEY)
    unreadable = chunk.rejected.join(readable, on="@row", how="anti")
    if not unreadable.is_empty():
        values = chunk.raw.join(unreadable, on="@row", how="semi")[first_column].str.strip_chars()
        yield asked.filter(pl.col("first").is_in(values.implode()) | pl.lit(values.null_count() > 0)).select(KEY)


def _too_many(gone: int, held: int) -> str:
    return str(
        Text(
            "{gone} of the {held} rows that the target held are gone from the source, more than the {share} that are "
            "deleted without asking",
            gone=str(gone),
            held=str(held),
            share=f"{ALLOWED_SHARE:.0%}",
        )
    )


def _withhold(judgement: Judgement, rows: pl.DataFrame, reason: str) -> Judgement:
    counters = replace(judgement.counters, withheld=judgement.counters.withheld + rows.height)
    withheld = rows.with_columns(pl.lit(reason).alias("reason"))
    return replace(judgement, counters=counters, withheld=withheld)


def execute(absent: pl.DataFrame, judged: Judgement, plan: Plan, table: TargetTable, target: Target) -> Judgement:
    """Delete the rows that may go. What the target refuses is said; what it did not answer is read back."""
    left, refused, deleted = absent, NOBODY, [judged.deleted]
    for _ in range(ROUNDS):
        if left.is_empty():
            break
        outcome = target.delete(table, left.select(KEY, UID), soft=plan.delete_mode is DeleteMode.SOFT)
        deleted.append(outcome.filter(pl.col("state") == "deleted")[KEY])
        said_no = outcome.filter(pl.col("state") == "refused").select(KEY, pl.col("message").alias("reason"))
        refused = pl.concat([refused, left.join(said_no, on=KEY, how="inner")], how="diagonal")
        unknown = left.join(outcome.filter(pl.col("state") == "unknown"), on=KEY, how="semi")
        held = target.find(table, unknown[KEY]) if unknown.height else unknown
        deleted.append(unknown.join(held, on=KEY, how="anti")[KEY])
        left = unknown.join(held, on=KEY, how="semi")
    gone = pl.concat(deleted)
    counters = replace(judged.counters, deleted=len(gone), refused=refused.height)
    result = replace(judged, counters=counters, deleted=gone, refused=refused)
    return _withhold(result, left, _UNSAID) if left.height else result
