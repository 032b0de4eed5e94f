"""`ttr alive`: the health check of a container says how its own process does, and of no other."""

import json
import socket

import pytest

from tests.conftest import RedisServer
from tests.processes import process
from tests.up.house import House
from ttr.domain.liveness import Kind
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.processes import say
from ttr.store.redis import Store

HOST = socket.gethostname()


@pytest.mark.parametrize("kind", ["web", "clock", "worker", "bot"])
async def test_a_process_that_is_well(
    store: Store, redis_server: RedisServer, house: House, kind: Kind
) -> None:
    await say(store, process(kind, host=HOST, beat_at=now_ms()))

    seen = house.ttr("alive", kind, REDIS_URL=redis_server.url)

    assert (seen.returncode, seen.stdout, seen.stderr) == (0, "", "")


async def test_one_that_is_not(store: Store, redis_server: RedisServer, house: House) -> None:
    now = now_ms()
    await say(store, process("worker", host=HOST, beat_at=now))
    await say(store, process("clock", host="elsewhere", beat_at=now))
    seen = house.ttr("alive", "clock", REDIS_URL=redis_server.url)
    assert (seen.returncode, seen.stdout) == (1, f"No clock process says anything on {HOST}.\n")

    beat = now + 60_000  # silent on no machine, however busy
    loops = {"watch": beat, "dispatch": beat - 8_001}
    await say(store, process("clock", id="a", host=HOST, beat_at=beat, loops=loops, pid=7))
    seen = house.ttr("alive", "clock", REDIS_URL=redis_server.url)
    assert (seen.returncode, seen.stdout) == (1, f"The clock process 7 on {HOST} is stuck: dispatch.\n")

    fields = json.loads(await store.redis.hget(keys.processes(), "a"))
    await store.redis.hset(keys.processes(), "a", json.dumps(fields | {"beat_at": now - 8_001}))
    seen = house.ttr("alive", "clock", REDIS_URL=redis_server.url)
    assert (seen.returncode, seen.stdout) == (1, f"The clock process 7 on {HOST} is silent.\n")


def test_a_redis_that_is_away_is_said_in_a_line(house: House) -> None:
    seen = house.ttr("alive", "web", REDIS_URL="redis://127.0.0.1:1/0")

    assert seen.returncode == 1
    assert len(seen.stderr.splitlines()) == 1
