"""The scripts of channels: which checks use them is kept at both ends, and every one may run twice."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.lua.parts import NOON, draft, dump, fields, make_channel, make_check, make_user, names
from ttr.domain import limits
from ttr.domain.check import Check
from ttr.store import channels, checks, keys
from ttr.store.errors import NotFound
from ttr.store.redis import Store
from ttr.store.users import User


async def used_by(store: Store, user: User, channel_id: int) -> set[int]:
    """The reverse index: the checks that use a channel."""
    return {int(n) for n in await store.redis.smembers(keys.channel_checks(user.partition, channel_id))}


async def again(store: Store, user: User, check: Check) -> Check:
    """The check as it is now."""
    return await checks.get_check(store, user, str(check.id))


async def with_neighbour(store: Store) -> tuple[User, User]:
    """Two accounts of one partition: only the account's number keeps them apart."""
    one = await make_user(store)
    while (two := await make_user(store)).partition != one.partition:
        pass
    return one, two


def create_args(user: User, number: int, *, own: Any = "", default: str = "0", most: int = 5) -> list[Any]:
    return [user.id, number, NOON, "webhook", "r1", own, default, most, 2, "name", "x", "enabled", "1"]


async def test_making_one_twice_is_making_it_once(store: Store, user: User) -> None:
    check = await make_check(store, user)
    for own in ("", check.id):
        args = create_args(user, 70 + len(str(own)), own=own, default="1" if own == "" else "0")
        assert await store.scripts.run("create_channel", user.partition, args) == [b"created"]
        before = await dump(store)
        assert await store.scripts.run("create_channel", user.partition, args) == [b"created"]
        assert await dump(store) == before


@pytest.mark.parametrize(
    "refusal", ["unknown", "unknown account", "quota", "defaults", "another's", "second"]
)
async def test_a_refusal_to_make_one_writes_nothing(store: Store, refusal: str) -> None:
    user, neighbour = await with_neighbour(store)
    check = await make_check(store, user)
    args, answer = create_args(user, 70), [b"unknown"]
    match refusal:
        case "unknown":
            args = create_args(user, 70, own=check.id + 1)
        case "unknown account":
            args[0] = 999
        case "quota":
            await make_channel(store, user)
            args, answer = create_args(user, 70, most=1), [b"quota"]
        case "defaults":
            for _ in range(2):
                await make_channel(store, user, default=True)
            args, answer = create_args(user, 70, default="1"), [b"too_many_defaults"]
        case "another's":
            args = create_args(neighbour, 70, own=check.id)
        case _:
            own = await make_channel(store, user, own_check=check.id)
            args, answer = create_args(user, 70, own=check.id), [b"has_one", str(own.id).encode()]
    before = await dump(store)
    assert await store.scripts.run("create_channel", user.partition, args) == answer
    assert await dump(store) == before


async def test_a_checks_own_channel_is_used_at_once_and_survives_every_edit(store: Store, user: User) -> None:
    check = await make_check(store, user)
    shared = await make_channel(store, user)
    own = await make_channel(store, user, own_check=check.id)
    slack = await make_channel(store, user, own_check=check.id, kind="slack")
    check = await again(store, user, check)
    assert check.own_channels == {"webhook": own.id, "slack": slack.id}
    for given, left in (((), ()), ((shared.id,), (shared.id,)), ((own.id, shared.id), (own.id, shared.id))):
        settings = check.settings
        await checks.update_check(
            store,
            user,
            str(check.id),
            partial(replace, channels=given),
            now=NOON,
        )
        found = await again(store, user, check)
        assert set(found.channels) == {*left, own.id, slack.id}
        assert len(found.channels) == len(set(found.channels))
        assert await used_by(store, user, shared.id) == ({check.id} if shared.id in left else set())
        assert await used_by(store, user, own.id) == {check.id}
        assert settings.name == found.settings.name


async def test_an_edit_that_leaves_the_channels_out_keeps_them(store: Store, user: User) -> None:
    shared = await make_channel(store, user)
    check = await make_check(store, user, channels=(shared.id,))
    await checks.update_check(store, user, str(check.id), partial(replace, channels=None), now=NOON)
    assert (await again(store, user, check)).channels == (shared.id,)
    assert await used_by(store, user, shared.id) == {check.id}


