"""Marks and history: what has changed is read whole, as it is at one moment, and nothing that breaks off loses any."""

import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.everywhere import key_names
from tests.lua.indexes import assert_indexed
from tests.lua.parts import FLAPS, MINUTE, NOON, make_channel, make_check, make_user, ping
from tests.lua.test_slots import a_change_taken_back, a_status_page, an_account, everything
from tests.records import DERIVED, read_names, read_records
from tests.store.archived import Archive
from tests.store.test_deletion import dispatch, live, send
from ttr import accounts
from ttr.domain.check import Check
from ttr.domain.status_page import StatusPageSettings
from ttr.store import (
    account_slugs,
    channels,
    checks,
    chores,
    deadlines,
    deliveries,
    keys,
    marks,
    snapshots,
    status_pages,
)
from ttr.store.redis import Store
from ttr.store.snapshots import Overtaken
from ttr.store.users import User

LATER = NOON + 10 * MINUTE
LINES_KEPT = 65_536
GIVEN_UP = 1_024
LIVES = (an_account, a_status_page, a_change_taken_back, everything)


async def keep_history(store: Store) -> None:
    """Let every partition keep its history from here on, as the first snapshot does."""
    for partition in range(keys.PARTITIONS):
        await store.redis.rpush(keys.history(partition), "0")


async def marked(store: Store, partition: int) -> dict[str, int]:
    """The marks that wait, and how often each was made."""
    found = await store.redis.hgetall(keys.dirty(partition))
    return {record.decode(): int(count) for record, count in found.items()}


async def history(store: Store, partition: int) -> list[bytes]:
    """The lines that wait."""
    return list(await store.redis.lrange(keys.history(partition), 1, -1))


# What a snapshot reads


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
async def test_all_of_a_life_is_read_and_no_mark_is_left(
    store: Store, life: Callable[[Store], Awaitable[None]]
) -> None:
    await keep_history(store)
    await life(store)
    for partition in range(keys.PARTITIONS):
        archive = Archive(partition)
        await archive.snapshot(store, "one")
        assert archive.records() == await read_records(store, partition)
        assert await key_names(store, keys.prefix(partition) + "*:taken") == []
        assert await marked(store, partition) == {}
        assert await history(store, partition) == []


async def test_a_snapshot_reads_what_changed_since_the_last_one_and_no_more(store: Store) -> None:
    user = await make_user(store)
    await live(store, user)
    other = await make_check(store, user)
    archive = Archive(user.partition)
    await archive.snapshot(store, "one")
    await ping(store, user, other.id, now=LATER, request="later")
    await archive.snapshot(store, "two")
    assert archive.read == {f"check:{other.id}", f"user:{user.id}", "partition:"}
    assert archive.records() == await read_records(store, user.partition)
    await archive.snapshot(store, "three")
    assert archive.read == {"partition:"}


async def test_deletions_travel_by_the_marks(store: Store) -> None:
    user = await make_user(store)
    await live(store, user)
    await dispatch(store, user, NOON + 2 * MINUTE)
    await account_slugs.rename(store, user, user_slug="second", public_slug=None, now=NOON)
    archive = Archive(user.partition)
    await archive.snapshot(store, "one")
    assert {name.partition(":")[0] for name in archive.records()} >= set(marks.KINDS) - {"outbox"}
    user = replace(user, user_slug="second")
    await accounts.delete_account(store, user, now=LATER)
    await archive.snapshot(store, "two")
    assert archive.records() == await read_records(store, user.partition) == {}


async def test_each_deletion_of_one_thing_is_marked(store: Store) -> None:
    user = await make_user(store)
    check = await make_check(store, user, slug="one")
    channel = await make_channel(store, user)
    page = await status_pages.create_status_page(
        store, user, StatusPageSettings("Jobs", "jobs"), now=NOON, most=1
    )
    archive = Archive(user.partition)
    await archive.snapshot(store, "one")
    await checks.delete_check(store, user, "one")
    await channels.delete_channel(store, user, channel.id)
    await status_pages.delete_status_page(store, user, page.id)
    gone = {f"check:{check.id}", f"channel:{channel.id}", f"status-page:{page.id}"}
    assert gone < (await marked(store, user.partition)).keys()
    await archive.snapshot(store, "two")
    assert archive.records().keys() == {f"user:{user.id}"}


