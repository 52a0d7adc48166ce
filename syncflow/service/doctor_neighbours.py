"""Both neighbours: do they answer, let SyncFlow in, and keep the contract?"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Protocol

from syncflow.clock import Clock
from syncflow.errors import ConfigurationError, SyncFlowError
from syncflow.model import ApiDefinition, Entity
from syncflow.service.findings import Finding, failure, listed, ok, skew, warning
from syncflow.service.neighbours import Checkable

_CAPABILITIES = {
    "tables": "every table must be made there by hand",
    "identities": "SyncFlow keeps a ledger of what it has loaded, and asks for each key",
    "upsert": "a request that timed out is asked after before it is sent again",
    "arrow": "rows go as JSON",
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
        yield ok("APISmith", f"{source.check()}, logged in")
        yield from _clock("APISmith: clock", source, clock)
        wrong = [said for entity in entities for said in _definition(source, entity)]
        for said in wrong:
            yield failure("APISmith: contract", said)
        if entities and not wrong:
            yield ok("APISmith: contract", f"the APIs of {_count(entities)} are there, with their keys")


def _definition(source: ExaminedSource, entity: Entity) -> Iterator[str]:
    try:
        found = source.definition(entity.api)
    except ConfigurationError as error:
        yield f"{entity.name}: {error}"
        return
    names = {column.name.lower() for column in found.columns}
    needed = [*entity.business_key, *([entity.rowversion_field] if entity.rowversion_field else [])]
    missing = [name for name in needed if names and not _is_there(name, names, entity)]
    if missing:
        yield f"{entity.name}: the API {entity.api} declares no {listed(missing)}. Correct the entity, or the API."


def _is_there(name: str, declared: Collection[str], entity: Entity) -> bool:
    """A key is named as at the target; a mapping says which column it comes from."""
    sources = {mapping.target.lower(): mapping.source.lower() for mapping in entity.mappings}
    return name.lower() in declared or sources.get(name.lower()) in declared


def examine_target(
    opens: Callable[[], ExaminedTarget], entities: Sequence[Entity], at_work: Collection[str], clock: Clock
) -> Iterator[Finding]:
    """`at_work` are entities that are being loaded just now."""
    with closing(opens()) as target:
        yield ok("ScheduleHub", f"{target.check()}, logged in")
        yield from _clock("ScheduleHub: clock", target, clock)
        yield from _capabilities(target.offers())
        yield from _keys(target, entities, at_work)


def _capabilities(offered: frozenset[str] | None) -> Iterator[Finding]:
    if offered is None:
        yield ok("ScheduleHub: capabilities", "its database is written to directly: the fastest way")
        return
    missing = [name for name in _CAPABILITIES if name not in offered]
    if missing:
        lost = "; ".join(f"{name}: {_CAPABILITIES[name]}" for name in missing)
        yield warning("ScheduleHub: capabilities", f"it does not offer {lost}", "A newer ScheduleHub may.")
    else:
        yield ok("ScheduleHub: capabilities", f"it offers {', '.join(_CAPABILITIES)}")


def _keys(target: ExaminedTarget, entities: Sequence[Entity], at_work: Collection[str]) -> Iterator[Finding]:
    name, unknown = "ScheduleHub: keys", 0
    twice: list[str] = []
    for entity in entities:
        once = target.keeps_keys_once(entity.name)
        unknown += once is None
        if once is False and entity.name not in at_work:
            twice.append(entity.name)
    if twice:
        said = f"erp_key_hash is not unique in {listed(twice)}: the same row could stand there twice"
        yield failure(
            name, said, f"Sync {twice[0]} once (syncflow sync {twice[0]} --type full): SyncFlow makes the index."
        )
    elif unknown:
        said = "over HTTP it cannot be told whether erp_key_hash is unique in tables that ScheduleHub made by itself"
        yield warning(name, said, "Ask its administrator for a unique index on _bridge_erp_key_hash in each.")
    elif entities:
        yield ok(name, f"erp_key_hash is unique in the tables of {_count(entities)}")


def _clock(name: str, neighbour: Clocked, clock: Clock) -> Iterator[Finding]:
    try:
        there = neighbour.clock()
    except SyncFlowError as error:
        yield warning(name, str(error))
        return
    if there is not None:
        # A Date header has no parts of seconds.
        ahead = there - clock.now()
        yield skew(name, ahead)


def _count(entities: Sequence[Entity]) -> str:
    return f"{len(entities)} entit{'y' if len(entities) == 1 else 'ies'}"
