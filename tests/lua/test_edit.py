"""update_check.lua, pause_check.lua, resume_check.lua: refusals, slugs that move, tags that live and die, races."""

import asyncio
import json
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.everywhere import key_names
from tests.lua.parts import (
    MINUTE,
    NOON,
    armed,
    dump,
    fields,
    make_check,
    make_user,
    ping,
    update_args,
)
from ttr.domain.check import Check, CheckSettings
from ttr.domain.schedule import Schedule
from ttr.store import checks, keys
from ttr.store.errors import NotFound, SlugTaken, StoreUnavailable, UnknownChannel
from ttr.store.redis import Store
from ttr.store.users import User


async def edit(store: Store, user: User, check: Check, **changes: object) -> Check:
    """Edit a check at noon."""

    def change(old: CheckSettings) -> CheckSettings:
        return replace(old, **changes)  # type: ignore[arg-type]

    return await checks.update_check(store, user, str(check.id), change, now=NOON)


async def tags_of(store: Store, user: User) -> dict[str, int]:
    """The account's tags."""
    found = await store.redis.hgetall(keys.user_tags(user.partition, user.id))
    return {name.decode(): int(number) for name, number in found.items()}


@pytest.mark.parametrize(
    ("revision", "last_ping", "changes", "answer"),
    [
        ("2", "", {}, [b"stale"]),
        ("1", str(NOON), {}, [b"stale"]),
        ("1", "", {"slug": "taken"}, [b"slug_taken", b"1"]),
        ("1", "", {"channels": (99,)}, [b"no_channel", b"99"]),
    ],
)
async def test_a_refused_edit_writes_nothing(
    store: Store, user: User, revision: str, last_ping: str, changes: dict[str, object], answer: list[bytes]
) -> None:
    await make_check(store, user, slug="taken")
    check = await make_check(store, user, slug="mine", tags=("db",))
    before = await dump(store)
    args = update_args(check, revision, last_ping, name="new", tags=("other",), **changes)
    assert await store.scripts.run("update_check", user.partition, args) == answer
    assert await dump(store) == before


@pytest.mark.parametrize("script", ["update_check", "pause_check", "resume_check"])
async def test_nobody_changes_another_accounts_check(store: Store, user: User, script: str) -> None:
    check = await make_check(store, user, slug="mine")
    while (other := await make_user(store)).partition != user.partition:
        pass
    before = await dump(store)
    arguments: dict[str, list[str | int]] = {
        "update_check": [other.id, *update_args(check, "1", "")[1:]],
        "pause_check": [other.id, check.id, NOON],
        "resume_check": [other.id, check.id, NOON, "1", NOON],
    }
    assert await store.scripts.run(script, user.partition, arguments[script]) in ([b"unknown"], -1)
    assert await dump(store) == before


async def test_an_edit_with_the_same_settings_moves_only_the_revision(store: Store, user: User) -> None:
    check = await make_check(store, user, slug="mine", tags=("db",))
    edited = await edit(store, user, check)
    assert edited == replace(check, revision="2")


async def test_a_slug_moves_and_the_old_one_is_free(store: Store, user: User) -> None:
    check = await make_check(store, user, slug="old")
    await edit(store, user, check, slug="new")
    assert (await checks.get_check(store, user, "new")).id == check.id
    with pytest.raises(NotFound):
        await checks.get_check(store, user, "old")
    other = await make_check(store, user, slug="old")
    with pytest.raises(SlugTaken) as refusal:
        await edit(store, user, other, slug="new")
    assert refusal.value.check_id == check.id
    await edit(store, user, check, slug=None)
    assert await store.redis.hgetall(keys.user_slugs(user.partition, user.id)) == {
        b"old": str(other.id).encode()
    }


async def test_a_tag_lives_as_long_as_a_check_carries_it(store: Store, user: User) -> None:
    one = await make_check(store, user, tags=("db", "night"))
    two = await make_check(store, user, tags=("night",))
    first = await tags_of(store, user)
    assert set(first) == {"db", "night"}
    assert [tag.id for tag in two.tags] == [first["night"]]
    await edit(store, user, one, tags=("night", "new"))
    tags = await tags_of(store, user)
    assert set(tags) == {"night", "new"}
    assert tags["night"] == first["night"]
    await edit(store, user, one, tags=())
    await checks.delete_check(store, user, str(two.id))
    assert await tags_of(store, user) == {}
    assert await key_names(store, "*:tag:*") == []
    again = await make_check(store, user, tags=("db",))
    assert again.tags[0].id not in first.values()


