"""Reads a file into an account: planned first, then done as a whole or not at all."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from ttr.accounts import SLUG_IS_FIXED, rename
from ttr.changes import all_or_nothing
from ttr.channels import KINDS
from ttr.channels.means import Means
from ttr.confirmations import ask, shown_address
from ttr.domain.account_slug import account_slug_fault
from ttr.domain.invalid import FieldError, Invalid
from ttr.domain.transfer import AccountFile, read_account_file
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.signing_secrets import signing_by_endpoint
from ttr.store.channels import Channel, list_channels
from ttr.store.errors import AccountSlugTaken, Busy, QuotaReached, StoreUnavailable, TooMany
from ttr.store.every_check import every_check, uuid_owners
from ttr.store.redis import Store
from ttr.store.status_pages import list_status_pages
from ttr.store.users import User
from ttr.transfer.passphrase import judge_passphrase, open_box
from ttr.transfer.plan import make_plan
from ttr.transfer.planned import Account
from ttr.transfer.report import ImportContradicted, ImportRefused, Report, report_of
from ttr.transfer.steps import Work, carry_out
from ttr.transfer.turns import aside, by_turns, place, while_renewed

log = logging.getLogger(__name__)

_under_way = set[int]()
_ASKED_MAX = 10
"""Addresses that one import asks to agree; the others are asked when their channels are turned on."""
_OWNERS = "Only the account's owner changes its slugs."


async def import_account(
    store: Store,
    settings: Settings,
    means: Means,
    user: User,
    data: bytes,
    *,
    passphrase: str,
    user_slug: str,
    dry_run: bool,
    may_rename: Callable[[], Awaitable[None]],
) -> Report:
    """Make of the account what a file says, and tell what that was; a dry run only tells.

    `user_slug` is what the account gets in place of the file's; "" for that one. `may_rename` is asked once for each
    slug that the account is about to get, and raises TooMany if it may not.

    Raises Invalid (the file can't be read, or ImportRefused: an entry can't be taken), QuotaReached, Busy while
    another import or bulk change of the account is under way, and Crowded.
    """
    judge_passphrase(passphrase)
    if user_slug and (fault := account_slug_fault(user_slug)):
        raise Invalid([FieldError("user_slug", fault)])
    if user.id in _under_way:
        raise Busy
    _under_way.add(user.id)
    try:
        return await _import(
            store,
            settings,
            means,
            user,
            data,
            passphrase=passphrase,
            user_slug=user_slug,
            dry_run=dry_run,
            may_rename=may_rename,
        )
    finally:
        _under_way.discard(user.id)


async def _import(
    store: Store,
    settings: Settings,
    means: Means,
    user: User,
    data: bytes,
    *,
    passphrase: str,
    user_slug: str,
    dry_run: bool,
    may_rename: Callable[[], Awaitable[None]],
) -> Report:
    kinds = {name: [field.name for field in kind.fields] for name, kind in KINDS.items()}
    async with place():
        file = await by_turns(
            read_account_file(
                data,
                kinds,
                now=now_ms(),
                checks_max=settings.checks_per_account,
                channels_max=settings.channels_per_account,
                pages_max=settings.status_pages_per_account,
            )
        )
        file.user_slug = user_slug or file.user_slug
        word = passphrase or file.passphrase
        judge_passphrase(word)
        box = await aside(open_box, file.secrets, word) if word and file.secrets is not None else None
    if dry_run:
        account = await _account(store, user, file)
        plan = await aside(make_plan, file, account, user.id, settings, box)
        would = await aside(report_of, plan, dry_run=True)
        would.warn(_renames(settings, user, file))
        return would
    async with all_or_nothing(store, user) as change:
        # Only from here on does no other import or bulk change come between.
        account = await _account(store, user, file)
        plan = await while_renewed(change, aside(make_plan, file, account, user.id, settings, box))
        if plan.refused or plan.faults:
            raise (ImportRefused if plan.malformed else ImportContradicted)(plan)
        endpoints = await while_renewed(
            change, aside(signing_by_endpoint, settings, user, account.channels.values())
        )
        report = await while_renewed(change, aside(report_of, plan, dry_run=False))
        work = Work(change, settings, means, user, report, dict(plan.refs), endpoints)
        await carry_out(work, plan)
    await _ask(store, settings, means, user, work.report, work.waiting)
    await _rename(store, settings, user, file, work.report, may_rename)
    return work.report


async def _account(store: Store, user: User, file: AccountFile) -> Account:
    checks = [check async for some in every_check(store, user) for check in some]
    channels = {channel.id: channel for channel in await list_channels(store, user)}
    uuids = [check.uuid for check in file.checks if check.uuid]
    pages = await list_status_pages(store, user)
    return Account(checks, channels, await uuid_owners(store, uuids), pages)


async def _ask(
    store: Store, settings: Settings, means: Means, user: User, report: Report, waiting: Sequence[Channel]
) -> None:
    """Ask the addresses of new channels, once it is certain that these stay."""
    asked = await asyncio.gather(
        *(ask(store, settings, means, user, channel) for channel in waiting[:_ASKED_MAX]),
        return_exceptions=True,
    )
    for channel, answer in zip(waiting, asked, strict=False):
        if isinstance(answer, BaseException):
            log.warning("channel %d: its address was not asked: %s", channel.id, answer)
    report.warn([f"{channel.name} is off until {shown_address(channel)} confirms." for channel in waiting])
    if len(waiting) > _ASKED_MAX:
        report.warn([f"Only the first {_ASKED_MAX} were asked; turn the others on to have them asked."])


async def _rename(
    store: Store,
    settings: Settings,
    user: User,
    file: AccountFile,
    report: Report,
    may_rename: Callable[[], Awaitable[None]],
) -> None:
    """Give the account the file's slugs, last of all: whatever is in their way is a warning."""
    for family, slug in _new_slugs(user, file):
        if fault := _slug_fault(settings, user, family, slug):
            report.warn([f"The {family} {slug[:100]} was left out: {fault}"])
            continue
        try:
            # Also for a slug that turns out to be another account's: an import may not be a way to guess them.
            await may_rename()
            await rename(
                store,
                user,
                user_slug=slug if family == "user_slug" else None,
                public_slug=slug if family == "public_slug" else None,
                now=now_ms(),
            )
        except (AccountSlugTaken, QuotaReached, Busy, StoreUnavailable, TooMany) as error:
            report.warn([f"The {family} {slug} was left out: {error}"])
        else:
            report.user_slug_updated |= family == "user_slug"


def _new_slugs(user: User, file: AccountFile) -> list[tuple[str, str]]:
    """The slugs of the file that are not the account's own."""
    slugs = (
        ("user_slug", file.user_slug, user.user_slug),
        ("public_slug", file.public_slug, user.public_slug),
    )
    return [(family, slug) for family, slug, before in slugs if slug and slug != before]


def _slug_fault(settings: Settings, user: User, family: str, slug: str) -> str | None:
    if user.operator:
        return _OWNERS
    if family == "user_slug" and not settings.user_slug_enabled:
        return SLUG_IS_FIXED
    return account_slug_fault(slug)


def _renames(settings: Settings, user: User, file: AccountFile) -> list[str]:
    """What a dry run says of the file's slugs. Whether another account has one is not told: an import may not be a
    way to guess them."""
    said = []
    for family, slug in _new_slugs(user, file):
        if fault := _slug_fault(settings, user, family, slug):
            said.append(f"The {family} {slug[:100]} would be left out: {fault}")
        elif family == "user_slug":
            said.append(
                f"The user_slug becomes {slug}, unless another account has it: the ping URLs change with it."
            )
        else:
            said.append(f"The {family} becomes {slug}, unless another account has it.")
    return said
