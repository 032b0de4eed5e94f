"""Accounts that have been through everything, for snapshots to keep."""

from dataclasses import replace

from tests.lua.parts import FLAPS, MINUTE, NOON, draft, make_channel, make_check, make_user
from ttr import accounts
from ttr.domain.preferences import Preferences
from ttr.domain.status_page import StatusPageSettings
from ttr.domain.telegram_login import TelegramAccount
from ttr.store import (
    access_keys,
    admins,
    channels,
    checks,
    deadlines,
    deliveries,
    keys,
    outbox,
    pings,
    status_pages,
    users,
)
from ttr.store.checks import Check
from ttr.store.ping_log import PingEntry
from ttr.store.redis import Store
from ttr.store.users import User

KEPT = pings.Kept(10, 1_000, 10_000)


async def ping(
    store: Store, user: User, check: Check, at: int, kind: str = "success", body: bytes = b"", rid: str = ""
) -> None:
    """One signal of a job, at a time of the test's."""
    check = await checks.get_check(store, user, str(check.id))
    plan = pings.Plan(check.id, check.revision, check.settings.schedule, None, False)
    by_id = None if check.settings.slug else check.id
    target = pings.Target(user.id, user.user_slug, by_id, check.settings.slug or "", plan)
    entry = PingEntry(
        at=at,
        kind=kind,
        method="POST",
        reason="fail" if kind == "fail" else "",
        rid=rid,
        address="203.0.113.9",
        user_agent="curl/8",
        size=len(body),
    )
    recorded = await pings.record_ping(
        store,
        target,
        entry,
        request_id=f"r{at}{kind}{check.id}",
        due=at + MINUTE,
        body=body,
        kept=KEPT,
        flap=FLAPS,
    )
    assert isinstance(recorded, pings.Recorded), recorded


async def live(store: Store) -> list[User]:
    """Two accounts with checks in all states, alerts on their way and delivered, pages, and former slugs; an admin."""
    await admins.create_admin(store, admins.AdminRecord("ops", "$argon2id$v=19$", NOON, NOON + MINUTE))
    return [await _account(store, number) for number in range(2)]


async def _account(store: Store, number: int) -> User:
    user = await make_user(store)
    partition = user.partition
    shared = await make_channel(store, user)
    one = await make_check(store, user, slug="one", tags=("db", "nächtlich"), notify_after_failures=1)
    two = await make_check(store, user, slug="two", tags=("db",), remind_every_minutes=60)
    three = await make_check(store, user, slug="three", max_runtime_seconds=600)
    await make_check(store, user, slug="new")
    own = await make_channel(store, user, own_check=one.id)
    for check in (one, two):
        await channels.assign(store, user, check.id, shared.id, True)
    for i in range(15):
        await ping(store, user, one, NOON + i * 1_000, body=b"line %d \xff\0" % i)
        await ping(store, user, two, NOON + i * 1_000, "fail" if i % 5 == 4 else "success")
    await ping(store, user, three, NOON, "start", rid="0f8fad5b-d9cb-469f-a165-70867728950e")
    await ping(store, user, one, NOON + MINUTE, "fail", body=b"it broke")
    await checks.acknowledge_check(store, user, "one", now=NOON + MINUTE)
    paused = await make_check(store, user, slug="paused")
    await checks.pause_check(store, user, str(paused.id), now=NOON)
    now = NOON + 2 * MINUTE
    for event in await outbox.read_outbox(store, partition, 10):
        await outbox.dispatch_entry(store, partition, event, now, {"webhook": 5})
    lanes = await deliveries.hand_out(store, partition, now=now, most=1)
    for lane in lanes:
        claimed = await deliveries.claim(store, lane, now)
        assert claimed is not None
        said = claimed.notification
        delivered = deliveries.Attempt(now, "delivered", "", 200, 1, "", None)
        await deliveries.report(store, lane, said.id, said.channel_id, delivered)
    await store.redis.hset(keys.clock(partition), "tick", str(now))
    await deadlines.sweep(store, partition, now=now + 10_000, pings_accepted=now + 10_000, flap=FLAPS)
    await deadlines.sweep(store, partition, now=now + 10_100, pings_accepted=now + 10_100, flap=FLAPS)
    await channels.update_channel(
        store, user, await channels.get_channel(store, user, own.id), draft(), now=now
    )
    page = StatusPageSettings("Production", "prod")
    kept = await status_pages.create_status_page(store, user, page, now=NOON, most=3)
    await status_pages.update_status_page(
        store, user, kept.id, lambda old: replace(old, slug="live"), now=now
    )
    await users.set_preferences(store, user, Preferences("retro"))
    ada = TelegramAccount(5_000_000_001 + number, "Ada Lövelace", "ada")
    await accounts.link_telegram(store, user, ada, now=NOON)
    for key, _ in await access_keys.list_keys(store, user):
        await accounts.make_key(store, user, key, now=NOON)
        await accounts.replace_key(store, user, key, now=NOON)
    renamed = await users.user_by_id(store, user.id)
    assert renamed is not None
    return await accounts.rename(
        store, renamed, user_slug=f"acme{number}", public_slug=f"acme{number}", now=NOON
    )
