"""The bridge from APISmith to ScheduleHub."""

import os

# Two arenas that give back what is free after a tenth of a second: polars' allocator would keep eight a machine of two
# cores, and a batch would need 60 MB more and no less time. It is read when polars is loaded.
os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:2,dirty_decay_ms:100,muzzy_decay_ms:0")
