"""One piece of asynchronous work beside another."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, T]) -> AsyncGenerator[asyncio.Task[T]]:
    """`work` is under way while the block runs, and has ended when the block has, well or not.

    So this program prepares the next statement while PostgreSQL is at the one before. The block must await the task,
    which tells how the work went; a block that fails ends it.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.sleep(0)
        yield task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
