"""Plans of entities for explaining: made now, or, where the source is not to be had, with the columns as known last."""

from collections.abc import Mapping

from syncflow.engine.plan import Planner, from_json, no_entity
from syncflow.errors import ConfigurationError, SyncFlowError, UnavailableError, UsageError
from syncflow.model import ApiColumn, ApiDefinition, Entity, Plan
from syncflow.oracle_types import OracleType
from syncflow.protocols import Source
from syncflow.service.batches import Definitions, observe
from syncflow.store import record_history
from syncflow.store.database import Database


class Plans:
    """Today's configuration of entities over the columns of the source. `source` is None where it is not to be asked;
    `problem` says why it could not be."""

    def __init__(
        self, database: Database, source: Source | None, entities: Mapping[str, Entity], first_page: int
    ) -> None:
        """`first_page` is how many rows are looked at for columns that nobody declares."""
        self._database = database
        self._first_page = first_page
        self._by_books = Planner(entities, self._known, self._nothing_to_observe)
        self._by_source = None if source is None else self._asking(source, entities)
        self.source = source
        self.entities = entities
        self.problem: str | None = None

    def plan(self, entity: str) -> Plan:
        """Raises UsageError for an entity that is not configured, ConfigurationError for one that does not fit
        together, UnavailableError where nothing is known of its columns."""
        if entity not in self.entities:
            raise UsageError(no_entity(entity, self.entities))
        if self._by_source is None or self.problem is not None:
            return self._by_books.plan(entity)
        try:
            return self._by_source.plan(entity)
        except SyncFlowError as error:
            return self._as_known_last(entity, error)

    def _as_known_last(self, entity: str, error: SyncFlowError) -> Plan:
        """A refused login reads like a wrong configuration; if it is one, the books' plan says the same."""
        try:
            plan = self._by_books.plan(entity)
        except UnavailableError:
            raise error from None
        self.problem = str(error)
        return plan

    def _asking(self, source: Source, entities: Mapping[str, Entity]) -> Planner:
        return Planner(entities, Definitions(source), lambda api: observe(source, api, self._first_page))

    def _known(self, api: str) -> ApiDefinition:
        """The columns of an API as the last batch of an entity that reads it saw them."""
        for entity in self.entities.values():
            if entity.api == api:
                with self._database.begin() as connection:
                    snapshot = record_history.last_plan(connection, entity.name)
                if snapshot is not None:
                    columns = from_json(snapshot).columns
                    declared = tuple(ApiColumn(column.source, column.type.declared) for column in columns)
                    return ApiDefinition(api, api, declared)
        raise UnavailableError(
            "APISmith was not asked what the API {api} consists of, and no batch has seen it yet. Ask again when it "
            "can be asked.",
            api=api,
        )

    @staticmethod
    def _nothing_to_observe(api: str) -> Mapping[str, OracleType]:
        raise ConfigurationError(
            "The columns of the API {api} are not known without asking APISmith for them.", api=api
        )
