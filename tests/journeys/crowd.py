"""Many owners at once, made through the store as the API would, whose checks all fail in the same moment."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from tests.journeys.receiver import Receiver
from ttr.channels.means import open_means
from ttr.domain.check import CheckSettings
from ttr.domain.schedule import Schedule
from ttr.integrations import add_channel
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.checks import create_check
from ttr.store.redis import Store, open_store
from ttr.store.users import User, create_user

_AT_ONCE = 32


@dataclass(frozen=True)
class Owner:
    """An account with one webhook and some checks."""

    user: User
    path: str
    checks: tuple[int, ...]


async def gather_crowd(
    store: Store, settings: Settings, receiver: Receiver, owners: int, each: int
) -> list[Owner]:
    """`owners` accounts with a webhook at a path of their own and `each` checks, none of which is due for a day."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> Owner:
        async with room:
            user, _ = await create_user(store, now=now_ms(), master=settings.master_key)
            path = f"/owner-{number}"
            given = {"kind": "webhook", "webhook_url": receiver.url(path)}
            saved = await add_channel(store, settings, means, user, given)
            made = [
                await create_check(
                    store, user, _settings(f"job {number}.{i}", saved.channel.id), now=now_ms(), most=10_000
                )
                for i in range(each)
            ]
            return Owner(user, path, tuple(check.id for check in made))

    async with open_means(settings) as means:
        return await asyncio.gather(*(one(number) for number in range(owners)))


async def fail_together(store: Store, crowd: list[Owner], at: int) -> None:
    """Move every deadline to `at` (ms), as if all had been due at that moment."""
    async with store.redis.pipeline(transaction=False) as pipe:
        for owner in crowd:
            partition = owner.user.partition
            for check in owner.checks:
                pipe.hset(keys.check(partition, check), mapping={"due": at - 1_000, "deadline": at})
                pipe.zadd(keys.deadlines(partition), {str(check): at})
        await pipe.execute()


def told(receiver: Receiver, path: str) -> Mapping[str, set[str]]:
    """What a receiver took at `path`: event -> the idempotency keys under which it came."""
    found: dict[str, set[str]] = defaultdict(set)
    for arrival in receiver.arrivals(path):
        for event in arrival.body["events"]:
            found[event["event_id"]].add(arrival.key)
    return found


def prepare(redis_url: str, settings: Settings, receiver: Receiver, owners: int, each: int) -> list[Owner]:
    """`gather_crowd` for tests without a loop."""

    async def work() -> list[Owner]:
        async with open_store(redis_url) as store:
            return await gather_crowd(store, settings, receiver, owners, each)

    return asyncio.run(work())


def strike(redis_url: str, crowd: list[Owner], at: int) -> None:
    """`fail_together` for tests without a loop."""

    async def work() -> None:
        async with open_store(redis_url) as store:
            await fail_together(store, crowd, at)

    asyncio.run(work())


def _settings(name: str, channel: int) -> CheckSettings:
    return CheckSettings(
        name=name,
        slug=None,
        tags=(),
        description="",
        schedule=Schedule("interval", 86_400, None, "UTC"),
        grace_seconds=1,
        max_runtime_seconds=None,
        notify_after_failures=None,
        notify_on_up=True,
        remind_every_minutes=None,
        rule=None,
        post_only=False,
        channels=(channel,),
    )
