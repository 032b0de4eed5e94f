"""Changes of many steps that stand as a whole or not at all: journalled while they are made, taken back when they fail.

The import and the bulk calls make their changes inside `all_or_nothing`; the clock takes back what died half way.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from typing import Any, TypeVar

from ttr.domain.check import Check, CheckSettings
from ttr.domain.content import ContentRule
from ttr.domain.invalid import Contradiction, Invalid
from ttr.domain.schedule import Schedule
from ttr.domain.status_page import Entry as PageEntry
from ttr.domain.status_page import Notice, StatusPage, StatusPageSettings
from ttr.now import now_ms
from ttr.store.channels import delete_channel, list_channels
from ttr.store.checks import delete_check, get_check, pause_check, undo_pause, update_check
from ttr.store.chores import Chore, Entry, begin, end, fenced, last_entries, note, retake
from ttr.store.errors import ChoreLost, NotFound, PageSlugTaken, SlugTaken, UnknownChannel
from ttr.store.redis import Store
from ttr.store.status_pages import checks_there, delete_status_page, get_status_page, update_status_page
from ttr.store.users import User, user_by_id
from ttr.store.uuid_claims import release_uuid

log = logging.getLogger(__name__)

T = TypeVar("T")

AT_ONCE = 16
"""Steps under way at a time: half of the store's connections."""
_TURNS = 10


def made_check(check_id: int, uuid: str | None = None) -> Entry:
    """A check is about to be made under this number; `uuid` when it is not to be a new one."""
    return {"made_check": check_id, "uuid": uuid}


def made_channel(channel_id: int) -> Entry:
    """A channel is about to be made under this number."""
    return {"made_channel": channel_id}


def changed_check(before: Check) -> Entry:
    """A check's settings are about to change, or whether it is paused; the entry keeps how it was."""
    return {
        "changed_check": before.id,
        "revision": before.revision,
        "before": asdict(before.settings),
        "paused": before.paused,
    }


def made_page(page_id: int) -> Entry:
    """A status page is about to be made under this number."""
    return {"made_page": page_id}


def changed_page(before: StatusPage) -> Entry:
    """A status page's settings are about to change; the entry keeps how they were."""
    return {"changed_page": before.id, "revision": before.revision, "before": asdict(before.settings)}


def deleting_check(check_id: int) -> Entry:
    """A check is about to be deleted. That can't be taken back, so it is finished."""
    return {"deleting_check": check_id}


@dataclass(frozen=True, slots=True)
class Change:
    """A change under way."""

    store: Store
    """For every step: once the change is taken back, its scripts change nothing and raise ChoreLost."""
    chore: Chore

    async def note(self, *entries: Entry) -> None:
        """Write down what the next steps will do, before they do it; at least every 30 s, also with nothing to write.
        Raises ChoreLost.
        """
        await note(self.store, self.chore, *entries, now=now_ms())


@asynccontextmanager
async def all_or_nothing(store: Store, user: User) -> AsyncIterator[Change]:
    """Whatever is done inside stands when the block ends, and is taken back when it raises.

    Raises Busy while the account is being changed by another one, and ChoreLost when the block was silent for so long
    that it has been taken back. When Redis is away the clock takes it back later.
    """
    chore = await begin(store, user.id, "change", now=now_ms())
    try:
        yield Change(fenced(store, chore), chore)
        await end(store, chore)
    except BaseException as error:
        # Also when the caller hung up, or we are told to stop.
        try:
            await undo(store, await retake(store, chore, now=now_ms()))
        except ChoreLost as lost:
            log.warning(
                "account %d: a change was taken over, or ended when nobody listened any more", user.id
            )
            # A step that then found its own check gone says nothing of what was asked for.
            if isinstance(error, Invalid):
                raise lost from error
        except Exception:
            log.exception("account %d: a change waits for the clock to take it back", user.id)
        raise