async def test_assigning_is_the_same_twice_and_kept_at_both_ends(store: Store, user: User) -> None:
    check, channel = await make_check(store, user), await make_channel(store, user)
    for _ in range(2):
        await channels.assign(store, user, check.id, channel.id, True)
        assert (await again(store, user, check)).channels == (channel.id,)
        assert await used_by(store, user, channel.id) == {check.id}
    for _ in range(2):
        await channels.assign(store, user, check.id, channel.id, False)
        assert (await again(store, user, check)).channels == ()
        assert await used_by(store, user, channel.id) == set()


async def test_a_check_takes_fifty_channels_besides_its_own(store: Store, user: User) -> None:
    many = [await make_channel(store, user) for _ in range(limits.CHANNELS_MAX + 1)]
    check = await make_check(store, user, channels=tuple(c.id for c in many[: limits.CHANNELS_MAX - 1]))
    own = await make_channel(store, user, own_check=check.id)
    run = store.scripts.run
    most = limits.CHANNELS_MAX
    for channel, answer in ((many[-2], b"assigned"), (many[-1], b"quota"), (many[0], b"assigned")):
        args: list[Any] = [user.id, check.id, channel.id, "1", most]
        assert await run("assign_channel", user.partition, args) == [answer]
    found = await again(store, user, check)
    assert len(found.channels) == limits.CHANNELS_MAX + 1
    assert own.id in found.channels
    # A check that is full is passed over by "assign to all".
    assert await channels.assign_to_all(store, user, many[-1].id) == 0


@pytest.mark.parametrize(
    "refusal", ["no check", "another's check", "no channel", "another's channel", "own of another"]
)
async def test_a_refusal_to_assign_writes_nothing(store: Store, refusal: str) -> None:
    user, neighbour = await with_neighbour(store)
    check, channel = await make_check(store, user), await make_channel(store, user)
    args: list[Any] = [user.id, check.id, channel.id, "1", 50]
    answer = b"no_channel"
    match refusal:
        case "no check":
            args[1], answer = check.id + 1, b"unknown"
        case "another's check":
            args[0], answer = neighbour.id, b"unknown"
        case "no channel":
            args[2] = channel.id + 1
        case "another's channel":
            args[2] = (await make_channel(store, neighbour)).id
        case _:
            args[2] = (await make_channel(store, user, own_check=(await make_check(store, user)).id)).id
    before = await dump(store)
    assert await store.scripts.run("assign_channel", user.partition, args) == [answer]
    assert await dump(store) == before


async def test_a_check_can_not_leave_its_own_channel(store: Store, user: User) -> None:
    check = await make_check(store, user)
    own = await make_channel(store, user, own_check=check.id)
    before = await dump(store)
    args: list[Any] = [user.id, check.id, own.id, "0", 50]
    assert await store.scripts.run("assign_channel", user.partition, args) == [b"own"]
    assert await dump(store) == before


async def test_all_checks_get_a_channel_in_batches(store: Store, user: User) -> None:
    channel = await make_channel(store, user)
    made = [await make_check(store, user) for _ in range(7)]
    await channels.assign(store, user, made[2].id, channel.id, True)
    beyond: Any = "0"
    seen = []
    for _ in range(4):
        beyond, changed = await store.scripts.run(
            "assign_to_all", user.partition, [user.id, channel.id, beyond, 3, 50]
        )
        seen.append(changed)
        if beyond == b"":
            break
    assert seen == [2, 3, 1]
    assert await used_by(store, user, channel.id) == {check.id for check in made}
    assert await channels.assign_to_all(store, user, channel.id) == 0


async def test_a_change_made_from_an_old_reading_is_refused_and_a_repeat_is_not(
    store: Store, user: User
) -> None:
    channel = await make_channel(store, user, settings={"a": "1", "b": "1"})
    args: list[Any] = [
        user.id,
        channel.id,
        channel.revision,
        "new",
        NOON,
        "1",
        50,
        '{"b": "2"}',
        "enabled",
        "0",
    ]
    assert await store.scripts.run("update_channel", user.partition, args) == [b"updated"]
    before = await dump(store)
    assert await store.scripts.run("update_channel", user.partition, args) == [b"updated"]
    args[3] = "newer"
    assert await store.scripts.run("update_channel", user.partition, args) == [b"stale"]
    args[0] = user.id + 1
    assert await store.scripts.run("update_channel", user.partition, args) == [b"unknown"]
    assert await dump(store) == before
    found = await channels.get_channel(store, user, channel.id)
    assert (found.settings, found.enabled, found.default) == ({"a": "1", "b": "2"}, False, True)
    assert await channels.default_channels(store, user) == [channel.id]


