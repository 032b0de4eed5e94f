"""set_webhook.lua: one webhook that only this check uses."""

import pytest

from tests.lua.parts import NOON, dump, fields, make_check, make_user
from ttr.store import checks, keys
from ttr.store.channels import read_channels, set_webhook
from ttr.store.errors import NotFound, QuotaReached
from ttr.store.redis import Store
from ttr.store.users import User


async def test_the_first_change_makes_the_channel_and_later_ones_keep_the_rest(
    store: Store, user: User
) -> None:
    check = await make_check(store, user)
    await set_webhook(store, user, check, enabled=None, secret="sealed", now=NOON, most=5)
    check = await checks.get_check(store, user, str(check.id))
    assert check.channels == (check.own_webhook,)
    (channel,) = (await read_channels(store, user, check.channels)).values()
    assert (channel.kind, channel.enabled, channel.has_secret) == ("webhook", False, True)
    await set_webhook(store, user, check, enabled=True, secret=None, now=NOON, most=5)
    (channel,) = (await read_channels(store, user, check.channels)).values()
    assert (channel.enabled, channel.has_secret) == (True, True)
    await set_webhook(store, user, check, enabled=None, secret="", now=NOON, most=5)
    (channel,) = (await read_channels(store, user, check.channels)).values()
    assert (channel.enabled, channel.has_secret) == (True, False)
    assert await store.redis.scard(keys.user_channels(user.partition, user.id)) == 1


async def test_a_webhook_that_was_taken_off_the_list_is_put_back(store: Store, user: User) -> None:
    check = await make_check(store, user)
    await set_webhook(store, user, check, enabled=True, secret="sealed", now=NOON, most=5)
    assert check.settings.channels == ()
    edited = await checks.update_check(store, user, str(check.id), lambda _: check.settings, now=NOON)
    assert edited.channels == ()
    await set_webhook(store, user, check, enabled=True, secret=None, now=NOON, most=5)
    found = await checks.get_check(store, user, str(check.id))
    assert found.channels == (found.own_webhook,)


@pytest.mark.parametrize("refusal", ["unknown", "quota", "another account's"])
async def test_a_refusal_writes_nothing(store: Store, user: User, refusal: str) -> None:
    check = await make_check(store, user)
    owner, number, most = user.id, check.id, 5
    if refusal == "unknown":
        number = 99
    elif refusal == "quota":
        most = 0
    else:
        owner = (await make_user(store)).id
    before = await dump(store)
    answer = await store.scripts.run(
        "set_webhook", user.partition, [owner, number, 7, NOON, most, "enabled", "1"]
    )
    assert answer == [b"quota" if refusal == "quota" else b"unknown"]
    assert await dump(store) == before


async def test_the_store_words_the_refusals(store: Store, user: User) -> None:
    check = await make_check(store, user)
    with pytest.raises(QuotaReached, match="0 channels"):
        await set_webhook(store, user, check, enabled=True, secret="s", now=NOON, most=0)
    await checks.delete_check(store, user, str(check.id))
    with pytest.raises(NotFound):
        await set_webhook(store, user, check, enabled=True, secret="s", now=NOON, most=5)


async def test_a_repeat_makes_no_second_channel(store: Store, user: User) -> None:
    check = await make_check(store, user)
    args: list[str | int] = [user.id, check.id, 7, NOON, 5, "enabled", "1", "secret", "sealed"]
    assert await store.scripts.run("set_webhook", user.partition, args) == [b"set", b"7"]
    first = await fields(store, check)
    args[2] = 8
    assert await store.scripts.run("set_webhook", user.partition, args) == [b"set", b"7"]
    assert await fields(store, check) == first
    assert await store.redis.exists(keys.channel(user.partition, 8)) == 0
