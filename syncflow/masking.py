"""What may be shown of values that can hold secrets: addresses with passwords in them, and texts that quote them."""

import re
from collections.abc import Iterable

MASK = "***"

_PASSWORD_IN_ADDRESS = re.compile(r"(://[^:/?#@\s]*):[^\s]*@")
_SECRET_IN_QUERY = re.compile(r"([?&][^=&\s]*(?:password|passwd|token|secret|key)[^=&\s]*=)[^&\s]*", re.IGNORECASE)

SHORTEST_SECRET = 4
"""Shorter secrets are not searched for in texts: masking every `a` would make a log unreadable and tell the secret."""


def mask_url(url: str) -> str:
    """The address without the password before its last `@` and without secrets among its parameters."""
    return _SECRET_IN_QUERY.sub(rf"\1{MASK}", _PASSWORD_IN_ADDRESS.sub(rf"\1:{MASK}@", url))


def mask_address(value: str) -> str:
    """As `mask_url`, but a text that is no address at all is masked whole: it may be a password in the wrong place."""
    return mask_url(value) if "://" in value else MASK


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """A text (a log line, an error) with passwords in addresses and every one of `secrets` made unreadable."""
    for secret in sorted((s for s in secrets if len(s) >= SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return mask_url(text)
