"""The scripts of status pages: a refusal writes nothing, and every one may run twice."""

import json
from typing import Any

import pytest

from tests.lua.parts import NOON, dump, make_user, names
from ttr.store import keys
from ttr.store.redis import Store
from ttr.store.users import User

LATER = NOON + 1


def create_args(user: User, number: int = 7, *, slug: str = "prod", most: int = 3) -> list[Any]:
    return [user.id, number, f"uuid-{number}", NOON, "r1", slug, most, "name", "Prod", "entries", "[]"]


def update_args(
    user: User, number: int = 7, *, before: str = "r1", after: str = "r2", slug: str = "prod"
) -> list[Any]:
    return [user.id, number, before, after, LATER, slug, "name", "Renamed"]


async def run(store: Store, user: User, name: str, args: list[Any]) -> Any:
    """The script's answer."""
    return await store.scripts.run(name, user.partition, args)


async def page(store: Store, user: User, number: int = 7) -> dict[str, str]:
    """A page's hash as it is stored."""
    found = await store.redis.hgetall(keys.status_page(user.partition, number))
    return {name.decode(): value.decode() for name, value in found.items()}


async def slugs(store: Store, user: User) -> dict[str, int]:
    """The account's slugs of pages."""
    found = await store.redis.hgetall(keys.page_slugs(user.partition, user.id))
    return {slug.decode(): int(number) for slug, number in found.items()}


async def with_neighbour(store: Store) -> tuple[User, User]:
    """Two accounts of one partition: only the account's number keeps them apart."""
    one = await make_user(store)
    while (two := await make_user(store)).partition != one.partition:
        pass
    return one, two


async def test_making_one_twice_is_making_it_once(store: Store, user: User) -> None:
    assert await run(store, user, "create_status_page", create_args(user)) == [b"created"]
    assert await slugs(store, user) == {"prod": 7}
    assert await page(store, user) == {
        "id": "7",
        "uuid": "uuid-7",
        "user_id": str(user.id),
        "slug": "prod",
        "created_at": str(NOON),
        "changed_at": str(NOON),
        "revision": "r1",
        "name": "Prod",
        "entries": "[]",
    }
    before = await dump(store)
    assert await run(store, user, "create_status_page", create_args(user)) == [b"created"]
    assert await dump(store) == before


@pytest.mark.parametrize("refusal", ["unknown", "gone", "quota", "slug_taken"])
async def test_a_refusal_to_make_one_writes_nothing(store: Store, user: User, refusal: str) -> None:
    await run(store, user, "create_status_page", create_args(user))
    args, answer = create_args(user, 8, slug="other"), [b"unknown"]
    match refusal:
        case "unknown":
            args[0] = 999
        case "gone":
            await store.redis.hdel(keys.user(user.partition, user.id), "user_slug")
        case "quota":
            args, answer = create_args(user, 8, slug="other", most=1), [b"quota"]
        case _:
            # Which one has it is told also when there is no room.
            args, answer = create_args(user, 8, most=1), [b"slug_taken", b"7"]
    before = await dump(store)
    assert await run(store, user, "create_status_page", args) == answer
    assert await dump(store) == before


async def test_an_account_has_as_many_as_it_may(store: Store, user: User) -> None:
    for number in range(1, 4):
        args = create_args(user, number, slug=f"p{number}")
        assert await run(store, user, "create_status_page", args) == [b"created"]
    assert await run(store, user, "create_status_page", create_args(user, 4, slug="p4")) == [b"quota"]
    await run(store, user, "delete_status_page", [user.id, 2])
    assert await run(store, user, "create_status_page", create_args(user, 4, slug="p4")) == [b"created"]


async def test_changing_one_twice_is_changing_it_once(store: Store, user: User) -> None:
    await run(store, user, "create_status_page", create_args(user))
    assert await run(store, user, "update_status_page", update_args(user, slug="new")) == [b"updated"]
    assert await slugs(store, user) == {"new": 7}
    changed = await page(store, user)
    assert {name: changed[name] for name in ("slug", "name", "revision", "changed_at", "created_at")} == {
        "slug": "new",
        "name": "Renamed",
        "revision": "r2",
        "changed_at": str(LATER),
        "created_at": str(NOON),
    }
    assert changed["entries"] == "[]"
    before = await dump(store)
    assert await run(store, user, "update_status_page", update_args(user, slug="new")) == [b"updated"]
    assert await dump(store) == before


@pytest.mark.parametrize("refusal", ["unknown", "another's", "stale", "slug_taken"])
async def test_a_refusal_to_change_one_writes_nothing(store: Store, refusal: str) -> None:
    user, neighbour = await with_neighbour(store)
    await run(store, user, "create_status_page", create_args(user))
    await run(store, user, "create_status_page", create_args(user, 8, slug="other"))
    match refusal:
        case "unknown":
            args, answer = update_args(user, 9), [b"unknown"]
        case "another's":
            args, answer = update_args(neighbour), [b"unknown"]
        case "stale":
            args, answer = update_args(user, before="r0"), [b"stale"]
        case _:
            args, answer = update_args(user, slug="other"), [b"slug_taken", b"8"]
    before = await dump(store)
    assert await run(store, user, "update_status_page", args) == answer
    assert await dump(store) == before


async def test_deleting_one_twice_is_deleting_it_once(store: Store) -> None:
    user, neighbour = await with_neighbour(store)
    empty = await names(store)
    await run(store, user, "create_status_page", create_args(user))
    before = await dump(store)
    assert await run(store, neighbour, "delete_status_page", [neighbour.id, 7]) == 0
    assert await dump(store) == before
    assert await run(store, user, "delete_status_page", [user.id, 7]) == 1
    assert await names(store) == empty
    before = await dump(store)
    assert await run(store, user, "delete_status_page", [user.id, 7]) == 0
    assert await dump(store) == before


async def test_deleting_one_leaves_a_slug_that_another_has_got(store: Store, user: User) -> None:
    await run(store, user, "create_status_page", create_args(user))
    await store.redis.hset(keys.page_slugs(user.partition, user.id), "prod", "8")
    await run(store, user, "delete_status_page", [user.id, 7])
    assert await slugs(store, user) == {"prod": 8}


async def test_each_change_counts_the_accounts_version_up(store: Store, user: User) -> None:
    versions = []
    for name, args in (
        ("create_status_page", create_args(user)),
        ("update_status_page", update_args(user)),
        ("delete_status_page", [user.id, 7]),
    ):
        await run(store, user, name, args)
        versions.append(int(await store.redis.hget(keys.user(user.partition, user.id), "version")))
    assert versions == [1, 2, 3]


async def test_as_much_as_a_page_may_hold_is_taken(store: Store, user: User) -> None:
    entries = json.dumps([["check", "9" * 15]] * 500)
    args = [*create_args(user)[:-1], entries]
    assert await run(store, user, "create_status_page", args) == [b"created"]
    assert (await page(store, user))["entries"] == entries
