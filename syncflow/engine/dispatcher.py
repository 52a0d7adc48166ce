"""The batches of several entities, in the order that their references ask for: parents are loaded before children, and
when all are loaded, deletions go the other way round."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from graphlib import CycleError, TopologicalSorter
from threading import Lock

from syncflow.engine.nights import NightHabits, in_its_night
from syncflow.engine.retries import not_begun, wake
from syncflow.engine.runner import BatchRun, Surroundings
from syncflow.errors import RetriableError, SyncFlowError
from syncflow.events import BatchEnded
from syncflow.model import Batch, Entity, Plan
from syncflow.store.claims import claimed


def load_order(entities: Iterable[Entity]) -> list[str]:
    """Parents before children. A ring has no such order: it is cut at one of its references, and the rows that this
    leaves waiting are loaded when their parents have come."""
    graph = {entity.name: {ref.entity for ref in entity.parent_refs} - {entity.name} for entity in entities}
    return list(_without_rings(graph).static_order())


def _without_rings(graph: Mapping[str, set[str]]) -> TopologicalSorter[str]:
    known = {name: {parent for parent in parents if parent in graph} for name, parents in graph.items()}
    while True:
        sorter = TopologicalSorter(known)
        try:
            sorter.prepare()
        except CycleError as error:
            ring = error.args[1]
            known[ring[1]].discard(ring[0])
        else:
            return TopologicalSorter(known)


class Dispatcher:
    """Runs batches on `workers` threads. All parts are shared by the threads and safe for that."""

    def __init__(self, around: Surroundings, workers: int, nights: NightHabits | None = None) -> None:
        self._around = around
        self._workers = workers
        self._nights = nights or NightHabits()

    def run(
        self, batches: Sequence[Batch], entities: Mapping[str, Entity], make_plan: Callable[[str], Plan]
    ) -> list[BatchEnded]:
        """Run one batch each of several entities to its end, then load the children that waited for their rows. What
        ends one batch early does not end the others. The order is that of the loads, retries last."""
        by_entity = {batch.entity_name: batch for batch in batches}
        order = load_order(entities[name] for name in by_entity)
        ended: dict[str, BatchEnded] = {}
        with ExitStack() as claims:
            runs = self._load_all(by_entity, entities, make_plan, claims, ended)
            for name in reversed(order):
                if name in runs:
                    ended[name] = runs[name].close()
        woken: list[BatchEnded] = []
        if batches and not self._around.stopping.is_set():
            who = batches[0].requested_by
            parents = [ref.entity for name in order for ref in entities[name].parent_refs]
            woken = wake(self._around, (*order, *parents), entities, make_plan, who)
        return [ended[name] for name in order] + woken

    def _load_all(
        self,
        batches: Mapping[str, Batch],
        entities: Mapping[str, Entity],
        make_plan: Callable[[str], Plan],
        claims: ExitStack,
        ended: dict[str, BatchEnded],
    ) -> dict[str, BatchRun]:
        """The runs whose loads are done; the others stand in `ended`."""
        graph = {name: {ref.entity for ref in entities[name].parent_refs} - {name} for name in batches}
        sorter = _without_rings(graph)
        sorter.prepare()
        runs: dict[str, BatchRun] = {}
        lock = Lock()

        def load(name: str) -> None:
            result = self._load(batches[name], make_plan, claims, lock)
            if isinstance(result, BatchRun):
                runs[name] = result
            else:
                ended[name] = result

        with ThreadPoolExecutor(self._workers, thread_name_prefix="worker") as pool:
            at_work: dict[Future[None], str] = {}
            while sorter.is_active():
                at_work |= {pool.submit(load, name): name for name in sorter.get_ready()}
                for future in wait(at_work, return_when=FIRST_COMPLETED).done:
                    future.result()
                    sorter.done(at_work.pop(future))
        return runs

    def _load(
        self, batch: Batch, make_plan: Callable[[str], Plan], claims: ExitStack, lock: Lock
    ) -> BatchRun | BatchEnded:
        if self._around.stopping.is_set():
            return not_begun(batch, RetriableError("Not begun: the sync was stopped before its turn came."))
        try:
            claim = claimed(self._around.database, batch.uid)
            with lock:
                claimed_batch = claims.enter_context(claim)
            around, night = in_its_night(self._around, claimed_batch.taken.batch, self._nights)
        except SyncFlowError as error:
            return not_begun(batch, error)
        run = BatchRun(around, claimed_batch, lambda: make_plan(batch.entity_name), night=night)
        return run.try_load() or run
