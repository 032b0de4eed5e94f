"""Allowances kept in Redis, so that all processes share them; a limiter that can't be asked refuses nobody."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from ttr.domain.allowance import Allowance, Limit
from ttr.domain.allowance import take as taken
from ttr.store import keys
from ttr.store.access_keys import KEY_FIELDS, access_key_name
from ttr.store.errors import TooMany
from ttr.store.redis import Store, store_trouble
from ttr.store.scripts import is_missing
from ttr.store.users import digest

log = logging.getLogger(__name__)

_COMMAND = "take_allowance"


@dataclass(frozen=True, slots=True)
class KeyLook:
    """What one round trip told of a call with an access key.

    `fields` are those of the key, `allowance` what the key has left, `refused` the allowance of the address, if one
    more call without a valid key from there would be one too many.
    """

    fields: Sequence[bytes | None]
    allowance: Allowance | None
    refused: Allowance | None


async def take(store: Store, limit: Limit | None, who: str | int, *, now: int) -> Allowance | None:
    """Take one use of `limit` for `who`; whether it was allowed is in the answer.

    None when nothing limits it, or when Redis is away or takes no writes: what comes next then works or fails by
    itself. Never raises for what Redis does.
    """
    if limit is None:
        return None
    try:
        answer = await store.scripts.run_on(
            _COMMAND, keys.allowance(limit.zone, str(who)), [now, limit.count, limit.step]
        )
    except RedisError as error:
        _warn(limit, error)
        return None
    return _allowance(limit, answer)


async def spend(store: Store, limit: Limit | None, who: str | int, *, now: int) -> None:
    """Take one use of `limit` for `who`. Raises TooMany when there is none left."""
    allowance = await take(store, limit, who, now=now)
    if allowance is not None and not allowance.allowed:
        raise TooMany(allowance)


async def look_up_key(
    store: Store,
    auth_key: str,
    address: str,
    *,
    per_key: Limit | None,
    per_address: Limit | None,
    now: int,
) -> KeyLook | None:
    """Read an access key, take one call of its allowance and look at that of the address, in one round trip.

    None for a malformed key, which costs no round trip. Raises StoreUnavailable when the key can't be read.
    """
    name = access_key_name(auth_key)
    if name is None:
        return None
    # An unknown key pays as well, into an allowance that is whole and gone 100 ms later.
    of_key = keys.allowance(per_key.zone, digest(auth_key)) if per_key else ""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hmget(name, KEY_FIELDS)
            if per_key:
                store.scripts.queue_on(pipe, _COMMAND, of_key, [now, per_key.count, per_key.step])
            if per_address:
                pipe.get(keys.allowance(per_address.zone, address))
            answers = iter(await pipe.execute(raise_on_error=False))
        fields = next(answers)
        if isinstance(fields, RedisError):
            raise fields
    allowance = refused = None
    if per_key:
        answer = next(answers)
        if is_missing(answer):
            allowance = await take(store, per_key, digest(auth_key), now=now)
        elif isinstance(answer, RedisError):
            _warn(per_key, answer)
        else:
            allowance = _allowance(per_key, answer)
    if per_address:
        whole_at = next(answers)
        if isinstance(whole_at, bytes):
            would_be, _ = taken(per_address, int(whole_at), now)
            refused = None if would_be.allowed else would_be
    return KeyLook(fields, allowance, refused)


def _allowance(limit: Limit, answer: Sequence[int]) -> Allowance:
    allowed, remaining, reset, retry = answer
    return Allowance(limit, allowed == 1, remaining, reset, retry)


def _warn(limit: Limit, error: RedisError) -> None:
    log.warning("nothing is limited in %s: %s", limit.zone, error)
