"""The checks of all accounts, for operators. There is no index of them, and no ping pays for one.

Without a filter they come by their numbers, which one counter gives: newest first, whoever's they are. With one they
come account by account, newest first, from the indexes that each account has. Either way a request does so much work
and no more, and says where to go on.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from redis.exceptions import RedisError

from ttr.domain.check import Check
from ttr.domain.folding import fold
from ttr.domain.invalid import FieldError, Invalid
from ttr.store import keys
from ttr.store.check_list import STATUS_RANGES, Filter, Place, list_checks
from ttr.store.codec import check_from_hash, to_hash
from ttr.store.every_account import are_there
from ttr.store.redis import Store, store_trouble
from ttr.store.scripts import is_missing
from ttr.store.users import user_by_id

NUMBERS_MOST = 2_000
"""Check numbers that one request looks at. A block of 200 is 16 script calls of 0.03 to 0.1 ms."""
_NUMBERS = 200
ACCOUNTS_MOST = 1_000
"""Accounts that one request looks at."""
SEARCHED_MOST = 200
"""Accounts whose lines one request looks through for a word: of 10,000 checks, up to 2.5 ms each."""
_ACCOUNTS, _SEARCHED = 100, 20
"""So many in one round trip; words in fewer, for pings wait behind what Redis has read at once."""
_ENTERED_MOST = 50
"""Accounts whose lists one request reads: three round trips each."""
_PLACE = re.compile(r"(\d{1,15})(?:\.(\d{1,10}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """Some checks, in order, and how they were found."""

    checks: list[Check]
    looked: int
    of: Literal["checks", "accounts"]
    """What was looked at: check numbers, or accounts."""
    onward: str | None
    """Where to go on; None at the end."""


async def all_checks(store: Store, filter: Filter, *, onward: str = "", size: int, now: int) -> Found:
    """Up to `size` checks of all accounts from `onward` on, a place that an earlier answer gave. May find none, and
    more further on. `filter` may have words and statuses. Raises Invalid for a place that no answer gave.
    """
    match = _PLACE.fullmatch(onward or "0")
    if match is None:
        raise Invalid([FieldError("onward", "This is no place that a list gave.")])
    place = (int(match[1]), int(match[2] or 0))
    if filter.words or filter.statuses:
        return await _by_account(store, filter, place, size, now)
    return await _by_number(store, place[0], size)


async def _by_number(store: Store, onward: int, size: int) -> Found:
    with store_trouble():
        newest = int(await store.redis.get(keys.sequence("check")) or 0)
        number, looked = min(newest, onward or newest), 0
        found: list[Check] = []
        while number > 0 and len(found) < size and looked < NUMBERS_MOST:
            wanted = size - len(found)
            there = await _numbers(store, number, _NUMBERS)
            below = there[wanted - 1][1] - 1 if len(there) > wanted else max(0, number - _NUMBERS)
            found += await _read(store, there[:wanted])
            looked, number = looked + number - below, below
    return Found(found, looked, "checks", str(number) if number > 0 else None)


async def _numbers(store: Store, highest: int, count: int) -> list[tuple[int, int]]:
    """Partition and number of the checks there are among these numbers, newest first."""
    answers = await _each(
        store, "find_numbers", [(partition, [highest, count]) for partition in range(keys.PARTITIONS)]
    )
    pairs = [(partition, int(number)) for partition, some in enumerate(answers) for number in some]
    return sorted(pairs, key=lambda pair: -pair[1])


async def _read(store: Store, places: Sequence[tuple[int, int]]) -> list[Check]:
    async with store.redis.pipeline(transaction=False) as pipe:
        for place in places:
            pipe.hgetall(keys.check(*place))
        checks = [check_from_hash(to_hash(raw)) for raw in await pipe.execute() if raw]
    owners = sorted({check.user_id for check in checks})
    # Those of an account that is being deleted are on their way out.
    there = dict(zip(owners, await are_there(store, owners), strict=True))
    return [check for check in checks if there[check.user_id]]


async def _by_account(store: Store, filter: Filter, place: tuple[int, int], size: int, now: int) -> Found:
    words = tuple(folded for word in filter.words if (folded := fold(word)))
    block, most = (_SEARCHED, SEARCHED_MOST) if words else (_ACCOUNTS, ACCOUNTS_MOST)
    found: list[Check] = []
    looked = entered = 0
    with store_trouble():
        newest = int(await store.redis.get(keys.sequence("user")) or 0)
        number, below = (min(newest, place[0]), place[1]) if place[0] else (newest, 0)
        while number > 0 and looked < most:
            some = range(number, max(0, number - block), -1)
            for user_id, worth in zip(some, await _worth(store, some, filter, words, size, now), strict=True):
                if worth and (len(found) == size or entered == _ENTERED_MOST):
                    return Found(found, looked, "accounts", f"{user_id}.{below}")
                if worth:
                    entered += 1
                    more, rest = await _of_account(store, user_id, filter, below, size - len(found), now)
                    found += more
                    if rest:
                        return Found(found, looked, "accounts", f"{user_id}.{rest}")
                looked, number, below = looked + 1, user_id - 1, 0
    return Found(found, looked, "accounts", f"{number}.0" if number > 0 else None)


async def _worth(
    store: Store, accounts: Sequence[int], filter: Filter, words: tuple[str, ...], size: int, now: int
) -> list[bool]:
    """Which of these accounts may have a check that passes the filter."""
    worth = [True] * len(accounts)
    if filter.statuses:
        async with store.redis.pipeline(transaction=False) as pipe:
            for user_id in accounts:
                at = (keys.partition_of(user_id), user_id)
                for status in filter.statuses:
                    if status == "late":
                        pipe.zcount(keys.by_due(*at), "-inf", now)
                    else:
                        pipe.zcount(keys.by_status(*at), *STATUS_RANGES[status])
            counts = await pipe.execute()
        each = len(filter.statuses)
        worth = [any(counts[each * index : each * index + each]) for index in range(len(accounts))]
    asked = [user_id for user_id, may in zip(accounts, worth, strict=True) if may]
    if words and asked:
        calls = [
            (keys.partition_of(user_id), [user_id, json.dumps(words), "0", size + 1]) for user_id in asked
        ]
        answers = await _each(store, "find_checks", calls)
        # A cursor other than "0": there is more to look through, or plainly a lot to find.
        has = {
            user_id for user_id, (cursor, *ids) in zip(asked, answers, strict=True) if ids or cursor != b"0"
        }
        worth = [user_id in has for user_id in accounts]
    return worth


async def _of_account(
    store: Store, user_id: int, filter: Filter, below: int, size: int, now: int
) -> tuple[list[Check], int]:
    """Up to `size` checks of one account, newest first, and after which number to go on; 0 at the end."""
    user = await user_by_id(store, user_id)
    if user is None:
        return [], 0
    place = Place(str(below), below) if below else None
    page = await list_checks(store, user, filter=filter, size=size, place=place, now=now)
    return page.checks, page.after.number if page.after else 0


async def _each(store: Store, name: str, calls: Iterable[tuple[int, list[Any]]]) -> list[Any]:
    """A command on several partitions, or several times, in one round trip."""
    listed = list(calls)
    async with store.redis.pipeline(transaction=False) as pipe:
        for partition, args in listed:
            store.scripts.queue(pipe, name, partition, args)
        answers: list[Any] = await pipe.execute(raise_on_error=False)
    for index, answer in enumerate(answers):
        if is_missing(answer):
            answers[index] = await store.scripts.run(name, *listed[index])
        elif isinstance(answer, RedisError):
            raise answer
    return answers
