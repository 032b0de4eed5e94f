"""Redis Cluster: each command keeps to the slot of the one key it is given."""

import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.conftest import eventually, start_redis
from tests.lua.parts import MINUTE, NOON, make_check, make_user
from tests.ports import free_port
from ttr.store import channels, checks, deadlines, deliveries, keys, outbox, pings
from ttr.store.deliveries import Handed
from ttr.store.ping_log import PingEntry
from ttr.store.redis import Store, open_store
from ttr.store.scripts import Scripts, command_names

KEPT = pings.Kept(10, 1_000, 10_000)


@pytest.fixture
async def cluster() -> AsyncIterator[Store]:
    """A cluster of one node that has every slot."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        port, bus = str(free_port()), str(free_port())
        server = start_redis(
            Path(folder),
            "--bind",
            "127.0.0.1",
            "--port",
            port,
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            bus,
        )
        try:
            async with open_store(server.url) as store:
                await store.redis.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)

                async def is_up() -> bool:
                    state = await store.redis.execute_command("CLUSTER", "INFO")
                    return b"cluster_state:ok" in (state if isinstance(state, bytes) else str(state).encode())

                await eventually(is_up)
                yield store
        finally:
            server.process.terminate()
            server.process.wait(10)


async def test_every_command_keeps_to_one_slot(cluster: Store) -> None:
    ran: set[str] = set()
    really = Scripts.run

    async def run(self: Scripts, name: str, partition: int, args: Sequence[Any]) -> Any:
        ran.add(name)
        return await really(self, name, partition, args)

    with mock.patch.object(Scripts, "run", run):
        await everything(cluster)

    assert sorted(ran) == command_names()


async def everything(store: Store) -> None:
    """A life of a check that needs every command."""
    user = await make_user(store)
    partition = user.partition
    check = await make_check(store, user, slug="one", tags=("db",), notify_after_failures=2)
    await channels.set_webhook(store, user, check, enabled=True, secret="sealed", now=NOON, most=5)
    await checks.update_check(store, user, "one", lambda old: old, now=NOON)
    check = await checks.get_check(store, user, "one")
    for number in range(3):
        plan = pings.Plan(check.id, check.revision, check.settings.schedule, None, False)
        target = pings.Target(user.id, user.user_slug, None, "one", plan)
        entry = PingEntry(
            at=NOON + number,
            kind="fail" if number else "success",
            method="POST",
            reason="fail" if number else "",
        )
        recorded = await pings.record_ping(
            store, target, entry, request_id=str(number), due=NOON + MINUTE, body=b"body", kept=KEPT
        )
        assert isinstance(recorded, pings.Recorded)
    assert await pings.read_body(store, check) == (3, b"body")
    await checks.pause_check(store, user, "one", now=NOON)
    await checks.resume_check(store, user, "one", now=NOON)
    now = NOON + 3 * MINUTE
    await deadlines.sweep(store, partition, now=NOON, pings_accepted=NOON)
    await store.redis.hset(keys.clock(partition), "tick", str(now))
    swept = await deadlines.sweep(store, partition, now=now, pings_accepted=now)
    assert len(swept.unarmed) == 1
    await deadlines.arm(store, partition, swept.unarmed[0], now + MINUTE)
    (event,) = await outbox.read_outbox(store, partition, 10)
    assert await outbox.dispatch_entry(store, partition, event, now) == (1, 0)
    (handed,) = await deliveries.hand_out(store, partition, now=now, most=10)
    assert isinstance(handed, Handed)
    assert await deliveries.claim(store, partition, handed, now) is not None
    assert await deliveries.report(
        store, partition, handed, now=now, delivered=True, detail="", again_at=None
    )
    page = await checks.list_checks(store, user, size=10)
    assert [found.id for found in page.checks] == [check.id]
    await checks.delete_check(store, user, "one")


async def test_a_script_that_leaves_its_slot_would_be_refused(cluster: Store) -> None:
    with pytest.raises(Exception, match="slot"):
        await cluster.redis.eval("#!lua\nreturn redis.call('GET', 'ttr:{2}:x')", 1, keys.prefix(1))
