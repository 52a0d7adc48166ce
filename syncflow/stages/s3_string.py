"""Stage 3: text without what nobody sees."""

from syncflow.chunk import Chunk
from syncflow.model import Plan
from syncflow.oracle_types import CHARACTER_KINDS
from syncflow.rules.columns import apply_to_sources
from syncflow.rules.normalise import clean_text
from syncflow.rules.outcome import Outcome

STAGE = "s3_string"


def clean_strings(chunk: Chunk, plan: Plan) -> Chunk:
    """Character columns only; no row is rejected here."""
    columns = [column for column in plan.columns if column.type.kind in CHARACTER_KINDS]
    return apply_to_sources(
        chunk, STAGE, columns, lambda values, column: Outcome(clean_text(values, column.type, column.mapping))
    )
