"""Many accounts with a check each, made in seconds: hashes by hand, checks by the script that makes them."""

import json
from typing import Any

from tests.lua.parts import NOON, settings
from ttr.store import keys
from ttr.store.codec import settings_to_fields
from ttr.store.redis import Store

_BLOCK = 500


async def make_crowd(store: Store, count: int, **changes: Any) -> None:
    """Accounts 1 to `count`, each with the check of its own number; "check <number>" is its name."""
    await store.scripts.load("create_check")
    for first in range(1, count + 1, _BLOCK):
        async with store.redis.pipeline(transaction=False) as pipe:
            for number in range(first, min(count + 1, first + _BLOCK)):
                partition = keys.partition_of(number)
                fields = {"id": number, "user_slug": f"u{number}", "public_slug": f"v{number}"}
                pipe.hset(
                    keys.user(partition, number),
                    mapping={**fields, "created_at": NOON, "data_key": "k", "version": 0},
                )
                pipe.set(keys.user_slug(f"u{number}"), number)
                pipe.set(keys.public_slug(f"v{number}"), number)
                pipe.set(keys.check_uuid(uuid_of(number)), f"{number}:{number}")
                made = settings(**{"name": f"check {number}", "slug": f"job-{number}", **changes})
                store.scripts.queue(
                    pipe,
                    "create_check",
                    partition,
                    [
                        *(number, number, uuid_of(number), NOON, NOON + 60_000, made.slug or ""),
                        *(json.dumps(made.tags), "[]", 10_000, "1", *settings_to_fields(made)),
                    ],
                )
            await pipe.execute()
    await store.redis.set(keys.sequence("user"), count)
    await store.redis.set(keys.sequence("check"), count)


def uuid_of(number: int) -> str:
    """The UUID of a crowd's check."""
    return f"00000000-0000-4000-8000-{number:012d}"
