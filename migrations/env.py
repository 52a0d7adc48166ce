"""Alembic's environment: runs on the connection that `syncflow.store.migrate` hands over, in its transaction."""

from alembic import context

from syncflow.store.tables import metadata

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=metadata,
    version_table=attributes["version_table"],
    version_table_schema=attributes["schema"],
)
context.run_migrations()
