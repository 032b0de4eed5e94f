"""Many checks at once, made through the store as the API would."""

import asyncio

from tests.bench.stack import MASTER_KEY
from ttr.domain.check import Check, CheckSettings
from ttr.domain.schedule import Schedule
from ttr.now import now_ms
from ttr.store.checks import create_check
from ttr.store.redis import Store
from ttr.store.users import User, create_user

_AT_ONCE = 64


def settings(number: int, interval_seconds: int, grace_seconds: int = 1) -> CheckSettings:
    """A check as people make them: a name, a slug, two tags."""
    return CheckSettings(
        name=f"Nightly backup {number}",
        slug=f"backup-{number}",
        tags=("backup", "production"),
        description="",
        schedule=Schedule("interval", interval_seconds, None, "UTC"),
        grace_seconds=grace_seconds,
        max_runtime_seconds=None,
        notify_after_failures=None,
        notify_on_up=True,
        remind_every_minutes=None,
        rule=None,
        post_only=False,
        channels=None,
    )


async def account(store: Store) -> User:
    """A new account."""
    user, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    return user


async def populate(store: Store, user: User, wanted: list[CheckSettings]) -> list[Check]:
    """Make a check of each, 64 at a time."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(settings: CheckSettings) -> Check:
        async with room:
            return await create_check(store, user, settings, now=now_ms(), most=10_000_000)

    return await asyncio.gather(*(one(settings) for settings in wanted))
