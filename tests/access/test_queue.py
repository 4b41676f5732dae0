"""The fair queue: order, bounds, and that no turn is lost whoever leaves."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.access.queue import FairQueue
from weighbridge.errors import LimitError


async def _in_line(queue, caller, name, order):
    await queue.wait(caller, 60)
    order.append(name)


async def _settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_callers_take_turns_and_each_ones_requests_go_in_order():
    queue = FairQueue(100)
    order: list[str] = []
    tasks = [asyncio.create_task(_in_line(queue, "loud", f"loud-{n}", order)) for n in range(4)]
    await _settle()
    tasks.append(asyncio.create_task(_in_line(queue, "quiet", "quiet-0", order)))
    await _settle()
    assert len(queue) == 5
    while queue.wake():
        await _settle()
    assert order == ["loud-0", "quiet-0", "loud-1", "loud-2", "loud-3"]
    assert len(queue) == 0
    await asyncio.gather(*tasks)


async def test_it_is_bounded_in_all_and_for_one_caller():
    queue = FairQueue(4)
    tasks = [asyncio.create_task(queue.wait("loud", 60)) for _ in range(2)]
    await _settle()
    with pytest.raises(LimitError, match="2 of them of this caller") as told:
        await queue.wait("loud", 60)
    assert told.value.retry_after == 1.0
    tasks += [asyncio.create_task(queue.wait(name, 60)) for name in "ab"]
    await _settle()
    with pytest.raises(LimitError, match="4 requests wait already"):
        await queue.wait("c", 60)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(queue) == 0


async def test_a_queue_of_none_refuses_at_once():
    with pytest.raises(LimitError):
        await FairQueue(0).wait("a", 60)


async def test_whoever_waits_too_long_is_told_so_and_is_gone():
    queue = FairQueue(4)
    with pytest.raises(LimitError, match="No turn came within"):
        await queue.wait("a", 0)
    assert len(queue) == 0
    assert not queue.wake()


async def test_a_turn_given_to_one_who_leaves_in_the_same_moment_is_the_next_ones():
    queue = FairQueue(10)
    order: list[str] = []
    first = asyncio.create_task(_in_line(queue, "a", "a", order))
    second = asyncio.create_task(_in_line(queue, "b", "b", order))
    await _settle()
    assert queue.wake()
    first.cancel()
    await _settle()
    assert order == ["b"]
    await asyncio.gather(first, second, return_exceptions=True)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["join", "wake", "leave"]), st.sampled_from("abc")), max_size=60))
def test_what_waits_is_what_joined_less_what_was_woken_or_left(steps):
    async def run():
        queue = FairQueue(1000)
        waiting: list[asyncio.Task[None]] = []
        woken: list[int] = []
        for step, caller in steps:
            if step == "join":
                waiting.append(asyncio.create_task(_in_line(queue, caller, len(waiting), woken)))
            elif step == "wake":
                queue.wake()
            elif waiting:
                waiting[len(waiting) // 2].cancel()
            await _settle()
        assert len(queue) == sum(not task.done() for task in waiting)
        while queue.wake():
            await _settle()
        done = await asyncio.gather(*waiting, return_exceptions=True)
        left = sum(isinstance(one, asyncio.CancelledError) for one in done)
        assert len(woken) + left == len(waiting)
        assert len(queue) == 0

    asyncio.run(run())