async def test_a_snapshot_has_the_partitions_own_keys(store: Store) -> None:
    user = await make_user(store)
    for now in (NOON, NOON + MINUTE):
        await deadlines.sweep(store, user.partition, now=now, pings_accepted=now, flap=FLAPS)
    await store.redis.rpush(keys.pending_gaps(user.partition), "1:2")
    chore = await chores.begin(store, user.id, "change", now=NOON)
    begun = await snapshots.begin(store, user.partition, "one")
    taken = await snapshots.take(store, begun, whole_logs=False)
    (own,) = [record for record in taken.records if record.kind == "partition"]
    tick, gap = str(NOON + MINUTE).encode(), f"{NOON}:{NOON + MINUTE}".encode()
    open_chore = [f"{user.id}:change".encode(), str(NOON + chores.LEASE_MS).encode()]
    assert list(own.parts) == [[b"tick", tick], [b"1:2"], [gap], open_chore]
    (account,) = [record for record in taken.records if record.kind == "user"]
    assert account.parts[2] == [chore.token.encode()]


async def test_logs_come_whole_when_they_are_asked_for(store: Store) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    for number in range(3):
        await ping(store, user, check.id, "fail", now=NOON + number, request=str(number), reason="fail")
    begun = await snapshots.begin(store, user.partition, "one")
    taken = await snapshots.take(store, begun, whole_logs=True)
    (read,) = [record for record in taken.records if record.kind == "check"]
    assert read.parts[8:] == [
        await store.redis.lrange(keys.ping_log(user.partition, check.id), 0, -1),
        await store.redis.lrange(keys.flips(user.partition, check.id), 0, -1),
    ]
    assert [len(log) for log in read.parts[8:]] == [3, 1]


async def test_bodies_are_read_as_far_as_they_are_new(store: Store) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    archive = Archive(user.partition)
    for number in range(12):
        await ping(
            store,
            user,
            check.id,
            now=NOON + number,
            request=str(number),
            body=b"%d" % number,
            caps=(5, 100, 100),
        )
        if number in (2, 3, 9):
            await archive.snapshot(store, str(number))
            assert archive.records() == await read_records(store, user.partition)
    begun = await snapshots.begin(store, user.partition, "last")
    taken = await snapshots.take(store, begun, whole_logs=False)
    (bodies,) = [record for record in taken.records if record.kind == "bodies"]
    assert [body[4:] for body in bodies.parts[0]] == [b"11", b"10"]


