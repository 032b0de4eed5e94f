"""Alerts on their way: checks with webhooks, made to fail through the store, up to where a test wants them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from ttr.channels.means import open_means
from ttr.dispatch import Dispatcher
from ttr.domain.check import Check
from ttr.domain.check_input import parse_check_json
from ttr.domain.flapping import FlapRules
from ttr.domain.rate import rules
from ttr.notify import Sender
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.channels import Draft, address, create_channel, identity
from ttr.store.checks import create_check, get_check
from ttr.store.deadlines import sweep
from ttr.store.deliveries import Delivery, read_deliveries
from ttr.store.redis import Store
from ttr.store.sealed import seal
from ttr.store.users import User
from ttr.waker import Waker

LATER_MS = 60_000
NEVER = FlapRules(120_000, 0, 180_000)


async def hook(store: Store, settings: Settings, user: User, url: str, name: str = "hook") -> int:
    """A webhook channel of the account."""
    secrets = {"webhook_url": url}
    sealed = seal(settings.master_key, user.data_key, json.dumps(secrets))
    where = (identity("webhook", url), address("webhook", {}, secrets | {"": name}))  # each a lane of its own
    draft = Draft("webhook", name, {}, sealed, frozenset(secrets), *where, True, False)
    number = await create_channel(store, user, draft, own_check=None, now=now_ms(), most=100_000)
    assert number is not None
    return number


async def watched(
    store: Store, settings: Settings, user: User, name: str, url: str, *, channel: int | None = None
) -> Check:
    """A check with a webhook of its own, or an existing channel; due in two seconds."""
    number = channel or await hook(store, settings, user, url, name)
    body = f'{{"name": "{name}", "slug": "{name}", "interval_seconds": 1, "grace_seconds": 1}}'
    wanted = replace(parse_check_json(body.encode(), now=now_ms()), channels=(number,))
    check = await create_check(store, user, wanted, now=now_ms(), most=100_000)
    return await get_check(store, user, str(check.id))


async def fall_overdue(store: Store, user: User) -> None:
    """Make every check of the account overdue, as a clock a minute from now would find it."""
    later = now_ms() + LATER_MS
    await store.redis.hset(keys.clock(user.partition), "tick", later)
    while (await sweep(store, user.partition, now=later, pings_accepted=later, flap=NEVER)).more:
        pass


async def dispatched(store: Store, settings: Settings, user: User) -> None:
    """Turn everything overdue into deliveries that wait for a worker."""
    await fall_overdue(store, user)
    with Waker(settings.queue) as waker:
        dispatcher = Dispatcher(store, waker)
        while await store.redis.xlen(keys.outbox(user.partition)):
            await dispatcher.step(now_ms())


@asynccontextmanager
async def a_sender(store: Store, settings: Settings) -> AsyncIterator[Sender]:
    """A worker's sender, whose steps the test makes."""
    async with open_means(settings) as means:
        yield Sender(store, means, rules(settings))


async def send(store: Store, settings: Settings, *, later_ms: int = 0) -> int:
    """Send once what is due (by `later_ms` from now); returns how many channels had something."""
    async with a_sender(store, settings) as sender:
        taken = await sender.take(now_ms() + later_ms)
        await sender.finish()
    return taken


async def deliveries(store: Store, user: User) -> list[Delivery]:
    """The account's, oldest first."""
    found, _ = await read_deliveries(store, user, size=500)
    return found[::-1]


async def waiting(store: Store, user: User) -> dict[int, int]:
    """Channels with something unsent (the first by which it leaves), and when each is due."""
    found = {}
    for name, at in await store.redis.zrange(keys.lanes(user.partition), 0, -1, withscores=True):
        head = await store.redis.lindex(keys.lane_queue(user.partition, name.decode()), 0)
        found[int(await store.redis.hget(keys.delivery(user.partition, head.decode()), "channel_id"))] = int(
            at
        )
    return found


def with_master_key(settings: Settings, key: str) -> Settings:
    """The same settings with another ENCRYPTION_KEY."""
    return settings.model_copy(update={"encryption_key": key})
