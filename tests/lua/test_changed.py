"""What scripts tell of each change: the version they made, the check, and what besides its row has changed."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.lua.parts import MINUTE, NOON, make_channel, make_check
from tests.lua.parts import ping as send
from ttr.domain.status_page import StatusPageSettings
from ttr.paths import LUA
from ttr.store import access_keys, channels, checks, keys, status_pages
from ttr.store.redis import Store
from ttr.store.users import User


class Ear:
    """Hears what the account's partition publishes."""

    def __init__(self, store: Store, user: User, pubsub: object) -> None:
        self.store, self.user, self.pubsub = store, user, pubsub

    async def told(self) -> list[tuple[int, str]]:
        """(check, letters) of each change since the last time; the newest carries the account's version."""
        found, version = [], 0
        while message := await self.pubsub.get_message(timeout=0.05):  # type: ignore[attr-defined]
            if message["type"] == "smessage":
                user, number, check, letters = message["data"].decode().split(" ")
                assert int(user) == self.user.id
                version = int(number)
                found.append((int(check), letters))
        if found:
            key = keys.user(self.user.partition, self.user.id)
            assert version == int(await self.store.redis.hget(key, "version"))
        return found


@pytest.fixture
async def ear(store: Store, user: User) -> AsyncIterator[Ear]:
    async with store.redis.serving(user.partition).pubsub() as pubsub:
        await pubsub.ssubscribe(keys.changes(user.partition))
        assert (await pubsub.get_message(timeout=5))["type"] == "ssubscribe"
        yield Ear(store, user, pubsub)


async def test_a_check_from_its_making_to_its_end(store: Store, user: User, ear: Ear) -> None:
    check = await make_check(store, user)
    assert await ear.told() == [(check.id, "w")]
    await send(store, user, check.id, now=NOON + 1)
    assert await ear.told() == [(check.id, "w")]  # new -> up
    await send(store, user, check.id, now=NOON + 2)
    assert await ear.told() == [(check.id, "")]
    await send(store, user, check.id, now=NOON + MINUTE + 10)
    assert await ear.told() == [(check.id, "w")]  # it was late
    await send(store, user, check.id, "start", now=NOON + MINUTE + 20)
    assert await ear.told() == [(check.id, "w")]
    await checks.pause_check(store, user, str(check.id), now=NOON + MINUTE + 30)
    assert await ear.told() == [(check.id, "w")]
    await checks.delete_check(store, user, str(check.id))
    assert await ear.told() == [(check.id, "wa")]


async def test_a_repeated_ping_tells_nothing(store: Store, user: User, ear: Ear) -> None:
    check = await make_check(store, user)
    await ear.told()
    await send(store, user, check.id, now=NOON + 1, request="same")
    assert len(await ear.told()) == 1
    await send(store, user, check.id, now=NOON + 1, request="same")
    assert await ear.told() == []


async def test_channels_and_keys(store: Store, user: User, ear: Ear) -> None:
    channel = await make_channel(store, user)
    assert await ear.told() == [(0, "a")]
    check = await make_check(store, user, channels=(channel.id,))
    await ear.told()
    await channels.delete_channel(store, user, channel.id)
    assert {letters for _, letters in await ear.told()} == {"wa"}
    ((key, _),) = await access_keys.list_keys(store, user)
    assert await access_keys.put_in_place(store, user, key, replace(key, digest="k" * 64))
    assert await ear.told() == [(0, "as")]
    assert check.id


def test_no_script_counts_the_version_up_in_silence() -> None:
    for path in sorted(LUA.rglob("*.lua")):
        if path.stem != "changed":
            assert not re.search(r'"HINCRBY",[^\n]*"version"', path.read_text()), path.stem


async def test_a_status_page_is_part_of_the_account(store: Store, user: User, ear: Ear) -> None:
    settings = StatusPageSettings("Page", "page")
    page = await status_pages.create_status_page(store, user, settings, now=NOON, most=1)
    assert await ear.told() == [(0, "a")]
    renamed = replace(settings, name="Renamed")
    for _ in range(2):  # what changes nothing is no change
        await status_pages.update_status_page(store, user, page.id, lambda _: renamed, now=NOON)
    assert await ear.told() == [(0, "a")]
    await status_pages.delete_status_page(store, user, page.id)
    assert await ear.told() == [(0, "a")]
