"""The signs and tones of states: one vocabulary for all screens. The sign tells the state without its colour."""

from enum import StrEnum

from textual.content import Content

from syncflow.i18n.catalog import N_, _
from syncflow.model import BatchStatus
from tui.plain import harmless


class Tone(StrEnum):
    """What a text's colour says; the values are the theme's variables."""

    PLAIN = "$foreground"
    GOOD = "$text-success"
    WARN = "$text-warning"
    BAD = "$text-error"
    LIVE = "$text-primary"
    QUIET = "$foreground-muted"


STATUS = {
    BatchStatus.QUEUED: ("○", Tone.QUIET, N_("queued")),
    BatchStatus.RUNNING: ("▶", Tone.LIVE, N_("running")),
    BatchStatus.CANCELLING: ("◑", Tone.WARN, N_("stopping")),
    BatchStatus.INTERRUPTED: ("◐", Tone.WARN, N_("interrupted")),
    BatchStatus.COMPLETED: ("✔", Tone.GOOD, N_("completed")),
    BatchStatus.COMPLETED_WITH_ERRORS: ("▲", Tone.WARN, N_("with errors")),
    BatchStatus.FAILED: ("✖", Tone.BAD, N_("failed")),
    BatchStatus.CANCELLED: ("–", Tone.QUIET, N_("cancelled")),
}


NAMES = {
    "open": N_("open"),
    "waits": N_("waits"),
    "full": N_("full"),
    "incremental": N_("incremental"),
    "withheld": N_("withheld"),
    "approved": N_("approved"),
    "discarded": N_("discarded"),
    "succeeded": N_("succeeded"),
    "superseded": N_("superseded"),
    "edited": N_("edited"),
    "ignored": N_("ignored"),
    "resolved": N_("resolved"),
    "withdrawn": N_("withdrawn"),
    "loaded": N_("loaded"),
    "failed": N_("failed"),
}
"""Types of batches, and what became of records and deletions. A filter takes them in English."""


def named(kind: str) -> str:
    """A type or an end by its name in the operator's language."""
    return _(NAMES.get(kind, kind))


def status(of: BatchStatus) -> tuple[str, Tone]:
    """`✔ completed`, in the operator's language, and its tone."""
    sign, tone, name = STATUS[of]
    return f"{sign} {_(name)}", tone


def toned(text: str, tone: Tone = Tone.PLAIN) -> Content:
    """A text from anywhere in a tone, for a widget that takes content; never read as markup."""
    return Content.styled(harmless(text), str(tone))
