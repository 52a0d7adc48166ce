"""The audit trail: every act of a person, for people to read."""

from syncflow.store import audit_log
from syncflow.store.audit_log import AuditFilter as AuditFilter  # how it is searched
from syncflow.store.audit_log import AuditLine as AuditLine  # what the trail is made of
from syncflow.store.database import Database


class AuditTrailService:
    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, limit: int) -> list[AuditLine]:
        """The newest first."""
        with self._database.begin() as connection:
            return audit_log.lines(connection, limit)

    def find(self, wanted: AuditFilter, limit: int) -> list[AuditLine]:
        """The newest first."""
        with self._database.begin() as connection:
            return audit_log.find(connection, wanted, limit)
