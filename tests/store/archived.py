"""An archive in memory: what a test keeps of all that snapshots have read."""

from dataclasses import dataclass, field
from typing import Any

from tests.records import Records
from ttr.store import snapshots
from ttr.store.redis import Store

CALLS_MOST = 10_000


@dataclass
class Archive:
    """What snapshots of one partition have told so far."""

    partition: int
    kept: Records = field(default_factory=dict)
    bodies: dict[str, dict[int, bytes]] = field(default_factory=dict)
    lines: list[bytes] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    """Names of the records that the last snapshot read."""

    async def snapshot(self, store: Store, token: str) -> None:
        """Take a whole snapshot."""
        begun = await snapshots.begin(store, self.partition, token)
        lines: list[bytes] = []
        self.read = set()
        for _ in range(CALLS_MOST):
            taken = await snapshots.take(store, begun, whole_logs=False)
            self.add(taken)
            lines += taken.history
            if taken.complete:
                break
        assert taken.complete
        await snapshots.end(store, begun)
        self.lines += lines

    def add(self, taken: snapshots.Taken) -> None:
        """Keep the records of one call in place of what was kept of them."""
        for record in taken.records:
            name = f"{record.kind}:{record.id}"
            self.read.add(name)
            if record.kind == "bodies":
                newest = {int.from_bytes(body[:4]): body for body in record.parts[0]}
                self.bodies[name] = self.bodies.get(name, {}) | newest
            elif record.kind != "partition":
                self.kept[name] = {
                    part: value for part, value in _PARTS[record.kind](*record.parts).items() if value
                }

    def records(self) -> Records:
        """What a restore would bring back, in the form of `tests/records.py`."""
        found = {name: parts for name, parts in self.kept.items() if parts}
        for name, bodies in self.bodies.items():
            oldest = self.kept.get(name.replace("bodies", "check"), {}).get("oldest body")
            if oldest is not None:
                found[name] = {
                    "bodies": [bodies[number] for number in sorted(bodies, reverse=True) if number >= oldest]
                }
        return found


def _pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _check(
    fields: Any,
    days: Any,
    reminded: Any,
    calm: Any,
    pings: int,
    flips: int,
    oldest: bytes,
    deliveries: Any,
    *logs: Any,
) -> dict[str, Any]:
    assert logs == ([], [])
    return {
        "hash": _pairs(fields),
        "days": _pairs(days),
        "reminders": reminded and float(reminded),
        "flapping": calm and float(calm),
        "pings": pings,
        "flips": flips,
        "oldest body": oldest and int.from_bytes(oldest),
        "deliveries": deliveries,
    }


def _expiring(at: int) -> int | None:
    return None if at == -2 else at  # -2: there is no such key


_PARTS: dict[str, Any] = {
    "check": _check,
    "user": lambda fields, former, chore, keys: {
        "hash": _pairs(fields),
        "former-slugs": former,
        "chore": chore,
        "access-keys": _pairs(keys),
    },
    "channel": lambda fields: {"hash": _pairs(fields)},
    "status-page": lambda fields: {"hash": _pairs(fields)},
    "lane": lambda fields, queue, at, expires: {
        "hash": _pairs(fields),
        "queue": queue,
        "lanes": at and float(at),
        "expires": _expiring(expires),
    },
    "delivery": lambda fields, events, expires: {
        "hash": _pairs(fields),
        "events": events,
        "expires": _expiring(expires),
    },
    "outbox": lambda fields: {"fields": _pairs(fields)},
}
