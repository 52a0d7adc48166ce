"""Stage 4: exact decimals."""

from syncflow.chunk import Chunk
from syncflow.model import Plan
from syncflow.oracle_types import NUMERIC_KINDS
from syncflow.rules.columns import apply_to_sources
from syncflow.rules.numbers import read_numbers

STAGE = "s4_numeric"


def parse_numbers(chunk: Chunk, plan: Plan) -> Chunk:
    """Numeric columns only; what does not fit the entity's format is rejected, not reinterpreted."""
    columns = [column for column in plan.columns if column.type.kind in NUMERIC_KINDS]
    return apply_to_sources(
        chunk, STAGE, columns, lambda values, column: read_numbers(values, column.type, plan.conventions.numbers)
    )
