"""How long pings take at 80 % of what a server can do, each counted from the moment it was planned for."""

from functools import partial

from tests.bench import cores, doors

SERVERS = ("plain", "asgi", "fast")
SHARE = 0.8
GOAL_MS = 20


async def run() -> None:
    """First how much each can do, then eight tenths of that by a plan that no stall stretches.

    On two cores nothing is pinned: Redis and the load, on one of them, would have hardly a tenth of it to spare, and
    take long to catch up on what had to wait for a few ms. No server gets more than one core by it.
    """
    async with doors.stand(*SERVERS, pinned=cores.ENOUGH) as stand:
        most = await doors.in_turns({name: partial(stand.ping, name) for name in SERVERS})
        rates = {name: run.rate * SHARE for name, run in most.items()}
        runs = {name: partial(stand.ping, name, rate=rates[name]) for name in SERVERS}
        found = await doors.in_turns(runs)
        for name in reversed(SERVERS):
            one = found[name]
            print(
                f"latency: {name} at {rates[name]:,.0f}/s, 80 % of its most: p50 {one.p50:.1f} ms, "
                f"p99 {one.p99:.1f} ms = {one.p99 / found['plain'].p99:.2f} of plain's (goal {GOAL_MS} ms), "
                f"max {one.max:.0f} ms; "
                f"{doors.kept(one)}"
            )
