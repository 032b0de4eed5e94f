"""Alerts on their way: checks with webhooks, made to fail through the store, up to where a test wants them."""

from ttr.domain.check import Check
from ttr.domain.check_input import parse_check_json
from ttr.integrations import WebhookChange, change_webhook
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.checks import create_check, get_check
from ttr.store.deadlines import sweep
from ttr.store.deliveries import Handed, hand_out
from ttr.store.outbox import dispatch_entry, read_outbox
from ttr.store.redis import Store
from ttr.store.users import User

LATER_MS = 60_000


async def watched(store: Store, settings: Settings, user: User, name: str, url: str) -> Check:
    """A check with a webhook, due in two seconds."""
    body = f'{{"name": "{name}", "slug": "{name}", "interval_seconds": 1, "grace_seconds": 1}}'
    wanted = parse_check_json(body.encode(), now=now_ms())
    check = await create_check(store, user, wanted, now=now_ms(), most=100_000)
    await change_webhook(store, settings, user, check, WebhookChange(url, True))
    return await get_check(store, user, str(check.id))


async def fall_overdue(store: Store, user: User) -> None:
    """Make every check of the account overdue, as a clock a minute from now would find it."""
    later = now_ms() + LATER_MS
    await store.redis.hset(keys.clock(user.partition), "tick", later)
    while (await sweep(store, user.partition, now=later, pings_accepted=later)).more:
        pass


async def handed_out(store: Store, user: User) -> list[Handed]:
    """What is in the outbox, as deliveries that wait for a worker."""
    now = now_ms()
    while entries := await read_outbox(store, user.partition, 200):
        for entry in entries:
            await dispatch_entry(store, user.partition, entry, now)
    return await _all_handed_out(store, user, now)


async def let_leases_lapse(store: Store, user: User) -> list[Handed]:
    """Hand out what is due when every lease has run out."""
    return await _all_handed_out(store, user, now_ms() + LATER_MS)


async def _all_handed_out(store: Store, user: User, now: int) -> list[Handed]:
    handed: list[Handed] = []
    for failing in (False, True):
        while part := await hand_out(store, user.partition, now=now, most=1_000, failing=failing):
            handed += part
    return handed


async def state_of(store: Store, user: User, handed: Handed) -> dict[str, str]:
    """The delivery's record."""
    record = await store.redis.hgetall(keys.delivery(user.partition, handed.delivery_id))
    return {name.decode(): value.decode() for name, value in record.items()}


async def waiting(store: Store, user: User) -> dict[str, int]:
    """Unfinished deliveries, and when each is due."""
    found = await store.redis.zrange(keys.deliveries(user.partition), 0, -1, withscores=True)
    return {name.decode(): int(at) for name, at in found}


def with_master_key(settings: Settings, key: str) -> Settings:
    """The same settings with another ENCRYPTION_KEY."""
    return settings.model_copy(update={"encryption_key": key})
