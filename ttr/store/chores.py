"""Chores: work of many steps on one account that must not stay half done, and whose it is to finish.

An account has at most one. Whoever does it holds a token and a lease, and journals each step *before* it; when it dies,
the clock takes the chore over and undoes what the journal says, or goes on with it (`ttr/chores.py`).
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, cast

from redis.exceptions import ResponseError

from ttr.store import keys
from ttr.store.errors import Busy, ChoreLost
from ttr.store.redis import Store, store_trouble
from ttr.store.scripts import Arg, Library, Scripts, as_library, assemble

LEASE_MS = 30_000
"""So long nobody hears of a chore before its owner counts as dead. A step takes 5 s at most, then it has failed."""
_TAKEN_AT_ONCE = 20
_PAGE = 200
"""Entries read at once: one is at most some 20 KB, of a status page 250 KB, and there are few of those."""

Kind = Literal["change", "delete"]
"""A change is undone when nobody finishes it, a deletion of the account is finished."""
Entry = Mapping[str, object]
"""One line of a journal: what is about to be done (`ttr/changes.py` writes and reads them)."""

_LOST = "CHORELOST"
# The fence that runs before a step, in the same script: KEYS[2] is the journal, the last argument the token.
_FENCE = f"""if redis.call("LINDEX", KEYS[2], 0) ~= ARGV[#ARGV] then return redis.error_reply("{_LOST} taken over") end
ARGV[#ARGV] = nil
"""


@dataclass(frozen=True, slots=True)
class Chore:
    """An open chore in the hands of whoever knows its token."""

    user_id: int
    kind: Kind
    token: str

    @property
    def partition(self) -> int:
        """Where the account's keys lie."""
        return keys.partition_of(self.user_id)


async def begin(store: Store, user_id: int, kind: Kind, *, now: int) -> Chore:
    """Open the account's chore. Raises Busy while another one is open."""
    chore = Chore(user_id, kind, _token())
    with store_trouble():
        if not await store.scripts.run("begin_chore", chore.partition, [*_name(chore), now + LEASE_MS]):
            raise Busy
    return chore


async def note(store: Store, chore: Chore, *entries: Entry, now: int) -> None:
    """Write down what is about to be done, up to 1,000 entries, and renew the lease; without entries only that.

    Raises ChoreLost when somebody has taken the chore over: then nothing more may be done.
    """
    texts = [json.dumps(entry, ensure_ascii=False) for entry in entries]
    with store_trouble():
        if not await store.scripts.run(
            "note_chore", chore.partition, [*_name(chore), now + LEASE_MS, *texts]
        ):
            raise ChoreLost


async def end(store: Store, chore: Chore) -> None:
    """Say that a chore is done, or undone. Raises ChoreLost when somebody has taken it over."""
    with store_trouble():
        if not await store.scripts.run("end_chore", chore.partition, _name(chore)):
            raise ChoreLost


async def retake(store: Store, chore: Chore, *, now: int) -> Chore:
    """The same chore under a new token: steps that are still on their way under the old one change nothing any more.
    Raises ChoreLost.
    """
    mine = replace(chore, token=_token())
    if not await _take(store, mine, before=chore.token, now=now):
        raise ChoreLost
    return mine


async def lapsed(store: Store, *, now: int) -> list[Chore]:
    """Take over chores whose owners were not heard of for LEASE_MS, at most 20 of a partition."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.zrange(
                    keys.chores(partition),
                    0,
                    now,
                    byscore=True,
                    offset=0,
                    num=_TAKEN_AT_ONCE,
                    withscores=False,
                )
            found = [name.decode() for names in await pipe.execute() for name in names]
    chores = [
        Chore(int(user), cast(Kind, kind), _token()) for user, _, kind in (n.partition(":") for n in found)
    ]
    return [chore for chore in chores if await _take(store, chore, before="", now=now)]


async def last_entries(store: Store, chore: Chore, beyond: int = 0) -> list[dict[str, Any]]:
    """Up to 200 entries of the journal, newest first, after the newest `beyond` ones; none at the end."""
    key = keys.user_chore(chore.partition, chore.user_id)
    with store_trouble():
        length = await store.redis.llen(key)
        # The first element is the token.
        last = length - 1 - beyond
        found = await store.redis.lrange(key, max(1, last - _PAGE + 1), last) if last >= 1 else []
    return [json.loads(text) for text in reversed(found)]


def fenced(store: Store, chore: Chore) -> Store:
    """A store whose scripts change nothing once the chore is taken over: each looks at the journal's owner in the same
    step, and raises ChoreLost. For the steps of a chore; plain commands are not fenced.
    """
    return Store(store.redis, _FencedScripts(store.redis, chore))


class _FencedScripts(Scripts):
    """The commands with the fence before them."""

    def __init__(self, redis: Any, chore: Chore) -> None:
        super().__init__(redis)
        self._chore = chore

    async def run(self, name: str, partition: int, args: Sequence[Arg]) -> Any:
        journal = keys.user_chore(self._chore.partition, self._chore.user_id)
        try:
            return await self._call(
                _fenced_library(name), [keys.prefix(partition), journal], [*args, self._chore.token]
            )
        except ResponseError as error:
            if _LOST in str(error):
                raise ChoreLost from None
            raise


@lru_cache(maxsize=100)
def _fenced_library(name: str) -> Library:
    return as_library(name, assemble(name, before=_FENCE))


async def _take(store: Store, chore: Chore, *, before: str, now: int) -> bool:
    with store_trouble():
        answer = await store.scripts.run(
            "take_chore", chore.partition, [*_name(chore), now + LEASE_MS, now, before]
        )
    return bool(answer)


def _name(chore: Chore) -> list[Arg]:
    return [chore.user_id, chore.kind, chore.token]


def _token() -> str:
    return secrets.token_hex(8)
