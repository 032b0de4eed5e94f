"""Checks: made, found, edited, paused, acknowledged and deleted; each change is one script run."""

import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress

from ttr.domain import limits
from ttr.domain.check import Check, CheckSettings
from ttr.domain.invalid import FieldError, Invalid
from ttr.domain.schedule import next_due
from ttr.domain.uuids import is_uuid
from ttr.noted import origin
from ttr.store import keys
from ttr.store.channels import default_channels, delete_channel
from ttr.store.codec import check_from_hash, settings_to_fields, to_hash
from ttr.store.errors import ChoreLost, NotFound, QuotaReached, SlugTaken, StoreUnavailable, UnknownChannel
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User
from ttr.store.uuid_claims import claim_uuid, release_uuid

# An edit races with pings of the same check; each turn loses only to a ping that landed in between.
_TURNS = 10
# Checks read at once: some 3 ms of our own time.
_PAGE = 50


async def create_check(
    store: Store,
    user: User,
    settings: CheckSettings,
    *,
    now: int,
    most: int,
    number: int | None = None,
    uuid: str | None = None,
) -> Check:
    """A new check, armed from now; with channels None it gets the account's default ones. `number` is one that was
    drawn for it (`ttr/store/numbers.py`), `uuid` one that it gets unless a check has it.

    Raises Invalid, SlugTaken, UnknownChannel, QuotaReached (more than `most` checks).
    """
    _judge_channels(settings, ())
    given = settings.channels
    channels = await default_channels(store, user) if given is None else given
    due = next_due(settings.schedule, now)
    with store_trouble():
        check_id = number or int(await store.redis.incr(keys.sequence("check")))
        uuid = await claim_uuid(store, user, check_id, uuid)
        try:
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
        except ChoreLost:
            await release_uuid(store, user, check_id, uuid)
            raise
        if answer[0] != b"created":
            await release_uuid(store, user, check_id, uuid)
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
    check = check_from_hash(to_hash(pairs))
    if check.user_id != user.id:
        raise NotFound("no such check")
    return check


async def get_checks(store: Store, user: User, references: Sequence[str]) -> list[Check | None]:
    """The account's checks with these numbers, UUIDs or slugs, each in its place; None where there is none."""
    ids = await _check_ids(store, user, references)
    wanted = sorted({check_id for check_id in ids if check_id})
    found: dict[int, Check] = {}
    for start in range(0, len(wanted), _PAGE):
        with store_trouble():
            async with store.redis.pipeline(transaction=False) as pipe:
                for check_id in wanted[start : start + _PAGE]:
                    pipe.hgetall(keys.check(user.partition, check_id))
                hashes = await pipe.execute()
        checks = (check_from_hash(to_hash(pairs)) for pairs in hashes if pairs)
        found |= {check.id: check for check in checks if check.user_id == user.id}
    return [found.get(check_id) if check_id else None for check_id in ids]


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
                    _text(next_due(settings.schedule, _counted_from(check))) if timing else "",
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
    # Another deletion of this check may have come first, and the UUID be another account's by now.
    await release_uuid(store, user, check.id, check.uuid)


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


async def undo_pause(store: Store, user: User, reference: str, *, now: int) -> Check:
    """Give a check that was paused by mistake back as if it had not been: what was told stays told, and what its jobs
    said in the pause, or didn't say, counts. One that isn't paused stays as it is. Raises NotFound.
    """

    async def turn() -> Check | None:
        check = await get_check(store, user, reference)
        schedule = check.settings.schedule
        with store_trouble():
            answer = await store.scripts.run(
                "undo_pause",
                user.partition,
                [
                    user.id,
                    check.id,
                    now,
                    check.revision,
                    _text(check.last_ping),
                    _text(next_due(schedule, _counted_from(check))),
                    _text(next_due(schedule, now)),
                    origin(),
                ],
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
    return (await _check_ids(store, user, [reference]))[0]


async def _check_ids(store: Store, user: User, references: Sequence[str]) -> list[int | None]:
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for reference in references:
                if _is_number(reference):
                    continue
                if is_uuid(reference.lower()):
                    pipe.get(keys.check_uuid(reference.lower()))
                else:
                    pipe.hget(keys.user_slugs(user.partition, user.id), reference)
            found = iter(await pipe.execute())
    return [
        (int(reference) if len(reference) <= 15 else None)
        if _is_number(reference)
        else _named_id(user, next(found))
        for reference in references
    ]


def _is_number(reference: str) -> bool:
    return reference.isascii() and reference.isdigit()


def _named_id(user: User, found: bytes | None) -> int | None:
    """The number that a slug leads to, or, behind its account's, a UUID."""
    owner, _, check_id = (found or b"").decode().rpartition(":")
    return int(check_id) if check_id and owner in ("", str(user.id)) else None


async def _until_not_stale(turn: Callable[[], Awaitable[Check | None]]) -> Check:
    for _ in range(_TURNS):
        if (check := await turn()) is not None:
            return check
    raise StoreUnavailable("this check is pinged faster than it can be edited; try again")


def _judge_channels(settings: CheckSettings, own: Collection[int]) -> None:
    if len(set(settings.channels or ()) - set(own)) > limits.CHANNELS_MAX:
        raise Invalid([FieldError("channels", f"At most {limits.CHANNELS_MAX}.")])


def _counted_from(check: Check) -> int:
    """The moment from which a check's due time counts."""
    return max(check.created_at, check.last_ping or 0, check.armed_from or 0)


def _timing(settings: CheckSettings) -> tuple[object, ...]:
    return (settings.schedule, settings.grace_seconds, settings.max_runtime_seconds)


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
