"""The status pages of a file against those of the account; their checks may be there, or made by the same import."""

from collections.abc import Sequence
from dataclasses import replace

from ttr.domain.check import Check
from ttr.domain.invalid import FieldError, Invalid
from ttr.domain.transfer import FileCheck
from ttr.domain.transfer_pages import FilePage, missing_checks, page_settings
from ttr.transfer.planned import Account, PageStep, Plan, stand_in

_SHOWN = 5


def plan_pages(
    plan: Plan,
    pages: Sequence[FilePage],
    account: Account,
    pairs: Sequence[tuple[FileCheck, Check | None]],
) -> None:
    """Decide what becomes of each page: the account's page with its slug is the same one. `pairs` are the file's checks
    with those that they are.
    """
    numbers = _numbers(account, pairs)
    there = {page.settings.slug: page for page in account.pages}
    known = {check.id for check in account.checks}
    slugs = dict[str, int]()
    for page in pages:
        if (first := slugs.setdefault(page.slug, page.index)) != page.index:
            said = f"status_pages.{first} has this slug too."
            plan.faults.append(FieldError(f"status_pages.{page.index}.slug", said))
            continue
        if gone := missing_checks(page, numbers):
            shown = ", ".join(ref[:100] for ref in gone[:_SHOWN]) + (", ..." if len(gone) > _SHOWN else "")
            plan.warnings.append(
                f"The status page {page.name} was to show {len(gone):,} checks that there are not: {shown}."
            )
        found = there.get(page.slug)
        before = found.settings.with_checks_of(known) if found else None
        try:
            settings = page_settings(page, numbers, before)
        except Invalid as invalid:
            plan.faults += [
                replace(error, field=f"status_pages.{page.index}.{error.field}") for error in invalid.errors
            ]
            continue
        if found is None:
            plan.pages_created.append(PageStep(None, settings))
        elif settings != before:
            plan.pages_changed.append(PageStep(found, settings))
        else:
            plan.pages_unchanged += 1


def _numbers(account: Account, pairs: Sequence[tuple[FileCheck, Check | None]]) -> dict[str, int]:
    """Slug and UUID -> check, as they will be; the file's word comes first."""
    numbers: dict[str, int] = {}
    moved = {before.id for check, before in pairs if before and "slug" in check.sent}
    for check in account.checks:
        numbers[check.uuid] = check.id
        if check.settings.slug and check.id not in moved:
            numbers[check.settings.slug] = check.id
    for entry, before in pairs:
        number = before.id if before else stand_in(entry.index)
        for name in (entry.uuid, entry.settings.slug):
            if name:
                numbers[name] = number
    return numbers
