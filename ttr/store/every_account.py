"""All accounts, for operators: found by what is known of one, or listed newest first.

Account numbers come from one counter, so a list needs no index: it looks at numbers, so many a request and no more.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ttr.domain.access_key import read_access_key
from ttr.domain.uuids import is_uuid
from ttr.store import keys
from ttr.store.check_list import STATUS_RANGES
from ttr.store.redis import Store, store_trouble

LOOKED_MOST = 1_000
"""Numbers that one request looks at: of deleted accounts nothing is left but the gap."""
_BLOCK = 100
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_DOORS = ("p", "ping", "s")
"""What stands before a slug or a UUID in the addresses that people paste."""


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as a list shows it. `late` are among those that are up or new."""

    id: int
    created_at: int
    down: int
    late: int
    up: int
    new: int
    paused: int
    channels: int
    queued: int
    """Events that wait for a channel."""
    body_bytes: int
    key_used_at: int
    """When one of its keys was last used (ms), 0 when that is not known."""

    @property
    def checks(self) -> int:
        """All of them."""
        return self.down + self.up + self.new + self.paused


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Some accounts, newest first."""

    accounts: list[AccountRow]
    looked: int
    """Numbers that were looked at for them."""
    below: int | None
    """Below which number to go on; None at the end."""


async def list_accounts(
    store: Store, *, below: int | None = None, ending: str = "", size: int, now: int
) -> AccountPage:
    """Up to `size` accounts with numbers below `below`, from the newest without it. May find none, and more below.

    With `ending` only those that have an access key which ends so.
    """
    with store_trouble():
        newest = int(await store.redis.get(keys.sequence("user")) or 0)
        number = newest if below is None else min(newest, below - 1)
        found: list[int] = []
        looked = 0
        while number > 0 and len(found) < size and looked < LOOKED_MOST:
            block = range(number, max(0, number - _BLOCK), -1)
            passing = await (_have_key(store, block, ending) if ending else are_there(store, block))
            for candidate, there in zip(block, passing, strict=True):
                looked, number = looked + 1, candidate - 1
                if there:
                    found.append(candidate)
                if len(found) == size:
                    break
    return AccountPage(await read_accounts(store, found, now=now), looked, number + 1 if number > 0 else None)


async def are_there(store: Store, numbers: Sequence[int]) -> list[bool]:
    """Which accounts there are, in one round trip."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for number in numbers:
                pipe.hexists(keys.user(keys.partition_of(number), number), "user_slug")
            return [bool(there) for there in await pipe.execute()]


async def _have_key(store: Store, numbers: Sequence[int], ending: str) -> list[bool]:
    """Which accounts have a key that ends so, in one round trip: 100 accounts have at most 2,000 keys."""
    async with store.redis.pipeline(transaction=False) as pipe:
        for number in numbers:
            pipe.hgetall(keys.access_keys(keys.partition_of(number), number))
        kept = await pipe.execute()
    return [
        any(read_access_key(name.decode(), text).last4 == ending for name, text in found.items())
        for found in kept
    ]


async def read_accounts(store: Store, numbers: Sequence[int], *, now: int) -> list[AccountRow]:
    """The accounts with these numbers, without those that are gone, in one round trip."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for number in numbers:
                at = (keys.partition_of(number), number)
                pipe.hmget(keys.user(*at), "user_slug", "created_at", "queued", "body_bytes")
                for status in ("down", "up", "new", "paused"):
                    pipe.zcount(keys.by_status(*at), *STATUS_RANGES[status])
                pipe.zcount(keys.by_due(*at), "-inf", now)
                pipe.scard(keys.user_channels(*at))
                pipe.hvals(keys.key_uses(*at))
            answers = await pipe.execute()
    rows = []
    for index, number in enumerate(numbers):
        fields, down, up, new, paused, late, channels, uses = answers[8 * index : 8 * index + 8]
        slug, created_at, queued, body_bytes = fields
        if slug is not None:
            rows.append(
                AccountRow(
                    number,
                    int(created_at),
                    down,
                    late,
                    up,
                    new,
                    paused,
                    channels,
                    int(queued or 0),
                    int(body_bytes or 0),
                    max((int(use.partition(b" ")[0]) for use in uses), default=0),
                )
            )
    return rows


async def find_accounts(store: Store, text: str) -> list[int]:
    """Numbers of the accounts that `text` may mean: a number, a slug of either kind, a check's UUID, or an address of
    ours that holds one of them. There may be several, for a slug can look like a number. They may be gone by now.
    """
    word, *_ = _names(text)
    word = word.lower()
    numbers = [int(word)] if word.isascii() and word.isdigit() and len(word) <= 15 else []
    if is_uuid(word):
        wanted = [keys.check_uuid(word)]
    else:
        wanted = [keys.user_slug(word), keys.public_slug(word)] if _SLUG.fullmatch(word) else []
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for key in wanted:
                pipe.get(key)
            claims = await pipe.execute()
    numbers += [int(claim.partition(b":")[0]) for claim in claims if claim]
    return list(dict.fromkeys(numbers))


async def find_check(store: Store, text: str) -> tuple[int, int] | None:
    """Account and number of the check that a UUID or a ping URL means; None for any other text."""
    *_, owner, name = ("", *_names(text))
    with store_trouble():
        if is_uuid(name.lower()):
            claim = await store.redis.get(keys.check_uuid(name.lower()))
            user, _, check = (claim or b"").decode().partition(":")
        elif _SLUG.fullmatch(owner):
            user = (await store.redis.get(keys.user_slug(owner)) or b"").decode()
            slugs = keys.user_slugs(keys.partition_of(int(user or 0)), int(user or 0))
            check = (await store.redis.hget(slugs, name) or b"").decode() if user else ""
        else:
            return None
    return (int(user), int(check)) if check else None


def _names(text: str) -> list[str]:
    """What of a pasted text names something: one or two parts behind the door in an address, else all of it."""
    text = text.strip()
    if "/" not in text:
        return [text]
    try:
        parts = [part for part in urlsplit(text).path.split("/") if part]
    except ValueError:
        return [""]
    doors = [place for place, part in enumerate(parts) if part in _DOORS]
    return parts[doors[0] + 1 : doors[0] + 3] or [""] if doors else [""]
