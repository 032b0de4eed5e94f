"""One look at Redis, also where little may be asked, and what it costs."""

from tests.conftest import RedisServer
from ttr.store import keys
from ttr.store.redis import Store, open_store
from ttr.store.vitals import read_vitals


async def test_an_empty_redis_has_nothing_waiting(store: Store) -> None:
    found = await read_vitals(store)
    assert (found.clock_tick, found.deadline, found.outbox, found.outbox_oldest) == (0, None, 0, None)
    assert (found.addresses, found.due, found.archive, found.processes) == (0, None, None, ())
    assert found.server is not None
    assert found.server.aof
    assert found.server.written
    assert found.server.saved
    assert found.server.memory > 0
    assert found.server.clients > 0


async def test_a_user_who_may_not_ask_for_info_gets_the_rest(store: Store, redis_server: RedisServer) -> None:
    await store.redis.zadd(keys.deadlines(3), {"1": 60_000})
    await store.redis.acl_setuser(
        "shy", enabled=True, passwords=["+word"], keys=["*"], channels=["*"], commands=["+@all", "-info"]
    )
    try:
        async with open_store(redis_server.url + "?username=shy&password=word") as shy:
            found = await read_vitals(shy)
    finally:
        await store.redis.acl_deluser("shy")
    assert found.server is None
    assert found.deadline == 60_000


async def test_however_much_there_is_only_the_first_of_it_is_read(store: Store) -> None:
    await store.redis.zadd(keys.deadlines(3), {str(number): 9_000 + number for number in range(5_000)})
    await store.redis.zadd(keys.lanes(4), {f"{number}-a": 7_000 + number for number in range(5_000)})
    for number in range(1, 200):
        await store.redis.xadd(keys.outbox(5), {"id": "x"}, id=f"{number}-1")
    before = await store.redis.info("stats")
    found = await read_vitals(store)
    after = await store.redis.info("stats")
    assert (found.deadline, found.due, found.outbox_oldest) == (9_000, 7_000, 1)
    assert (found.addresses, found.outbox) == (5_000, 199)
    assert after["total_net_output_bytes"] - before["total_net_output_bytes"] < 30_000
