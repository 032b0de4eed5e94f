"""Admins: people with a name and a password, apart from the accounts. One hash has them all."""

import json
from dataclasses import dataclass, field, replace

from redis.exceptions import WatchError

from ttr.store import keys
from ttr.store.redis import Store, store_trouble

_TRIES = 10


@dataclass(frozen=True, slots=True)
class AdminRecord:
    """What is kept of an admin; `password` is its argon2id hash, `changed_at` when it was last set (ms)."""

    username: str
    password: str = field(repr=False)
    created_at: int
    changed_at: int

    def __str__(self) -> str:
        return json.dumps(
            {"password": self.password, "created_at": self.created_at, "changed_at": self.changed_at}
        )


async def create_admin(store: Store, admin: AdminRecord) -> bool:
    """Keep a new admin; False when there is one of this name, who stays as it is."""
    with store_trouble():
        return bool(await store.redis.hsetnx(keys.admins(), admin.username, str(admin)))


async def read_admin(store: Store, username: str) -> AdminRecord | None:
    """The admin of this name."""
    with store_trouble():
        found = await store.redis.hget(keys.admins(), username)
    return None if found is None else parse_admin(username, found)


async def list_admins(store: Store) -> list[AdminRecord]:
    """All of them, by name."""
    with store_trouble():
        found = await store.redis.hgetall(keys.admins())
    return sorted(
        (parse_admin(name.decode(), value) for name, value in found.items()), key=lambda one: one.username
    )


async def is_any_admin(store: Store) -> bool:
    """Whether there is one at all."""
    with store_trouble():
        return bool(await store.redis.exists(keys.admins()))


async def set_password(store: Store, username: str, password: str, now: int) -> bool:
    """Give an admin another password, by its hash; False when there is no such admin.

    `changed_at` always grows, whatever clocks do: families opened before go by it.
    """
    for _ in range(_TRIES):
        found = await read_admin(store, username)
        if found is None:
            return False
        if await swap_admin(
            store, found, replace(found, password=password, changed_at=max(now, found.changed_at + 1))
        ):
            return True
    return False


async def swap_admin(store: Store, before: AdminRecord, after: AdminRecord) -> bool:
    """Keep `after` in place of `before`, of the same name; False when that is not what is kept any more."""
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            await pipe.watch(keys.admins())
            if await pipe.hget(keys.admins(), before.username) != str(before).encode():
                return False
            pipe.multi()
            pipe.hset(keys.admins(), after.username, str(after))
            try:
                await pipe.execute()
            except WatchError:
                return False
    return True


async def remove_admin(store: Store, username: str) -> bool:
    """Remove an admin; False when there is no such admin."""
    with store_trouble():
        return bool(await store.redis.hdel(keys.admins(), username))


def parse_admin(username: str, text: bytes) -> AdminRecord:
    """The admin that a field of the hash holds."""
    kept = json.loads(text)
    return AdminRecord(username, kept["password"], kept["created_at"], kept["changed_at"])
