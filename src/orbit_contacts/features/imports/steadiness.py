"""An interpreter set up for making rows by the million, while an import runs."""

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager

_HAND_OVER = 0.0005  # seconds; the usual 5 ms are as long as PostgreSQL takes for a hundred rows

_running = 0
_usual = sys.getswitchinterval()


@contextmanager
def steady() -> Generator[None]:
    """Without the collector of cycles, since no row is in one and it would look at all of them again and again; and
    with threads that wait for each other less, so that the one that feeds PostgreSQL is always in time."""
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
