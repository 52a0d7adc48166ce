"""What the sandbox raises.

SandboxError   a person has to change something (a port, a file, an address) before the sandbox can start.
ApiError       one request is answered with an HTTP error.
"""


class SandboxError(Exception):
    """A sentence for a person: what is wrong, where, and what to do."""


class ApiError(Exception):
    """An HTTP error answer: `status`, a readable `error`, and perhaps a `code` for programs."""

    def __init__(self, status: int, error: str, *, code: str | None = None, members: dict[str, object] | None = None):
        super().__init__(error)
        self.status = status
        self.error = error
        self.code = code
        self.members = members or {}
