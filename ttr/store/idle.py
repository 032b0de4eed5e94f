"""What nobody uses: checks that no ping and no owner has touched, and accounts in which nobody was, since a moment.

The decision and the removal are one script, so a ping or an edit that lands before it wins. What is read here first
only says what to ask for: by the index of last pings, some checks at a time.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import count

from ttr.store import keys
from ttr.store.channels import delete_channel
from ttr.store.errors import NotFound
from ttr.store.redis import Store, store_trouble
from ttr.store.status_page_checks import read_members
from ttr.store.status_pages import list_status_pages
from ttr.store.users import User, user_by_id
from ttr.store.uuid_claims import release_uuid

_CHECKS_AT_ONCE = 50
"""Looked at by one script: about 1 ms."""
_CHANNELS_AT_ONCE = 200
_QUIET_MS = 2_000
"""A clock that was silent for no longer than this was not away (decision 5)."""


@dataclass(frozen=True, slots=True)
class IdleCheck:
    """A check that nobody had to do with since `touched_at` (ms)."""

    user_id: int
    id: int
    name: str
    touched_at: int


@dataclass(frozen=True, slots=True)
class Idle:
    """What of one account nobody uses."""

    user_id: int
    checks: list[IdleCheck]
    pages_version: str
    """Of the status pages by which checks were left out."""
    deserted: bool
    """Whether the account goes as well, when these checks do."""


async def blind_ms(store: Store, now: int) -> list[int]:
    """For how long each partition took no pings, or had nobody who looked, in the last 100 days and now: time in which
    nobody could be seen. All of it where no clock has ever looked.
    """
    partitions = range(keys.PARTITIONS)
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in partitions:
                pipe.hget(keys.clock(partition), "tick")
                pipe.zrange(keys.gaps(partition), 0, -1)
                pipe.lrange(keys.pending_gaps(partition), 0, -1)
            answers = await pipe.execute()
    blind = []
    for partition in partitions:
        tick, *gaps = answers[3 * partition : 3 * partition + 3]
        away = now if tick is None else now - int(tick)
        known = {gap for some in gaps for gap in some}
        blind.append(sum(map(_length, known)) + (away if away > _QUIET_MS else 0))
    return blind


async def find_candidates(store: Store, numbers: Sequence[int], before: Sequence[int]) -> list[int]:
    """Which of these accounts are worth a closer look, in one round trip; `before` (ms) is by partition."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for number in numbers:
                partition = keys.partition_of(number)
                pipe.hmget(keys.user(partition, number), "user_slug", "created_at")
                index = keys.by_last_ping(partition, number)
                pipe.zcard(index)
                pipe.zcount(index, "-inf", f"({before[partition]}")
                pipe.zcount(index, "+inf", "+inf")
            answers = await pipe.execute()
    found = []
    for place, number in enumerate(numbers):
        (slug, created_at), every, old, never = answers[4 * place : 4 * place + 4]
        # All of an account is younger than the account; and of an empty one there may be the account itself.
        old_enough = slug is not None and int(created_at) < before[keys.partition_of(number)]
        if old_enough and (old or never or not every):
            found.append(number)
    return found


async def find_idle(store: Store, user_id: int, *, before: int) -> Idle | None:
    """What nobody uses of an account since `before` (ms); None when the account is gone.

    Checks that one of its status pages shows are left out.
    """
    user = await user_by_id(store, user_id)
    if user is None:
        return None
    # Its version is read before the pages: one that changes meanwhile makes the removal find that they did.
    version = (await _ask(store, user, before, ()))[1].decode()
    candidates = await _silent(store, user, before)
    shown = await _shown(store, user) if candidates else set()
    checks: list[IdleCheck] = []
    wanted = [check for check in candidates if check not in shown]
    for start in range(0, len(wanted), _CHECKS_AT_ONCE):
        _, _, *told = await _ask(store, user, before, wanted[start : start + _CHECKS_AT_ONCE])
        for number, touched, name in zip(told[::3], told[1::3], told[2::3], strict=True):
            checks.append(IdleCheck(user_id, int(number), name.decode("utf-8", "replace"), int(touched)))
    deserted, *_ = await _ask(store, user, before, (), leaving=len(checks))
    return Idle(user_id, checks, version, bool(deserted))


async def remove_idle_check(
    store: Store, user: User, check_id: int, *, before: int, pages_version: str
) -> bool:
    """Remove a check with all it kept if nobody had to do with it since `before` (ms); whether it went."""
    key = keys.check(user.partition, check_id)
    with store_trouble():
        own = json.loads(await store.redis.hget(key, "own_channels") or "{}")
        uuid = await store.scripts.run(
            "delete_check", user.partition, [user.id, check_id, before, pages_version]
        )
    if uuid in (b"", b"kept"):
        return False
    for channel_id in own.values():
        await _delete_channel(store, user, channel_id)
    await release_uuid(store, user, check_id, uuid.decode())
    return True


async def remove_left_channels(store: Store, user: User) -> int:
    """Remove channels that were made for checks which are gone: a removal that died before its end leaves them.
    How many that were.
    """
    removed = 0
    with store_trouble():
        members = sorted(
            int(member) for member in await store.redis.smembers(keys.user_channels(user.partition, user.id))
        )
        for start in range(0, len(members), _CHANNELS_AT_ONCE):
            some = members[start : start + _CHANNELS_AT_ONCE]
            async with store.redis.pipeline(transaction=False) as pipe:
                for channel in some:
                    pipe.hget(keys.channel(user.partition, channel), "own_check")
                owned = [
                    (channel, int(check))
                    for channel, check in zip(some, await pipe.execute(), strict=True)
                    if check
                ]
            async with store.redis.pipeline(transaction=False) as pipe:
                for _, check in owned:
                    pipe.exists(keys.check(user.partition, check))
                there = await pipe.execute()
            for (channel, _), is_there in zip(owned, there, strict=True):
                if not is_there:
                    await _delete_channel(store, user, channel)
                    removed += 1
    return removed


async def _ask(
    store: Store, user: User, before: int, checks: Collection[int], leaving: int = 0
) -> list[bytes]:
    with store_trouble():
        answer: list[bytes] = await store.scripts.run(
            "find_idle", user.partition, [user.id, before, leaving, *checks]
        )
    return answer


async def _silent(store: Store, user: User, before: int) -> list[int]:
    """The checks whose last success or failure is older, or that never had one."""
    index = keys.by_last_ping(user.partition, user.id)
    found: list[int] = []
    for low, high in (("-inf", f"({before}"), ("+inf", "+inf")):
        for page in count():
            with store_trouble():
                members = await store.redis.zrange(
                    index,
                    low,
                    high,
                    byscore=True,
                    offset=page * _CHANNELS_AT_ONCE,
                    num=_CHANNELS_AT_ONCE,
                )
            found += map(int, members)
            if len(members) < _CHANNELS_AT_ONCE:
                break
    return found


async def _shown(store: Store, user: User) -> set[int]:
    pages = await list_status_pages(store, user)
    if not pages:
        return set()
    return {member.id for shown in await read_members(store, user, pages) for member in shown.members}


async def _delete_channel(store: Store, user: User, channel_id: int) -> None:
    try:
        await delete_channel(store, user, channel_id)
    except NotFound:
        return


def _length(gap: bytes) -> int:
    begin, _, end = gap.partition(b":")
    return int(end) - int(begin)
