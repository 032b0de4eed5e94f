"""Channels as they are read: whatever a newer version stored can be listed, and names at rest give nothing away."""

import asyncio

import pytest

from tests.lua.parts import NOON, draft, make_channel, make_check, make_user
from ttr.store import channels
from ttr.store.check_list import list_checks
from ttr.store.errors import DefaultsReached, NotFound, QuotaReached, UnknownChannel
from ttr.store.redis import Store


def test_a_destination_is_named_by_its_kind_and_a_hash() -> None:
    name = channels.identity("slack", "https://hooks.example.com/T0K3N")
    assert name.startswith("slack-")
    assert len(name) == len("slack-") + 20
    assert name == channels.identity("slack", "https://hooks.example.com/T0K3N")
    assert name != channels.identity("slack", "https://hooks.example.com/T0K3M")
    assert "T0K3N" not in name


async def test_a_kind_that_only_a_newer_version_knows_is_listed_and_can_be_deleted(store: Store) -> None:
    user = await make_user(store)
    made = await make_channel(store, user, kind="pigeon", settings={"loft": "7"}, has=frozenset({"ring"}))
    (found,) = await channels.list_channels(store, user)
    assert found == made
    assert (found.kind, dict(found.settings), set(found.has)) == ("pigeon", {"loft": "7"}, {"ring"})
    await channels.delete_channel(store, user, made.id)
    assert await channels.list_channels(store, user) == []


async def test_what_is_stored_is_what_was_given(store: Store) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    made = await make_channel(
        store, user, own_check=check.id, name='"ünï" \\ {}', enabled=False, destination=""
    )
    assert (made.name, made.enabled, made.default, made.own_check) == ('"ünï" \\ {}', False, False, check.id)
    assert (made.destination, made.checks, made.created_at, made.sealed) == ("", 1, NOON, "sealed")
    assert (made.last_status, made.last_message, made.last_at, made.off_reason) == (None, None, None, None)
    await channels.note_result(
        store, user, made.id, delivered=False, detail="HTTP 500", settings=None, now=NOON + 1
    )
    seen = await channels.get_channel(store, user, made.id)
    assert (seen.last_status, seen.last_message, seen.last_at) == ("error", "HTTP 500", NOON + 1)


async def test_every_change_is_seen_by_pages_that_poll(store: Store) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    versions = []

    async def version() -> None:
        versions.append((await list_checks(store, user, size=1, now=NOON)).version)

    await version()
    made = await make_channel(store, user)
    await version()
    assert await channels.update_channel(store, user, made, draft(name="x"), now=NOON)
    await version()
    await channels.assign(store, user, check.id, made.id, True)
    await version()
    assert await channels.turn_off(store, user.id, made.id, "unsubscribed", NOON)
    await version()
    await channels.delete_channel(store, user, made.id)
    await version()
    assert versions == sorted(set(versions))


async def test_the_refusals_are_told_apart(store: Store) -> None:
    user = await make_user(store)
    check, made = await make_check(store, user), await make_channel(store, user)
    with pytest.raises(QuotaReached, match="1 channels"):
        await make_channel(store, user, most=1)
    with pytest.raises(NotFound, match="no such check"):
        await make_channel(store, user, own_check=check.id + 1)
    with pytest.raises(UnknownChannel, match="no channel 99"):
        await channels.assign(store, user, check.id, 99, True)
    with pytest.raises(UnknownChannel):
        await channels.assign_to_all(store, user, 99)
    for _ in range(50):
        await make_channel(store, user, default=True)
    with pytest.raises(DefaultsReached):
        await channels.update_channel(store, user, made, draft(default=True), now=NOON)


async def test_a_channel_deleted_twice_at_once_is_gone_once(store: Store) -> None:
    user = await make_user(store)
    made = await make_channel(store, user)
    await asyncio.gather(*(make_check(store, user, channels=(made.id,)) for _ in range(20)))
    ends = await asyncio.gather(
        *(channels.delete_channel(store, user, made.id) for _ in range(3)), return_exceptions=True
    )
    assert all(end is None or isinstance(end, NotFound) for end in ends)
    assert None in ends
    page = await list_checks(store, user, size=100, now=NOON)
    assert [check.channels for check in page.checks] == [()] * 20
