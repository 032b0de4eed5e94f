"""An account's slugs: one owner each in the whole installation, and pings go on for a while under the one before."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

import pytest

from tests.lua.parts import NOON, make_check, make_user, ping
from ttr import accounts
from ttr.store import account_slugs, keys
from ttr.store.account_slugs import FORMER_DAYS, FORMER_MAX, FormerSlug
from ttr.store.errors import AccountSlugTaken, Busy, KeyEnded, NotFound, QuotaReached, StoreUnavailable
from ttr.store.redis import Store
from ttr.store.removal import close
from ttr.store.users import User, user_by_id

DAY = 86_400_000
MONTH = FORMER_DAYS * DAY


async def rename(
    store: Store, user: User, slug: str | None, public: str | None = None, now: int = NOON
) -> User:
    """The account under another slug."""
    return await accounts.rename(store, user, user_slug=slug, public_slug=public, now=now)


async def owner(store: Store, slug: str) -> int | None:
    """Whose user slug this is."""
    found = await store.redis.get(keys.user_slug(slug))
    return None if found is None else int(found)


async def lives(store: Store, slug: str) -> bool:
    """Whether a user slug is claimed for good."""
    return bool(await store.redis.ttl(keys.user_slug(slug)) == -1)


async def reaches(store: Store, user: User, check_id: int, slug: str, now: int = NOON) -> bool:
    """Whether a ping under `slug` is taken by the account."""
    answer = await ping(store, user, check_id, user_slug=slug, now=now, request=f"{slug}{now}")
    return bool(answer[0] == b"ok")


async def test_a_new_slug_is_the_accounts_and_the_one_before_works_for_another_month(store: Store) -> None:
    user = await make_user(store)
    check, now = await make_check(store, user), await redis_time(store)
    renamed = await rename(store, user, "acme", "acme-inc", now)
    assert (renamed.user_slug, renamed.public_slug) == ("acme", "acme-inc")
    assert await store.redis.get(keys.public_slug("acme-inc")) == str(user.id).encode()
    # Nothing of ours points at the public slug before; it is anybody's.
    assert await store.redis.get(keys.public_slug(user.public_slug)) is None
    assert await account_slugs.former_slugs(store, renamed, now) == [FormerSlug(user.user_slug, now + MONTH)]
    assert await owner(store, user.user_slug) == user.id
    assert await lives(store, "acme")
    assert await reaches(store, user, check.id, "acme", now)
    assert await reaches(store, user, check.id, user.user_slug, now + MONTH - 1)
    assert not await reaches(store, user, check.id, user.user_slug, now + MONTH)
    assert not await reaches(store, user, check.id, "acme-inc", now)
    assert await account_slugs.former_slugs(store, renamed, now + MONTH) == []
    # The claim goes by the clock of Redis, a minute after the slug.
    expires = await store.redis.pexpiretime(keys.user_slug(user.user_slug))
    assert expires == now + MONTH + 60_000


async def test_a_slug_that_another_account_has_or_had_can_not_be_got(store: Store) -> None:
    one, two = await make_user(store), await make_user(store)
    now = await redis_time(store)
    await rename(store, one, "acme", now=now)
    for slug in ("acme", one.user_slug):
        assert not await account_slugs.is_free(store, two, "user_slug", slug)
        assert await account_slugs.is_free(store, one, "user_slug", slug)
        with pytest.raises(AccountSlugTaken) as caught:
            await rename(store, two, slug)
        assert caught.value.field == "user_slug"
    # The families are apart.
    assert await account_slugs.is_free(store, two, "public_slug", "acme")
    assert (await rename(store, two, None, "acme")).public_slug == "acme"
    with pytest.raises(AccountSlugTaken):
        await rename(store, one, None, "acme")


async def redis_time(store: Store) -> int:
    """Milliseconds by the clock that lets claims expire."""
    (primary, *_) = await store.redis.primaries()
    seconds, micros = await primary.time()
    return int(seconds) * 1000 + int(micros) // 1000


async def test_both_slugs_change_or_none(store: Store) -> None:
    one, two = await make_user(store), await make_user(store)
    before = await user_by_id(store, two.id)
    with pytest.raises(AccountSlugTaken) as caught:
        await rename(store, two, "acme", one.public_slug)
    assert caught.value.field == "public_slug"
    assert await user_by_id(store, two.id) == before
    assert await owner(store, "acme") is None
    assert await owner(store, two.user_slug) == two.id
    assert await lives(store, two.user_slug)
    assert await account_slugs.former_slugs(store, two, NOON) == []
    assert (await rename(store, one, "acme")).user_slug == "acme"


async def test_a_former_slug_can_be_taken_back_and_lives_for_good_again(store: Store) -> None:
    user = await make_user(store)
    now = await redis_time(store)
    renamed = await rename(store, user, "acme", now=now)
    back = await rename(store, renamed, user.user_slug, now=now + DAY)
    assert back.user_slug == user.user_slug
    assert await lives(store, user.user_slug)
    assert await account_slugs.former_slugs(store, back, now) == [FormerSlug("acme", now + DAY + MONTH)]
    assert not await lives(store, "acme")


async def test_the_slug_that_one_has_already_is_no_change(store: Store) -> None:
    user = await make_user(store)
    same = await rename(store, user, user.user_slug, user.public_slug)
    assert (same.user_slug, same.public_slug) == (user.user_slug, user.public_slug)
    assert await account_slugs.former_slugs(store, same, NOON) == []
    assert await lives(store, user.user_slug)


async def test_an_account_has_five_former_slugs_and_may_end_one(store: Store) -> None:
    user = first = await make_user(store)
    now = await redis_time(store)
    for number in range(FORMER_MAX):
        user = await rename(store, user, f"slug-{number}", now=now + number)
    with pytest.raises(QuotaReached):
        await rename(store, user, "one-too-many", now=now + 10)
    assert await owner(store, "one-too-many") is None
    assert (await user_by_id(store, user.id)) == await renewed(store, user)
    # One of the five taken back makes no sixth.
    user = await rename(store, user, "slug-0", now=now + 11)
    assert user.user_slug == "slug-0"
    await accounts.end_former_slug(store, user, first.user_slug, now=now + 12)
    assert await owner(store, first.user_slug) is None
    assert (await rename(store, user, "now-it-fits", now=now + 13)).user_slug == "now-it-fits"
    # Whose time is over counts no longer.
    assert (await rename(store, user, "much-later", now=now + 2 * MONTH)).user_slug == "much-later"
    assert [former.slug for former in await account_slugs.former_slugs(store, user, now + 2 * MONTH)] == [
        "now-it-fits"
    ]


async def renewed(store: Store, user: User) -> User:
    found = await user_by_id(store, user.id)
    assert found is not None
    return found


async def test_an_ended_slug_pings_nobody_and_is_anybodys(store: Store) -> None:
    one, two = await make_user(store), await make_user(store)
    check = await make_check(store, one)
    await rename(store, one, "acme", now=await redis_time(store))
    for stranger in (two, one):
        with pytest.raises(NotFound, match="former slug"):
            await accounts.end_former_slug(store, stranger, "acme", now=NOON)
    with pytest.raises(NotFound, match="former slug"):
        await accounts.end_former_slug(store, two, one.user_slug, now=NOON)
    await accounts.end_former_slug(store, one, one.user_slug, now=NOON)
    assert not await reaches(store, one, check.id, one.user_slug)
    assert (await rename(store, two, one.user_slug)).user_slug == one.user_slug
    assert await lives(store, one.user_slug)


async def test_of_many_who_want_a_slug_at_once_one_gets_it(store: Store) -> None:
    users = [await make_user(store) for _ in range(10)]
    results = await asyncio.gather(*(rename(store, user, "acme") for user in users), return_exceptions=True)
    (winner,) = [result for result in results if isinstance(result, User)]
    assert sum(isinstance(result, AccountSlugTaken) for result in results) == 9
    assert await owner(store, "acme") == winner.id
    for user in users:
        now = await renewed(store, user)
        assert now.user_slug == ("acme" if user.id == winner.id else user.user_slug)
        assert await lives(store, now.user_slug)


async def test_of_many_changes_of_one_account_at_once_those_that_are_refused_leave_nothing(
    store: Store,
) -> None:
    user = await make_user(store)
    now = await redis_time(store)
    wanted = [f"slug-{number}" for number in range(10)] + [user.user_slug] * 3
    results = await asyncio.gather(
        *(rename(store, user, slug, now=now) for slug in wanted), return_exceptions=True
    )
    assert {type(result) for result in results} <= {User, Busy, QuotaReached}
    assert any(isinstance(result, User) for result in results)
    await consistent(store, user, {*wanted}, now)


async def consistent(store: Store, user: User, candidates: set[str], now: int) -> None:
    """Assert that of `candidates` the account has claimed its slug for good, former ones for a while, no other."""
    current = (await renewed(store, user)).user_slug
    former = {one.slug for one in await account_slugs.former_slugs(store, user, now)}
    assert await owner(store, current) == user.id
    assert await lives(store, current)
    for slug in candidates - {current}:
        if slug in former:
            assert await owner(store, slug) == user.id
            assert not await lives(store, slug)
        else:
            assert await owner(store, slug) is None, slug


async def test_a_change_that_a_hang_up_would_cut_off_is_made_to_the_end(store: Store) -> None:
    user = await make_user(store)
    now = await redis_time(store)
    candidates = {user.user_slug}
    for number in range(60):
        candidates.add(f"slug-{number}")
        change = asyncio.create_task(rename(store, user, f"slug-{number}", now=now))
        for _ in range(number % 20):
            await asyncio.sleep(0)
        change.cancel()
        await asyncio.gather(change, return_exceptions=True)
        await settled(store, user)
        for former in await account_slugs.former_slugs(store, user, now):
            await accounts.end_former_slug(store, user, former.slug, now=now)
    await consistent(store, user, candidates, now)


async def settled(store: Store, user: User) -> None:
    """Wait until no change of the account's slugs is under way."""
    key = keys.user(user.partition, user.id)
    async with asyncio.timeout(10):
        while accounts.going() or await store.redis.hexists(key, "renaming"):
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("step", range(11))
async def test_what_a_crash_leaves_behind_is_cleared_away_by_the_next_change(
    store: Store, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    user = await make_user(store)
    now = await redis_time(store)
    user = await rename(store, user, "first", now=now)
    first_public = user.public_slug
    left = [step]

    def dying(work: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def call(*args: object, **named: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise StoreUnavailable("away")
            return await work(*args, **named)

        return call

    with monkeypatch.context() as patch:
        for name in ("_claim", "_change_claim", "_end"):
            patch.setattr(account_slugs, name, dying(getattr(account_slugs, name)))
        patch.setattr(store.scripts, "run", dying(store.scripts.run))
        try:
            await rename(store, user, "second", "second-public", now=now)
            died = False
        except StoreUnavailable:
            died = True
    assert died == (step < 9), "the number of steps has changed: count them anew"
    later = now + 31_000
    with pytest.raises(Busy) if died and step else nullcontext():
        await rename(store, user, "third", now=now)
    await rename(store, user, "third", "third-public", now=later)
    await rename(store, user, "fourth", "fourth-public", now=later + 31_000)
    await consistent(store, user, {"first", "second", "third", "fourth"}, later + 31_000)
    for public in (first_public, "second-public", "third-public"):
        assert await store.redis.get(keys.public_slug(public)) is None


async def test_the_slugs_of_a_closed_account_can_not_be_changed(store: Store) -> None:
    user = await make_user(store)
    await close(store, user.id, now=NOON)
    with pytest.raises(KeyEnded):
        await rename(store, user, "acme")
    assert await owner(store, "acme") is None