async def test_large_bodies_come_in_several_calls(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_BODY_BYTES", 10)
    user = await make_user(store)
    for number in range(4):
        check = await make_check(store, user)
        await ping(store, user, check.id, request=str(number), body=b"x" * 10)
    begun = await snapshots.begin(store, user.partition, "one")
    sizes, complete = [], False
    while not complete:
        taken = await snapshots.take(store, begun, whole_logs=False)
        complete = taken.complete
        sizes.append(len([record for record in taken.records if record.kind == "bodies"]))
    assert sum(sizes) == 4
    assert max(sizes) == 1


# History


async def test_every_ping_and_every_change_is_in_the_history_in_its_order(store: Store) -> None:
    await keep_history(store)
    user = await make_user(store)
    made = [await make_check(store, user), await make_check(store, user)]
    lines: list[bytes] = []
    seen = dict.fromkeys([check.id for check in made], 0)

    async def ping_log(check: Check) -> bytes:
        return bytes(await store.redis.lindex(keys.ping_log(user.partition, check.id), 0))

    async def expect(check: Check, *, pinged: bool) -> None:
        newest = int(await store.redis.hget(keys.check(user.partition, check.id), "flip_number") or 0)
        flips = await store.redis.lrange(keys.flips(user.partition, check.id), 0, newest - seen[check.id] - 1)
        for number, entry in enumerate(
            reversed(flips if newest > seen[check.id] else []), seen[check.id] + 1
        ):
            lines.append(b"f%d:%d:%s" % (check.id, number, entry))
        seen[check.id] = newest
        if pinged:
            lines.append(b"p%d:%s" % (check.id, await ping_log(check)))

    now = NOON
    signals = ["start", "success", "fail", "log", "ignored", "fail", "success", "success"]
    for number, kind in enumerate(signals * 2):
        now += 1_000
        check = made[number % 3 % 2]
        args = {
            "now": now,
            "request": str(number),
            "reason": "fail" if kind == "fail" else "",
            "caps": (3, 0, 0),
        }
        await ping(store, user, check.id, kind, **args)
        await ping(store, user, check.id, kind, **args)  # a repeat is no second line
        await expect(check, pinged=True)
    for check in made:
        await checks.pause_check(store, user, str(check.id), now=now + 1)
        await expect(check, pinged=False)
    await checks.undo_pause(store, user, str(made[0].id), now=now + 2)
    await expect(made[0], pinged=False)
    await checks.resume_check(store, user, str(made[1].id), now=now + 2)
    await expect(made[1], pinged=False)
    overdue = now + 10 * MINUTE
    await store.redis.hset(keys.clock(user.partition), "tick", str(overdue))
    await deadlines.sweep(store, user.partition, now=overdue, pings_accepted=overdue, flap=FLAPS)
    for check in sorted(made, key=lambda check: check.id):
        await expect(check, pinged=False)

    assert sum(seen.values()) >= 10
    assert sorted(await history(store, user.partition)) == sorted(lines)
    told_overdue = 2  # in one step, by their deadlines
    assert (await history(store, user.partition))[:-told_overdue] == lines[:-told_overdue]
    archive = Archive(user.partition)
    await archive.snapshot(store, "one")
    assert archive.lines[:-told_overdue] == lines[:-told_overdue]


async def test_nothing_is_added_while_nobody_keeps_a_history(store: Store) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    await ping(store, user, check.id, "fail", reason="fail")
    assert await store.redis.exists(keys.history(user.partition)) == 0
    # The first snapshot begins it.
    await snapshots.begin(store, user.partition, "one")
    await ping(store, user, check.id, request="second")
    assert [line[:1] for line in await history(store, user.partition)] == [b"f", b"p"]


async def fill_history(store: Store, partition: int, lines: int) -> None:
    """So many short lines that wait, each its own number."""
    async with store.redis.pipeline(transaction=False) as pipe:
        pipe.rpush(keys.history(partition), "0")
        for first in range(0, lines, 4_096):
            pipe.rpush(keys.history(partition), *range(first, min(first + 4_096, lines)))
        await pipe.execute()


async def test_a_history_that_nobody_takes_gives_up_its_oldest_lines_and_counts_them(store: Store) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    await ping(store, user, check.id, now=NOON, request="it is up")
    key = keys.history(user.partition)
    await fill_history(store, user.partition, LINES_KEPT - 2)

    await ping(store, user, check.id, now=NOON + 1, request="the last that fits")
    assert await store.redis.llen(key) == LINES_KEPT
    assert await store.redis.lindex(key, 0) == b"0"

    await ping(store, user, check.id, now=NOON + 2, request="one too many")
    assert await store.redis.llen(key) == LINES_KEPT + 1 - GIVEN_UP
    assert await store.redis.lrange(key, 0, 1) == [b"1024", b"1024"]
    newest = await store.redis.lindex(keys.ping_log(user.partition, check.id), 0)
    assert await store.redis.lindex(key, -1) == b"p%d:%s" % (check.id, newest)

    begun = await snapshots.begin(store, user.partition, "one")
    assert begun.given_up == GIVEN_UP
    # What is given up while it is under way is told by the next one.
    missing = LINES_KEPT - await store.redis.llen(key)
    await store.redis.rpush(key, *range(missing))
    await ping(store, user, check.id, now=NOON + 3, request="too many again")
    assert await store.redis.lindex(key, 0) == b"2048"
    await snapshots.end(store, begun)
    assert (await snapshots.begin(store, user.partition, "two")).given_up == GIVEN_UP


# What breaks off


async def test_what_a_broken_off_snapshot_had_taken_comes_back_with_its_counts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "_RECORDS", 4)
    monkeypatch.setattr(snapshots, "_GIVEN_BACK", 3)
    monkeypatch.setattr(snapshots, "_LINES", 2)
    await keep_history(store)
    user = await make_user(store)
    made = [await make_check(store, user) for _ in range(6)]

    async def ping_all(request: str, now: int) -> None:
        for check in made:
            await ping(store, user, check.id, now=now, request=request, body=request.encode())

    await ping_all("first", NOON + 1)
    before, lines = await marked(store, user.partition), await history(store, user.partition)
    assert len(before) == 13
    assert before[f"bodies:{made[0].id}"] == 1

    begun = await snapshots.begin(store, user.partition, "one")
    for _ in range(3):
        taken = await snapshots.take(store, begun, whole_logs=False)
        assert not taken.complete
    assert len(await marked(store, user.partition)) == 1
    await snapshots.begin(store, user.partition, "two")
    assert await marked(store, user.partition) == before
    assert await store.redis.exists(keys.dirty_taken(user.partition)) == 0

    # Between two that break off more is marked: both counts add up.
    begun = await snapshots.begin(store, user.partition, "three")
    for _ in range(4):
        await snapshots.take(store, begun, whole_logs=False)
    await ping_all("second", NOON + 2)
    await snapshots.begin(store, user.partition, "four")
    both = await marked(store, user.partition)
    assert both.keys() == before.keys()
    assert all(both[f"bodies:{check.id}"] == 2 for check in made)

    lines += await store.redis.lrange(keys.history(user.partition), -6, -1)
    archive = Archive(user.partition)
    await archive.snapshot(store, "five")
    assert archive.records() == await read_records(store, user.partition)
    assert archive.lines == lines
    assert len(lines) == 18


