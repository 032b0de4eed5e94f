"""Redis Cluster: each command keeps to the slot of the one key it is given."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from cryptography.fernet import Fernet

from tests.cluster import Cluster
from tests.conftest import MASTER_KEY
from tests.lua.parts import FLAPS, MINUTE, NOON, draft, make_channel, make_check, make_user
from tests.marked import unguarded
from tests.telegram import ADA
from ttr import accounts, meter
from ttr.changes import all_or_nothing, changed_check
from ttr.domain.alert import Event
from ttr.domain.allowance import Limit
from ttr.domain.metrics import ALERTS, REDIS_SECONDS
from ttr.domain.preferences import Preferences
from ttr.domain.rate import rules
from ttr.domain.status_page import StatusPageSettings
from ttr.settings import Settings
from ttr.store import (
    access_keys,
    admin_families,
    admins,
    allowances,
    channels,
    checks,
    chores,
    deadlines,
    deliveries,
    idle,
    keys,
    metrics,
    outbox,
    pings,
    rates,
    restoring,
    sessions,
    snapshots,
    status_pages,
    users,
)
from ttr.store.all_checks import all_checks
from ttr.store.check_list import Filter, list_checks
from ttr.store.migrate import migrate
from ttr.store.ping_log import PingEntry
from ttr.store.redis import Store, open_store, verify_data
from ttr.store.reindex import reindex
from ttr.store.rewrap import rewrap_all
from ttr.store.scripts import Scripts, command_names

KEPT = pings.Kept(10, 1_000, 10_000)


@pytest.fixture
async def cluster(redis_cluster: Cluster) -> AsyncIterator[Store]:
    """An empty store on the session's cluster."""
    async with open_store(redis_cluster.url, cluster=True) as store:
        await store.redis.flushall()
        yield store


async def test_every_command_keeps_to_one_slot(cluster: Store) -> None:
    ran: set[str] = set()
    really = Scripts.name_of

    def name_of(self: Scripts, name: str) -> str:
        ran.add(name)
        return really(self, name)

    run_on = Scripts.run_on

    async def running(self: Scripts, name: str, key: str, args: Sequence[Any]) -> Any:
        ran.add(name)
        return await run_on(self, name, key, args)

    # Commands go out one by one, in pipelines, and over the pings' own connection.
    with mock.patch.object(Scripts, "name_of", name_of), mock.patch.object(Scripts, "run_on", running):
        await verify_data(cluster)
        await everything(cluster)
        await a_destination(cluster)
        await metrics_of_a_process(cluster)
        await an_account(cluster)
        await what_nobody_uses(cluster)
        await a_status_page(cluster)
        await a_change_taken_back(cluster)
        await a_snapshot(cluster)
        await a_restore(cluster)
        await allowances.take(cluster, Limit("test", 30, 60), "1", now=NOON)
        await an_admin(cluster)

    assert sorted(ran) == command_names()


