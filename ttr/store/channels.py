"""Channels: objects of the account that any number of checks use. Secrets are sealed before they get here."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ttr.domain import limits
from ttr.domain.check import Check
from ttr.noted import origin
from ttr.store import keys
from ttr.store.codec import to_hash
from ttr.store.errors import ChannelNeeded, DefaultsReached, NotFound, QuotaReached, UnknownChannel
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User

_BATCH = 500
"""Checks that one script run takes: some milliseconds in which Redis does nothing else."""

_READ_AT_ONCE = 100
"""Channels of one round trip: 1,000 at once would keep everybody else waiting for some 40 ms."""

OffReason = Literal["gone", "unsubscribed", "unconfirmed"]


@dataclass(frozen=True, slots=True)
class Draft:
    """What an owner set, its secrets sealed; `has` names those that are set."""

    kind: str
    name: str
    settings: Mapping[str, str]
    sealed: str
    has: frozenset[str]
    destination: str
    address: str
    """What its messages have in common with those of other channels: the same kind, settings and secrets."""
    enabled: bool
    default: bool
    waits: bool = False
    """Whether it is off until somebody at its address agrees."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as stored. Times are milliseconds UTC; None where nothing happened yet."""

    id: int
    user_id: int
    kind: str
    name: str
    settings: Mapping[str, str]
    has: frozenset[str]
    """The secrets that are set."""
    enabled: bool
    default: bool
    """Whether new checks get it."""
    own_check: int | None
    """The one check it was made for and that alone uses it."""
    destination: str
    """Whom its rate is counted against; "" while it can't send."""
    checks: int
    """How many use it."""
    created_at: int
    last_status: str | None
    """"ok" or "error" of the last send."""
    last_message: str | None
    last_at: int | None
    off_reason: str | None
    """Why it is off though its owner wants it on: gone, unsubscribed, unconfirmed; None when it is on or its owner
    turned it off."""
    off_at: int | None
    confirmed: str
    """The address whose reader agreed; "" when nobody has."""
    sealed: str
    """The secrets, sealed; "" when there are none."""
    revision: str
    """Changes with each edit."""


def identity(kind: str, destination: str) -> str:
    """How a destination is named at rest and in the rate's key: its service's name and a hash of what may be secret."""
    return f"{kind}-{hashlib.sha256(destination.encode()).hexdigest()[:20]}"


