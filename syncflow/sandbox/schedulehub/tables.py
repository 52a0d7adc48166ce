"""The entity tables in PostgreSQL: read from the database's own catalogue, created, widened."""

from collections.abc import Mapping

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from syncflow.sandbox.errors import ApiError
from syncflow.sandbox.schedulehub.entity import Column, ColumnType, Entity, ParentRef

Db = Connection[TupleRow]

SQL_TYPES: Mapping[ColumnType, str] = {
    "text": "text",
    "integer": "numeric(38,0)",
    "numeric": "numeric",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "bytes": "bytea",
    "json": "json",
}
_WIRE_TYPES: Mapping[str, ColumnType] = {
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "numeric": "numeric",
    "boolean": "boolean",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "bytea": "bytes",
    "json": "json",
    "jsonb": "json",
}
_REF_COMMENT = "parent: "
_BRIDGE_COLUMNS = """
    _bridge_uid uuid PRIMARY KEY,
    _bridge_created_at timestamptz NOT NULL DEFAULT now(),
    _bridge_updated_at timestamptz NOT NULL DEFAULT now(),
    _bridge_erp_key_hash text NOT NULL,
    _bridge_erp_data_hash text,
    _bridge_erp_rowversion text,
    _bridge_erp_ref_str text,
    _bridge_deleted_at timestamptz
"""


class Tables:
    """The entity tables of one schema. Every method takes the caller's connection and leaves the commit to it."""

    def __init__(self, schema: str) -> None:
        self._schema = schema

    def sql_name(self, entity: str) -> sql.Identifier:
        return sql.Identifier(self._schema, entity)

    def create_schema(self, db: Db) -> None:
        db.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(self._schema)))

    def find(self, db: Db, name: str) -> Entity:
        """The entity as its table is now; ApiError 404 when there is none."""
        found = self.load(db, name).get(name)
        if found is None:
            raise ApiError(404, f"There is no entity '{name}': its table does not exist.", code="unknown_entity")
        return found

    def load(self, db: Db, name: str | None = None) -> dict[str, Entity]:
        """All entities (or the one of this name): tables of the schema that have a `_bridge_erp_key_hash`."""
        rows = db.execute(_COLUMNS_SQL, {"schema": self._schema, "entity": name}).fetchall()
        entities: dict[str, Entity] = {}
        for table, name, sql_type, scale, nullable, comment in rows:
            entity = entities.setdefault(table, Entity(table, ()))
            if comment is not None and comment.startswith(_REF_COMMENT):
                parent = ParentRef(name.removesuffix("_uid"), comment.removeprefix(_REF_COMMENT))
                entities[table] = Entity(table, entity.columns, (*entity.parents, parent))
            elif not name.startswith("_bridge_"):
                column = Column(name, _wire_type(sql_type, scale), nullable)
                entities[table] = Entity(table, (*entity.columns, column), entity.parents)
        return entities

    def put(self, db: Db, wanted: Entity, existing: Entity | None) -> list[str]:
        """Create the table, or add what it lacks; returns the names of the columns that are new.

        Raises ApiError 409 when a column has another type already. Nothing is ever dropped.
        """
        if existing is None:
            self._create(db, wanted)
            return [column.name for column in wanted.columns] + [parent.column for parent in wanted.parents]
        return self._widen(db, wanted, existing)

    def _create(self, db: Db, entity: Entity) -> None:
        columns = [
            sql.SQL("{} " + SQL_TYPES[column.type] + ("" if column.nullable else " NOT NULL")).format(
                sql.Identifier(column.name)
            )
            for column in entity.columns
        ]
        body = sql.SQL(", ").join([sql.SQL(_BRIDGE_COLUMNS), *columns])
        db.execute(sql.SQL("CREATE TABLE {} ({})").format(self.sql_name(entity.name), body))
        db.execute(sql.SQL("CREATE UNIQUE INDEX ON {} (_bridge_erp_key_hash)").format(self.sql_name(entity.name)))
        for parent in entity.parents:
            self._add_parent(db, entity.name, parent)

    def _widen(self, db: Db, wanted: Entity, existing: Entity) -> list[str]:
        added: list[str] = []
        table = self.sql_name(wanted.name)
        for column in wanted.columns:
            held = existing.by_name.get(column.name)
            if held is None:
                add = sql.SQL("ALTER TABLE {} ADD COLUMN {} " + SQL_TYPES[column.type])
                db.execute(add.format(table, sql.Identifier(column.name)))
                added.append(column.name)
            elif held.type != column.type:
                told = f"The column '{column.name}' of '{wanted.name}' is {held.type}, not {column.type}."
                raise ApiError(409, told, code="column_type")
            elif column.nullable and not held.nullable:
                drop = sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL")
                db.execute(drop.format(table, sql.Identifier(column.name)))
        known = {parent.name: parent for parent in existing.parents}
        for parent in wanted.parents:
            if parent.name not in known:
                self._add_parent(db, wanted.name, parent)
                added.append(parent.column)
            elif known[parent.name].entity != parent.entity:
                told = f"'{parent.name}' of '{wanted.name}' refers to '{known[parent.name].entity}'."
                raise ApiError(409, told, code="parent_ref")
        return added

    def _add_parent(self, db: Db, entity: str, parent: ParentRef) -> None:
        table, column = self.sql_name(entity), sql.Identifier(parent.column)
        db.execute(sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} uuid").format(table, column))
        comment = sql.Literal(f"{_REF_COMMENT}{parent.entity}")
        db.execute(sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(table, column, comment))
        db.execute(sql.SQL("CREATE INDEX ON {} ({})").format(table, column))


def _wire_type(sql_type: str, scale: int | None) -> ColumnType:
    if sql_type == "numeric" and scale == 0:
        return "integer"
    return _WIRE_TYPES.get(sql_type, "text")


_COLUMNS_SQL = """
    SELECT c.relname, a.attname, format_type(a.atttypid, NULL),
           CASE WHEN a.atttypid = 'numeric'::regtype AND a.atttypmod > 0 THEN (a.atttypmod - 4) & 65535 END,
           NOT a.attnotnull, col_description(c.oid, a.attnum)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p')
      AND (%(entity)s::text IS NULL OR c.relname = %(entity)s)
      AND EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = c.oid AND k.attname = '_bridge_erp_key_hash')
    ORDER BY c.relname, a.attnum
"""
