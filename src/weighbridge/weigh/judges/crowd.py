"""Many things at once, but not all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def crowd(items: Iterable[T], work: Callable[[T], Awaitable[None]], *, most: int) -> None:
    """Work on all items, so many at once. The first error ends it, and what is under way is cancelled."""
    left = iter(items)

    async def one() -> None:
        for item in left:
            await work(item)

    workers = [asyncio.create_task(one()) for _ in range(most)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