async def everything(store: Store) -> None:
    """A life of a check that needs every command."""
    user = await make_user(store)
    partition = user.partition
    check = await make_check(store, user, slug="one", tags=("db",), notify_after_failures=2)
    own = await make_channel(store, user, own_check=check.id)
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
            store,
            target,
            entry,
            request_id=str(number),
            due=NOON + MINUTE,
            body=b"body",
            kept=KEPT,
            flap=FLAPS,
        )
        assert isinstance(recorded, pings.Recorded)
    assert await pings.read_body(store, check) == (3, b"body")
    assert await checks.acknowledge_check(store, user, "one", now=NOON)
    await checks.pause_check(store, user, "one", now=NOON)
    await checks.resume_check(store, user, "one", now=NOON)
    now = NOON + 3 * MINUTE
    await deadlines.sweep(store, partition, now=NOON, pings_accepted=NOON, flap=FLAPS)
    await store.redis.hset(keys.clock(partition), "tick", str(now))
    swept = await deadlines.sweep(store, partition, now=now, pings_accepted=now, flap=FLAPS)
    assert len(swept.unarmed) == 1
    await deadlines.arm(store, partition, swept.unarmed[0], now + MINUTE, now=now)
    (event,) = await outbox.read_outbox(store, partition, 10)
    assert await outbox.dispatch_entry(store, partition, event, now, {"webhook": 5}) == (1, 0)
    (lane,) = await deliveries.hand_out(store, partition, now=now, most=10)
    await deliveries.renew(store, partition, [lane], now)
    await deliveries.defer(store, lane, now)
    (lane,) = await deliveries.hand_out(store, partition, now=now, most=10)
    claimed = await deliveries.claim(store, lane, now)
    assert claimed is not None
    said = claimed.notification
    failed = deliveries.Attempt(now, "failed", "rejected", 400, 1, "", None)
    assert not await deliveries.report(store, lane, said.id, said.channel_id, failed)
    await deliveries.resend(store, user, said.id, now=now)
    page = await list_checks(store, user, size=10, now=NOON)
    assert [found.id for found in page.checks] == [check.id]
    page = await list_checks(store, user, size=10, filter=Filter(words=("one",)), now=NOON)
    assert [found.id for found in page.checks] == [check.id]
    found = await all_checks(store, Filter(), size=10, now=NOON)
    assert [one.id for one in found.checks] == [check.id]
    await reindex(store, user.id)
    await channels.note_result(store, user, own.id, delivered=True, detail="", settings=None, now=now)
    assert await channels.update_channel(store, user, own, draft(), now=now)
    assert await channels.turn_off(store, user.id, own.id, "gone", now)
    own = await channels.get_channel(store, user, own.id)
    assert not await channels.confirm(store, user, own, "")
    shared = await make_channel(store, user)
    await channels.assign(store, user, check.id, shared.id, True)
    assert await channels.assign_to_all(store, user, shared.id) == 0
    await channels.delete_channel(store, user, shared.id)
    await checks.delete_check(store, user, "one")
    newest = Fernet.generate_key().decode()
    rotated = await rewrap_all(store, f"{newest},{MASTER_KEY}", progress=lambda done, total: None)
    assert rotated.rewrapped >= 1


async def an_account(store: Store) -> None:
    """An account whose key and slugs change, and that is deleted with what it has."""
    user = await make_user(store)
    check = await make_check(store, user, slug="one", tags=("db",))
    await make_channel(store, user, own_check=check.id)
    await sessions.open_session(store, user, NOON)
    ((first, _),) = await access_keys.list_keys(store, user)
    await users.set_preferences(store, user, Preferences("retro"))
    key = await accounts.replace_key(store, user, first, now=NOON)
    made, _ = await accounts.make_key(store, user, first, now=NOON)
    await access_keys.change(store, user, made.id, lambda key: replace(key, name="Backups"))
    await accounts.revoke_key(store, user.id, made, now=NOON)
    await store.redis.hset(keys.user(user.partition, user.id), "access_key", users.digest(key))
    await store.redis.hset(keys.meta(), "form", 1)
    await migrate(store, say=list[str]().append)
    assert await users.user_by_id(store, user.id)
    await accounts.link_telegram(store, user, ADA, now=NOON)
    linked = await users.user_by_id(store, user.id)
    assert linked is not None
    await accounts.unlink_telegram(store, linked)
    before = user.user_slug
    user = await accounts.rename(store, user, user_slug="acme", public_slug="acme", now=NOON)
    await accounts.end_former_slug(store, user, before, now=NOON)
    await accounts.delete_account(store, user, now=NOON)
    assert await users.user_by_id(store, user.id) is None
    assert await store.redis.exists(keys.user(user.partition, user.id)) == 0


async def what_nobody_uses(store: Store) -> None:
    """A check and an account that go because nobody was there."""
    user = await make_user(store)
    check = await make_check(store, user)
    await make_channel(store, user, own_check=check.id)
    await users.note_seen(store, user.id, NOON)
    later = NOON + 10 * MINUTE
    found = await idle.find_idle(store, user.id, before=later)
    assert found is not None
    assert [one.id for one in found.checks] == [check.id]
    version = found.pages_version
    assert await idle.remove_idle_check(store, user, check.id, before=later, pages_version=version)
    assert await accounts.delete_deserted(store, user.id, now=later, idle_since=later)


