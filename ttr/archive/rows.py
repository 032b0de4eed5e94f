"""A record of Redis as a row for Postgres: its hash as `fields`, what else belongs to it as `parts`, both JSON."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ttr.archive.encoding import pack, pack_pairs, to_json
from ttr.store.snapshots import Record

Parts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """What is written about one record; `fields` is None when the record is gone."""

    kind: str
    id: str
    fields: str | None
    parts: str


def to_row(record: Record) -> Row:
    """The row of a record of any kind but `bodies`."""
    read = _PARTS.get(record.kind)
    flat, *rest = record.parts
    if not flat and record.kind != "partition":
        return Row(record.kind, record.id, None, "{}")
    parts = {name: part for name, part in (read(*rest) if read else {}).items() if part}
    return Row(record.kind, record.id, to_json(pack_pairs(flat)), to_json(parts))


def _check(
    days: Sequence[bytes],
    reminder: bytes | None,
    flapping: bytes | None,
    pings: int,
    flips: int,
    oldest_body: bytes,
    deliveries: Sequence[bytes],
    *_logs: Any,
) -> Parts:
    return {
        "days": pack_pairs(days),
        "reminder": _text(reminder),
        "flapping": _text(flapping),
        # How many of the newest Redis keeps; of bodies, from which ping's number on.
        "pings": pings,
        "flips": flips,
        "bodies_from": int.from_bytes(oldest_body, "big"),
        "deliveries": _list(deliveries),
    }


def _user(former_slugs: Sequence[bytes], chore: Sequence[bytes], access_keys: Sequence[bytes]) -> Parts:
    return {
        "former_slugs": pack_pairs(former_slugs),
        "chore": _list(chore),
        "access_keys": pack_pairs(access_keys),
    }


def _lane(queue: Sequence[bytes], due: bytes | None, expires: int) -> Parts:
    return {"queue": _list(queue), "due": _text(due), "expires": max(0, expires)}


def _delivery(events: Sequence[bytes], expires: int) -> Parts:
    return {"events": _list(events), "expires": max(0, expires)}


def _partition(pending: Sequence[bytes], gaps: Sequence[bytes], chores: Sequence[bytes]) -> Parts:
    return {"pending_gaps": _list(pending), "gaps": _list(gaps), "chores": pack_pairs(chores)}


def _list(values: Sequence[bytes]) -> list[Any]:
    return [pack(value) for value in values]


def _text(score: bytes | None) -> str:
    return (score or b"").decode()


_PARTS: dict[str, Callable[..., Parts]] = {
    "check": _check,
    "user": _user,
    "lane": _lane,
    "delivery": _delivery,
    "partition": _partition,
}
