"""`syncflow db`: the metadata database and the version of its tables.

What it needs of `store` is imported by the commands that need it: every other command, and the console before its first
paint, would wait a quarter of a second for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.output import say
from syncflow.i18n.catalog import _
from syncflow.settings import Settings
from syncflow.settings_loader import load_settings

if TYPE_CHECKING:
    from syncflow.store.database import Database

app = typer.Typer(help="The metadata database: the version of its tables, and its address.", no_args_is_help=True)


@app.command()
def upgrade(revision: Annotated[str, typer.Argument(help="The revision to go to.")] = "head") -> None:
    """Create the tables, or bring them to the version that this program needs."""
    from syncflow.store import migrate

    with _database(load_settings()) as database:
        before = migrate.current(database)
        migrate.upgrade(database, revision)
        say(_moved(before, migrate.current(database)))


@app.command()
def downgrade(revision: Annotated[str, typer.Argument(help="The revision to go back to; base removes all.")]) -> None:
    """Take the tables back to an older version. What only newer tables hold is lost."""
    from syncflow.store import migrate

    with _database(load_settings()) as database:
        before = migrate.current(database)
        migrate.downgrade(database, revision)
        say(_moved(before, migrate.current(database)))


@app.command()
def current() -> None:
    """Say which version the tables are at, and which one this program needs."""
    from syncflow.store import migrate

    with _database(load_settings()) as database:
        found = migrate.current(database)
    needed = migrate.head()
    said = _("{version} (up to date)") if found == needed else _("{version} (needed: {needed})")
    say(said.format(version=found or _("none"), needed=needed))


@app.command()
def url() -> None:
    """Print the database's address, for example for psql. It may contain a password.

    Of the embedded database the address is good while a SyncFlow process holds it open.
    """
    from syncflow.store.embedded import EmbeddedPostgres

    settings = load_settings()
    say(settings.database_url or EmbeddedPostgres(settings.state_dir).url())


@contextmanager
def _database(settings: Settings) -> Iterator["Database"]:
    """The configured database, or the embedded one for as long as the command takes."""
    from syncflow.store.database import Database
    from syncflow.store.embedded import EmbeddedPostgres

    if settings.database_url is not None:
        with Database(settings.database_url, settings.postgres_schema) as database:
            yield database
        return
    with (
        EmbeddedPostgres(settings.state_dir) as server,
        Database(server.url(), settings.postgres_schema) as database,
    ):
        yield database


def _moved(before: str | None, after: str | None) -> str:
    if before == after:
        return _("Nothing to do: the tables are at {version}.").format(version=after or _("none"))
    return _("The tables went from {before} to {after}.").format(before=before or _("none"), after=after or _("none"))
