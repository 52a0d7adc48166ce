"""What an answer says of its page beside the rows: how many there are in all, and which page it is."""

from syncflow.errors import PageError

_MOST_DIGITS = 18


def total_rows(said: object) -> int | None:
    """The announced number of rows, where there is a believable one (it may be missing or wrong)."""
    value = _whole(said)
    return value if value is not None and value >= 0 else None


def check_page(said: object, asked: int) -> None:
    """Raises PageError when the answer says that it is another page than the one that was asked for."""
    if said is not None and _whole(said) != asked:
        raise PageError("it is page {said}, but page {asked} was asked for", said=repr(said), asked=str(asked))


def _whole(said: object) -> int | None:
    if isinstance(said, str) and said.isascii() and said.isdecimal():
        return int(said[:_MOST_DIGITS])
    return said if isinstance(said, int) and not isinstance(said, bool) else None
