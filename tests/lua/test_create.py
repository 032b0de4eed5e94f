"""create_check.lua: made once, or refused without a trace."""

import asyncio
import json

import pytest

from tests.everywhere import key_names
from tests.lua.parts import (
    MINUTE,
    NOON,
    create_args,
    dump,
    fields,
    make_channel,
    make_check,
    make_user,
    names,
    settings,
)
from ttr.store import channels, checks, keys
from ttr.store.errors import SlugTaken
from ttr.store.redis import Store
from ttr.store.users import User

UUID = "00000000-0000-4000-8000-000000000001"


async def test_a_new_check_is_armed_and_listed(store: Store, user: User) -> None:
    args = create_args(user, 7, UUID, slug="one", tags=("db", "night/shift"))
    assert await store.scripts.run("create_check", user.partition, args) == [b"created"]
    check = await checks.get_check(store, user, "one")
    assert (check.id, check.uuid, check.status, check.revision) == (7, UUID, "new", "1")
    assert (check.due, check.deadline) == (NOON + MINUTE, NOON + 2 * MINUTE)
    assert [tag.name for tag in check.tags] == ["db", "night/shift"]
    assert await store.redis.zscore(keys.deadlines(user.partition), "7") == NOON + 2 * MINUTE
    assert await store.redis.zrange(keys.user_checks(user.partition, user.id), 0, -1) == [b"7"]


async def test_a_repeat_answers_the_same_and_changes_nothing(store: Store, user: User) -> None:
    args = create_args(user, 7, UUID, slug="one", tags=("db",))
    await store.scripts.run("create_check", user.partition, args)
    before = await dump(store)
    assert await store.scripts.run("create_check", user.partition, args) == [b"created"]
    assert await dump(store) == before


@pytest.mark.parametrize(
    ("changes", "most", "answer"),
    [
        ({"slug": "taken"}, 10, [b"slug_taken", b"1"]),
        ({}, 1, [b"quota"]),
        ({"channels": (99,)}, 10, [b"no_channel", b"99"]),
    ],
)
async def test_a_refusal_writes_nothing(
    store: Store, user: User, changes: dict[str, object], most: int, answer: list[bytes]
) -> None:
    await make_check(store, user, slug="taken", tags=("db",))
    before = await dump(store)
    args = create_args(user, 7, UUID, most, tags=("db", "new"), **changes)
    assert await store.scripts.run("create_check", user.partition, args) == answer
    assert await dump(store) == before


async def test_an_account_that_is_gone_gets_no_check(store: Store, user: User) -> None:
    await store.redis.delete(keys.user(user.partition, user.id))
    before = await dump(store)
    args = create_args(user, 7, UUID)
    assert await store.scripts.run("create_check", user.partition, args) == [b"no_user"]
    assert await dump(store) == before


async def test_a_channel_of_another_account_is_refused(store: Store, user: User) -> None:
    other = await make_user(store)
    await store.redis.sadd(keys.user_channels(other.partition, other.id), "5")
    args = create_args(user, 7, UUID, channels=(5,))
    assert await store.scripts.run("create_check", user.partition, args) == [b"no_channel", b"5"]


async def test_a_refused_check_leaves_no_claim_of_its_uuid(store: Store, user: User) -> None:
    await make_check(store, user, slug="taken")
    before = await names(store)
    with pytest.raises(SlugTaken) as refusal:
        await make_check(store, user, slug="taken")
    assert refusal.value.check_id == 1
    assert await names(store) == before


async def test_twenty_creates_of_one_slug_at_once_make_one_check(store: Store, user: User) -> None:
    made = await asyncio.gather(
        *(
            checks.create_check(store, user, settings(slug="one", name=str(number)), now=NOON, most=100)
            for number in range(20)
        ),
        return_exceptions=True,
    )
    assert sum(not isinstance(result, BaseException) for result in made) == 1
    assert all(isinstance(result, SlugTaken) for result in made if isinstance(result, BaseException))
    assert await store.redis.zcard(keys.user_checks(user.partition, user.id)) == 1
    assert len(await key_names(store, "ttr:check-uuid:*")) == 1


async def test_creates_at_once_do_not_pass_the_quota(store: Store, user: User) -> None:
    made = await asyncio.gather(
        *(checks.create_check(store, user, settings(), now=NOON, most=3) for _ in range(12)),
        return_exceptions=True,
    )
    assert sum(not isinstance(result, BaseException) for result in made) == 3


async def test_settings_are_kept_as_they_were_given(store: Store, user: User) -> None:
    check = await make_check(store, user, name='a "name" | with ; and ,\n', description="ünï\tcode")
    assert check.settings.name == 'a "name" | with ; and ,\n'
    assert check.settings.description == "ünï\tcode"
    assert json.loads((await fields(store, check))["tags"]) == []


async def test_channels_that_were_not_given_are_the_default_ones(store: Store, user: User) -> None:
    one = await make_channel(store, user, default=True)
    two = await make_channel(store, user, default=True)
    other = await make_channel(store, user)
    assert (await make_check(store, user)).channels == (one.id, two.id)
    assert (await make_check(store, user, channels=())).channels == ()
    assert (await make_check(store, user, channels=(other.id,))).channels == (other.id,)
    found = await channels.read_channels(store, user, [one.id, two.id, other.id])
    assert [found[number].checks for number in (one.id, two.id, other.id)] == [1, 1, 1]


async def test_a_channel_that_was_a_default_when_the_caller_looked_is_left_out(
    store: Store, user: User
) -> None:
    args = create_args(user, 5, UUID, channels=(9,))
    args[9] = "1"
    assert await store.scripts.run("create_check", user.partition, args) == [b"created"]
    assert (await checks.get_check(store, user, "5")).channels == ()
    assert await store.redis.exists(keys.channel_checks(user.partition, 9)) == 0


async def test_another_checks_own_channel_is_refused(store: Store, user: User) -> None:
    check = await make_check(store, user)
    own = await make_channel(store, user, own_check=check.id)
    before = await dump(store)
    answer = await store.scripts.run(
        "create_check", user.partition, create_args(user, 99, "u", channels=(own.id,))
    )
    assert answer == [b"no_channel", str(own.id).encode()]
    assert await dump(store) == before
