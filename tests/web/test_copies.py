"""Copies for many visitors: made once, handed out while they are true, and old ones only when Redis is away."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.conftest import eventually
from ttr.store.errors import NotFound, StoreUnavailable
from ttr.web import copies, queue
from ttr.web.copies import Copies


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The time in ms, to be set; making takes no time."""
    now = [1_000_000]
    monkeypatch.setattr(copies, "now_ms", lambda: now[0])
    monkeypatch.setattr(copies, "worked_ms", lambda: 0)
    return now


class Maker:
    """Counts how often it makes something, and fails or waits when told to."""

    def __init__(self) -> None:
        self.made = 0
        self.before: list[str | None] = []
        self.away = False
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, before: str | None) -> str:
        await self.go.wait()
        self.before.append(before)
        if self.away:
            raise StoreUnavailable("away")
        self.made += 1
        return f"copy {self.made}"


async def test_a_copy_is_handed_out_for_a_second(clock: list[int]) -> None:
    kept, make = Copies[str](), Maker()
    assert (await kept.get("a", make)).value == "copy 1"
    clock[0] += copies.FRESH_MS - 1
    assert (await kept.get("a", make)).value == "copy 1"
    assert make.before == [None]


async def test_an_old_one_is_made_anew_from_the_one_before(clock: list[int]) -> None:
    kept, make = Copies[str](), Maker()
    await kept.get("a", make)
    clock[0] += copies._OLD_MS
    assert (await kept.get("a", make)).value == "copy 2"
    assert make.before == [None, "copy 1"]


async def test_who_asks_meanwhile_gets_the_one_before(clock: list[int]) -> None:
    kept, make = Copies[str](), Maker()
    await kept.get("a", make)
    clock[0] += copies.FRESH_MS
    make.go.clear()
    assert [(await kept.get("a", make)).value for _ in range(3)] == ["copy 1"] * 3
    make.go.set()

    async def made() -> bool:
        return (await kept.get("a", make)).value == "copy 2"

    await eventually(made)
    assert make.made == 2


async def test_a_crowd_has_it_made_once_and_one_who_leaves_takes_it_from_nobody(clock: list[int]) -> None:
    kept, make = Copies[str](), Maker()
    make.go.clear()
    crowd = [asyncio.create_task(kept.get("a", make)) for _ in range(20)]
    await asyncio.sleep(0)
    crowd[0].cancel()
    make.go.set()
    assert {handed.value for handed in await asyncio.gather(*crowd[1:])} == {"copy 1"}
    assert make.made == 1


async def test_while_redis_is_away_the_last_one_is_handed_out_as_old(clock: list[int]) -> None:
    kept, make = Copies[str](), Maker()
    await kept.get("a", make)
    make.away = True
    clock[0] += copies._LAST_RESORT_MS - 1
    handed = await kept.get("a", make)
    assert (handed.value, handed.stale) == ("copy 1", True)
    clock[0] += 1
    with pytest.raises(StoreUnavailable):
        await kept.get("a", make)
    with pytest.raises(StoreUnavailable):
        await kept.get("b", make)
    make.away = False
    assert (await kept.get("a", make)) == copies.Handed("copy 2", False)


async def test_the_least_wanted_one_goes_first(clock: list[int]) -> None:
    kept, make = Copies[str](kept=2), Maker()
    for name in ("a", "b", "a", "c"):
        await kept.get(name, make)
    assert len(kept) == 2
    assert (await kept.get("a", make)).value == "copy 1"
    assert (await kept.get("b", make)).value == "copy 4"


async def test_making_leaves_three_quarters_of_the_process_to_others(
    clock: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, slept = Copies[str](), list[float]()
    worked = iter([0, 40, 40, 40])
    monkeypatch.setattr(copies, "worked_ms", lambda: next(worked))

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(copies.asyncio, "sleep", sleep)
    make = Maker()
    await kept.get("a", make)
    await kept.get("b", make)
    assert slept == [0, 0.12]
    clock[0] += copies.FRESH_MS + 119
    assert (await kept.get("a", make)).value == "copy 1"  # what takes long to make is fresh for longer


async def test_what_is_not_there_pushes_out_nothing(clock: list[int]) -> None:
    """Anybody can make up names; what is kept for when Redis is away must outlive them."""
    kept, make = Copies[str](kept=2), Maker()

    async def none(_: str | None) -> str:
        raise NotFound("no such thing")

    await kept.get("a", make)
    for number in range(5):
        with pytest.raises(NotFound):
            await kept.get(number, none)
    assert len(kept) == 1
    assert (await kept.get("a", make)).value == "copy 1"


async def test_what_is_gone_is_not_handed_out_as_old(clock: list[int]) -> None:
    kept, make = Copies[str](), Maker()
    await kept.get("a", make)

    async def none(_: str | None) -> str:
        raise NotFound("no such thing")

    clock[0] += copies._OLD_MS
    with pytest.raises(NotFound):
        await kept.get("a", none)
    make.away = True
    with pytest.raises(StoreUnavailable):
        await kept.get("a", make)


@pytest.mark.parametrize(("waited_ms", "order"), [(0, ["quick", "slow"]), (61_000, ["slow", "quick"])])
async def test_what_takes_long_lets_others_pass_but_not_for_ever(
    clock: list[int], monkeypatch: pytest.MonkeyPatch, waited_ms: int, order: list[str]
) -> None:
    """Otherwise a few large pages of one account would be all that is made."""
    monkeypatch.setattr(queue, "now_ms", lambda: clock[0])
    monkeypatch.setattr(copies, "_REST", 0)
    worked, made, go = [0], list[str](), asyncio.Event()
    monkeypatch.setattr(copies, "worked_ms", lambda: worked[0])
    kept = Copies[str]()

    def maker(name: str, cost: int) -> Callable[[str | None], Awaitable[str]]:
        async def make(_: str | None) -> str:
            worked[0] += cost
            made.append(name)
            return f"{name} {len(made)}"

        return make

    async def first(_: str | None) -> str:
        await go.wait()
        return "first"

    slow, quick = maker("slow", 1_000), maker("quick", 0)
    await kept.get("slow", slow)
    await kept.get("quick", quick)
    clock[0] += copies._OLD_MS
    made.clear()
    asking = [asyncio.create_task(kept.get("first", first))]
    await asyncio.sleep(0)
    asking.append(asyncio.create_task(kept.get("slow", slow)))
    for _ in range(3):
        await asyncio.sleep(0)
    clock[0] += waited_ms
    asking.append(asyncio.create_task(kept.get("quick", quick)))
    for _ in range(3):
        await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*asking)
    assert made == order


async def test_nobody_waits_long_while_there_is_an_old_one(
    clock: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis that hangs tells nobody that it is away."""
    monkeypatch.setattr(copies, "_WAIT_SECONDS", 0.01)
    kept, make = Copies[str](), Maker()
    await kept.get("a", make)
    clock[0] += copies._OLD_MS
    make.go.clear()
    handed = await asyncio.wait_for(kept.get("a", make), 10)
    assert (handed.value, handed.stale) == ("copy 1", True)
    make.go.set()
    assert (await kept.get("a", make)).value == "copy 2"
    assert make.made == 2
