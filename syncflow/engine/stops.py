"""Why a batch that could go on stands at its checkpoint. All of it is resumable."""

from syncflow.errors import RetriableError


class Stopped(RetriableError):
    """Somebody asked the batch to stop, or its process is ending."""


class Paused(Stopped):
    """Somebody has paused the schedule of which it is a night's part."""


class WindowClosed(RetriableError):
    """Nothing more is begun tonight; the next night goes on."""
