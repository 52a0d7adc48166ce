"""The collector of reference cycles, kept from looking through what lives as long as the process."""

import gc
from functools import cache


@cache
def spare_what_is_loaded() -> None:
    """To be called when all modules are loaded; works once a process.

    Their objects are a few hundred thousand: looking through them holds the interpreter for 80 ms, which an operator at
    the console feels, and finds nothing.
    """
    gc.freeze()
