"""The envelope of a batch call, its answer, and the records that a fault switch rejects."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from syncflow.sandbox.errors import ApiError
from syncflow.sandbox.faults import Fault
from syncflow.sandbox.schedulehub.staging import Failure
from syncflow.sandbox.web import take_members

MAX_RECORDS = 10_000


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


def read_batch(body: object, name: str) -> list[object]:
    """The list under the one member of a batch's envelope. Raises ApiError 400, 413 (too many) or 422."""
    entries = take_members(body, (name,))[name]
    if not isinstance(entries, list):
        raise ApiError(422, f"'{name}' must be a list.", code="value")
    if len(entries) > MAX_RECORDS:
        raise ApiError(413, f"{len(entries):,} entries; at most {MAX_RECORDS:,} are taken.", code="too_large")
    return entries


def batch_answer(sent: Sequence[Sent], failures: list[Failure]) -> dict[str, object]:
    return {
        "success_count": len(sent) - len(failures),
        "failure_count": len(failures),
        "failures": [_told(sent[failure.position], failure) for failure in failures],
    }


def _told(entry: Sent, failure: Failure) -> dict[str, object]:
    members: dict[str, object] = {"error": failure.error}
    if entry.uid is not None:
        members["uid"] = entry.uid
    if entry.data is not None:
        members["record"] = entry.data
    if failure.code is not None:
        members["code"] = failure.code
    if failure.ref is not None:
        members["ref"] = failure.ref
    return members


class Rejections:
    """Splits a batch into what a switch rejects and what passes. Raises ApiError when the whole request is to fail."""

    def __init__(self, faults: Sequence[Fault], sent: Sequence[Sent]) -> None:
        self._sent = sent
        self._rejected: list[Failure] = []
        self._places: list[int] = []
        for fault in faults:
            if fault.kind == "fail_request" and _meant(fault, sent):
                raise ApiError(fault.status, fault.error, code=fault.code)
        rejecting = [fault for fault in faults if fault.kind == "reject" and fault.field is not None]
        for position, entry in enumerate(sent):
            refusing = next((one for one in rejecting if one.field and entry.says(one.field, one.value)), None)
            if refusing is None:
                self._places.append(position)
            else:
                self._rejected.append(Failure(position, refusing.error, refusing.code))

    def passed(self) -> list[Sent]:
        return [self._sent[position] for position in self._places]

    def passed_data(self) -> list[object]:
        return [self._sent[position].data for position in self._places]

    def all_failures(self, failures: Sequence[Failure]) -> list[Failure]:
        """The rejected ones, and those of what passed, by their place in the whole request."""
        own = [replace(failure, position=self._places[failure.position]) for failure in failures]
        return sorted([*self._rejected, *own], key=lambda failure: failure.position)


def _meant(fault: Fault, sent: Sequence[Sent]) -> bool:
    return fault.field is None or any(entry.says(fault.field, fault.value) for entry in sent)
