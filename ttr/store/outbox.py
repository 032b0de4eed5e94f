"""The outbox: alerts that state changes decided, on their way to becoming deliveries."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ttr.domain.alert import Event, EventKind, Reason, to_json
from ttr.store import keys
from ttr.store.codec import to_hash
from ttr.store.many import run_many
from ttr.store.redis import Store, store_trouble
from ttr.store.scripts import Arg
from ttr.store.users import User

QUEUED_MAX = 20_000
"""Events that wait in one account: two channels for each of 10,000 checks. More is a loop, or an attack."""
QUEUED_BYTES_MAX = 20_000_000
"""Bytes of those events, each counted for every address it waits for."""
ACCOUNT_LOG = 500
"""Deliveries that an account's log keeps."""
CHECK_LOG = 50
"""Deliveries that a check's log keeps."""
_HURRY_MS = 60_000
_DELIVERY_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with where it came from and the channels that its check had at that moment."""

    stream_id: str
    event: Event
    user_id: int
    channels: str
    """A JSON list of channel numbers."""


async def read_outbox(store: Store, partition: int, most: int) -> list[Entry]:
    """The oldest entries. Reading takes nothing away: only dispatching does."""
    with store_trouble():
        found = await store.redis.xrange(keys.outbox(partition), count=most)
    return [_entry(stream_id.decode(), fields) for stream_id, fields in found]


async def dispatch_entry(
    store: Store, partition: int, entry: Entry, now: int, events_max: Mapping[str, int]
) -> tuple[int, int]:
    """Turn an entry into a delivery for each enabled channel, or let it join the one that waits; once, whoever
    else tries. `events_max`: by kind of channel, how many events one delivery may carry.

    Returns how many were made or joined, and how many refused because too much waits in the account already.
    """
    (done,) = await dispatch_entries(store, partition, [entry], now, events_max)
    return done


async def dispatch_entries(
    store: Store, partition: int, entries: Sequence[Entry], now: int, events_max: Mapping[str, int]
) -> list[tuple[int, int]]:
    """`dispatch_entry` for each of them in their order, in one round trip: some 100 microseconds of Redis each, in
    which it serves nobody else."""
    caps = json.dumps(dict(events_max))
    calls: list[list[Arg]] = [
        [
            entry.stream_id,
            entry.event.id,
            to_json(entry.event),
            entry.user_id,
            entry.event.check_id,
            now,
            entry.channels,
            QUEUED_MAX,
            caps,
            ACCOUNT_LOG,
            CHECK_LOG,
            _HURRY_MS,
            QUEUED_BYTES_MAX,
            _DELIVERY_BYTES,
        ]
        for entry in entries
    ]
    with store_trouble():
        answers = await run_many(store, "dispatch", partition, calls)
    return [(int(made), int(refused)) for made, refused in answers]


async def put_test(store: Store, user: User, channel_id: int, event: Event) -> None:
    """Queue a test for one channel, on the way that alerts take."""
    fields: dict[str, str | int] = {
        "id": event.id,
        "kind": event.kind,
        "at": event.at,
        "user_id": user.id,
        "check_id": event.check_id,
        "check_name": event.check_name,
        "check_slug": event.check_slug or "",
        "tags": "",
        "description": event.description,
        "reason": "",
        "reason_detail": "",
        "overdue_ms": "",
        "down_since": "",
        "last_ping": "",
        "failure_count": 0,
        "channels": json.dumps([channel_id]),
        "channel_name": event.channel_name,
        "queued": "1",
        "origin": event.origin,
    }
    with store_trouble():
        pairs = [part for pair in fields.items() for part in pair]
        await store.scripts.run("put_event", user.partition, pairs)


def _entry(stream_id: str, raw: Mapping[bytes, bytes]) -> Entry:
    fields = to_hash(raw)
    at, since = int(fields["at"]), _number(fields["down_since"])
    kind = cast(EventKind, fields["kind"])
    event = Event(
        id=fields["id"],
        kind=kind,
        at=at,
        check_id=int(fields["check_id"]),
        check_name=fields["check_name"],
        check_slug=fields["check_slug"] or None,
        tags=tuple(name for _, name in json.loads(fields["tags"] or "[]")),
        description=fields["description"],
        reason=cast(Reason, fields["reason"]),
        reason_detail=fields["reason_detail"],
        overdue_ms=_number(fields["overdue_ms"]),
        down_since=since,
        down_ms=at - since if kind in ("up", "settled") and since is not None else None,
        last_ping=_number(fields["last_ping"]),
        failure_count=int(fields["failure_count"] or 0),
        output=fields.get("output", ""),
        status=fields.get("status", ""),
        flips=int(fields.get("flips") or 0),
        reminders=int(fields.get("reminders") or 0),
        may_acknowledge=fields.get("may_acknowledge") == "1",
        channel_name=fields.get("channel_name", ""),
        queued=fields.get("queued") == "1",
        origin=fields.get("origin", ""),
    )
    return Entry(stream_id, event, int(fields["user_id"]), fields["channels"] or "[]")


def _number(text: str) -> int | None:
    return int(text) if text else None
