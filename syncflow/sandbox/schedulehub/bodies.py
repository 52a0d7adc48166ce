"""The bodies of batch calls, JSON or Arrow, into what was sent."""

from dataclasses import dataclass

import polars as pl

from syncflow.sandbox.errors import ApiError
from syncflow.sandbox.schedulehub import arrow
from syncflow.sandbox.schedulehub.batches import Batch, Columns, Entries, Sent, check_size
from syncflow.sandbox.schedulehub.entity import Entity
from syncflow.sandbox.schedulehub.json_columns import read_columns
from syncflow.sandbox.web import parse_json, take_members


@dataclass(frozen=True)
class Body:
    """A body in one of the two forms. Each way to read it raises ApiError 400 (no such form), 413 (too many entries)
    or 422 (values of a wrong kind where the whole request cannot be taken)."""

    content: bytes
    is_arrow: bool = False

    def records(self, entity: Entity) -> Batch:
        """The records of an insert or upsert."""
        if self.is_arrow:
            return arrow.read_records(self.content)
        columns = read_columns(self.content, "records", _booleans(entity))
        if columns is not None:
            check_size(columns.height)
            return Columns(columns)
        return Entries([Sent(record) for record in self._listed("records")])

    def updates(self, entity: Entity) -> Batch:
        if self.is_arrow:
            return arrow.read_updates(self.content)
        columns = read_columns(self.content, "updates", _booleans(entity))
        if columns is not None and _are_updates(columns):
            check_size(columns.height)
            return Columns(columns["data"].struct.unnest(), columns["uid"])
        return Entries([_update(one) for one in self._listed("updates")])

    def uids(self, _entity: Entity) -> Batch:
        """Those of a delete."""
        uids = arrow.read_texts(self.content, "uid") if self.is_arrow else self._listed("uids")
        return Entries([Sent(None, uid) for uid in uids])

    def key_hashes(self) -> list[str]:
        """Those of a query."""
        if self.is_arrow:
            return arrow.read_texts(self.content, "erp_key_hash")
        listed = self._listed("erp_key_hashes")
        hashes = [one for one in listed if isinstance(one, str)]
        if len(hashes) < len(listed):
            raise ApiError(422, "'erp_key_hashes' must be a list of text.", code="value")
        return hashes

    def _listed(self, name: str) -> list[object]:
        """The list under the one member of a batch's envelope."""
        entries = take_members(parse_json(self.content), (name,))[name]
        if not isinstance(entries, list):
            raise ApiError(422, f"'{name}' must be a list.", code="value")
        check_size(len(entries))
        return entries


def _booleans(entity: Entity) -> frozenset[str]:
    return frozenset(column.name for column in entity.columns if column.type == "boolean")


def _update(body: object) -> Sent:
    members = take_members(body, ("uid", "data"))
    return Sent(members["data"], members["uid"])


def _are_updates(columns: pl.DataFrame) -> bool:
    return columns.columns == ["uid", "data"] and isinstance(columns.schema["data"], pl.Struct)
