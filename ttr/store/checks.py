"""Checks: made, found, listed, edited, paused, acknowledged and deleted; each change is one script run."""

import json
import re
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from ttr.domain import limits
from ttr.domain.check import Check, CheckSettings
from ttr.domain.invalid import FieldError, Invalid
from ttr.domain.schedule import next_due
from ttr.store import keys
from ttr.store.channels import default_channels, delete_channel
from ttr.store.codec import check_from_hash, pairs_to_hash, settings_to_fields
from ttr.store.errors import NotFound, QuotaReached, SlugTaken, StoreUnavailable, UnknownChannel
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
# An edit races with pings of the same check; each turn loses only to a ping that landed in between.
_TURNS = 10


@dataclass(frozen=True, slots=True)
class CheckPage:
    """Some of an account's checks in order; `version` grows with every change the account can see."""

    version: int
    total: int
    checks: list[Check]


async def create_check(store: Store, user: User, settings: CheckSettings, *, now: int, most: int) -> Check:
    """A new check, armed from now; with channels None it gets the account's default ones.

    Raises Invalid, SlugTaken, UnknownChannel, QuotaReached (more than `most` checks).
    """
    _judge_channels(settings, ())
    uuid = str(uuid4())
    given = settings.channels
    channels = await default_channels(store, user) if given is None else given
    due = next_due(settings.schedule, now)
    with store_trouble():
        check_id = int(await store.redis.incr(keys.sequence("check")))
        await store.redis.set(keys.check_uuid(uuid), f"{user.id}:{check_id}", nx=True)
        answer = await store.scripts.run(
            "create_check",
            user.partition,
            [
                user.id,
                check_id,
                uuid,
                now,
                _text(due),
                settings.slug or "",
                json.dumps(settings.tags),
                json.dumps(channels),
                most,
                "1" if given is None else "0",
                *settings_to_fields(settings),
            ],
        )
        if answer[0] != b"created":
            await store.redis.delete(keys.check_uuid(uuid))
    match answer[0]:
        case b"slug_taken":
            raise SlugTaken(int(answer[1]))
        case b"no_channel":
            raise UnknownChannel(answer[1].decode())
        case b"quota":
            raise QuotaReached(f"Your account has {most:,} checks, as many as it may have.")
        case b"no_user":
            raise NotFound("this account is gone")
    return await get_check(store, user, str(check_id))


async def get_check(store: Store, user: User, reference: str) -> Check:
    """The account's check with this number, UUID or slug. Raises NotFound."""
    check_id = await _check_id(store, user, reference)
    with store_trouble():
        pairs = await store.redis.hgetall(keys.check(user.partition, check_id)) if check_id else None
    if not pairs:
        raise NotFound("no such check")
    check = check_from_hash(
        {name.decode(): value.decode("utf-8", "replace") for name, value in pairs.items()}
    )
    if check.user_id != user.id:
        raise NotFound("no such check")
    return check


async def list_checks(
    store: Store, user: User, *, size: int, beyond: int | None = None, ascending: bool = False
) -> CheckPage:
    """Up to `size` checks by number, beyond `beyond` in the given direction, in one round trip."""
    with store_trouble():
        answer = await store.scripts.run(
            "read_checks",
            user.partition,
            [user.id, _text(beyond), "asc" if ascending else "desc", size],
        )
    found = [check_from_hash(pairs_to_hash(pairs)) for pairs in answer[2:] if pairs]
    return CheckPage(int(answer[0]), int(answer[1]), found)


async def update_check(
    store: Store,
    user: User,
    reference: str,
    change: Callable[[CheckSettings], CheckSettings],
    *,
    now: int,
) -> Check:
    """Replace a check's settings by what `change` makes of them; it may run again if a ping came between.

    Raises Invalid, NotFound, SlugTaken, UnknownChannel, and whatever `change` raises.
    """

    async def turn() -> Check | None:
        check = await get_check(store, user, reference)
        settings = change(check.settings)
        _judge_channels(settings, check.own_channels.values())
        channels = "" if settings.channels is None else json.dumps(settings.channels)
        timing = _timing(settings) != _timing(check.settings)
        since = max(check.created_at, check.last_ping or 0, check.armed_from or 0)
        with store_trouble():
            answer = await store.scripts.run(
                "update_check",
                user.partition,
                [
                    user.id,
                    check.id,
                    now,
                    check.revision,
                    _text(check.last_ping),
                    "1" if timing else "0",
                    _text(next_due(settings.schedule, since)) if timing else "",
                    _text(next_due(settings.schedule, now)) if timing else "",
                    settings.slug or "",
                    json.dumps(settings.tags),
                    channels,
                    *settings_to_fields(settings),
                ],
            )
        match answer[0]:
            case b"stale":
                return None
            case b"unknown":
                raise NotFound("no such check")
            case b"slug_taken":
                raise SlugTaken(int(answer[1]))
            case b"no_channel":
                raise UnknownChannel(answer[1].decode())
        return await get_check(store, user, str(check.id))

    return await _until_not_stale(turn)


