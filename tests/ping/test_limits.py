"""Limits of pings: they refuse floods and probing, never a job. Time is handed in."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest

from tests.conftest import RedisServer
from tests.everywhere import count
from tests.lua.parts import dump
from tests.ping.conftest import Door, Owner, door_settings
from ttr.address_limit import AddressLimit
from ttr.domain.allowance import Limit
from ttr.domain.flapping import FlapRules
from ttr.now import now_ms
from ttr.ping.handler import PingHandler
from ttr.ping.limits import PingLimits
from ttr.ping.request import PingReply, PingRequest
from ttr.settings import Settings
from ttr.store.pings import Kept
from ttr.store.redis import Store

ADDRESS = "203.0.113.9"
REQUEST = PingRequest("GET", "", b"", "curl/7.88.1", "", ADDRESS)


def handler(store: Store, limits: PingLimits) -> PingHandler:
    """A handler as a web process has it."""
    return PingHandler(
        store,
        kept=Kept(100, 300_000, 20_000_000),
        flap=FlapRules(120_000, 6, 180_000),
        body_limit=100_000,
        checks_per_account=100,
        limits=limits,
    )


def headers(answer: PingReply) -> dict[bytes, bytes]:
    return dict(answer.headers)


async def statuses(pings: PingHandler, request: PingRequest, times: int, now: int) -> list[int]:
    return [(await pings.handle(request, now)).status for _ in range(times)]


async def test_a_check_takes_so_many_at_once_and_says_when_it_takes_more(store: Store, owner: Owner) -> None:
    await owner.check()
    request, now = replace(REQUEST, path=f"/p/{owner.slug}/job"), now_ms()
    pings = handler(store, PingLimits(check=Limit("ping-check", 3, 60)))
    assert await statuses(pings, request, 3, now) == [200] * 3
    before = await dump(store)
    refusal = await pings.handle(request, now)
    assert refusal.status == 429
    assert headers(refusal)[b"retry-after"] == b"20"
    assert refusal.body == (
        b"not stored: Too many pings of this check: 3 in 1 min are allowed; try again in 20 s."
    )
    assert await dump(store) == before
    as_json = await pings.handle(replace(request, accept="application/json"), now)
    assert (as_json.status, headers(as_json)[b"content-type"]) == (429, b"application/json")
    assert await statuses(pings, request, 1, now + 19_999) == [429]
    assert await statuses(pings, request, 2, now + 20_000) == [200, 429]


async def test_every_way_to_ping_a_check_counts_for_it(store: Store, owner: Owner) -> None:
    check = await owner.check()
    now = now_ms()
    pings = handler(store, PingLimits(check=Limit("ping-check", 4, 60)))
    ways = [f"/ping/{check.uuid}/log", f"/p/{owner.slug}/job/start", f"/p/{owner.slug}/job/fail"]
    ways += [f"/ping/{owner.slug}/{check.uuid}", f"/p/{owner.slug}/job"]
    found = [(await pings.handle(replace(REQUEST, path=path), now)).status for path in ways]
    assert found == [200, 200, 200, 200, 429]


async def test_a_flood_of_ignored_pings_leaves_half_to_the_job(store: Store, owner: Owner) -> None:
    await owner.check(post_only=True)
    path, now = f"/p/{owner.slug}/job", now_ms()
    pings = handler(store, PingLimits(check=Limit("ping-check", 4, 60)))
    visit, job = replace(REQUEST, path=path), replace(REQUEST, path=path, method="POST")
    assert await statuses(pings, visit, 5, now) == [200, 200, 429, 429, 429]
    refusal = await pings.handle(visit, now)
    assert headers(refusal)[b"retry-after"] == b"15"
    assert b"4 in 1 min are allowed, less for those that change nothing; try again in 15 s" in refusal.body
    assert await statuses(pings, job, 3, now) == [200, 200, 429]
    assert await statuses(pings, visit, 1, now + 44_999) == [429]
    assert await statuses(pings, visit, 2, now + 45_000) == [200, 429]


async def test_an_address_pings_so_often_whatever_it_pings(store: Store, owner: Owner) -> None:
    await owner.check()
    await owner.check("other")
    now = now_ms()
    pings = handler(store, PingLimits(address=Limit("ping-address", 3, 60)))
    paths = [f"/p/{owner.slug}/job", f"/p/{owner.slug}/other", "/p/nobody/x", f"/p/{owner.slug}/job"]
    found = [(await pings.handle(replace(REQUEST, path=path), now)).status for path in paths]
    assert found == [200, 200, 404, 429]
    elsewhere = replace(REQUEST, path=paths[0], address="203.0.113.10")
    assert await statuses(pings, elsewhere, 1, now) == [200]
    assert await statuses(pings, replace(REQUEST, path=paths[0]), 2, now + 20_000) == [200, 429]


async def test_above_its_limit_an_address_does_not_reach_redis(store: Store, owner: Owner) -> None:
    await owner.check()
    request, now = replace(REQUEST, path=f"/p/{owner.slug}/job"), now_ms()
    pings = handler(store, PingLimits(address=Limit("ping-address", 1, 60)))
    assert await statuses(pings, request, 1, now) == [200]
    before = await count(store, "total_commands_processed")
    assert await statuses(pings, request, 20, now) == [429] * 20
    asked = len(await store.redis.primaries())  # INFO itself
    assert await count(store, "total_commands_processed") - before == asked


async def test_probing_is_limited_and_known_checks_go_on(store: Store, owner: Owner) -> None:
    await owner.check()
    now = now_ms()
    pings = handler(store, PingLimits(unknown=Limit("ping-unknown", 2, 60)))
    unknown = [f"/p/{owner.slug}/{n}" for n in range(2)] + ["/p/nobody/x", "/ping/not-even-a-uuid"]
    found = [(await pings.handle(replace(REQUEST, path=path), now)).status for path in unknown]
    assert found == [404, 404, 429, 429]
    assert await statuses(pings, replace(REQUEST, path=f"/p/{owner.slug}/job"), 30, now) == [200] * 30
    assert await statuses(pings, replace(REQUEST, path=unknown[0]), 2, now + 30_000) == [404, 429]


async def test_who_probes_may_still_make_a_check_by_a_ping(store: Store, owner: Owner) -> None:
    now = now_ms()
    pings = handler(store, PingLimits(unknown=Limit("ping-unknown", 1, 60)))
    assert await statuses(pings, replace(REQUEST, path=f"/p/{owner.slug}/x"), 2, now) == [404, 429]
    made = replace(REQUEST, path=f"/p/{owner.slug}/x", query=b"create=1")
    assert await statuses(pings, made, 1, now) == [201]


def test_addresses_that_asked_longest_ago_are_forgotten_first() -> None:
    limit = AddressLimit(Limit("ping-address", 1, 60), remembered=2)
    assert [limit.refuse(a, 0) is None for a in ("1.1.1.1", "2.2.2.2", "3.3.3.3")] == [True] * 3
    assert len(limit) == 2
    assert [limit.refuse(a, 0) is None for a in ("2.2.2.2", "3.3.3.3", "1.1.1.1")] == [False, False, True]


@pytest.mark.parametrize("address", ["", "203.0.113.9"])
def test_without_an_address_or_a_limit_nothing_is_counted(address: str) -> None:
    limit = AddressLimit(Limit("ping-address", 1, 60) if not address else None)
    assert [limit.refuse(address, 0) for _ in range(3)] == [None] * 3
    assert len(limit) == 0


def test_an_ipv6_network_is_one_address() -> None:
    limit = AddressLimit(Limit("ping-address", 1, 60))
    assert limit.refuse("2001:db8:1:2::1", 0) is None
    assert limit.refuse("2001:db8:1:2:3::4", 0) is not None
    assert limit.refuse("2001:db8:1:3::1", 0) is None


async def test_the_settings_reach_the_door(
    start_door: Callable[[Settings], AbstractAsyncContextManager[Door]],
    redis_server: RedisServer,
    owner: Owner,
) -> None:
    await owner.check()
    settings = door_settings(redis_server, RATE_LIMITS="ping-check=2/3600,ping-unknown=1/3600")
    async with start_door(settings) as door:
        await _answers(door, f"/p/{owner.slug}/job", [200, 200, 429])
        await _answers(door, f"/p/{owner.slug}/nope", [404, 429])


async def _answers(door: Door, path: str, expected: list[int]) -> None:
    found = [await door.ask("GET", path) for _ in expected]
    assert [answer.status for answer in found] == expected
    assert 0 < int(dict(found[-1].headers)["retry-after"]) <= 3_600
