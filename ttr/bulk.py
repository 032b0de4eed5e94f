"""Many checks of an account at once, as a whole or not at all: everything is judged before the first write."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from ttr.changes import Change, all_or_nothing, changed_check, deleting_check, made_check, slices, together
from ttr.domain import limits
from ttr.domain.bulk_input import CommonChange, Findings
from ttr.domain.check import Check, CheckSettings
from ttr.domain.invalid import Contradiction, FieldError, Invalid
from ttr.domain.turns import Turns
from ttr.now import now_ms
from ttr.store.channels import list_channels
from ttr.store.check_list import check_counts
from ttr.store.checks import create_check, delete_check, get_checks, pause_check, resume_check, update_check
from ttr.store.errors import NotFound, QuotaReached, SlugTaken, UnknownChannel
from ttr.store.numbers import draw_numbers
from ttr.store.redis import Store
from ttr.store.users import User

T = TypeVar("T")


async def in_turns(work: Turns[T]) -> T:
    """What the work ends with; others have their turn wherever it yields."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result
        await asyncio.sleep(0)


async def create_all(store: Store, user: User, wanted: Sequence[CheckSettings], *, most: int) -> list[Check]:
    """The new checks, in this order.

    Raises Contradiction (slugs that are taken, unknown channels), QuotaReached, Busy.
    """

    async def make(index: int, number: int) -> None:
        try:
            await create_check(change.store, user, wanted[index], now=now_ms(), most=most, number=number)
        except SlugTaken as error:
            raise Contradiction([FieldError(f"checks.{index}.slug", str(error))]) from None
        except UnknownChannel as error:
            raise Contradiction([FieldError(f"checks.{index}.channels", str(error))]) from None
        except NotFound:
            raise _gone(index) from None

    async with all_or_nothing(store, user) as change:
        # Only from here on does no other bulk change or import come between.
        await _judge_new(store, user, wanted, most)
        numbers = await draw_numbers(store, "check", len(wanted))
        for some in slices(list(enumerate(numbers))):
            await change.note(*(made_check(number) for _, number in some))
            await together([make(index, number) for index, number in some])
    return _found(await get_checks(store, user, [str(number) for number in numbers]))


async def change_all(store: Store, user: User, wanted: CommonChange) -> list[Check]:
    """The checks after one change of all of them, each once, in the order in which they were named.

    Raises Contradiction (unknown checks and channels, a slug that is taken, what doesn't fit a check), Invalid, Busy.
    """

    async def edit(index: int, check: Check) -> None:
        try:
            await update_check(
                change.store,
                user,
                str(check.id),
                lambda current: wanted.apply(current, now=now_ms()),
                now=now_ms(),
            )
        except Invalid as error:
            findings = Findings()
            findings.take(error, "checks", index)
            findings.judge()
        except SlugTaken as error:
            raise Contradiction([FieldError("changes.slug", str(error))]) from None
        except UnknownChannel as error:
            raise Contradiction([FieldError("changes.channels", str(error))]) from None
        except NotFound:
            raise _gone(index) from None

    async def turn(index: int, check: Check) -> None:
        step = pause_check if wanted.paused else resume_check
        try:
            await step(change.store, user, str(check.id), now=now_ms())
        except NotFound:
            raise _gone(index) from None

    async with all_or_nothing(store, user) as change:
        named = await _named(store, user, wanted.names)
        edited = await in_turns(_judge_change(wanted, named, now_ms()))
        await _judge_references(store, user, wanted, named)
        await _change_each(change, user, edited, edit)
        # Last, since it is what people would notice: a resumed check may be overdue a few seconds later.
        turned = [(i, check) for i, check in named.items() if wanted.paused not in (None, check.paused)]
        await _change_each(change, user, turned, turn)
    return _found(await get_checks(store, user, [str(check.id) for check in named.values()]))


async def delete_all(store: Store, user: User, names: Sequence[str]) -> int:
    """Delete the checks that are named, and say how many; what a crash interrupts is finished by the clock.

    Raises Contradiction when one of them is none of the account's, and Busy.
    """

    async def delete(check: Check) -> None:
        with suppress(NotFound):  # by somebody else, meanwhile
            await delete_check(change.store, user, str(check.id))

    async with all_or_nothing(store, user) as change:
        named = await _named(store, user, names)
        await change.note(*(deleting_check(check.id) for check in named.values()))
        for some in slices(list(named.values())):
            await change.note()
            await together([delete(check) for check in some])
    return len(named)


