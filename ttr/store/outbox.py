"""The outbox: alerts that state changes decided, on their way to becoming deliveries."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from ttr.domain.alert import Event, EventKind, Reason, to_json
from ttr.store import keys
from ttr.store.redis import Store, store_trouble

UNFINISHED_MAX = 20_000
"""Unfinished deliveries of one account: two channels for each of 10,000 checks. More is a loop, or an attack."""
# Longer than the day in which a delivery is tried: it may first have waited for a worker that was away.
_EVENT_KEPT_MS = 8 * 86_400_000


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with where it came from and the channels that its check had at that moment."""

    stream_id: str
    event: Event
    user_id: int
    channels: str
    """A JSON list of channel numbers."""


async def read_outbox(store: Store, partition: int, most: int) -> list[Entry]:
    """The oldest entries. Reading takes nothing away: only `dispatch_entry` does."""
    with store_trouble():
        found = await store.redis.xrange(keys.outbox(partition), count=most)
    return [_entry(stream_id.decode(), fields) for stream_id, fields in found]


async def dispatch_entry(store: Store, partition: int, entry: Entry, now: int) -> tuple[int, int]:
    """Turn an entry into a delivery for each enabled channel, once whoever else tries.

    Returns how many were made, and how many refused because the account has UNFINISHED_MAX already.
    """
    with store_trouble():
        made, refused = await store.scripts.run(
            "dispatch",
            partition,
            [
                entry.stream_id,
                entry.event.id,
                to_json(entry.event),
                entry.user_id,
                entry.event.check_id,
                now,
                entry.channels,
                UNFINISHED_MAX,
                _EVENT_KEPT_MS,
            ],
        )
    return int(made), int(refused)


def _entry(stream_id: str, raw: Mapping[bytes, bytes]) -> Entry:
    fields = {name.decode(): value.decode("utf-8", "replace") for name, value in raw.items()}
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
        down_ms=at - since if kind == "up" and since is not None else None,
        last_ping=_number(fields["last_ping"]),
        failure_count=int(fields["failure_count"] or 0),
    )
    return Entry(stream_id, event, int(fields["user_id"]), fields["channels"] or "[]")


def _number(text: str) -> int | None:
    return int(text) if text else None
