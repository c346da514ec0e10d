"""An interpreter set up for making rows by the million, while an import runs."""

import asyncio
import gc
import sys
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

_HAND_OVER = 0.0001  # seconds; the usual 5 ms are as long as PostgreSQL takes for a hundred rows

P = ParamSpec("P")
T = TypeVar("T")

# One thread: the event loop, which feeds PostgreSQL, waits for the interpreter behind one other at most.
_thread = ThreadPoolExecutor(1, "imports")

_running = 0
_usual = sys.getswitchinterval()


@contextmanager
def steady() -> Generator[None]:
    """Without the collector of cycles, since no row is in one and it would look at all of them again and again; and
    with a thread that lets the event loop in at once."""
    global _running
    _running += 1
    if _running == 1:
        gc.collect()
        gc.freeze()
        gc.disable()
        sys.setswitchinterval(_HAND_OVER)
    try:
        yield
    finally:
        _running -= 1
        if not _running:
            sys.setswitchinterval(_usual)
            gc.enable()
            gc.unfreeze()


async def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do `work` in the thread of imports."""
    return await asyncio.get_running_loop().run_in_executor(_thread, lambda: work(*args, **kwargs))
