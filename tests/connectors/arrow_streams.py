"""Makes Arrow IPC streams as a server would send them."""

from io import BytesIO
from typing import Literal

import polars as pl

VIEWS = pl.CompatLevel.newest()
WITHOUT_VIEWS = pl.CompatLevel.oldest()


def stream_of(
    frame: pl.DataFrame,
    level: pl.CompatLevel = WITHOUT_VIEWS,
    compression: Literal["uncompressed", "lz4", "zstd"] = "uncompressed",
) -> bytes:
    sink = BytesIO()
    frame.write_ipc_stream(sink, compat_level=level, compression=compression)
    return sink.getvalue()
