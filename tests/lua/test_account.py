"""The scripts of an account: a repeat after a lost answer says the same, and somebody else's token changes nothing."""

import pytest

from tests.lua.parts import NOON, dump, make_check, ping
from ttr.store import keys
from ttr.store.redis import Store
from ttr.store.scripts import Arg
from ttr.store.users import User

LEASE_ENDS = NOON + 30_000


async def begin(store: Store, user: User, token: str, now: int = NOON, ending: str = "") -> list[bytes]:
    """Run begin_rename.lua for the slug "acme"."""
    answer: list[bytes] = await store.scripts.run(
        "begin_rename", user.partition, [user.id, token, now, now + 30_000, "acme", "", ending]
    )
    return answer


async def rename(store: Store, user: User, token: str, slug: str = "acme", now: int = NOON) -> int:
    """Run rename_account.lua."""
    args: list[Arg] = [user.id, token, slug, "", now, now + 1_000, 5]
    return int(await store.scripts.run("rename_account", user.partition, args))


async def test_closing_twice_leaves_the_chore_with_who_was_first(store: Store, user: User) -> None:
    async def close(token: str) -> int:
        args: list[Arg] = [user.id, NOON, token, LEASE_ENDS]
        return int(await store.scripts.run("close_account", user.partition, args))

    assert await close("first") == 1
    closed = await dump(store)
    assert await close("first") == 1
    assert await close("second") == 0
    assert await dump(store) == closed
    fields = await store.redis.hgetall(keys.user(user.partition, user.id))
    assert fields[b"closed_user_slug"] == user.user_slug.encode()
    assert not {b"user_slug", b"public_slug", b"data_key"} & fields.keys()
    assert await store.redis.zrange(keys.chores(user.partition), 0, -1, withscores=True) == [
        (f"{user.id}:delete".encode(), LEASE_ENDS)
    ]


async def test_an_account_that_is_not_there_is_neither_closed_nor_made(store: Store, user: User) -> None:
    before = await dump(store)
    nobody = user.id + keys.PARTITIONS
    calls: list[tuple[str, list[Arg]]] = [
        ("close_account", [nobody, NOON, "token", LEASE_ENDS]),
        ("replace_key", [nobody, "", "new", "{}", "{}"]),
        ("add_key", [nobody, "new", "{}", 20]),
        ("change_key", [nobody, "new", "{}", "{1}"]),
        ("revoke_key", [nobody, "new", 0]),
        ("adopt_key", [nobody, "new", "{}"]),
        ("rename_account", [nobody, "token", "acme", "", NOON, NOON, 5]),
        ("end_rename", [nobody, "token"]),
        ("unlink_telegram", [nobody, 7, ""]),
        ("begin_chore", [nobody, "change", "token", LEASE_ENDS]),
    ]
    for name, args in calls:
        assert await store.scripts.run(name, user.partition, args) == 0, name
    answer = await store.scripts.run("begin_rename", user.partition, [nobody, "t", NOON, NOON, "", "", ""])
    assert answer == [b"gone"]
    assert await store.scripts.run("link_telegram", user.partition, [nobody, 7, "Ada", "", NOON]) == -1
    assert await dump(store) == before


async def test_a_key_is_replaced_once(store: Store, user: User) -> None:
    async def rotate(before: str, after: str) -> int:
        of_user = keys.access_keys(user.partition, user.id)
        kept = await store.redis.hget(of_user, before) or b""
        return int(
            await store.scripts.run("replace_key", user.partition, [user.id, before, after, "{}", kept])
        )

    assert await rotate("another", "new") == 0
    (first,) = await store.redis.hkeys(keys.access_keys(user.partition, user.id))
    assert await rotate(first.decode(), "new") == 1
    assert await rotate(first.decode(), "new") == 1
    assert await rotate(first.decode(), "newer") == 0
    assert await store.redis.hgetall(keys.access_keys(user.partition, user.id)) == {b"new": b"{}"}


async def test_a_change_of_slugs_is_one_callers_until_it_ends_or_its_time_is_over(
    store: Store, user: User
) -> None:
    begun = [b"begun", user.user_slug.encode(), user.public_slug.encode(), b"", b"", b""]
    assert await begin(store, user, "one") == begun
    assert await begin(store, user, "one") == begun
    assert await begin(store, user, "two", NOON + 29_999) == [b"busy"]
    assert await rename(store, user, "two") == 0
    # What the first has written down is told to who takes over.
    left = [*begun[:3], b"acme", b"", user.public_slug.encode()]
    assert await begin(store, user, "two", NOON + 30_000) == left
    assert await rename(store, user, "one") == 0
    assert await store.scripts.run("end_rename", user.partition, [user.id, "one"]) == 0
    assert await rename(store, user, "two") == 1
    assert await rename(store, user, "two") == 1
    former = await store.redis.zrange(keys.former_slugs(user.partition, user.id), 0, -1, withscores=True)
    assert former == [(user.user_slug.encode(), NOON + 1_000)]
    assert await store.scripts.run("end_rename", user.partition, [user.id, "two"]) == 1
    assert await rename(store, user, "two", "other") == 0


async def test_ending_a_former_slug_again_after_a_lost_answer_is_the_same(store: Store, user: User) -> None:
    await begin(store, user, "one")
    await rename(store, user, "one")
    await store.scripts.run("end_rename", user.partition, [user.id, "one"])
    for _ in range(2):
        assert (await begin(store, user, "two", ending=user.user_slug))[0] == b"begun"
    await store.scripts.run("end_rename", user.partition, [user.id, "two"])
    assert await begin(store, user, "three", ending=user.user_slug) == [b"unknown"]
    assert not await store.redis.hexists(keys.user(user.partition, user.id), "renaming")


@pytest.mark.parametrize("slug", ["acme", "later", ""])
async def test_a_ping_finds_its_check_by_the_slug_and_former_slugs_that_are_not_over(
    store: Store, user: User, slug: str
) -> None:
    check = await make_check(store, user)
    await store.redis.zadd(keys.former_slugs(user.partition, user.id), {"acme": NOON + 1, "later": NOON + 2})
    answers = [
        (await ping(store, user, check.id, user_slug=slug, now=NOON + ms, request=str(ms)))[0]
        for ms in range(3)
    ]
    assert (
        answers
        == {
            "acme": [b"ok", b"unknown", b"unknown"],
            "later": [b"ok", b"ok", b"unknown"],
            "": [b"ok", b"ok", b"ok"],
        }[slug]
    )


async def test_a_telegram_account_is_linked_and_unlinked_by_one_of_two(store: Store, user: User) -> None:
    link: list[Arg] = [user.id, 7, "Ada", "ada", NOON]
    assert await store.scripts.run("link_telegram", user.partition, link) == 1
    linked = await dump(store)
    assert await store.scripts.run("link_telegram", user.partition, link) == 1
    assert await store.scripts.run("link_telegram", user.partition, [user.id, 8, "Eve", "", NOON]) == 0
    assert await store.scripts.run("unlink_telegram", user.partition, [user.id, 8, ""]) == 0
    assert await dump(store) == linked
    assert await store.scripts.run("unlink_telegram", user.partition, [user.id, 7, "1"]) == 1
    assert await store.scripts.run("unlink_telegram", user.partition, [user.id, 7, "1"]) == 0
