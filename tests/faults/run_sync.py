"""A process of its own that syncs, for tests that kill it. `python -m tests.faults.run_sync SETTINGS.json ENTITY..`

It prints a JSON line an event, `{"event": .., "number": .., ..}`; SIGTERM sets `Runtime.stopping`.
"""

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from syncflow.events import BatchEnded, BatchStarted, ChunkSettled, Event
from syncflow.model import SyncType
from syncflow.runtime import open_runtime
from syncflow.settings import Settings


def tell(event: Event) -> None:
    said: dict[str, object] = {"event": type(event).__name__, "batch": str(event.batch), "entity": event.entity}
    if isinstance(event, BatchStarted):
        said["resumed_rows"] = event.resumed_rows
    elif isinstance(event, ChunkSettled):
        said["number"] = event.number
    elif isinstance(event, BatchEnded):
        said |= {"status": event.status, "error": event.error_message, "counters": asdict(event.counters)}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main(settings_file: str, *entities: str) -> None:
    settings = Settings(**json.loads(Path(settings_file).read_text(encoding="utf-8")))
    with open_runtime(settings, tell, actor="another process") as runtime:
        signal.signal(signal.SIGTERM, lambda *_: runtime.stopping.set())
        for ended in runtime.batches.sync(entities, SyncType.INCREMENTAL):
            if ended.error_message:
                sys.stderr.write(ended.error_message + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
