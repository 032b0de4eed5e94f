"""Pings a second on one core, with connections that stay and with one for each ping, beside redis-benchmark and the
plain route in the same run.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from tests.bench import bare, doors
from tests.bench.doors import CONNECTIONS, Run, Stand

SERVERS = ("plain", "asgi", "fast")
OF_REDIS, OF_PLAIN = 0.5, 8
_FIRST_CALLS = 3_000
"""By them it is known how many redis-benchmark has to be told, which wants a number and no time."""


async def run() -> None:
    """Two times all in turns: connections stay, then each ping has its own."""
    async with doors.stand(*SERVERS) as stand:
        straight = await _straight(stand)
        stays = {name: partial(stand.ping, name) for name in SERVERS}
        found = await doors.in_turns({**straight, **stays})
        for name in straight:
            one = found[name]
            print(
                f"pings: {name} sends the same command {one.rate:,.0f} times a second from {CONNECTIONS} connections, "
                f"p99 {one.p99:.1f} ms, {one.redis_us:.0f} us of Redis each; {doors.kept(one)}"
            )
        by = next(iter(straight))
        _say("keep-alive", found, found[by], by)
        fast, plain = found["fast"], found["plain"]
        print(
            f"pings: keep-alive, fast, against the goals: {fast.rate / found[by].rate:.2f} of {by} (goal {OF_REDIS}), "
            f"{fast.rate / plain.rate:.1f}x plain (goal {OF_PLAIN}x)"
        )
        alone = await doors.in_turns({name: partial(stand.ping, name, close=True) for name in SERVERS})
        _say("a connection each", alone, found[by], by)


async def _straight(stand: Stand) -> dict[str, Callable[[], Awaitable[Run]]]:
    """Who sends the command to Redis itself: redis-benchmark if it is here, and our generator, whose times go on."""
    command = await stand.command("fast")
    ours = {"our generator": partial(stand.ask_redis, command)}
    if not bare.has_redis_benchmark():
        return {**ours}
    calls = (await stand.redis_benchmark(command, _FIRST_CALLS)).rate * doors.SECONDS
    return {"redis-benchmark": partial(stand.redis_benchmark, command, int(calls)), **ours}


def _say(how: str, found: dict[str, Run], ceiling: Run, by: str) -> None:
    """By the clock, and by CPU: the server's of a ping against that of Redis for a bare call."""
    for name in reversed(SERVERS):
        one = found[name]
        ratios = [f"{one.rate / ceiling.rate:.2f}x ({ceiling.redis_us / one.server_us:.2f}x by CPU) {by}"]
        ratios += [f"{doors.ratio(one, found[slower])} {slower}" for slower in SERVERS[: SERVERS.index(name)]]
        print(f"pings: {how}, {name}: {one.rate:,.0f}/s = {', '.join(ratios)}; {doors.told(one)}")
