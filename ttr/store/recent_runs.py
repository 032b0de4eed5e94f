"""The newest pings of many checks at once, as little of each as a small picture needs."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ttr.store import keys
from ttr.store.ping_log import KINDS
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User

RUNS = 30
"""Pings of a check. Of starts only one that came last counts: runs are told by their ends."""
# The head of an entry of ttr/store/ping_log.py: number, run time, time in two parts, kind.
_HEAD = struct.Struct(">IIHIB")
_NO_DURATION = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class RecentPing:
    """A ping: its kind, and how long the run took that it ended, in ms; None when it ended none."""

    kind: str
    duration_ms: int | None


async def recent_runs(store: Store, user: User, check_ids: Sequence[int]) -> dict[int, list[RecentPing]]:
    """Check -> its newest pings, oldest first, of starts only the newest ping; in one round trip for all."""
    if not check_ids:
        return {}
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for check_id in check_ids:
                pipe.lrange(keys.ping_log(user.partition, check_id), 0, 2 * RUNS - 1)
            logs = await pipe.execute()
    return {check_id: _pings(log) for check_id, log in zip(check_ids, logs, strict=True)}


def _pings(log: Sequence[bytes]) -> list[RecentPing]:
    found: list[RecentPing] = []
    for entry in log:
        _, lasted, _, _, kind = _HEAD.unpack_from(entry)
        if KINDS[kind] == "start" and found:
            continue
        found.append(RecentPing(KINDS[kind], None if lasted == _NO_DURATION else lasted))
        if len(found) == RUNS:
            break
    return found[::-1]
