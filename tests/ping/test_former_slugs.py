"""Jobs go on pinging under an account's slug of before, and under no slug of an account that is gone."""

import asyncio

from tests.conftest import MASTER_KEY
from tests.everywhere import key_names
from tests.ping.conftest import Door, Owner
from ttr import accounts
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.users import User, create_user, user_by_id


async def renamed(owner: Owner, slug: str) -> User:
    """The owner's account under another slug."""
    return await accounts.rename(owner.store, owner.user, user_slug=slug, public_slug=None, now=now_ms())


async def statuses(door: Door, *paths: str) -> list[int]:
    return [(await door.ask("GET", path)).status for path in paths]


async def test_both_slugs_ping_until_the_former_one_is_ended(door: Door, owner: Owner) -> None:
    check = await owner.check()
    old, new, uuid = f"/p/{owner.slug}/job", "/p/acme/job", f"/p/{owner.slug}/{check.uuid}"
    assert await statuses(door, old, new, uuid) == [200, 404, 200]
    user = await renamed(owner, "acme")
    # The process has learnt the old address before, and the new one is new to it.
    assert await statuses(door, old, new, uuid, f"/p/acme/{check.uuid}", f"/ping/{check.uuid}") == [200] * 5
    assert (await owner.see(check)).ping_count == 7
    await accounts.end_former_slug(owner.store, user, owner.slug, now=now_ms())
    assert await statuses(door, old, new, uuid, f"/ping/{check.uuid}") == [404, 200, 404, 200]


async def test_a_former_slug_ends_with_its_time_though_the_process_knows_it(door: Door, owner: Owner) -> None:
    await owner.check()
    await renamed(owner, "acme")
    assert await statuses(door, f"/p/{owner.slug}/job") == [200]
    former = keys.former_slugs(owner.user.partition, owner.user.id)
    await owner.store.redis.zadd(former, {owner.slug: now_ms()})
    assert await statuses(door, f"/p/{owner.slug}/job", "/p/acme/job") == [404, 200]


async def test_a_slug_that_went_to_another_account_pings_that_one_alone(door: Door, owner: Owner) -> None:
    mine = await owner.check()
    other = Owner(owner.store, (await create_user(owner.store, now=now_ms(), master=MASTER_KEY))[0])
    theirs = await other.check()
    assert await statuses(door, f"/p/{owner.slug}/job") == [200]
    user = await renamed(owner, "acme")
    await accounts.end_former_slug(owner.store, user, owner.slug, now=now_ms())
    await renamed(other, owner.slug)
    assert await statuses(door, f"/p/{owner.slug}/job", f"/p/{owner.slug}/{mine.uuid}") == [200, 404]
    assert (await owner.see(mine)).ping_count == 1
    assert (await other.see(theirs)).ping_count == 1


async def test_a_ping_may_make_its_check_under_a_former_slug(door: Door, owner: Owner) -> None:
    await renamed(owner, "acme")
    assert await statuses(door, f"/p/{owner.slug}/fresh?create=1", "/p/acme/other?create=1") == [201, 201]
    await accounts.end_former_slug(owner.store, owner.user, owner.slug, now=now_ms())
    assert await statuses(door, f"/p/{owner.slug}/more?create=1") == [404]


async def test_no_ping_is_lost_while_the_slug_changes(door: Door, owner: Owner) -> None:
    check = await owner.check()
    slugs = [owner.slug]
    done = asyncio.Event()

    async def job() -> list[int]:
        answers = []
        while not done.is_set():
            answers.append((await door.ask("GET", f"/p/{owner.slug}/job")).status)
        return answers

    jobs = [asyncio.create_task(job()) for _ in range(4)]
    for number in range(5):
        slugs.append(f"slug-{number}")
        await renamed(owner, slugs[-1])
    done.set()
    answers = [status for statuses in await asyncio.gather(*jobs) for status in statuses]
    assert answers
    assert set(answers) == {200}
    assert (await owner.see(check)).ping_count == len(answers)


async def test_nothing_pings_a_deleted_account(door: Door, owner: Owner) -> None:
    check = await owner.check()
    user = await renamed(owner, "acme")
    paths = [f"/p/{owner.slug}/job", "/p/acme/job", f"/ping/{check.uuid}", "/p/acme/new?create=1"]
    assert await statuses(door, *paths) == [200, 200, 200, 201]
    await accounts.delete_account(owner.store, user, now=now_ms())
    assert await user_by_id(owner.store, user.id) is None
    assert await statuses(door, *paths) == [404] * 4
    assert not await key_names(owner.store, f"*user:{user.id}*")
    assert not await key_names(owner.store, "*check:*")