async def test_one_that_has_read_all_but_did_not_end_is_read_again(store: Store) -> None:
    await keep_history(store)
    user = await make_user(store)
    await live(store, user)
    lines = await history(store, user.partition)
    begun = await snapshots.begin(store, user.partition, "one")
    assert (await snapshots.take(store, begun, whole_logs=False)).complete
    assert await marked(store, user.partition) == {}
    archive = Archive(user.partition)
    await archive.snapshot(store, "two")
    assert archive.records() == await read_records(store, user.partition)
    assert archive.lines == lines


async def test_of_two_snapshots_the_later_one_goes_on(store: Store) -> None:
    user = await make_user(store)
    await live(store, user)
    first = await snapshots.begin(store, user.partition, "first")
    await snapshots.take(store, first, whole_logs=False)
    archive = Archive(user.partition)
    second = await snapshots.begin(store, user.partition, "second")
    before = await marked(store, user.partition)
    with pytest.raises(Overtaken):
        await snapshots.take(store, first, whole_logs=False)
    with pytest.raises(Overtaken):
        await snapshots.end(store, first)
    assert await marked(store, user.partition) == before != {}
    archive.add(await snapshots.take(store, second, whole_logs=False))
    await snapshots.end(store, second)
    assert archive.records() == await read_records(store, user.partition)
    with pytest.raises(Overtaken):
        await snapshots.take(store, second, whole_logs=False)


async def test_lines_that_broken_off_snapshots_took_are_no_more_than_those_that_wait(store: Store) -> None:
    user = await make_user(store)
    taken_key = keys.history_taken(user.partition)
    await fill_history(store, user.partition, 3)
    await store.redis.rpush(taken_key, *[b"old"] * (LINES_KEPT - 2))
    begun = await snapshots.begin(store, user.partition, "one")
    read = list[bytes]()
    for _ in range(1_000):
        taken = await snapshots.take(store, begun, whole_logs=False)
        read += taken.history
        if taken.complete:
            break
    assert len(read) == await store.redis.llen(taken_key) == LINES_KEPT
    assert read[-2:] == [b"0", b"1"]
    await snapshots.end(store, begun)
    archive = Archive(user.partition)
    await archive.snapshot(store, "two")
    assert archive.lines == [b"2"]


# Changes between the calls


