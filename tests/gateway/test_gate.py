"""How much a worker takes on: turns, bytes, and that all of it is given back."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import OverloadedError
from weighbridge.gateway.admit import read_body
from weighbridge.gateway.gate import Gate


def made(**more):
    return Gate(**{"running": 2, "waiting": 4, "seconds": 5.0, "max_bytes": 100, **more})


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_comes_on_top_waits_and_callers_take_turns():
    gate, order = made(running=1), []

    async def one(caller, name):
        await gate.enter(caller)
        order.append(name)
        await asyncio.sleep(0)
        gate.leave()

    await gate.enter("first")
    tasks = [asyncio.create_task(one("loud", "loud-1")), asyncio.create_task(one("loud", "loud-2"))]
    await settle()
    tasks.append(asyncio.create_task(one("quiet", "quiet-1")))
    await settle()
    assert (gate.running, gate.waiting) == (1, 3)
    gate.leave()
    await asyncio.gather(*tasks)
    assert order == ["loud-1", "quiet-1", "loud-2"]
    assert (gate.running, gate.waiting) == (0, 0)


async def test_nobody_passes_those_who_wait():
    gate = made(running=1)
    await gate.enter("a")
    waiting = asyncio.create_task(gate.enter("b"))
    await settle()
    gate.leave()  # b has the turn, though it has not run yet
    late = asyncio.create_task(gate.enter("c"))
    await settle()
    assert waiting.done()
    assert not late.done()
    gate.leave()
    await late
    gate.leave()
    assert gate.running == 0


async def test_too_many_and_too_long_are_overload_that_says_when_to_come_back():
    gate = made(running=1, waiting=2, seconds=0.0)
    await gate.enter("a")
    with pytest.raises(OverloadedError, match=r"1 requests are under way\. No turn came within 0 seconds") as told:
        await gate.enter("b")
    assert told.value.retry_after == 1.0
    assert (gate.running, gate.waiting) == (1, 0)


async def test_bytes_are_bounded_before_they_are_kept_and_given_back_whatever_happens():
    gate = made()

    async def receive():
        return {"type": "http.request", "body": b"x" * 60, "more_body": True}

    with gate.hold() as other:
        other.grow_to(30)
        with pytest.raises(OverloadedError, match="do not fit"), gate.hold() as hold:
            await read_body(receive, None, 1000, grow=hold.grow_to)
        assert gate.bytes == 30
        other.grow_to(20)  # nothing is given back before the end
        assert gate.bytes == 30
    assert gate.bytes == 0


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["enter", "leave", "cancel"]), st.sampled_from("abc")), max_size=50))
def test_never_more_run_than_may_and_no_turn_is_lost(steps):
    async def run():
        gate = made(waiting=1000, seconds=60.0)
        inside, tasks = [0], []
        doors: list[asyncio.Event] = []

        async def one(caller, door):
            await gate.enter(caller)
            inside[0] += 1
            assert inside[0] <= 2
            try:
                await door.wait()
            finally:
                inside[0] -= 1
                gate.leave()

        for step, caller in steps:
            if step == "enter":
                doors.append(asyncio.Event())
                tasks.append(asyncio.create_task(one(caller, doors[-1])))
            elif step == "leave" and doors:
                doors[len(doors) // 2].set()
            elif tasks:
                tasks[len(tasks) // 3].cancel()
            await asyncio.sleep(0)
        for door in doors:
            door.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (gate.running, gate.waiting) == (0, 0)

    asyncio.run(run())
