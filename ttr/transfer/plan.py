"""What an import would do: each entry of a file against what the account holds. Decides everything, writes nothing.

Checks are matched by UUID, else by slug, those of Healthchecks by UUID alone; status pages by slug; channels by kind
and name. What matches is the same, and gets what the file says; a channel that is there already is used as it is.
Pure but for the kinds of channel: call it in a thread, for 10,000 checks take a while.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cryptography.fernet import Fernet

from ttr.domain.check import Check
from ttr.domain.invalid import FieldError
from ttr.domain.transfer import AccountFile, FileCheck, Refused
from ttr.settings import Settings
from ttr.store.errors import QuotaReached, SlugTaken
from ttr.transfer.plan_channels import plan_channels, plan_own
from ttr.transfer.plan_pages import plan_pages
from ttr.transfer.planned import Account, Plan, Step

# What a check keeps when its entry doesn't say it: attribute -> the entry's field.
_KEPT = {
    "slug": "slug",
    "tags": "tags",
    "description": "description",
    "max_runtime_seconds": "max_runtime_seconds",
    "notify_after_failures": "notify_after_failures",
    "notify_on_up": "notify_on_up",
    "remind_every_minutes": "remind_every_minutes",
    "rule": "expected_content",
    "post_only": "post_only",
}
_SHOWN = 5


def make_plan(
    file: AccountFile, account: Account, user_id: int, settings: Settings, box: Fernet | None
) -> Plan:
    """The plan of an import. Raises QuotaReached when the account would hold more than it may."""
    plan = Plan(refused=list(file.refused), faults=list(file.faults))
    plan.malformed = bool(plan.refused or plan.faults)
    if file.cut:
        plan.warnings.append(
            f"What comes after the first {len(file.refused)} checks that are refused was not judged."
        )
    if file.secrets is not None and box is None:
        plan.warnings.append("The secrets in this file are sealed; send its passphrase to import them too.")
    plan.warnings += file.left.warnings()
    plan_channels(plan, file, account, settings, box)
    pairs = _matches(plan, file.checks, account.checks)
    for check, before in pairs:
        _plan_check(plan, check, before, file, account, user_id, settings, box)
    if plan.renumbered:
        shown = ", ".join(plan.renumbered[:_SHOWN]) + (", ..." if len(plan.renumbered) > _SHOWN else "")
        plan.warnings.append(
            f"{len(plan.renumbered):,} checks get UUIDs of their own, for another account has theirs: {shown}."
            " The ping URLs of those without a slug change."
        )
    plan_pages(plan, file.pages, account, pairs)
    _judge_slugs(plan, account.checks)
    _order_changes(plan)
    plan.refused.sort(key=lambda refused: refused.index)
    _judge_quotas(plan, account, settings)
    return plan


def _matches(
    plan: Plan, checks: Iterable[FileCheck], there: Iterable[Check]
) -> list[tuple[FileCheck, Check | None]]:
    """Each entry with the check that it is; an entry that is the same as one before it is refused."""
    by_uuid = {check.uuid: check for check in there}
    by_slug = {check.settings.slug: check for check in there if check.settings.slug}
    uuids, slugs = dict[str, int](), dict[str, int]()
    kept: list[FileCheck] = []
    for check in checks:
        slug, errors = check.settings.slug, list[FieldError]()
        if check.uuid and (first := uuids.setdefault(check.uuid, check.index)) != check.index:
            errors.append(FieldError("uuid", f"checks.{first} has this UUID too."))
        if slug and not check.theirs and (first := slugs.setdefault(slug, check.index)) != check.index:
            errors.append(FieldError("slug", f"checks.{first} has this slug too."))
        if errors:
            _refuse(plan, check, *errors)
        else:
            kept.append(check)
    by_number = {found.id: check for check in kept if (found := by_uuid.get(check.uuid or ""))}
    pairs: list[tuple[FileCheck, Check | None]] = []
    for check in kept:
        found = by_uuid.get(check.uuid or "")
        if found is None and not check.theirs:
            found = by_slug.get(check.settings.slug or "")
            if found is not None and found.id in by_number:
                found = (
                    None  # that one is another entry's, and leaves its slug, or else this is refused for it
                )
        pairs.append((check, found))
    return _without_taken_slugs(plan, pairs, by_slug)


def _without_taken_slugs(
    plan: Plan, pairs: Sequence[tuple[FileCheck, Check | None]], holders: Mapping[str, Check]
) -> list[tuple[FileCheck, Check | None]]:
    """The same, but that checks of Healthchecks, where two may have one slug, leave it to the one that has it here.

    One that is there already keeps the slug that it has. A slug counts as its holder's even if that is about to leave
    it: so no order of such checks can refuse a file.
    """
    claimed = {check.settings.slug for check, _ in pairs if not check.theirs}
    settled: list[tuple[FileCheck, Check | None]] = []
    for check, before in pairs:
        slug = check.settings.slug
        own = before.settings.slug if before else None
        if check.theirs and slug and slug != own:
            if slug in holders or slug in claimed:
                name = check.settings.name
                plan.warnings.append(f"{name} goes without its slug {slug}: another check has that.")
                without = replace(check.settings, slug=None)
                check = replace(check, settings=without, sent=check.sent - {"slug"})
            claimed.add(slug)
        settled.append((check, before))
    return settled


def _plan_check(
    plan: Plan,
    check: FileCheck,
    before: Check | None,
    file: AccountFile,
    account: Account,
    user_id: int,
    settings: Settings,
    box: Fernet | None,
) -> None:
    name = check.settings.name
    if unknown := [ref for ref in check.refs or () if ref not in file.channels]:
        if not plan.faults:
            _refuse(
                plan, check, FieldError("channels", f"This file has no channel with the ref {unknown[0]}.")
            )
        return
    errors: list[FieldError] = []
    own = plan_own(plan, check, before, account.channels, settings, box, errors)
    if errors:
        plan.malformed = True
        _refuse(plan, check, *errors)
        return
    if check.over:
        plan.warnings.append(f"The schedule of {name} is over: it never comes due again.")
    refs = (
        None if check.refs is None else tuple(r for r in check.refs if r in plan.refs or r in plan.channels)
    )
    if before is None:
        uuid = check.uuid
        if uuid and account.uuids.get(uuid, user_id) != user_id:
            uuid = None
            plan.renumbered.append(name)
        step = Step(check.index, None, check.settings, uuid, check.paused or False, refs, own)
        plan.created.append(step)
        return
    kept = {name: getattr(before.settings, name) for name, sent in _KEPT.items() if sent not in check.sent}
    new = replace(check.settings, **kept)
    paused = before.paused if check.paused is None else check.paused
    step = Step(check.index, before, new, before.uuid, paused, refs, own)
    if _changes(plan, step, before):
        plan.changed.append(step)
    else:
        plan.unchanged += 1


def _changes(plan: Plan, step: Step, before: Check) -> bool:
    if step.own or step.paused != before.paused:
        return True
    if step.settings != replace(before.settings, channels=None):
        return True
    if step.refs is None:
        return False
    shared = set(before.channels) - set(before.own_channels.values())
    return {plan.refs.get(ref) for ref in step.refs} != shared


def _judge_slugs(plan: Plan, there: Iterable[Check]) -> None:
    """Refuse the slugs that a check has which keeps it."""
    moved = {step.before.id: step.settings.slug for step in plan.changed if step.before}
    kept = {
        check.settings.slug: check.id
        for check in there
        if moved.get(check.id, check.settings.slug) == check.settings.slug
    }
    plan.created = [step for step in plan.created if _has_slug(plan, step, kept)]
    plan.changed = [step for step in plan.changed if _has_slug(plan, step, kept)]


def _has_slug(plan: Plan, step: Step, kept: Mapping[str | None, int]) -> bool:
    own = step.before.settings.slug if step.before else None
    if step.settings.slug in (None, own) or step.settings.slug not in kept:
        return True
    _refuse(plan, step, FieldError("slug", str(SlugTaken(kept[step.settings.slug]))))
    return False


def _order_changes(plan: Plan) -> None:
    """Put the checks that leave a slug before those that take it; slugs that go round in a circle are refused."""
    holders = {
        step.before.settings.slug: step for step in plan.changed if step.before and step.before.settings.slug
    }
    ordered: dict[int, Step] = {}
    for step in plan.changed:
        path: dict[int, Step] = {}
        at: Step | None = step
        while at is not None and at.index not in ordered and at.index not in path:
            path[at.index] = at
            following = holders.get(at.settings.slug) if at.settings.slug else None
            at = None if following is at else following
        if at is not None and at.index in path:
            for one in list(path.values())[list(path).index(at.index) :]:
                del path[one.index]
                holders.pop(one.before.settings.slug if one.before and one.before.settings.slug else "", None)
                _refuse(plan, one, FieldError("slug", "Checks can't swap their slugs in one import."))
        ordered |= {one.index: one for one in reversed(path.values())}
    gone = {refused.index for refused in plan.refused}
    plan.changed = [step for step in ordered.values() if step.index not in gone]


def _judge_quotas(plan: Plan, account: Account, settings: Settings) -> None:
    most = settings.checks_per_account
    if plan.created and (count := len(account.checks) + len(plan.created)) > most:
        raise QuotaReached(f"Your account may have {most:,} checks; with this file it would have {count:,}.")
    most, new = settings.channels_per_account, plan.channel_count
    if new and (count := len(account.channels) + new) > most:
        raise QuotaReached(
            f"Your account may have {most:,} channels; with this file it would have {count:,}."
        )
    most, new = settings.status_pages_per_account, len(plan.pages_created)
    if new and (count := len(account.pages) + new) > most:
        raise QuotaReached(
            f"Your account may have {most:,} status pages; with this file it would have {count:,}."
        )


def _refuse(plan: Plan, entry: FileCheck | Step, *errors: FieldError) -> None:
    plan.refused.append(Refused(entry.index, entry.settings.name, errors))
