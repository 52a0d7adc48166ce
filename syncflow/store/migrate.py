"""Brings the metadata schema to the version that this program needs, and back. Runs alembic without its ini file, so
that it works from an installed wheel as from a checkout."""

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from syncflow.errors import UnavailableError, UsageError
from syncflow.i18n.texts import Text
from syncflow.store.database import Database

VERSION_TABLE = "alembic_version"
_LOCK = 0x53594E43464C4F57
"""Advisory lock ("SYNCFLOW"): two processes that start at once do not migrate at once."""


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate up to `revision`; makes the schema when it is missing. All or nothing, in one transaction."""
    with database.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        connection.execute(sa.text(f'CREATE SCHEMA IF NOT EXISTS "{database.schema}"'))
        _run(command.upgrade, _config(connection, database.schema), revision)


def downgrade(database: Database, revision: str) -> None:
    """Migrate down to `revision` (`base` for nothing left but the schema itself). Data of dropped tables is lost."""
    with database.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        _run(command.downgrade, _config(connection, database.schema), revision)


def current(database: Database) -> str | None:
    """The revision that the schema is at; None when it was never migrated."""
    with database.connect() as connection:
        return _current(connection, database.schema)


def head() -> str:
    """The revision that this program needs."""
    revision = ScriptDirectory(str(migrations_directory())).get_current_head()
    if revision is None:
        raise UnavailableError("This installation has no migrations. Install SyncFlow anew.")
    return revision


def require_current(database: Database) -> None:
    """Raises UnavailableError unless the schema is at the revision that this program needs."""
    found, needed = current(database), head()
    if found == needed:
        return
    if found is None or _known(found):
        raise UnavailableError(
            "The schema {schema} of {address} is at revision {found}, and SyncFlow "
            "needs {needed}. Run: syncflow db upgrade",
            schema=repr(database.schema),
            address=database.address,
            found=found or Text("none"),
            needed=needed,
        )
    raise UnavailableError(
        "The schema {schema} of {address} is at revision {found}, which this version of SyncFlow "
        "does not know: a newer version has migrated it. Install that version.",
        schema=repr(database.schema),
        address=database.address,
        found=found,
    )


def migrations_directory() -> Path:
    """Inside the package when installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    packaged = package / "_migrations"
    return packaged if packaged.is_dir() else package.parent / "migrations"


def _current(connection: Connection, schema: str) -> str | None:
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE, "version_table_schema": schema}
    )
    return context.get_current_revision()


def _known(revision: str) -> bool:
    return any(script.revision == revision for script in ScriptDirectory(str(migrations_directory())).walk_revisions())


def _config(connection: Connection, schema: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_directory()).replace("%", "%%"))
    config.attributes.update(connection=connection, schema=schema, version_table=VERSION_TABLE)
    return config


def _run(step: Callable[[Config, str], None], config: Config, revision: str) -> None:
    try:
        step(config, revision)
    except CommandError as error:
        raise UsageError(
            "There is no way to the revision {revision}: {error}.", revision=repr(revision), error=error
        ) from error