async def test_a_setting_that_the_service_changed_meanwhile_is_not_undone(store: Store, user: User) -> None:
    channel = await make_channel(store, user, settings={"chat": "1"})
    await channels.note_result(
        store, user, channel.id, delivered=True, detail="ok", settings={"chat": "-100"}, now=NOON + 1
    )
    assert await channels.update_channel(
        store, user, channel, draft(name="new", settings={"chat": "1"}), now=NOON + 2
    )
    found = await channels.get_channel(store, user, channel.id)
    assert (found.name, found.settings, found.last_status) == ("new", {"chat": "-100"}, "ok")


async def test_turning_it_on_again_forgets_why_we_turned_it_off(store: Store, user: User) -> None:
    channel = await make_channel(store, user)
    assert await channels.turn_off(store, user.id, channel.id, "gone", NOON + 5)
    assert not await channels.turn_off(store, user.id, channel.id, "unsubscribed", NOON + 6)
    off = await channels.get_channel(store, user, channel.id)
    assert (off.enabled, off.off_reason, off.off_at) == (False, "gone", NOON + 5)
    # An edit that leaves it off keeps the reason.
    assert await channels.update_channel(store, user, off, draft(name="n", enabled=False), now=NOON)
    off = await channels.get_channel(store, user, channel.id)
    assert off.off_reason == "gone"
    assert await channels.update_channel(store, user, off, draft(), now=NOON)
    on = await channels.get_channel(store, user, channel.id)
    assert (on.enabled, on.off_reason, on.off_at) == (True, None, None)


async def test_one_that_waits_is_turned_on_by_its_reader_and_by_nobody_else(store: Store, user: User) -> None:
    channel = await make_channel(store, user, enabled=False, waits=True)
    assert (channel.enabled, channel.off_reason, channel.off_at) == (False, "unconfirmed", NOON)
    # An edit in between may have set another address; one that leaves it waiting says since when as before.
    assert await channels.update_channel(store, user, channel, draft(enabled=False, waits=True), now=NOON + 1)
    assert await channels.confirm(store, user, channel, "ops") is None
    channel = await channels.get_channel(store, user, channel.id)
    assert (channel.off_reason, channel.off_at) == ("unconfirmed", NOON)
    assert await channels.confirm(store, user, channel, "ops")
    on = await channels.get_channel(store, user, channel.id)
    assert (on.enabled, on.off_reason, on.off_at, on.confirmed) == (True, None, None, "ops")
    assert not await channels.confirm(store, user, on, "ops")
    # Its owner's own "off" is no waiting, and an edit that was read before it confirmed nothing takes back.
    assert not await channels.update_channel(store, user, channel, draft(enabled=False), now=NOON)
    assert await channels.update_channel(store, user, on, draft(enabled=False), now=NOON)
    off = await channels.get_channel(store, user, channel.id)
    assert (off.enabled, off.off_reason, off.confirmed) == (False, None, "ops")
    assert not await channels.confirm(store, user, off, "ops")
    with pytest.raises(NotFound):
        await channels.confirm(store, replace(user, id=user.id + 32), off, "ops")


async def test_an_owner_who_turns_one_off_that_waits_does_not_wait_any_more(store: Store, user: User) -> None:
    channel = await make_channel(store, user, enabled=False, waits=True)
    assert await channels.update_channel(store, user, channel, draft(enabled=False), now=NOON)
    off = await channels.get_channel(store, user, channel.id)
    assert (off.enabled, off.off_reason, off.off_at) == (False, None, None)