@pytest.mark.parametrize("seed", range(8))
async def test_all_calls_together_tell_the_partition_as_it_is_at_the_last_one(
    store: Store, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    lots = random.Random(seed)
    monkeypatch.setattr(snapshots, "_RECORDS", lots.choice((2, 3, 7)))
    monkeypatch.setattr(snapshots, "_LINES", lots.choice((1, 2, 50)))
    monkeypatch.setattr(snapshots, "_BODY_BYTES", lots.choice((1, 20, 1_000)))
    await keep_history(store)
    user = await make_user(store)
    world = World(store, user, lots)
    for _ in range(20):
        await world.something_happens()
    archive, lines = Archive(user.partition), list[bytes]()
    for token in "abcdef":
        begun = await snapshots.begin(store, user.partition, token)
        read = list[bytes]()
        breaks_off = lots.random() < 0.3
        changes = lots.randrange(60)
        for call in range(2_000):
            taken = await snapshots.take(store, begun, whole_logs=False)
            read += taken.history
            # What one has written that broke off is written again.
            archive.add(taken)
            if taken.complete or (breaks_off and call > 5):
                break
            for _ in range(lots.randrange(3)):
                if changes > 0:
                    changes -= 1
                    await world.something_happens()
        if taken.complete:
            assert archive.records() == await read_records(store, user.partition)
            assert await history(store, user.partition) == []
            if not breaks_off:
                await snapshots.end(store, begun)
                lines += read
    await archive.snapshot(store, "last")
    assert archive.records() == await read_records(store, user.partition)
    assert sorted(lines + archive.lines) == sorted(world.lines)
    numbers = [line.partition(b":") for line in lines + archive.lines if line.startswith(b"p")]
    for check in {head for head, _, _ in numbers}:
        own = [int.from_bytes(entry[:4]) for head, _, entry in numbers if head == check]
        assert own == sorted(set(own)), "pings came out of order"
    await assert_derived(store, user)


class World:
    """An account to which things happen."""

    def __init__(self, store: Store, user: User, lots: random.Random) -> None:
        self.store, self.user, self.lots = store, user, lots
        self.now = NOON
        self.checks: list[int] = []
        self.lines: list[bytes] = []

    async def something_happens(self) -> None:
        """Draw one of what owners, jobs, clocks and workers do."""
        self.now += self.lots.randrange(1, 30_000)
        key = keys.history(self.user.partition)
        before = await self.store.redis.llen(key)
        await self.lots.choice(
            (self.made, self.pinged, self.pinged, self.pinged, self.deleted, self.swept, self.sent)
        )()
        if grown := await self.store.redis.llen(key) - before:
            self.lines += await self.store.redis.lrange(key, -grown, -1)

    async def made(self) -> None:
        """A check, and a channel that only it uses."""
        if len(self.checks) < 12:
            check = await make_check(
                self.store, self.user, now=self.now, tags=("db",), remind_every_minutes=5, slug=f"s{self.now}"
            )
            self.checks.append(check.id)
            await make_channel(
                self.store, self.user, own_check=check.id, address=f"a{check.id % 3}", now=self.now
            )

    async def pinged(self) -> None:
        """A signal of a job, some with a body."""
        if self.checks:
            kind = self.lots.choice(("success", "fail", "start", "log"))
            await ping(
                self.store,
                self.user,
                self.lots.choice(self.checks),
                kind,
                now=self.now,
                reason="fail" if kind == "fail" else "",
                body=b"x" * self.lots.choice((0, 0, 5, 40)),
                caps=(4, 100, 400),
            )

    async def deleted(self) -> None:
        """A check that goes, now and then."""
        if self.checks and self.lots.random() < 0.3:
            gone = self.checks.pop(self.lots.randrange(len(self.checks)))
            await checks.delete_check(self.store, self.user, str(gone))

    async def swept(self) -> None:
        """A look of the clock."""
        await self.store.redis.hset(keys.clock(self.user.partition), "tick", str(self.now))
        swept = await deadlines.sweep(
            self.store, self.user.partition, now=self.now, pings_accepted=self.now, flap=FLAPS
        )
        for check in swept.unarmed:
            await deadlines.arm(self.store, self.user.partition, check, self.now + MINUTE, now=self.now)

    async def sent(self) -> None:
        """What waits in the outbox, and what is due."""
        await dispatch(self.store, self.user, self.now)
        if self.lots.random() < 0.5:
            await send(self.store, self.user.partition, self.now)


# Marking everything


async def test_every_record_of_a_partition_can_be_marked(store: Store) -> None:
    users = [await make_user(store) for _ in range(2)]
    for user in users:
        await live(store, user)
        await store.redis.delete(keys.dirty(user.partition))
    first, second = (user.partition for user in users)

    looked_at = [seen async for seen in marks.mark_all(store, [first], bodies=True)]
    assert looked_at[-1] > 0
    found, records = await marked(store, first), await read_records(store, first)
    assert found.keys() == records.keys()
    assert {name.partition(":")[0] for name in found} == set(marks.KINDS)
    archive = Archive(first)
    await archive.snapshot(store, "one")
    assert archive.records() == records
    assert await marked(store, second) == {}

    async for _ in marks.mark_all(store, range(keys.PARTITIONS), bodies=False):
        pass
    without = {name for name in await read_records(store, second) if not name.startswith("bodies:")}
    assert (await marked(store, second)).keys() == without


async def test_more_records_than_one_call_looks_at_are_marked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "_KEYS_A_CALL", 3)
    monkeypatch.setattr(marks, "_ENTRIES_A_CALL", 2)
    user = await make_user(store)
    for _ in range(7):
        check = await make_check(store, user, slug=None)
        await ping(store, user, check.id, "fail", request=str(check.id), reason="fail")
    await store.redis.delete(keys.dirty(user.partition))
    steps = [looked_at async for looked_at in marks.mark_all(store, [user.partition], bodies=True)]
    assert len(steps) > 3
    assert steps == sorted(steps)
    found = await marked(store, user.partition)
    assert found.keys() == (await read_records(store, user.partition)).keys()
    assert len([name for name in found if name.startswith("outbox:")]) == 7


