"""The errors of SyncFlow, classed by what the caller does about them.

    SyncFlowError
    ├── ConfigurationError          stop; exit 78. Somebody has to change a setting, an entity or a table.
    ├── UsageError                  stop; exit 64. The command cannot be carried out as given.
    ├── UnavailableError            stop; exit 69. Something that must be there (database, port) is not.
    ├── RetriableError              later; exit 75. The same call may succeed in a while.
    │   ├── BusyError               another process is at it now.
    │   └── PageError               a page that cannot be trusted counts as not read (pipeline, stage 1).
    └── BatchError                  ends the batch; the watermark stays.
        ├── LawBroken               the conservation law does not balance.
        └── ClaimLost               another process took the batch over: stop, send nothing more.

Row-level trouble is no exception: a row that fails leaves its chunk as a `Rejection` (see `chunk`), and a child
without its parent as a pending child. An exception's text is for a person: it names the thing, the place, the remedy.
It is a template and its values (`i18n.texts`): `str(error)` is English, for logs and books; readers get `told(error)`.
"""

from syncflow.i18n.texts import Text


class SyncFlowError(Exception):
    """Anything SyncFlow says itself; the text is one sentence, or a few, for a person."""

    exit_code = 1

    def __init__(self, template: str | Text, /, **values: object) -> None:
        self.text = template if isinstance(template, Text) else Text(template, **values)
        super().__init__(str(self.text))


class ConfigurationError(SyncFlowError):
    """A setting, an entity or a target table is not as it must be (sysexits EX_CONFIG)."""

    exit_code = 78


class UsageError(SyncFlowError):
    """The request makes no sense as given (sysexits EX_USAGE)."""

    exit_code = 64


class UnavailableError(SyncFlowError):
    """A database, a neighbour or a port that is needed now is not to be had (sysexits EX_UNAVAILABLE)."""

    exit_code = 69


class RetriableError(SyncFlowError):
    """May pass by itself: time-outs, 429, 5xx, a lost connection (sysexits EX_TEMPFAIL)."""

    exit_code = 75

    def __init__(self, template: str | Text, /, *, retry_after: float | None = None, **values: object) -> None:
        super().__init__(template, **values)
        self.retry_after = retry_after
        """Seconds that the other side asked to wait, if it did."""


class BusyError(RetriableError):
    """Another process is at it now."""


class PageError(RetriableError):
    """A page was cut short, is not JSON, says `success: false` or has a wrong content type: it was not read."""


class BatchError(SyncFlowError):
    """This batch ends `failed`; what it has settled stays, its watermark does not move."""


class LawBroken(BatchError):
    """The counters of a batch do not add up; the message names the missing count."""


class ClaimLost(BatchError):
    """`claim_epoch` moved on: another process works on this batch now. Nothing more may be written or sent."""

    exit_code = 75