async def _change_each(
    change: Change,
    user: User,
    items: Sequence[tuple[int, Check]],
    step: Callable[[int, Check], Coroutine[Any, Any, None]],
) -> None:
    for some in slices(items):
        # Read again: an edit by the owner since they were judged is none of ours to take back.
        fresh = await get_checks(change.store, user, [str(check.id) for _, check in some])
        await change.note(*(changed_check(check) for check in fresh if check is not None))
        await together([step(index, check) for index, check in some])


async def _named(store: Store, user: User, names: Sequence[str]) -> dict[int, Check]:
    """The checks, each once, by the place where it is first named. Raises Contradiction."""
    findings, found = Findings(), dict[int, tuple[int, Check]]()
    for index, check in enumerate(await get_checks(store, user, names)):
        if check is None:
            findings.add(f"checks.{index}", "You have no such check.", contradicts=True)
        else:
            found.setdefault(check.id, (index, check))
    findings.judge()
    return dict(found.values())


async def _judge_new(store: Store, user: User, wanted: Sequence[CheckSettings], most: int) -> None:
    total = (await check_counts(store, user, now=now_ms())).total
    if total + len(wanted) > most:
        raise QuotaReached(
            f"Your account has {total:,} checks and may have {most:,}: {len(wanted):,} more are too many."
        )
    usable, findings = await _usable_channels(store, user), Findings()
    for index, settings in enumerate(wanted):
        numbers = set(settings.channels or ())
        for fault in _channel_faults(numbers, numbers - usable):
            findings.add(f"checks.{index}.channels", fault, contradicts=True)
    findings.judge()
    slugs = {settings.slug: index for index, settings in enumerate(wanted) if settings.slug}
    taken = await get_checks(store, user, list(slugs))
    if any(taken):
        raise Contradiction(
            [
                FieldError(f"checks.{index}.slug", str(SlugTaken(check.id)))
                for index, check in zip(slugs.values(), taken, strict=True)
                if check is not None
            ][: limits.ERRORS_TOLD]
        )


def _judge_change(
    wanted: CommonChange, named: Mapping[int, Check], now: int
) -> Turns[list[tuple[int, Check]]]:
    """The checks whose settings it changes, with their places. Raises Invalid."""
    edited, findings = list[tuple[int, Check]](), Findings()
    for index, check in named.items() if wanted.edits else ():
        yield
        try:
            after = wanted.apply(check.settings, now=now)
        except Invalid as error:
            findings.take(error, "checks", index)
            continue
        if after.channels is None:
            after = replace(after, channels=check.settings.channels)
        if after != check.settings:
            edited.append((index, check))
    findings.judge()
    return edited


async def _judge_references(
    store: Store, user: User, wanted: CommonChange, named: Mapping[int, Check]
) -> None:
    """Raise Contradiction for channels that one of the checks can't use, or a slug that another check has."""
    numbers = set(wanted.given.channels or ())
    if numbers:
        others = numbers - await _usable_channels(store, user)
        for check in named.values():
            own = set(check.own_channels.values())
            if faults := _channel_faults(numbers - own, others - own):
                raise Contradiction([FieldError("changes.channels", fault) for fault in faults])
    if slug := wanted.given.slug:
        (holder,) = await get_checks(store, user, [slug])
        if holder is not None and holder.id not in {check.id for check in named.values()}:
            raise Contradiction([FieldError("changes.slug", str(SlugTaken(holder.id)))])


async def _usable_channels(store: Store, user: User) -> set[int]:
    """The channels that any check may use."""
    return {channel.id for channel in await list_channels(store, user) if channel.own_check is None}


def _channel_faults(wanted: set[int], unknown: set[int]) -> list[str]:
    faults = [str(UnknownChannel(str(number))) for number in sorted(unknown)]
    return faults or ([f"At most {limits.CHANNELS_MAX}."] if len(wanted) > limits.CHANNELS_MAX else [])


def _gone(index: int) -> Contradiction:
    return Contradiction([FieldError(f"checks.{index}", "This check has just been deleted.")])


def _found(checks: Sequence[Check | None]) -> list[Check]:
    """Without those that were deleted a moment after the change."""
    return [check for check in checks if check is not None]