def slices(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """What is noted and done at a time. An edit by the owner between an entry and its step is overwritten when the
    change is taken back, so no more is noted than is done at once.
    """
    return (items[first : first + AT_ONCE] for first in range(0, len(items), AT_ONCE))


async def together(steps: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Take a slice's steps at once. Raises the first fault, when none of the others is under way any more."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(step) for step in steps]
    except BaseExceptionGroup as faults:
        raise faults.exceptions[0] from None
    return [task.result() for task in tasks]


async def undo(store: Store, chore: Chore) -> None:
    """Take back what a chore's journal says, newest first, and end it. May be done again from the start.

    Raises ChoreLost.
    """
    user = await user_by_id(store, chore.user_id)
    done = 0
    while user is not None and (entries := await last_entries(store, chore, done)):
        await note(store, chore, now=now_ms())
        for entry in entries:
            await undo_entry(fenced(store, chore), user, entry, now=now_ms())
        done += len(entries)
    await end(store, chore)


async def undo_entry(store: Store, user: User, entry: Mapping[str, Any], *, now: int) -> None:
    """Take one step back: what was made is deleted, what was changed gets its settings back and is paused as it was.
    Nobody is alerted by that but of what happened to a job in the pause, and what is gone meanwhile stays gone.
    """
    try:
        if "made_check" in entry:
            if uuid := entry.get("uuid"):
                await _delete_claimed(store, user, int(entry["made_check"]), uuid)
            else:
                await delete_check(store, user, str(entry["made_check"]))
        elif "deleting_check" in entry:
            await delete_check(store, user, str(entry["deleting_check"]))
        elif "made_channel" in entry:
            await delete_channel(store, user, int(entry["made_channel"]))
        elif "made_page" in entry:
            await delete_status_page(store, user, int(entry["made_page"]))
        elif "changed_page" in entry:
            await _restore_page(store, user, entry, now=now)
        elif "changed_check" in entry:
            await _restore(store, user, entry, now=now)
        else:
            # Of a newer version: nobody may be kept from every further change by it.
            log.error("account %d: nobody knows how to take back %s", user.id, sorted(entry))
    except NotFound:
        pass


async def _delete_claimed(store: Store, user: User, check_id: int, uuid: str) -> None:
    with suppress(NotFound):
        await delete_check(store, user, str(check_id))
    # It may have been claimed for a check that was never made.
    await release_uuid(store, user, check_id, uuid)


async def _restore(store: Store, user: User, entry: Mapping[str, Any], *, now: int) -> None:
    reference = str(entry["changed_check"])
    check = await get_check(store, user, reference)
    turns = 0
    # With the revision that was noted the step was never made: an edit of the owner's own is not to be lost.
    while check.revision != entry["revision"] and turns < _TURNS:
        known = frozenset(channel.id for channel in await list_channels(store, user))
        turns += 1
        with suppress(SlugTaken, UnknownChannel):  # since the list was read, or the change was made
            restored = partial(_as_before, entry["before"], known, keep_slug=turns > 1)
            check = await update_check(store, user, reference, restored, now=now)
            break
    if check.paused and not entry["paused"]:
        await undo_pause(store, user, reference, now=now)
    elif entry["paused"] and not check.paused:
        await pause_check(store, user, reference, now=now)


async def _restore_page(store: Store, user: User, entry: Mapping[str, Any], *, now: int) -> None:
    page = await get_status_page(store, user, int(entry["changed_page"]))
    turns = 0
    while page.revision != entry["revision"] and turns < _TURNS:
        turns += 1
        before = _page_as_before(entry["before"], page.settings, keep_slug=turns > 1)
        there = await checks_there(store, user, before.check_ids)
        restored = before.with_checks_of(there)
        with suppress(PageSlugTaken, Contradiction):  # since the change was made, or a check went just now
            await update_status_page(store, user, page.id, partial(_only, restored), now=now)
            break


def _only(restored: StatusPageSettings, _: StatusPageSettings) -> StatusPageSettings:
    return restored


def _page_as_before(
    before: Mapping[str, Any], current: StatusPageSettings, *, keep_slug: bool
) -> StatusPageSettings:
    """The settings in a journal; what it doesn't know stays."""
    values = {field.name: before[field.name] for field in fields(StatusPageSettings) if field.name in before}
    values["entries"] = tuple(PageEntry(**entry) for entry in before["entries"])
    values["notice"] = Notice(**before["notice"]) if before["notice"] else None
    if keep_slug:
        values["slug"] = current.slug
    return replace(current, **values)


def _as_before(
    before: Mapping[str, Any], known: frozenset[int], current: CheckSettings, *, keep_slug: bool
) -> CheckSettings:
    """The settings in a journal; what it doesn't know stays, and channels that are gone are left out."""
    values = {field.name: before[field.name] for field in fields(CheckSettings) if field.name in before}
    values["schedule"] = Schedule(**before["schedule"])
    values["rule"] = ContentRule(**before["rule"]) if before["rule"] else None
    values["tags"] = tuple(before["tags"])
    values["channels"] = tuple(number for number in before["channels"] if number in known)
    if keep_slug:
        values["slug"] = current.slug
    return replace(current, **values)