async def test_who_unsubscribes_takes_the_agreement_back_or_refuses(store: Store, user: User) -> None:
    channel = await make_channel(store, user, enabled=False, waits=True)
    assert await channels.confirm(store, user, channel, "ops")
    on = await channels.get_channel(store, user, channel.id)
    assert await channels.turn_off(store, user.id, channel.id, "unsubscribed", NOON + 5)
    off = await channels.get_channel(store, user, channel.id)
    assert (off.enabled, off.off_reason, off.confirmed) == (False, "unsubscribed", "")
    # Who read it before must look again, or the agreement would be there once more.
    assert not await channels.update_channel(store, user, on, draft(), now=NOON)
    assert await channels.update_channel(store, user, off, draft(enabled=False, waits=True), now=NOON)
    assert await channels.turn_off(store, user.id, channel.id, "unsubscribed", NOON + 6)
    refused = await channels.get_channel(store, user, channel.id)
    assert (refused.off_reason, refused.off_at) == ("unsubscribed", NOON + 6)
    assert not await channels.confirm(store, user, refused, "ops")


async def test_a_late_answer_to_a_test_brings_no_deleted_channel_back(store: Store, user: User) -> None:
    channel = await make_channel(store, user)
    await channels.delete_channel(store, user, channel.id)
    before = await names(store)
    await channels.note_result(store, user, channel.id, delivered=True, detail="", settings=None, now=NOON)
    with pytest.raises(NotFound):
        await channels.turn_off(store, user.id, channel.id, "gone", NOON)
    assert await names(store) == before


async def test_a_deleted_channel_leaves_no_key_and_no_check_behind(store: Store, user: User) -> None:
    kept = await make_channel(store, user)
    used = [await make_check(store, user, channels=(kept.id,)) for _ in range(3)]
    before = await names(store)
    gone = await make_channel(store, user, default=True)
    assert await channels.assign_to_all(store, user, gone.id) == 3
    await channels.delete_channel(store, user, gone.id)
    for check in used:
        assert (await again(store, user, check)).channels == (kept.id,)
    assert [c.id for c in await channels.list_channels(store, user)] == [kept.id]
    assert await channels.default_channels(store, user) == []
    assert await names(store) == before


async def test_deleting_goes_on_where_a_crash_stopped_it(store: Store, user: User) -> None:
    channel = await make_channel(store, user)
    used = [await make_check(store, user, channels=(channel.id,)) for _ in range(4)]
    args: list[Any] = [user.id, channel.id, json.dumps([used[0].id])]
    assert await store.scripts.run("delete_channel", user.partition, args) == 0
    half = await channels.get_channel(store, user, channel.id)
    assert (half.enabled, half.checks) == (False, 3)
    await channels.delete_channel(store, user, channel.id)
    assert [(await again(store, user, check)).channels for check in used] == [()] * 4
    assert await channels.list_channels(store, user) == []
    with pytest.raises(NotFound):
        await channels.delete_channel(store, user, channel.id)


async def test_more_checks_than_one_call_takes_all_leave_it(
    store: Store, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "_BATCH", 2)
    channel = await make_channel(store, user)
    used = [await make_check(store, user) for _ in range(7)]
    assert await channels.assign_to_all(store, user, channel.id) == 7
    await channels.delete_channel(store, user, channel.id)
    assert [(await again(store, user, check)).channels for check in used] == [()] * 7


async def test_an_own_channel_that_is_deleted_leaves_its_kind_free(store: Store, user: User) -> None:
    check = await make_check(store, user)
    first = await make_channel(store, user, own_check=check.id)
    await channels.delete_channel(store, user, first.id)
    assert json.loads((await fields(store, check))["own_channels"]) == {}
    second = await make_channel(store, user, own_check=check.id)
    assert (await again(store, user, check)).channels == (second.id,)


async def test_another_account_deletes_changes_and_reads_nothing(store: Store) -> None:
    user, neighbour = await with_neighbour(store)
    channel = await make_channel(store, user)
    before = await dump(store)
    for attempt in (
        channels.delete_channel(store, neighbour, channel.id),
        channels.get_channel(store, neighbour, channel.id),
        channels.update_channel(store, neighbour, channel, draft(), now=NOON),
        channels.turn_off(store, neighbour.id, channel.id, "gone", NOON),
    ):
        with pytest.raises(NotFound):
            await attempt
    await channels.note_result(
        store, neighbour, channel.id, delivered=True, detail="", settings=None, now=NOON
    )
    assert await channels.read_channels(store, neighbour, [channel.id]) == {}
    assert await dump(store) == before
