"""Tasks that go on for ever come to an end, also those that swallow what is to end them."""

import asyncio

import pytest

from ttr.ending import end


async def test_a_task_that_swallows_cancellations_ends_nevertheless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttr.ending._AGAIN_SECONDS", 0.001)
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 3:
                    raise

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(*tasks)
    assert all(task.cancelled() for task in tasks)
    assert swallowed == 4


async def test_what_a_task_ended_with_stays_in_it() -> None:
    async def fails() -> None:
        raise ValueError("broken")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await end(task)
    with pytest.raises(ValueError, match="broken"):
        task.result()