async def delete_check(store: Store, user: User, reference: str) -> None:
    """Remove a check, everything it kept and the channels that only it uses. Raises NotFound."""
    check = await get_check(store, user, reference)
    key = keys.check(user.partition, check.id)
    with store_trouble():
        gone = False
        while not gone:
            own = await store.redis.hget(key, "own_channels")
            for channel_id in json.loads(own or "{}").values():
                with suppress(NotFound):
                    await delete_channel(store, user, channel_id)
            # That the check is gone by now is as good: a script repeated after a lost connection finds nothing.
            gone = await store.scripts.run("delete_check", user.partition, [user.id, check.id]) != b"own"
        await store.redis.delete(keys.check_uuid(check.uuid))


async def pause_check(store: Store, user: User, reference: str, *, now: int) -> Check:
    """Let a check only record; pausing a paused one changes nothing. Raises NotFound."""
    check = await get_check(store, user, reference)
    with store_trouble():
        if await store.scripts.run("pause_check", user.partition, [user.id, check.id, now]) == -1:
            raise NotFound("no such check")
    return await get_check(store, user, str(check.id))


async def resume_check(store: Store, user: User, reference: str, *, now: int) -> Check:
    """Arm a paused check from now; resuming one that isn't paused changes nothing. Raises NotFound."""

    async def turn() -> Check | None:
        check = await get_check(store, user, reference)
        due = next_due(check.settings.schedule, now)
        with store_trouble():
            answer = await store.scripts.run(
                "resume_check", user.partition, [user.id, check.id, now, check.revision, _text(due)]
            )
        if answer == -1:
            raise NotFound("no such check")
        return None if answer == -2 else await get_check(store, user, str(check.id))

    return await _until_not_stale(turn)


async def acknowledge_check(
    store: Store, user: User, reference: str, *, now: int, down_since: int | None = None
) -> bool:
    """End the reminders of the failure that a check is down by, or only of the one that began at `down_since` (ms).

    False when there is no such failure (any more); a second time is as good as the first. Raises NotFound.
    """
    check = await get_check(store, user, reference)
    with store_trouble():
        answer = await store.scripts.run(
            "acknowledge", user.partition, [user.id, check.id, _text(down_since), now]
        )
    if answer == -1:
        raise NotFound("no such check")
    return bool(answer)


async def _check_id(store: Store, user: User, reference: str) -> int | None:
    if reference.isascii() and reference.isdigit():
        return int(reference) if len(reference) <= 15 else None
    with store_trouble():
        if _UUID.fullmatch(reference.lower()):
            claim = await store.redis.get(keys.check_uuid(reference.lower()))
            owner, _, check_id = (claim or b"").decode().partition(":")
            return int(check_id) if owner == str(user.id) else None
        found = await store.redis.hget(keys.user_slugs(user.partition, user.id), reference)
    return int(found) if found else None


async def _until_not_stale(turn: Callable[[], Awaitable[Check | None]]) -> Check:
    for _ in range(_TURNS):
        if (check := await turn()) is not None:
            return check
    raise StoreUnavailable("this check is pinged faster than it can be edited; try again")


def _judge_channels(settings: CheckSettings, own: Collection[int]) -> None:
    if len(set(settings.channels or ()) - set(own)) > limits.CHANNELS_MAX:
        raise Invalid([FieldError("channels", f"At most {limits.CHANNELS_MAX}.")])


def _timing(settings: CheckSettings) -> tuple[object, ...]:
    return (settings.schedule, settings.grace_seconds, settings.max_runtime_seconds)


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