async def a_status_page(store: Store) -> None:
    """A status page that is made, changed and deleted."""
    user = await make_user(store)
    settings = StatusPageSettings("Production", "prod")
    page = await status_pages.create_status_page(store, user, settings, now=NOON, most=1)
    renamed = replace(settings, slug="production")
    await status_pages.update_status_page(store, user, page.id, lambda _: renamed, now=NOON)
    assert await status_pages.page_slug_holder(store, user, "prod") is None
    await status_pages.delete_status_page(store, user, page.id)
    assert await status_pages.list_status_pages(store, user) == []


async def a_change_taken_back(store: Store) -> None:
    """A change that is broken off, and one that its owner left alone."""
    user = await make_user(store)
    check = await make_check(store, user)

    async def break_off() -> None:
        async with all_or_nothing(store, user) as change:
            await change.note(changed_check(check))
            await checks.pause_check(change.store, user, str(check.id), now=NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()
    assert (await checks.get_check(store, user, str(check.id))).status == "new"
    await checks.pause_check(store, user, str(check.id), now=NOON)
    await checks.undo_pause(store, user, str(check.id), now=NOON)
    await chores.begin(store, user.id, "change", now=NOON)
    (left,) = await chores.lapsed(store, now=NOON + chores.LEASE_MS)
    await chores.end(store, left)


async def a_snapshot(store: Store) -> None:
    """What changed in a partition, read for a snapshot."""
    user = await make_user(store)
    channel = await make_channel(store, user)
    test = Event("t1-1", "test", NOON, 0, "", channel_name="Webhook", queued=True)
    await outbox.put_test(store, user, channel.id, test)
    begun = await snapshots.begin(store, user.partition, "one")
    taken = await snapshots.take(store, begun, whole_logs=True)
    assert taken.complete
    assert {"user", "channel", "outbox", "partition"} <= {record.kind for record in taken.records}
    await snapshots.end(store, begun)


async def a_restore(store: Store) -> None:
    """A check that a snapshot gives back."""
    user = await make_user(store)
    check = await make_check(store, user, slug="one", tags=("db",))
    fields = await store.redis.hgetall(keys.check(user.partition, check.id))
    kept = restoring.KeptCheck(check.id, user.id, fields, {}, "", "", [], [], [], [])
    with unguarded():
        await store.scripts.run("restore_check", user.partition, restoring.arguments(kept))


async def an_admin(store: Store) -> None:
    """A login whose token is renewed."""
    admin = admins.AdminRecord("ops", "$argon2id$", NOON, NOON)
    await admins.create_admin(store, admin)
    family, token_id = await admin_families.open_family(store, admin, now=NOON, seconds=60, address="")
    await admin_families.rotate_family(store, family, token_id, now=NOON, seconds=60)
    await admins.set_password(store, "ops", "$argon2id$2", NOON)


async def metrics_of_a_process(store: Store) -> None:
    """The sums, the window and the number of a batch."""
    meter.start_anew()
    meter.count(ALERTS, "down")
    meter.observe(REDIS_SECONDS, 0.002)
    await metrics.flush(store, NOON)
    await metrics.read_window(store, NOON)


async def a_destination(store: Store) -> None:
    """All keys of a destination's bucket."""
    rate_rules = rules(Settings())
    for number in range(6):
        taken = await rates.take_token(store, rate_rules, "slack-1f", who=f"1:{number}", now=NOON)
        assert taken.granted == (number < 5)
    await rates.report_send(
        store,
        rate_rules,
        "slack-1f",
        outcome="delivered",
        retry_after_ms=None,
        hold_ms=None,
        send_id="1/1",
        now=NOON,
    )
    assert (await rates.read_rate(store, rate_rules, "slack-1f", NOON))["waiting"] == 1


async def test_a_script_that_leaves_its_slot_would_be_refused(cluster: Store) -> None:
    with pytest.raises(Exception, match="slot"):
        await cluster.redis.eval("#!lua\nreturn redis.call('GET', 'ttr:{2}:x')", 1, keys.prefix(1))