async def test_records_are_marked_by_name_whether_they_are_there_or_not(store: Store) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    before = await marked(store, user.partition)
    await marks.mark_records(store, user.partition, [f"check:{check.id}", "check:99"])
    assert (await marked(store, user.partition)).keys() == before.keys() | {"check:99"}
    # One that was never there is read as gone.
    archive = Archive(user.partition)
    await archive.snapshot(store, "one")
    assert archive.kept["check:99"] == {}


async def test_what_waits_is_counted(store: Store) -> None:
    await keep_history(store)
    assert await snapshots.waiting(store) == 0
    user = await make_user(store)
    check = await make_check(store, user)
    await ping(store, user, check.id)
    lines, records = await history(store, user.partition), await marked(store, user.partition)
    assert await snapshots.waiting(store) == len(lines) + len(records)


# What needs no mark of its own


async def assert_derived(store: Store, user: User) -> None:
    """Every derived key of the partition holds what can be worked out from its records."""
    names = await read_names(store.redis.execute_command, user.partition, 1_000_000)
    assert names is not None
    records = await read_records(store, user.partition)
    indexed = {"running", "search", "by"}
    held = {
        name: _content(name, value)
        for name, (value, _) in names.items()
        if DERIVED.fullmatch(name) and name.split(":")[2:3] not in [[part] for part in indexed]
    }
    assert held == _derived(records)
    await assert_indexed(store, user)


def _content(name: str, value: list[bytes]) -> Any:
    if name == "deadlines" or name.endswith((":slugs", ":tags", ":status-pages")):
        pairs = zip(value[::2], value[1::2], strict=True)
        return {member.decode(): int(told) for member, told in pairs}
    if name.startswith("user:") and name.endswith(":checks"):
        return {member.decode() for member in value[::2]}
    members = [member.decode() for member in value]
    return members if name.endswith(":deliveries") else set(members)


def _derived(records: Any) -> dict[str, Any]:
    """The derived keys but for the indexes, of accounts with at most 500 deliveries."""
    made: dict[str, Any] = {}
    log = list[tuple[str, int, str]]()
    for record, parts in records.items():
        kind, _, number = record.partition(":")
        is_ = {name.decode(): value.decode() for name, value in parts.get("hash", {}).items()}
        owner = f"user:{is_.get('user_id')}"
        if kind == "check":
            made.setdefault(f"{owner}:checks", set()).add(number)
            if is_.get("slug"):
                made.setdefault(f"{owner}:slugs", {})[is_["slug"]] = int(number)
            if is_.get("deadline"):
                made.setdefault("deadlines", {})[number] = int(is_["deadline"])
            for tag, name in json.loads(is_["tags"]):
                made.setdefault(f"{owner}:tags", {})[name] = tag
                made.setdefault(f"{owner}:tag:{tag}", set()).add(number)
            for channel in json.loads(is_["channels"]):
                made.setdefault(f"channel:{channel}:checks", set()).add(number)
        elif kind == "channel":
            made.setdefault(f"{owner}:channels", set()).add(number)
            if is_["default"] == "1":
                made.setdefault(f"{owner}:default-channels", set()).add(number)
        elif kind == "status-page":
            made.setdefault(f"{owner}:status-pages", {})[is_["slug"]] = int(number)
        elif kind == "delivery":
            log.append((owner, int(is_["number"]), number))
    for owner, _, delivery in sorted(log, reverse=True):
        made.setdefault(f"{owner}:deliveries", []).append(delivery)
    return made


async def test_what_has_no_mark_can_be_worked_out_from_the_records(store: Store) -> None:
    user = await make_user(store)
    await live(store, user)
    await dispatch(store, user, NOON + 2 * MINUTE)
    assert await deliveries.hand_out(store, user.partition, now=NOON + 2 * MINUTE, most=10)
    await assert_derived(store, user)
