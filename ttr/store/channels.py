"""Channels: objects of the account that any number of checks use. Secrets are sealed before they get here."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ttr.domain.check import Check
from ttr.store import keys
from ttr.store.errors import NotFound, QuotaReached
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as shown to its owner; the secret never leaves the store in the clear."""

    id: int
    kind: str
    settings: Mapping[str, str]
    has_secret: bool
    enabled: bool
    last_status: str | None
    """"ok" or "error" of the last send."""
    last_message: str | None
    last_at: int | None


async def set_webhook(
    store: Store,
    user: User,
    check: Check,
    *,
    enabled: bool | None,
    secret: str | None,
    now: int,
    most: int,
) -> None:
    """Change the webhook that only this check uses, making it the first time.

    None leaves a setting as it is; `secret` is the sealed URL, "" clears it. Raises NotFound, QuotaReached.
    """
    changes: list[str] = []
    if enabled is not None:
        changes += ["enabled", "1" if enabled else "0"]
    if secret is not None:
        changes += ["secret", secret]
    with store_trouble():
        new_id = int(await store.redis.incr(keys.sequence("channel")))
        answer = await store.scripts.run(
            "set_webhook",
            user.partition,
            [user.id, check.id, new_id, now, most, "changed_at", str(now), *changes],
        )
    match answer[0]:
        case b"unknown":
            raise NotFound("no such check")
        case b"quota":
            raise QuotaReached(f"Your account has {most:,} channels, as many as it may have.")


async def read_channels(store: Store, user: User, ids: Sequence[int]) -> dict[int, Channel]:
    """The channels with these numbers, in one round trip; unknown numbers are left out."""
    if not ids:
        return {}
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for channel_id in ids:
                pipe.hgetall(keys.channel(user.partition, channel_id))
            hashes = await pipe.execute()
    found = (_from_hash({k.decode(): v.decode() for k, v in fields.items()}) for fields in hashes if fields)
    return {channel.id: channel for channel in found}


def _from_hash(fields: Mapping[str, str]) -> Channel:
    at = fields.get("last_at")
    return Channel(
        id=int(fields["id"]),
        kind=fields["kind"],
        settings=json.loads(fields.get("settings") or "{}"),
        has_secret=bool(fields.get("secret")),
        enabled=fields.get("enabled") == "1",
        last_status=fields.get("last_status"),
        last_message=fields.get("last_message"),
        last_at=int(at) if at else None,
    )
