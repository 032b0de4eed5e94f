"""Admins and their logins as they are kept."""

import asyncio

from tests.everywhere import key_names
from tests.lua.parts import MINUTE, NOON
from ttr.store import keys
from ttr.store.admin_families import (
    FAMILIES_MAX,
    GRACE_MS,
    end_families,
    end_family,
    family_lives,
    open_family,
    rotate_family,
)
from ttr.store.admins import (
    AdminRecord,
    create_admin,
    is_any_admin,
    list_admins,
    read_admin,
    remove_admin,
    set_password,
    swap_admin,
)
from ttr.store.redis import Store

OPS = AdminRecord("ops", "$argon2id$one", NOON, NOON)
MONTH = 30 * 86_400


async def test_a_name_is_given_once(store: Store) -> None:
    assert not await is_any_admin(store)
    assert await create_admin(store, OPS)
    assert not await create_admin(store, AdminRecord("ops", "$argon2id$two", NOON, NOON))
    assert await list_admins(store) == [OPS]
    assert await is_any_admin(store)


async def test_no_hash_shows_in_a_repr() -> None:
    assert "argon2id" not in repr(OPS)


async def test_another_password_changes_nothing_else_and_the_moment_always_grows(store: Store) -> None:
    await create_admin(store, OPS)
    assert await set_password(store, "ops", "$argon2id$two", NOON - MINUTE)  # the clock was put back
    assert await read_admin(store, "ops") == AdminRecord("ops", "$argon2id$two", NOON, NOON + 1)


async def test_a_password_for_nobody_makes_no_admin(store: Store) -> None:
    assert not await set_password(store, "ops", "$argon2id$two", NOON)
    assert not await remove_admin(store, "ops")
    assert await list_admins(store) == []


async def test_what_was_changed_meanwhile_is_not_overwritten(store: Store) -> None:
    await create_admin(store, OPS)
    await set_password(store, "ops", "$argon2id$two", NOON + 1)
    assert not await swap_admin(store, OPS, AdminRecord("ops", "$argon2id$old", NOON, NOON))
    await remove_admin(store, "ops")
    assert not await swap_admin(store, OPS, OPS)
    assert await list_admins(store) == []


async def test_two_changes_at_once_both_happen(store: Store) -> None:
    await create_admin(store, OPS)
    await create_admin(store, AdminRecord("two", "$argon2id$", NOON, NOON))
    assert (
        await asyncio.gather(
            *(set_password(store, name, f"${n}", NOON + n) for name in ("ops", "two") for n in range(4))
        )
        == [True] * 8
    )


async def test_a_family_lives_with_its_admin_and_the_password_it_was_opened_with(store: Store) -> None:
    await create_admin(store, OPS)
    family, _ = await open_family(store, OPS, now=NOON, seconds=MONTH, address="203.0.113.9")
    assert await family_lives(store, "ops", family)
    assert not await family_lives(store, "two", family)
    assert not await family_lives(store, "ops", "another")

    await set_password(store, "ops", "$argon2id$two", NOON + 1)
    assert not await family_lives(store, "ops", family)

    found = await read_admin(store, "ops")
    assert found is not None
    again, _ = await open_family(store, found, now=NOON, seconds=MONTH, address="")
    assert await family_lives(store, "ops", again)
    await remove_admin(store, "ops")
    assert not await family_lives(store, "ops", again)


async def test_a_login_that_meets_a_change_of_the_password_is_dead_from_the_start(store: Store) -> None:
    await create_admin(store, OPS)
    await set_password(store, "ops", "$argon2id$two", NOON + 1)
    family, _ = await open_family(store, OPS, now=NOON + 2, seconds=MONTH, address="")
    assert not await family_lives(store, "ops", family)


async def test_a_family_ends_alone_or_with_all_of_its_admin(store: Store) -> None:
    await create_admin(store, OPS)
    one, two, three = [
        (await open_family(store, OPS, now=NOON, seconds=MONTH, address=""))[0] for _ in range(3)
    ]
    await end_family(store, "ops", one)
    assert [await family_lives(store, "ops", each) for each in (one, two, three)] == [False, True, True]
    assert await end_families(store, "ops") == 2
    assert [await family_lives(store, "ops", each) for each in (two, three)] == [False, False]
    assert await key_names(store, "ttr:admin-fam*") == []


async def test_of_too_many_logins_the_oldest_ends(store: Store) -> None:
    await create_admin(store, OPS)
    opened = [
        (await open_family(store, OPS, now=NOON, seconds=MONTH, address=""))[0]
        for _ in range(FAMILIES_MAX + 1)
    ]
    assert [await family_lives(store, "ops", each) for each in opened] == [False] + [True] * FAMILIES_MAX


async def test_a_token_is_renewed_by_the_next_and_the_family_lasts_longer(store: Store) -> None:
    family, first = await open_family(store, OPS, now=NOON, seconds=60, address="")
    assert 0 < await store.redis.ttl(keys.admin_family(family)) <= 60
    second = await rotate_family(store, family, first, now=NOON + MINUTE, seconds=MONTH)
    assert second.verdict == "rotated"
    assert second.token_id not in ("", first)
    assert await store.redis.ttl(keys.admin_family(family)) > 60
    third = await rotate_family(store, family, second.token_id, now=NOON + 2 * MINUTE, seconds=MONTH)
    assert third.verdict == "rotated"


async def test_within_the_grace_the_token_before_gets_the_newest_and_after_it_ends_the_family(
    store: Store,
) -> None:
    await create_admin(store, OPS)
    family, first = await open_family(store, OPS, now=NOON, seconds=MONTH, address="")
    second = await rotate_family(store, family, first, now=NOON, seconds=MONTH)
    for at in (NOON, NOON + GRACE_MS, NOON - GRACE_MS):
        again = await rotate_family(store, family, first, now=at, seconds=MONTH)
        assert (again.verdict, again.token_id) == ("again", second.token_id)
    late = await rotate_family(store, family, first, now=NOON + GRACE_MS + 1, seconds=MONTH)
    assert (late.verdict, late.token_id) == ("reused", "")
    assert not await family_lives(store, "ops", family)
    gone = await rotate_family(store, family, second.token_id, now=NOON, seconds=MONTH)
    assert gone.verdict == "gone"


async def test_a_token_from_two_rotations_ago_ends_the_family_at_once(store: Store) -> None:
    family, first = await open_family(store, OPS, now=NOON, seconds=MONTH, address="")
    second = await rotate_family(store, family, first, now=NOON, seconds=MONTH)
    await rotate_family(store, family, second.token_id, now=NOON, seconds=MONTH)
    assert (await rotate_family(store, family, first, now=NOON, seconds=MONTH)).verdict == "reused"


async def test_of_two_at_once_one_renews_and_both_have_the_same(store: Store) -> None:
    family, first = await open_family(store, OPS, now=NOON, seconds=MONTH, address="")
    both = await asyncio.gather(
        *(rotate_family(store, family, first, now=NOON, seconds=MONTH) for _ in range(2))
    )
    assert sorted(one.verdict for one in both) == ["again", "rotated"]
    assert len({one.token_id for one in both}) == 1


async def test_made_up_tokens_find_no_family(store: Store) -> None:
    assert (await rotate_family(store, "none", "none", now=NOON, seconds=MONTH)).verdict == "gone"
    assert await key_names(store, "ttr:admin-fam*") == []
