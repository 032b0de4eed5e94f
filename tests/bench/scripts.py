"""What each command costs Redis: µs of its processor a call, and how often an empty one and a bare ping fit in."""

import secrets
from collections.abc import Callable
from itertools import cycle
from statistics import median
from typing import Any

from tests.bench import commands, population, stack
from tests.bench.wire import Call, Wire
from ttr.domain.check import Check
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.ping_log import PingEntry, pack_tail
from ttr.store.redis import Store
from ttr.store.users import User

CHECKS, ROUNDS, CALLS = 1_000, 60, 320
FILL = 101
"""Pings of each check before anything is measured: its log is as long as it gets."""

_EMPTY = """#!lua name=bench_empty
redis.register_function("bench_empty", function(KEYS, ARGV) return 1 end)
"""
# The least that a ping can be: state, deadline and log, with none of the rules, indexes and marks.
_BARE = """#!lua name=bench_bare
redis.register_function("bench_bare", function(KEYS, ARGV)
  local key = KEYS[1] .. "bare:" .. ARGV[3]
  local found = redis.call("HMGET", key, "status", "interval", "grace")
  local number = redis.call("HINCRBY", key, "count", 1)
  redis.call("HSET", key, "status", "up", "last_ping", ARGV[5], "due", ARGV[8], "last_request", ARGV[6])
  redis.call("ZADD", KEYS[1] .. "bare:deadlines", ARGV[8], ARGV[3])
  redis.call("LPUSH", key .. ":log", struct.pack(">I4I4", number, 4294967295) .. ARGV[13])
  redis.call("LTRIM", key .. ":log", 0, 99)
  return {"ok", ARGV[3], number, found[1] or ""}
end)
"""


async def run() -> None:
    """Pings of all kinds to 1,000 checks, in turns with an empty function and a bare ping, 16 in flight; then the other
    commands, one at a time."""
    with stack.redis() as url:
        async with stack.store(url) as store:
            user = await population.account(store)
            checks = await population.populate(
                store, user, [population.settings(n, 3_600, 60) for n in range(CHECKS)]
            )
            for source in (_EMPTY, _BARE, store.scripts.source_of("ping")):
                await store.redis.function_load(source, replace=True)
            pid = int((await store.redis.info("server"))["process_id"])
            wire = Wire(url, pid)
            _pings(wire, store, user, checks)
            wire.close()
    with stack.redis() as url:
        async with stack.store(url) as store:
            pid = int((await store.redis.info("server"))["process_id"])
            await commands.measure(store, url, pid)


def _pings(wire: Wire, store: Store, user: User, checks: list[Check]) -> None:
    turn = cycle(checks)
    name = store.scripts.name_of("ping")

    def calls(
        function: str, kinds: tuple[str, ...] = ("success",), **changes: Any
    ) -> Callable[[int], list[Call]]:
        """So many calls, of each check all kinds one after the other."""

        def make(count: int) -> list[Call]:
            made = []
            for _ in range(count // len(kinds)):
                check = next(turn)
                made += [_ping(function, user, check, kind, **changes) for kind in kinds]
            return made

        return make

    cases = {
        "empty": calls("bench_empty"),
        "bare": calls("bench_bare"),
        "success": calls(name),
        "success, limited": calls(name, count=60, step=1_000_000),
        "success, by slug": calls(name, by_slug=True),
        "start, success": calls(name, ("start", "success")),
        "log": calls(name, ("log",)),
        "success, 1 kB": calls(name, body=b"x" * 1_000),
        "fail, success": calls(name, ("fail", "success")),
    }
    for function in ("bench_bare", name):
        for _ in range(FILL):
            wire.run(calls(function)(CHECKS))
    wire.run(calls(name, body=b"x" * 1_000)(11 * CHECKS))
    costs: dict[str, list[float]] = {case: [] for case in cases}
    for _ in range(ROUNDS):
        for case, make in cases.items():
            cost, answers = wire.cost(make(CALLS))
            assert case == "empty" or all(answer[0] == b"ok" for answer in answers), answers[:1]
            costs[case].append(cost)
    empty, bare = (median(costs[case]) for case in ("empty", "bare"))
    for case, found in costs.items():
        cost = median(found)
        print(
            f"scripts: ping: {case:17} {cost:5.1f} us (least {min(found):.1f}), "
            f"{cost / empty:4.1f}x an empty function, {cost / bare:4.2f}x a bare ping"
        )


def _ping(
    function: str,
    user: User,
    check: Check,
    kind: str,
    *,
    body: bytes = b"",
    by_slug: bool = False,
    count: int = 0,
    step: int = 0,
) -> Call:
    now = now_ms()
    entry = PingEntry(
        at=now,
        kind=kind,
        method="GET",
        reason="fail" if kind == "fail" else "",
        address="203.0.113.7",
        user_agent="curl/7.88.1",
        size=len(body),
    )
    return (
        *("FCALL", function, 1, keys.prefix(user.partition), user.id, user.user_slug),
        *(check.id, check.settings.slug if by_slug else "", now, secrets.token_urlsafe(9), "1"),
        *(now + 3_600_000, kind, "", "fail" if kind == "fail" else "", ""),
        *(pack_tail(entry), body, 100, 300_000, 20_000_000, 120_000, 0, 180_000),
        *(count, step, secrets.token_hex(10)),
    )
