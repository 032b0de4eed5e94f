"""What a ping reads: half of the check's fields, and the rest only when it looks at any of it, to the same effect."""

import random
from typing import Any

import pytest

from tests.lua.parts import FLAPS, MINUTE, NOON, dump, make_channel, make_check, make_user, ping
from tests.marked import unguarded
from ttr.domain.check import Check
from ttr.store import checks, keys
from ttr.store.deadlines import sweep
from ttr.store.redis import Store
from ttr.store.scripts import Library, Scripts, as_library, assemble
from ttr.store.users import User

pytestmark = pytest.mark.single_redis  # what is compared is all of one Redis

KINDS = ("success", "success", "success", "start", "fail", "log", "ignored")
RIDS = ("", "", "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002")


class ReadsAll(Scripts):
    """The scripts, but a ping reads every field at once."""

    def _library(self, name: str) -> Library:
        if name == "ping" and name not in self._libraries:
            source = assemble(name)
            assert (
                source.count("read_pinged(prefix, id)\n") == 2
            )  # where it is defined, and where it is called
            called = "check = id and read_pinged(prefix, id)"
            self._libraries[name] = as_library(
                name, source.replace(called, called.replace("pinged", "check"))
            )
        return super()._library(name)


async def everything(store: Store) -> dict[bytes, Any]:
    """All keys; events by their fields alone, for a stream's ids come from Redis' clock."""
    found = await dump(store)
    for key in found:
        if key.endswith(b":outbox"):
            found[key] = [fields for _, fields in await store.redis.xrange(key)]
        elif key.endswith(b":dirty"):
            found[key] = {
                mark: count for mark, count in found[key].items() if not mark.startswith(b"outbox:")
            }
    return found


async def put_back(store: Store, kept: dict[bytes, bytes]) -> None:
    """Have exactly these keys."""
    await store.redis.flushall()
    for key, value in kept.items():
        await store.redis.restore(key, 0, value)


async def ping_twice(store: Store, **signal: Any) -> list[Any]:
    """One ping, done by the script that reads all, taken back, and done by ours: answer and effect are the same."""
    kept = {key: await store.redis.dump(key) for key in await store.redis.keys("*")}
    answer = await ping(Store(store.redis, ReadsAll(store.redis)), **signal)
    effect = await everything(store)
    await put_back(store, kept)
    assert await ping(store, **signal) == answer
    assert await everything(store) == effect
    return answer


async def random_step(store: Store, user: User, check: Check, draw: random.Random, now: int) -> None:
    """Something that gives a check another state."""
    match draw.randrange(8):
        case 0:
            await checks.pause_check(store, user, str(check.id), now=now)
        case 1:
            await checks.resume_check(store, user, str(check.id), now=now)
        case 2:
            await checks.acknowledge_check(store, user, str(check.id), now=now)
        case 3 | 4:
            await store.redis.hset(keys.clock(user.partition), "tick", str(now))
            await sweep(store, user.partition, now=now, pings_accepted=now, flap=FLAPS)


@pytest.mark.parametrize("seed", range(24))
async def test_a_ping_that_reads_less_does_the_same(store: Store, seed: int) -> None:
    draw, now = random.Random(seed), NOON
    user = await make_user(store)
    await make_channel(store, user)
    check = await make_check(
        store,
        user,
        slug="one",
        max_runtime_seconds=draw.choice((None, 20)),
        notify_after_failures=draw.choice((None, 2)),
        remind_every_minutes=draw.choice((None, 5)),
    )
    seen = set()
    for number in range(25):
        now += draw.choice((1, 900, 30_000, MINUTE, 3 * MINUTE))
        await random_step(store, user, check, draw, now)
        kind = draw.choice(KINDS)
        answer = await ping_twice(
            store,
            user=user,
            check=draw.choice((check.id, "")),
            slug="one",
            kind=kind,
            now=now,
            request=f"r{number - draw.choice((0, 0, 0, 1))}",
            revision=draw.choice(("1", "1", "1", "1", "")),
            due=draw.choice((None, None, "")),
            rid=draw.choice(RIDS),
            reason="fail" if kind == "fail" else "",
            body=draw.choice((b"", b"", b"out" * 400)),
            caps=(5, 2_000, 3_000),
            limit=draw.choice(((0, 0), (3, 20_000_000))),
        )
        seen.add(answer[0])
    assert b"ok" in seen


async def commands(store: Store) -> dict[str, int]:
    """How often each command was called, but for those that this asks with."""
    found = await store.redis.info("commandstats")
    calls = {name.removeprefix("cmdstat_"): told["calls"] for name, told in found.items()}
    return {name: count for name, count in calls.items() if name not in ("info", "config|resetstat", "fcall")}


async def test_the_commands_of_a_ping_are_counted(store: Store) -> None:
    """Each costs a microsecond, or two if it writes; none comes in unseen. One read of the check is enough."""
    user = await make_user(store)
    check = await make_check(store, user)
    for number in range(4):
        await ping(store, user, check.id, now=NOON + number, caps=(3, 0, 0))
    always = {
        "hmget": 1,
        "hget": 1,
        "lpush": 1,
        "rpop": 1,
        "rpushx": 1,
        "hset": 1,
        "hincrby": 3,
        "spublish": 1,
    }
    for step, (kind, besides) in enumerate(
        [
            ("success", {"zadd": 4}),
            ("log", {}),
            ("start", {"sadd": 1}),
            ("success", {"zadd": 5, "srem": 1, "hget": 2, "hincrby": 5}),
        ]
    ):
        await store.redis.config_resetstat()
        with unguarded():
            await ping(store, user, check.id, kind, now=NOON + MINUTE + step * 1_000, caps=(3, 0, 0))
        assert await commands(store) == always | besides, kind


async def test_a_plain_check_stays_small_while_it_is_pinged(store: Store) -> None:
    """A value of more than 64 bytes would turn its hash into a table, of twice the size."""
    user = await make_user(store)
    check = await make_check(store, user)
    for number in range(6):
        await ping(store, user, check.id, now=NOON + number, request=f"{number:012d}")
    key = keys.check(user.partition, check.id)
    assert await store.redis.object("ENCODING", key) == b"listpack"
    answer = await ping(store, user, check.id, now=NOON + 9, request=f"{2:012d}")
    assert answer == [b"ok", b"1", 6, 0, b""]  # the last four are known
