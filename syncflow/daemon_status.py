"""What a daemon does, in a line: for `systemctl status`."""

from syncflow.runtime import Runtime
from syncflow.scheduler.service import SchedulerState
from syncflow.service.worker import WorkerState

TOLD = 4


def status_line(runtime: Runtime) -> str:
    """Asks no database."""
    worker, scheduler = runtime.worker.status(), runtime.scheduler.status()
    if worker.state is WorkerState.WAITING or scheduler.state is SchedulerState.WAITING:
        return f"waiting for the metadata database: {worker.message or scheduler.message}"
    names = [batch.entity_name for batch in worker.running]
    if not names:
        return "idle"
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return f"at work: {', '.join(names[:TOLD])}{more}"
