"""What a batch call was sent: entries one by one, or columns where all of them have the same members."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from syncflow.sandbox.errors import ApiError
from syncflow.sandbox.faults import Fault
from syncflow.sandbox.schedulehub.staging import Failure

MAX_RECORDS = 10_000
_SELECTING = ("reject", "fail_request")


@dataclass(frozen=True)
class Sent:
    """One entry of a batch: a record or the data of an update, and the uid where one was given."""

    data: object
    uid: object = None

    def says(self, field: str, value: str | int | None) -> bool:
        """Whether a member (or `uid`) has this value; numbers are compared by their text."""
        if field == "uid":
            return str(self.uid) == str(value)
        if not isinstance(self.data, dict) or field not in self.data:
            return False
        held = self.data[field]
        return held is None if value is None else held is not None and str(held) == str(value)


@dataclass(frozen=True)
class Entries:
    """Entries that may differ in their members and in the kinds of their values."""

    entries: Sequence[Sent]

    def __len__(self) -> int:
        return len(self.entries)

    def at(self, positions: Sequence[int]) -> list[Sent]:
        return [self.entries[position] for position in positions]


@dataclass(frozen=True)
class Columns:
    """Entries with the same members: a column for each member of the records or of the updates' data, in which text,
    numbers, booleans and structs stand for what they are in JSON; `uids` where entries have them."""

    data: pl.DataFrame
    uids: pl.Series | None = None

    def __len__(self) -> int:
        return self.data.height

    def at(self, positions: Sequence[int]) -> list[Sent]:
        uids = [None] * len(positions) if self.uids is None else self.uids.gather(list(positions)).to_list()
        return [Sent(data, uid) for data, uid in zip(self.data[positions].to_dicts(), uids, strict=True)]


Batch = Entries | Columns


def check_size(count: int) -> None:
    """Raises ApiError 413 when a batch has more entries than are taken."""
    if count > MAX_RECORDS:
        raise ApiError(413, f"{count:,} entries; at most {MAX_RECORDS:,} are taken.", code="too_large")


@dataclass(frozen=True)
class Rejections:
    """A batch without what a switch rejects: `passed`, whose entries stood at `places` of the whole batch (None: all
    of them where they stand), and why the others did not."""

    passed: Batch
    rejected: list[Failure] = field(default_factory=list)
    places: list[int] | None = None

    def all_failures(self, failures: Sequence[Failure]) -> list[Failure]:
        """The rejected ones, and those of what passed, by their place in the whole batch."""
        places = self.places
        own = failures if places is None else [replace(one, position=places[one.position]) for one in failures]
        return sorted([*self.rejected, *own], key=lambda failure: failure.position)


def without_rejected(faults: Sequence[Fault], batch: Batch) -> Rejections:
    """Split a batch as the switches say. Raises ApiError when the whole request is to fail."""
    selecting = [fault for fault in faults if fault.kind in _SELECTING]
    if not selecting:
        return Rejections(batch)
    sent = batch.at(range(len(batch)))
    for fault in selecting:
        if fault.kind == "fail_request" and _is_meant(fault, sent):
            raise ApiError(fault.status, fault.error, code=fault.code)
    rejecting = [fault for fault in selecting if fault.kind == "reject" and fault.field is not None]
    rejected: list[Failure] = []
    places: list[int] = []
    for position, entry in enumerate(sent):
        refusing = next((one for one in rejecting if one.field and entry.says(one.field, one.value)), None)
        if refusing is None:
            places.append(position)
        else:
            rejected.append(Failure(position, refusing.error, refusing.code))
    return Rejections(Entries([sent[position] for position in places]), rejected, places)


def _is_meant(fault: Fault, sent: Sequence[Sent]) -> bool:
    return fault.field is None or any(entry.says(fault.field, fault.value) for entry in sent)