def address(kind: str, settings: Mapping[str, str], secrets: Mapping[str, str]) -> str:
    """Names where messages go, and how they are signed: channels of an account with the same one share a lane."""
    lasting = {name: value for name, value in secrets.items() if not name.startswith("signing_before")}
    text = json.dumps([kind, dict(settings), lasting], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


async def create_channel(
    store: Store,
    user: User,
    draft: Draft,
    *,
    own_check: int | None,
    now: int,
    most: int,
    number: int | None = None,
) -> int | None:
    """Make a channel and return its number; with `own_check` it is that check's alone, which has one of each kind.
    `number` is one that was drawn for it (`ttr/store/numbers.py`).

    None: the check got one of this kind meanwhile. Raises NotFound, QuotaReached (more than `most` channels),
    DefaultsReached.
    """
    with store_trouble():
        channel_id = number or int(await store.redis.incr(keys.sequence("channel")))
        answer = await store.scripts.run(
            "create_channel",
            user.partition,
            [
                user.id,
                channel_id,
                now,
                draft.kind,
                _revision(),
                "" if own_check is None else own_check,
                _flag(draft.default),
                most,
                limits.CHANNELS_MAX,
                "settings",
                json.dumps(dict(draft.settings)),
                *_fields(draft),
                *(_waiting(now) if draft.waits else ()),
            ],
        )
    match answer[0]:
        case b"unknown":
            raise NotFound("no such account" if own_check is None else "no such check")
        case b"quota":
            raise QuotaReached(f"Your account has {most:,} channels, as many as it may have.")
        case b"too_many_defaults":
            raise DefaultsReached
        case b"has_one":
            return None
    return channel_id


async def update_channel(store: Store, user: User, channel: Channel, draft: Draft, *, now: int) -> bool:
    """Change a channel that was read; False when somebody else changed it since. Raises NotFound, DefaultsReached."""
    changed = {name: value for name, value in draft.settings.items() if channel.settings.get(name) != value}
    waited = channel.off_reason == "unconfirmed"
    waiting: list[str | int] = ["off_reason", "", "off_at", ""] if waited else []
    if draft.waits:
        waiting = _waiting(channel.off_at or now if waited else now)
    with store_trouble():
        answer = await store.scripts.run(
            "update_channel",
            user.partition,
            [
                user.id,
                channel.id,
                channel.revision,
                _revision(),
                now,
                _flag(draft.default),
                limits.CHANNELS_MAX,
                json.dumps(changed),
                *_fields(draft),
                *waiting,
            ],
        )
    match answer[0]:
        case b"unknown":
            raise NotFound("no such channel")
        case b"too_many_defaults":
            raise DefaultsReached
    return bool(answer[0] == b"updated")


async def list_channels(store: Store, user: User) -> list[Channel]:
    """All of the account's channels, oldest first."""
    with store_trouble():
        members = await store.redis.smembers(keys.user_channels(user.partition, user.id))
    numbers = sorted(int(member) for member in members)
    found: list[Channel] = []
    for first in range(0, len(numbers), _READ_AT_ONCE):
        found += (await read_channels(store, user, numbers[first : first + _READ_AT_ONCE])).values()
    return found


async def count_shared(store: Store, user: User) -> int:
    """How many of the account's channels are not one check's alone, at a tenth of the price of reading them."""
    with store_trouble():
        members = await store.redis.smembers(keys.user_channels(user.partition, user.id))
        if not members:
            return 0
        async with store.redis.pipeline(transaction=False) as pipe:
            for number in members:
                pipe.hget(keys.channel(user.partition, int(number)), "own_check")
            # One that was deleted in between has no field.
            return sum(owner == b"" for owner in await pipe.execute())


async def get_channel(store: Store, user: User, channel_id: int) -> Channel:
    """The account's channel with this number. Raises NotFound."""
    found = await read_channels(store, user, [channel_id])
    if channel_id not in found:
        raise NotFound("no such channel")
    return found[channel_id]


async def read_channels(store: Store, user: User, ids: Sequence[int]) -> dict[int, Channel]:
    """The account's channels with these numbers, in one round trip and this order; unknown numbers are left out."""
    if not ids:
        return {}
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for channel_id in ids:
                pipe.hgetall(keys.channel(user.partition, channel_id))
                pipe.scard(keys.channel_checks(user.partition, channel_id))
            answers = await pipe.execute()
    found = [_from_hash(answers[i], answers[i + 1]) for i in range(0, len(answers), 2) if answers[i]]
    return {channel.id: channel for channel in found if channel.user_id == user.id}


async def delete_channel(store: Store, user: User, channel_id: int) -> None:
    """Take a channel off its checks and remove it; what waits for it is dropped when its turn comes.
    Raises NotFound.

    Done in batches: after a crash in between the channel is off, still listed, and can be deleted again.
    """
    users = keys.channel_checks(user.partition, channel_id)
    first = True
    with store_trouble():
        while True:
            batch = [int(check) for check in await store.redis.srandmember(users, _BATCH)]
            answer = await store.scripts.run(
                "delete_channel",
                user.partition,
                [user.id, channel_id, json.dumps(batch)],
            )
            if answer == -1 and first:
                raise NotFound("no such channel")
            if answer != 0:
                return
            first = False


async def turn_off(store: Store, user_id: int, channel_id: int, reason: OffReason, now: int) -> bool:
    """Turn a channel off for its receiver or its service; False when it was off already. Whoever unsubscribes also
    takes back that they agreed, or refuses to; the owner is told by another channel. Raises NotFound.
    """
    partition = keys.partition_of(user_id)
    with store_trouble():
        members = await store.redis.smembers(keys.user_channels(partition, user_id))
        others = json.dumps(sorted(int(member) for member in members))
        answer = await store.scripts.run(
            "turn_off_channel", partition, [user_id, channel_id, reason, now, _revision(), others, origin()]
        )
    if answer == -1:
        raise NotFound("no such channel")
    return bool(answer)


async def confirm(store: Store, user: User, channel: Channel, agreed: str) -> bool | None:
    """Turn a channel that was read on, for the reader of its address has `agreed`; False when it does not wait for
    that (any more), None when somebody changed it since. Raises NotFound.
    """
    with store_trouble():
        answer = await store.scripts.run(
            "confirm_channel",
            user.partition,
            [user.id, channel.id, channel.revision, _revision(), agreed],
        )
    if answer == -1:
        raise NotFound("no such channel")
    return None if answer == -2 else bool(answer)


async def note_result(
    store: Store,
    user: User,
    channel_id: int,
    *,
    delivered: bool,
    detail: str,
    settings: Mapping[str, str] | None,
    now: int,
) -> None:
    """Keep what a channel's service answered to a test; `settings` are those that it changed."""
    with store_trouble():
        await store.scripts.run(
            "note_channel",
            user.partition,
            [
                user.id,
                channel_id,
                "ok" if delivered else "error",
                detail,
                now,
                json.dumps(dict(settings or {})),
            ],
        )


async def assign(store: Store, user: User, check_id: int, channel_id: int, on: bool) -> None:
    """Let a check use a channel, or not any more; twice is as good as once.

    Raises NotFound, UnknownChannel (also for another check's own), QuotaReached, and ChannelNeeded when a check
    is to leave its own.
    """
    with store_trouble():
        answer = await store.scripts.run(
            "assign_channel",
            user.partition,
            [user.id, check_id, channel_id, _flag(on), limits.CHANNELS_MAX],
        )
    match answer[0]:
        case b"unknown":
            raise NotFound("no such check")
        case b"no_channel":
            raise UnknownChannel(str(channel_id))
        case b"quota":
            raise QuotaReached(f"This check has {limits.CHANNELS_MAX} channels, as many as it may have.")
        case b"own":
            raise ChannelNeeded


async def assign_to_all(store: Store, user: User, channel_id: int) -> int:
    """Let all checks of the account use a channel, but for those that are full. Returns how many didn't use it before.

    Raises UnknownChannel, also for one that was made for one check.
    """
    beyond: Any = 0
    changed = 0
    with store_trouble():
        while beyond != b"":
            answer = await store.scripts.run(
                "assign_to_all",
                user.partition,
                [user.id, channel_id, beyond, _BATCH, limits.CHANNELS_MAX],
            )
            if answer[0] == b"no_channel":
                raise UnknownChannel(str(channel_id))
            beyond = answer[0]
            changed += int(answer[1])
    return changed


async def default_channels(store: Store, user: User) -> list[int]:
    """The channels that a new check gets."""
    with store_trouble():
        members = await store.redis.smembers(keys.user_defaults(user.partition, user.id))
    return sorted(int(member) for member in members)


async def own_channels(store: Store, user: User, checks: Sequence[Check]) -> dict[int, Channel]:
    """The channels that only one of these checks uses each, by number."""
    return await read_channels(
        store, user, [number for check in checks for number in check.own_channels.values()]
    )


def _fields(draft: Draft) -> list[str]:
    return [
        "name",
        draft.name,
        "secret",
        draft.sealed,
        "secrets_set",
        json.dumps(sorted(draft.has)),
        "destination",
        draft.destination,
        "address",
        draft.address,
        "enabled",
        _flag(draft.enabled),
    ]


def _waiting(since: int) -> list[str | int]:
    return ["off_reason", "unconfirmed", "off_at", since]


def _from_hash(raw: Mapping[bytes, bytes], checks: int) -> Channel:
    fields = to_hash(raw)
    get = fields.get
    return Channel(
        id=int(fields["id"]),
        user_id=int(fields["user_id"]),
        kind=fields["kind"],
        name=get("name", ""),
        settings=json.loads(get("settings") or "{}"),
        has=frozenset(json.loads(get("secrets_set") or "[]")),
        enabled=get("enabled") == "1",
        default=get("default") == "1",
        own_check=_number(get("own_check")),
        destination=get("destination", ""),
        checks=checks,
        created_at=int(fields["created_at"]),
        last_status=get("last_status"),
        last_message=get("last_message"),
        last_at=_number(get("last_at")),
        off_reason=get("off_reason") or None,
        off_at=_number(get("off_at")),
        confirmed=get("confirmed", ""),
        sealed=get("secret", ""),
        revision=get("revision", ""),
    )


def _revision() -> str:
    # Chosen by the caller: a script repeated after a lost connection finds its own.
    return secrets.token_hex(8)


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _flag(value: bool) -> str:
    return "1" if value else "0"
