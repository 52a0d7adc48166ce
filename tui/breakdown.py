"""What is said when SyncFlow itself breaks down in a thread of the console."""

import structlog

from syncflow.errors import SyncFlowError
from syncflow.i18n.catalog import _

_SHOWN = 200


def for_a_person(error: Exception) -> SyncFlowError:
    """The error itself where it was made for a person; otherwise a sentence, and the stack trace in the log."""
    if isinstance(error, SyncFlowError):
        return error
    structlog.get_logger().error("the console broke down", exc_info=error)
    told = _("SyncFlow itself broke down here ({kind}: {error}); the log (8) has the rest.")
    first_line = str(error).partition("\n")[0][:_SHOWN]
    return SyncFlowError(told.format(kind=type(error).__name__, error=first_line))
