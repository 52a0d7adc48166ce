"""From a parent's key hash to its uid."""

from collections.abc import Iterable, Mapping, Sequence

from psycopg import sql

from syncflow.sandbox.schedulehub.entity import Entity
from syncflow.sandbox.schedulehub.records import Cells
from syncflow.sandbox.schedulehub.staging import Failure
from syncflow.sandbox.schedulehub.tables import Db, Tables

Held = Mapping[str, Mapping[str, str]]
"""By reference: the uid of each key hash that ScheduleHub holds."""


def held_parents(db: Db, tables: Tables, entity: Entity, records: Iterable[Cells]) -> Held:
    """Look up every parent that these records name. A soft-deleted one is not held."""
    wanted: dict[str, set[str]] = {parent.name: set() for parent in entity.parents}
    for cells in records:
        for name, key_hash in cells.parents.items():
            if key_hash is not None:
                wanted[name].add(key_hash)
    known = tables.load(db) if any(wanted.values()) else {}
    return {
        parent.name: _uids(db, tables, parent.entity, wanted[parent.name]) if parent.entity in known else {}
        for parent in entity.parents
    }


def missing_parent(cells: Cells, held: Held) -> str | None:
    """The first reference whose parent is not held."""
    for name, key_hash in cells.parents.items():
        if key_hash is not None and key_hash not in held[name]:
            return name
    return None


def parent_failure(position: int, cells: Cells, ref: str) -> Failure:
    told = f"The parent '{ref}' with the key hash {cells.parents[ref]} is not here."
    return Failure(position, told, "parent_not_found", ref)


def parent_uids(names: Sequence[str], cells: Cells, held: Held) -> list[str | None]:
    """The uids of the references in `names`, None where there is no parent."""
    hashes = (cells.parents.get(name) for name in names)
    return [None if h is None else held[name][h] for name, h in zip(names, hashes, strict=True)]


def _uids(db: Db, tables: Tables, entity: str, hashes: set[str]) -> Mapping[str, str]:
    if not hashes:
        return {}
    query = sql.SQL(
        "SELECT _bridge_erp_key_hash, _bridge_uid::text FROM {} "
        "WHERE _bridge_erp_key_hash = ANY(%s) AND _bridge_deleted_at IS NULL"
    )
    printable = [h for h in hashes if "\0" not in h and h.isascii()]
    return dict(db.execute(query.format(tables.sql_name(entity)), [printable]).fetchall())
