"""The durable records of a partition, read without the code under test; `ttr/store/marks.py` says what a record is."""

import re
from collections.abc import Callable
from typing import Any

from ttr.store import keys
from ttr.store.redis import Store

Records = dict[str, dict[str, Any]]
"""Record -> its parts by name; one that is gone, or has nothing, is not in it."""

# Redis reads them all in one step, for others may be at work; of a log its length, for its lines are the history's.
_READ = """#!lua flags=no-writes
local most, answer = tonumber(ARGV[1]), {}
local names = redis.call("KEYS", KEYS[1] .. "*")
if #names > most then return false end
for _, name in ipairs(names) do
  local kind, value = redis.call("TYPE", name).ok, nil
  if kind == "hash" then value = redis.call("HGETALL", name)
  elseif string.find(name, ":pings$") or string.find(name, ":flips$") then value = redis.call("LLEN", name)
  elseif kind == "list" then value = redis.call("LRANGE", name, 0, -1)
  elseif kind == "zset" then value = redis.call("ZRANGE", name, 0, -1, "WITHSCORES")
  elseif kind == "set" then value = redis.call("SMEMBERS", name)
  elseif kind == "stream" then value = redis.call("XRANGE", name, "-", "+")
  end
  answer[#answer + 1] = {name, value, redis.call("PEXPIRETIME", name)}
end
return answer
"""

_OWN = re.compile(r"((?:check|user|channel|status-page):\d+|(?:lane|delivery):[^:]+)(?::(.+))?")
_PARTS = {
    "check": {"pings", "flips", "days", "deliveries"},
    "user": {"former-slugs", "chore", "access-keys"},
    "channel": set[str](),
    "status-page": set[str](),
    "lane": {"queue"},
    "delivery": {"events"},
}
_EXPIRING = ("lane", "delivery")
_PLACES = {"lanes": "lane", "reminders": "check", "flapping": "check"}

DERIVED = re.compile(
    r"deadlines|channel:\d+:checks|user:\d+:(?:checks|slugs|tags|tag:\d+|channels|default-channels|status-pages"
    r"|running|search|deliveries|by:\w+)"
)
"""Keys that are made anew from the records."""
LOST = re.compile(r"user:\d+:key-uses")
"""Keys that no snapshot keeps."""
WHOLE = {"clock", "gaps:pending", "gaps:known", "chores"}
"""Keys that every snapshot reads."""
BOOKKEEPING = {"dirty", "dirty:taken", "history", "history:taken", "snapshot"}
"""Keys of the snapshots themselves."""
EPHEMERAL = {"delivery-errors"}
"""Keys that no snapshot has."""


def is_bookkeeping(key: bytes) -> bool:
    """Whether a key is one of the snapshots' own, in any partition."""
    _, name = keys.in_partition(key) or (0, b"")
    return name.decode() in BOOKKEEPING


async def read_names(evaluate: Callable[..., Any], partition: int, most: int) -> dict[str, Any] | None:
    """Every key of a partition by what follows the prefix: its value, and when it expires; None beyond `most` keys."""
    prefix = keys.prefix(partition)
    found = await evaluate("EVAL", _READ, 1, prefix, most)
    return None if found is None else {name.decode().removeprefix(prefix): rest for name, *rest in found}


def records_of(names: dict[str, Any]) -> Records:
    """The records among a partition's keys. A key that is neither one's nor derived nor known is an error."""
    records: Records = {}
    for name, (value, expires) in names.items():
        if name == "outbox":
            for entry, fields in value:
                records[f"outbox:{entry.decode()}"] = {"fields": _pairs(fields)}
        elif name in _PLACES:
            for member, at in _pairs(value).items():
                records.setdefault(f"{_PLACES[name]}:{member.decode()}", {})[name] = float(at)
        elif name.endswith(":bodies"):
            numbers = [int.from_bytes(body[:4]) for body in value]
            records[f"bodies:{name.split(':')[1]}"] = {"bodies": value}
            records.setdefault(name.removesuffix(":bodies"), {})["oldest body"] = numbers[-1]
        elif (
            not (DERIVED.fullmatch(name) or LOST.fullmatch(name))
            and name not in WHOLE | BOOKKEEPING | EPHEMERAL
        ):
            record, part = _part_of(name)
            parts = records.setdefault(record, {})
            parts[part] = _pairs(value) if part in ("hash", "days", "access-keys") else value
            if part == "hash" and record.startswith(_EXPIRING):
                parts["expires"] = expires
    return records


async def read_records(store: Store, partition: int) -> Records:
    """The records as they are now."""
    names = await read_names(store.redis.execute_command, partition, 1_000_000)
    assert names is not None
    return records_of(names)


def _part_of(name: str) -> tuple[str, str]:
    found = _OWN.fullmatch(name)
    assert found, f"nobody knows whose key {name} is"
    record, part = found[1], found[2] or "hash"
    assert part == "hash" or part in _PARTS[record.partition(":")[0]], f"nobody knows whose key {name} is"
    return record, part


def _pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
