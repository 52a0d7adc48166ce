"""Both neighbours: do they answer, let SyncFlow in, and keep the contract?"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Protocol

from syncflow.clock import Clock
from syncflow.errors import ConfigurationError, SyncFlowError
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Counted, Sentences, Text
from syncflow.model import ApiDefinition, Entity
from syncflow.service.findings import Finding, failure, listed, ok, skew, warning
from syncflow.service.neighbours import Checkable

_CAPABILITIES = {
    "tables": Text("tables: every table must be made there by hand"),
    "identities": Text("identities: SyncFlow keeps a ledger of what it has loaded, and asks for each key"),
    "upsert": Text("upsert: a request that timed out is asked after before it is sent again"),
    "arrow": Text("arrow: rows go as JSON"),
}
"""What a ScheduleHub may offer, and what is so without it (wire contract)."""


class Clocked(Checkable, Protocol):
    def clock(self) -> datetime | None:
        """What time it is there; None where it does not say."""


class ExaminedSource(Clocked, Protocol):
    def definition(self, api: str) -> ApiDefinition: ...


class ExaminedTarget(Clocked, Protocol):
    def offers(self) -> frozenset[str] | None:
        """The capabilities of the fast path; None where there is no such thing."""

    def keeps_keys_once(self, entity: str) -> bool | None:
        """Whether no `erp_key_hash` can stand twice; None where it cannot be told."""


def examine_source(opens: Callable[[], ExaminedSource], entities: Sequence[Entity], clock: Clock) -> Iterator[Finding]:
    with closing(opens()) as source:
        yield ok(N_("APISmith"), Text("{version}, logged in", version=source.check()))
        yield from _clock(N_("APISmith: clock"), source, clock)
        wrong = [said for entity in entities for said in _definition(source, entity)]
        name = N_("APISmith: contract")
        for said in wrong:
            yield failure(name, said)
        if entities and not wrong:
            said = Counted(
                "the API of {n} entity is there, with its key",
                "the APIs of {n} entities are there, with their keys",
                len(entities),
            )
            yield ok(name, said)


def _definition(source: ExaminedSource, entity: Entity) -> Iterator[Text]:
    try:
        found = source.definition(entity.api)
    except ConfigurationError as error:
        yield Text("{entity}: {error}", entity=entity.name, error=error)
        return
    names = {column.name.lower() for column in found.columns}
    needed = [*entity.business_key, *([entity.rowversion_field] if entity.rowversion_field else [])]
    missing = [name for name in needed if names and not _is_there(name, names, entity)]
    if missing:
        yield Text(
            "{entity}: the API {api} declares no {columns}. Correct the entity, or the API.",
            entity=entity.name, api=entity.api, columns=listed(missing),
        )  # fmt: skip


def _is_there(name: str, declared: Collection[str], entity: Entity) -> bool:
    """A key is named as at the target; a mapping says which column it comes from."""
    sources = {mapping.target.lower(): mapping.source.lower() for mapping in entity.mappings}
    return name.lower() in declared or sources.get(name.lower()) in declared


def examine_target(
    opens: Callable[[], ExaminedTarget], entities: Sequence[Entity], at_work: Collection[str], clock: Clock
) -> Iterator[Finding]:
    """`at_work` are entities that are being loaded just now."""
    with closing(opens()) as target:
        yield ok(N_("ScheduleHub"), Text("{version}, logged in", version=target.check()))
        yield from _clock(N_("ScheduleHub: clock"), target, clock)
        yield from _capabilities(target.offers())
        yield from _keys(target, entities, at_work)


def _capabilities(offered: frozenset[str] | None) -> Iterator[Finding]:
    name = N_("ScheduleHub: capabilities")
    if offered is None:
        yield ok(name, Text("its database is written to directly: the fastest way"))
        return
    missing = [lost for capability, lost in _CAPABILITIES.items() if capability not in offered]
    if missing:
        said = Text("it does not offer {lost}", lost=Sentences(missing, "; "))
        yield warning(name, said, Text("A newer ScheduleHub may."))
    else:
        yield ok(name, Text("it offers {capabilities}", capabilities=", ".join(_CAPABILITIES)))


def _keys(target: ExaminedTarget, entities: Sequence[Entity], at_work: Collection[str]) -> Iterator[Finding]:
    name, unknown = N_("ScheduleHub: keys"), 0
    twice: list[str] = []
    for entity in entities:
        once = target.keeps_keys_once(entity.name)
        unknown += once is None
        if once is False and entity.name not in at_work:
            twice.append(entity.name)
    if twice:
        said = Text(
            "erp_key_hash is not unique in {tables}: the same row could stand there twice", tables=listed(twice)
        )
        remedy = Text(
            "Sync {entity} once: SyncFlow makes the index. Type: syncflow sync {entity} --type full", entity=twice[0]
        )
        yield failure(name, said, remedy)
    elif unknown:
        said = Text(
            "over HTTP it cannot be told whether erp_key_hash is unique in tables that ScheduleHub made by itself"
        )
        remedy = Text("Ask its administrator for a unique index on _bridge_erp_key_hash in each.")
        yield warning(name, said, remedy)
    elif entities:
        said = Counted(
            "erp_key_hash is unique in the table of {n} entity",
            "erp_key_hash is unique in the tables of {n} entities",
            len(entities),
        )
        yield ok(name, said)


def _clock(name: str, neighbour: Clocked, clock: Clock) -> Iterator[Finding]:
    try:
        there = neighbour.clock()
    except SyncFlowError as error:
        yield warning(name, error.text)
        return
    if there is not None:
        # A Date header has no parts of seconds.
        ahead = there - clock.now()
        yield skew(name, ahead)
