"""Claims of UUIDs: dropped and taken over only by whoever has them at that moment."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest

from tests.lua.parts import NOON, make_user, settings
from ttr.domain.check import Check
from ttr.store import checks, keys, removal
from ttr.store.chores import begin, fenced, retake
from ttr.store.errors import ChoreLost, NotFound, SlugTaken
from ttr.store.redis import Store
from ttr.store.scripts import Scripts
from ttr.store.users import User
from ttr.store.uuid_claims import claim_uuid, release_uuids


class Held(Scripts):
    """Scripts of which one waits until it is let go."""

    def __init__(self, redis: Any, name: str, *, before: bool = True) -> None:
        super().__init__(redis)
        self._name = name
        self._before = before
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    async def run(self, name: str, partition: int, args: Sequence[Any]) -> Any:
        if name != self._name:
            return await super().run(name, partition, args)
        answer = None if self._before else await super().run(name, partition, args)
        self.reached.set()
        await self.go.wait()
        return await super().run(name, partition, args) if self._before else answer


async def make(store: Store, user: User, uuid: str | None = None, **changes: Any) -> Check:
    return await checks.create_check(store, user, settings(**changes), now=NOON, most=100, uuid=uuid)


async def owner(store: Store, uuid: str) -> str | None:
    found = await store.redis.get(keys.check_uuid(uuid))
    return found.decode() if found else None


@pytest.mark.parametrize("before", [True, False])
async def test_a_slow_deletion_leaves_a_uuid_that_another_account_has_by_now(
    store: Store, before: bool
) -> None:
    one, two = await make_user(store), await make_user(store)
    check = await make(store, one)
    held = Held(store.redis, "delete_check", before=before)
    slow = asyncio.create_task(checks.delete_check(Store(store.redis, held), one, str(check.id)))
    await asyncio.wait_for(held.reached.wait(), 10)
    # Another deletion of the same check is faster, or the claim of one that is gone is given back.
    if before:
        await checks.delete_check(store, one, str(check.id))
    else:
        await release_uuids(store, one.id, {check.uuid: check.id})
    theirs = await make(store, two, check.uuid)
    assert theirs.uuid == check.uuid
    held.go.set()
    await slow
    assert await owner(store, check.uuid) == f"{two.id}:{theirs.id}"
    assert (await checks.get_check(store, two, check.uuid)).id == theirs.id


async def test_an_account_that_goes_leaves_a_uuid_that_another_has_by_now(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await make_user(store), await make_user(store)
    check = await make(store, one)
    theirs: list[Check] = []

    def first(real: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def late(*arguments: Any) -> None:
            if not theirs:
                await release_uuids(store, one.id, {check.uuid: check.id})
                theirs.append(await make(store, two, check.uuid))
            await real(*arguments)

        return late

    monkeypatch.setattr(removal, "release_uuids", first(release_uuids))
    await removal.remove_checks(store, one.id)
    assert await owner(store, check.uuid) == f"{two.id}:{theirs[0].id}"


@pytest.mark.parametrize("fault", ["refused", "lost"])
async def test_a_creation_that_fails_leaves_a_uuid_that_another_account_has_by_now(
    store: Store, fault: str
) -> None:
    one, two = await make_user(store), await make_user(store)
    await make(store, one, slug="taken")
    uuid = str(uuid4())
    chore = await begin(store, one.id, "change", now=NOON)
    held = Held(store.redis, "create_check")
    if fault == "lost":
        step = fenced(store, chore)
        really = step.scripts.run

        async def late(name: str, partition: int, args: Sequence[Any]) -> Any:
            held.reached.set()
            await held.go.wait()
            return await really(name, partition, args)

        step.scripts.run = late  # type: ignore[method-assign]
    else:
        step = Store(store.redis, held)
    slow = asyncio.create_task(make(step, one, uuid, slug="taken"))
    await asyncio.wait_for(held.reached.wait(), 10)
    await retake(store, chore, now=NOON)
    # What the clock does when it takes such a creation back.
    claim = await owner(store, uuid)
    assert claim is not None
    await release_uuids(store, one.id, {uuid: int(claim.partition(":")[2])})
    theirs = await make(store, two, uuid)
    held.go.set()
    with pytest.raises(ChoreLost if fault == "lost" else SlugTaken):
        await slow
    assert await owner(store, uuid) == f"{two.id}:{theirs.id}"


async def test_what_a_crash_left_behind_is_taken_over_unless_it_has_just_gone_to_another(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await make_user(store), await make_user(store)
    uuid = str(uuid4())
    assert await claim_uuid(store, one, 901, uuid) == uuid
    assert await claim_uuid(store, one, 902, uuid) == uuid
    assert await owner(store, uuid) == f"{one.id}:902"
    # Asked again, for the answer was lost.
    assert await claim_uuid(store, one, 902, uuid) == uuid
    assert await claim_uuid(store, two, 903, uuid) != uuid
    really = store.redis.exists

    async def gone_first(*names: str) -> int:
        await release_uuids(store, one.id, {uuid: 902})
        assert await claim_uuid(store, two, 904, uuid) == uuid
        return int(await really(*names))

    monkeypatch.setattr(store.redis, "exists", gone_first)
    assert await claim_uuid(store, one, 905, uuid) != uuid
    assert await owner(store, uuid) == f"{two.id}:904"


async def test_claims_are_given_back_also_after_redis_forgot_its_scripts(store: Store) -> None:
    user = await make_user(store)
    made = [await make(store, user) for _ in range(3)]
    await store.redis.function_flush()
    await release_uuids(store, user.id, {check.uuid: check.id for check in made})
    assert [await owner(store, check.uuid) for check in made] == [None] * 3
    for check in made:
        await checks.delete_check(store, user, str(check.id))
        with pytest.raises(NotFound):
            await checks.delete_check(store, user, str(check.id))
