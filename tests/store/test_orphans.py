"""Claims that lead nowhere are found among all others, and go only if they still do a minute later."""

from collections import Counter
from unittest import mock

import pytest

from tests.conftest import MASTER_KEY
from tests.lua.parts import MINUTE, NOON, make_check, make_user
from tests.store.test_deletion import contents, live, renewed
from ttr import accounts
from ttr.domain.telegram_login import TelegramAccount
from ttr.store import account_slugs, keys, orphans, removal
from ttr.store.orphans import find_orphans, remove_orphans
from ttr.store.redis import Store
from ttr.store.users import User, create_user, digest
from ttr.up.orphan_findings import judge_orphans

UUID = "0b7c9d5e-1f2a-4b3c-8d4e-5f60718293a4"
GONE = 999


async def leave(store: Store, user: User) -> set[str]:
    """A claim of every kind that leads to an account that is not there, and to one that says nothing of it."""
    left = {}
    for number, name in ((GONE, "gone"), (user.id, "here")):
        left[keys.user_slug(f"left-{name}")] = str(number)
        left[keys.public_slug(f"left-{name}")] = str(number)
        left[keys.telegram(6_000_000_000 + number)] = str(number)
        left[keys.check_uuid(UUID[:-3] + f"{number:03}")] = f"{number}:{GONE}"
    for key, value in left.items():
        await store.redis.set(key, value)
    for number, name in ((GONE, "gone"), (user.id, "here")):
        key = keys.access_key(digest(f"left {name}"))
        await store.redis.hset(key, "user_id", number)
        left[key] = str(number)
    return set(left)


@pytest.fixture
async def user(store: Store) -> User:
    """An account with everything: former slugs, keys that ended, checks."""
    user = await make_user(store)
    await live(store, user)
    user = await accounts.rename(
        store, await renewed(store, user), user_slug="second", public_slug="two", now=NOON
    )
    other, _ = await create_user(store, now=NOON, master=MASTER_KEY)
    await accounts.delete_account(store, other, now=NOON)
    return user


async def test_what_leads_somewhere_is_no_orphan(store: Store, user: User) -> None:
    found = await find_orphans(store)
    assert found.found == []
    assert found.complete
    assert found.claims["check-uuid"] == 4
    assert judge_orphans(found).level == "ok"


async def test_each_kind_is_found_and_goes_and_nothing_else_does(store: Store, user: User) -> None:
    before = await contents(store)
    left = await leave(store, user)
    found = await find_orphans(store)
    assert Counter(claim.kind for claim in found.found) == dict.fromkeys(orphans.KINDS, 2)
    told = judge_orphans(found)
    assert told.level == "warning"
    assert "10 lead nowhere: " in told.text
    with mock.patch.object(orphans, "MADE_WITHIN_SECONDS", 0):
        assert await remove_orphans(store, found.found, NOON + MINUTE) == 10
    after = await contents(store)
    assert not left & set(after)
    # A change of slugs began and ended for the account, which counts its version and marks it.
    own = {keys.user(user.partition, user.id), keys.dirty(user.partition)}
    assert {name: value for name, value in after.items() if name not in own} == {
        name: value for name, value in before.items() if name not in own
    }
    assert (await renewed(store, user)).user_slug == "second"


async def test_a_claim_that_was_only_on_its_way_stays(store: Store, user: User) -> None:
    await store.redis.set(keys.telegram(7_000_000_001), user.id)
    number = int(await store.redis.incr(keys.sequence("check")))
    await store.redis.set(keys.check_uuid(UUID), f"{user.id}:{number}")
    found = (await find_orphans(store)).found
    assert {claim.kind for claim in found} == {"telegram", "check-uuid"}
    # What made the claims goes on: the check comes, and the Telegram account is another's by now.
    check = await make_check(store, user)
    await store.redis.hset(keys.check(user.partition, check.id), "uuid", UUID)
    await store.redis.set(keys.check_uuid(UUID), f"{user.id}:{check.id}")
    other = await make_user(store)
    await store.redis.delete(keys.telegram(7_000_000_001))
    await accounts.link_telegram(store, other, TelegramAccount(7_000_000_001, "Eve", ""), now=NOON)
    with mock.patch.object(orphans, "MADE_WITHIN_SECONDS", 0):
        assert await remove_orphans(store, found, NOON + MINUTE) == 0
    assert await store.redis.get(keys.telegram(7_000_000_001)) == str(other.id).encode()
    assert await store.redis.exists(keys.check_uuid(UUID))


async def test_a_change_of_slugs_under_way_and_a_deletion_under_way_are_no_orphans(
    store: Store, user: User
) -> None:
    await account_slugs._begin(store, user.id, {"user_slug": "third", "public_slug": "three"}, "", NOON)
    await store.redis.set(keys.user_slug("third"), user.id)
    await store.redis.set(keys.public_slug("three"), user.id)
    leaving = await make_user(store)
    await make_check(store, leaving)
    assert await removal.close(store, leaving.id, now=NOON)
    assert (await find_orphans(store)).found == []


async def test_a_look_has_an_end_and_says_so(store: Store, user: User) -> None:
    for number in range(3_000):
        await store.redis.set(f"ttr:allowance:x:{number}", 1)
    found = await find_orphans(store, most=1_000)
    assert not found.complete
    assert 1_000 <= found.looked < 3_000
    assert "the first of more than are looked at" in judge_orphans(found).text
