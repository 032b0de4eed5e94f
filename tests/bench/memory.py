"""Bytes in Redis per check, per ping log entry and per flip."""

from tests.bench import population, stack
from ttr.domain.check import Check
from ttr.domain.flapping import FlapRules
from ttr.store.ping_log import PingEntry
from ttr.store.pings import Kept, Target, plan_from, record_ping
from ttr.store.redis import Store
from ttr.store.users import User

CHECKS = 10_000
LOGGED = 200


async def run() -> None:
    """Fill an empty Redis and read `used_memory` in between."""
    with stack.redis() as url:
        async with stack.store(url) as store:
            user = await population.account(store)
            empty = await _used(store)
            checks = await population.populate(
                store, user, [population.settings(n, 3_600, 600) for n in range(CHECKS)]
            )
            # The script itself takes some 60 kB when it is first run.
            await _ping(store, user, checks[-1], 0)
            made = await _used(store)
            print(
                f"memory: {(made - empty) / CHECKS:,.0f} bytes a check that never pinged ({CHECKS:,} checks)"
            )
            sample = checks[:LOGGED]
            for turn in range(100):
                if turn == 1:
                    first = await _used(store)
                for check in sample:
                    await _ping(store, user, check, turn)
            full = await _used(store)
            print(f"memory: {(first - made) / LOGGED:,.0f} bytes more with its first ping (log, flip, days)")
            print(f"memory: {(full - first) / LOGGED / 99:,.1f} bytes a log entry of a plain curl")


async def _ping(store: Store, user: User, check: Check, turn: int) -> None:
    plan = plan_from(check.id, [b"1", b"", b"interval", b"", b"UTC", b"3600", b"", b"", b"", b"0"])
    at = check.created_at + turn * 1_000
    entry = PingEntry(at=at, kind="success", method="GET", address="203.0.113.7", user_agent="curl/7.88.1")
    await record_ping(
        store,
        Target(user.id, user.user_slug, check.id, "", plan),
        entry,
        request_id=f"{turn}",
        due=at + 3_600_000,
        body=b"",
        kept=Kept(100, 300_000, 20_000_000),
        flap=FlapRules(120_000, 6, 180_000),
    )


async def _used(store: Store) -> int:
    return int((await store.redis.info("memory"))["used_memory"])