async def test_channels_stay_unless_they_are_given(store: Store, user: User) -> None:
    await store.redis.sadd(keys.user_channels(user.partition, user.id), "5", "6")
    check = await make_check(store, user, channels=(5,))
    assert (await edit(store, user, check, channels=None, name="new")).channels == (5,)
    assert (await edit(store, user, check, channels=(6, 5))).channels == (6, 5)
    assert (await edit(store, user, check, channels=())).channels == ()
    with pytest.raises(UnknownChannel, match="7"):
        await edit(store, user, check, channels=(7,))


async def test_a_shorter_schedule_never_makes_a_check_overdue(store: Store, user: User) -> None:
    check = await make_check(
        store, user, now=NOON - 30 * MINUTE, schedule=Schedule("interval", 3_600, None, "UTC")
    )
    edited = await edit(store, user, check, schedule=Schedule("interval", 300, None, "UTC"))
    assert edited.due == NOON + 5 * MINUTE
    assert await armed(store, check) == edited.deadline == NOON + 6 * MINUTE


async def test_edits_and_pings_at_once_lose_nothing(store: Store, user: User) -> None:
    check = await make_check(store, user, slug="one")

    async def keep_pinging(number: int) -> None:
        revision = "1"
        while True:
            answer = await ping(
                store, user, check.id, request=f"r{number}", now=NOON + number, revision=revision
            )
            if answer[0] == b"ok":
                return
            revision = answer[2].decode()

    async def keep_editing(number: int) -> None:
        for turn in range(5):
            # Ten turns may all be lost to this many pings; then the client is told to try again, and does.
            for _ in range(20):
                with suppress(StoreUnavailable):
                    await edit(store, user, check, description=f"{number} {turn}")
                    break

    await asyncio.gather(*(keep_pinging(n) for n in range(40)), keep_editing(1), keep_editing(2))
    found = await checks.get_check(store, user, "one")
    assert found.ping_count == 40
    assert found.revision == "11"
    assert found.deadline is not None
    assert found.last_ping is not None
    assert found.deadline == found.last_ping + 2 * MINUTE
    assert await armed(store, check) == found.deadline


async def test_pause_and_resume_answer_whether_they_changed_anything(store: Store, user: User) -> None:
    check = await make_check(store, user)

    async def run(script: str, *more: object) -> int:
        return int(
            await store.scripts.run(script, user.partition, [user.id, check.id, NOON, *map(str, more)])
        )

    assert await run("resume_check", "1", NOON + MINUTE) == 0
    assert await run("pause_check") == 1
    assert await armed(store, check) is None
    before = await dump(store)
    assert await run("pause_check") == 0
    assert await run("resume_check", "9", NOON + MINUTE) == -2
    assert await dump(store) == before
    assert await run("resume_check", "1", NOON + MINUTE) == 1
    assert await armed(store, check) == NOON + 2 * MINUTE
    assert await run("resume_check", "1", NOON + MINUTE) == 0


@pytest.mark.parametrize("script", ["pause_check", "resume_check"])
async def test_a_check_that_is_gone_is_neither_paused_nor_resumed(
    store: Store, user: User, script: str
) -> None:
    before = await dump(store)
    assert await store.scripts.run(script, user.partition, [user.id, 99, NOON, "1", NOON]) == -1
    assert await dump(store) == before


async def test_tags_are_kept_as_numbers_with_names(store: Store, user: User) -> None:
    check = await make_check(store, user, tags=('quo"te', "sla/sh", "ünï"))
    assert json.loads((await fields(store, check))["tags"]) == [[1, 'quo"te'], [2, "sla/sh"], [3, "ünï"]]


async def test_an_edit_after_a_resume_counts_from_the_resume(store: Store) -> None:
    user = await make_user(store)
    daily = Schedule("interval", 86_400, None, "UTC")
    check = await make_check(store, user, schedule=daily, grace_seconds=3_600)
    await ping(store, user, check.id, now=NOON)
    await checks.pause_check(store, user, str(check.id), now=NOON + MINUTE)
    resumed = NOON + 23 * 60 * MINUTE
    await checks.resume_check(store, user, str(check.id), now=resumed)
    edited = await checks.update_check(
        store, user, str(check.id), lambda before: replace(before, grace_seconds=3_660), now=resumed + MINUTE
    )
    assert edited.deadline == resumed + (86_400 + 3_660) * 1_000
