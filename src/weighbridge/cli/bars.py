"""Bars of progress on standard error, where somebody looks; nothing where the output is piped."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol

from weighbridge.cli import common

_TICK = 0.2  #: seconds between two looks at the progress
_LONGEST = 30  #: letters of a name


class Progress(Protocol):
    """How far a run is that asks engines: whoever runs it writes, the bar reads."""

    total: int
    done: int
    failed: int
    spent: int


@contextlib.asynccontextmanager
async def of_calls(progress: Progress, name: Callable[[], str]) -> AsyncIterator[None]:
    """A bar of a run's calls, what they cost and how many failed, while the block runs.

    Args:
        progress: What is looked at.
        name: Tells what is asked at the moment.
    """
    if common.quiet():
        yield
        return
    import asyncio

    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(bar_width=20),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[cost]}"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=common.console(stderr=True), auto_refresh=False, transient=True) as shown:
        bar = shown.add_task("", total=None, cost="")

        def look() -> None:
            cost = common.money(progress.spent) + (f", {progress.failed} failed" if progress.failed else "")
            told = common.printable(name())[:_LONGEST]
            shown.update(bar, completed=progress.done, total=progress.total or None, description=told, cost=cost)
            shown.refresh()

        async def watch() -> None:
            while True:
                look()
                await asyncio.sleep(_TICK)

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
            look()


@contextlib.contextmanager
def of_work(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar of work of a known size. What is given moves it on to so much of the total."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    shown = Progress(
        TextColumn(name),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=common.console(stderr=True),
        disable=common.quiet(),
        transient=True,
    )
    with shown:
        task = shown.add_task("", total=total)
        yield lambda at: shown.update(task, completed=at)
