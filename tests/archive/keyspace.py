"""The whole keyspace by the data dictionary, for comparing a Redis with what a restore makes of its snapshot."""

from collections.abc import Mapping
from typing import Any

from tests.everywhere import key_names
from ttr.archive.database import Database
from ttr.archive.restore import restore
from ttr.store import keys
from ttr.store.redis import Store

Keyspace = Mapping[str, Any]

# As `ttr/store/keys.py` marks them: these may be lost, and are not in a snapshot.
EPHEMERAL = (
    "ttr:session:",
    "ttr:user-sessions:",
    "ttr:upload:",
    "ttr:allowance:",
    "ttr:admin-family:",
    "ttr:admin-families:",
    "ttr:admin-log:",
    "ttr:rate:",
    "ttr:ended-keys",
    "ttr:admin-family:",
    "ttr:reindexing",
    "ttr:restoring",
    "ttr:migrating",
    "ttr:metrics:",
    "ttr:web-tick",
    "ttr:clock-tick",
    "ttr:worker-start",
    "ttr:processes",
    "ttr:self-ping",
    "ttr:telegram-spent:",
    "ttr:telegram-token:",
    "ttr:bot-lease",
    "ttr:bot-offset:",
    "ttr:archive-state",
    "ttr:cleanup",
)
OF_PARTITIONS = ("dirty", "dirty:taken", "history", "history:taken", "snapshot", "delivery-errors")


async def read_keyspace(store: Store) -> Keyspace:
    """Every durable key with its value and, if it expires, when (ms)."""
    found = {}
    for key in await key_names(store, keys.EVERY):
        name = key.decode()
        if not is_durable(name):
            continue
        value = await _read(store, key)
        if value:
            found[name] = (value, await store.redis.pexpiretime(key))
    _forget_ended_keys(found)
    _forget_expired_log_entries(found)
    _forget_orphan_claims(found)
    return found


def is_durable(name: str) -> bool:
    """Whether a key must survive."""
    if name.startswith(EPHEMERAL) or name.endswith(":key-uses"):
        return False
    return name.rpartition("}:")[2] not in OF_PARTITIONS


async def equal_after_restore(store: Store, database: Database) -> None:
    """Whether what Postgres has is what Redis has; takes Redis's place by it."""
    before = await read_keyspace(store)
    await store.redis.flushall()
    await restore(store, database, now=None, progress=lambda done, of: None)
    compare(before, await read_keyspace(store))


def compare(before: Keyspace, after: Keyspace) -> None:
    """The same keys with the same values."""
    assert {name: before.get(name) for name in before.keys() ^ after.keys()} == {}
    for name, value in before.items():
        assert after[name] == value, name


async def _read(store: Store, key: bytes) -> Any:
    match (await store.redis.type(key)).decode():
        case "hash":
            if key.endswith(b":search"):  # its lines stand in any order
                blocks = await store.redis.hgetall(key)
                return {block: sorted(text.splitlines()) for block, text in blocks.items()}
            return await store.redis.hgetall(key)
        case "list":
            return await store.redis.lrange(key, 0, -1)
        case "set":
            return await store.redis.smembers(key)
        case "zset":
            return sorted(await store.redis.zrange(key, 0, -1, withscores=True))
        case "stream":
            return await store.redis.xrange(key)
        case "string":
            return await store.redis.get(key)
    raise AssertionError(key)


def _forget_ended_keys(found: dict[str, Any]) -> None:
    """An access key that opens nothing any more is ephemeral."""
    for name in [name for name in found if name.startswith("ttr:access-key:")]:
        if b"ended" in found[name][0]:
            del found[name]


def _forget_expired_log_entries(found: dict[str, Any]) -> None:
    """A log names deliveries that have expired; nobody sees those."""
    for name, (value, expires) in list(found.items()):
        if name.endswith(":deliveries"):
            prefix = name[: name.index("}:") + 2]
            left = [one for one in value if f"{prefix}delivery:{one.decode()}" in found]
            if left:
                found[name] = (left, expires)
            else:
                del found[name]


def _forget_orphan_claims(found: dict[str, Any]) -> None:
    """A UUID is claimed before its check is made, and let go after that is gone: a crash in between leaves the claim,
    which does no harm."""
    for name in [name for name in found if name.startswith("ttr:check-uuid:")]:
        user, _, check = found[name][0].decode().partition(":")
        if keys.check(keys.partition_of(int(user)), int(check)) not in found:
            del found[name]
