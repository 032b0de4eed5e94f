"""Carries a plan out: each step is journalled before it is done, many checks at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ttr.changes import (
    AT_ONCE,
    Change,
    changed_check,
    changed_page,
    made_channel,
    made_check,
    made_page,
    slices,
    together,
)
from ttr.channels.means import Means
from ttr.domain.check import Check
from ttr.domain.status_page import Entry, StatusPageSettings
from ttr.integrations import restore_channel
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.channels import Channel
from ttr.store.checks import create_check, pause_check, resume_check, update_check
from ttr.store.numbers import draw_numbers
from ttr.store.status_pages import create_status_page, update_status_page
from ttr.store.users import User
from ttr.transfer.planned import NewChannel, PageStep, Plan, Step, stand_in
from ttr.transfer.report import Imported, Report, SigningSecret


@dataclass(frozen=True, slots=True)
class Work:
    """An import under way."""

    change: Change
    settings: Settings
    means: Means
    user: User
    report: Report
    refs: dict[str, int]
    """The file's channels: ref -> number."""
    endpoints: dict[str, Mapping[str, str]]
    """What messages to each destination are signed with."""
    waiting: list[Channel] = field(default_factory=list)
    """Channels that were made and whose addresses have still to agree."""


async def carry_out(work: Work, plan: Plan) -> None:
    """Make and change what the plan says, and put into the report what became of it.

    Raises whatever a step raises: what was planned may have become impossible meanwhile.
    """
    for ref, new in plan.channels.items():
        channel = await _make_channel(work, new, None)
        if channel is not None:
            work.refs[ref] = channel.id
    work.report.changed.clear()
    for steps in _apart(plan.changed):
        await work.change.note(*(changed_check(step.before) for step in steps if step.before))
        work.report.changed += await together([_change_check(work, step) for step in steps])
    work.report.created.clear()
    for steps in slices(plan.created):
        numbers = await draw_numbers(work.change.store, "check", len(steps))
        await work.change.note(
            *(made_check(number, step.uuid) for step, number in zip(steps, numbers, strict=True))
        )
        work.report.created += await together(
            [_make_check(work, step, number) for step, number in zip(steps, numbers, strict=True)]
        )
    # Their checks are all there now.
    made = {stand_in(one.index): one.id for one in work.report.created if one.id is not None}
    for pages in slices(plan.pages_changed):
        await work.change.note(*(changed_page(step.before) for step in pages if step.before))
        await together([_change_page(work, step, made) for step in pages])
    for pages in slices(plan.pages_created):
        numbers = await draw_numbers(work.change.store, "status-page", len(pages))
        await work.change.note(*(made_page(number) for number in numbers))
        await together(
            [_make_page(work, step, number, made) for step, number in zip(pages, numbers, strict=True)]
        )


async def _make_check(work: Work, step: Step, number: int) -> Imported:
    check = await create_check(
        work.change.store,
        work.user,
        replace(step.settings, channels=_numbers(work, step)),
        now=now_ms(),
        most=work.settings.checks_per_account,
        number=number,
        uuid=step.uuid,
    )
    if step.paused:
        await pause_check(work.change.store, work.user, str(number), now=now_ms())
    return await _finish(work, step, check)


async def _change_check(work: Work, step: Step) -> Imported:
    if step.before is None:
        raise TypeError("a check that isn't there can't be changed")
    store, reference = work.change.store, str(step.before.id)
    settings = replace(step.settings, channels=_numbers(work, step))
    check = await update_check(store, work.user, reference, lambda _: settings, now=now_ms())
    if step.paused != check.paused:
        await (pause_check if step.paused else resume_check)(store, work.user, reference, now=now_ms())
    return await _finish(work, step, check)


async def _make_page(work: Work, step: PageStep, number: int, made: Mapping[int, int]) -> None:
    await create_status_page(
        work.change.store,
        work.user,
        _with_numbers(step.settings, made),
        now=now_ms(),
        most=work.settings.status_pages_per_account,
        number=number,
    )


async def _change_page(work: Work, step: PageStep, made: Mapping[int, int]) -> None:
    if step.before is None:
        raise TypeError("a page that isn't there can't be changed")
    settings = _with_numbers(step.settings, made)
    await update_status_page(work.change.store, work.user, step.before.id, lambda _: settings, now=now_ms())


def _with_numbers(settings: StatusPageSettings, made: Mapping[int, int]) -> StatusPageSettings:
    """The settings with the numbers of the checks that stand-ins stood for."""
    entries = tuple(
        Entry("check", str(made.get(int(entry.value), entry.value))) if entry.kind == "check" else entry
        for entry in settings.entries
    )
    return replace(settings, entries=entries)


async def _finish(work: Work, step: Step, check: Check) -> Imported:
    for new in step.own:
        await _make_channel(work, new, check)
    return Imported(step.index, check.id, check.uuid, check.name, check.settings.slug)


async def _make_channel(work: Work, new: NewChannel, check: Check | None) -> Channel | None:
    """None: the check has got a channel of this kind meanwhile, which stays."""
    (number,) = await draw_numbers(work.change.store, "channel")
    await work.change.note(made_channel(number))
    saved = await restore_channel(
        work.change.store,
        work.settings,
        work.means,
        work.user,
        new.given,
        number=number,
        own_check=check.id if check else None,
        signing=new.signing,
        endpoints=work.endpoints,
    )
    if saved is None:
        return None
    if saved.signing_secret is not None:
        name = f"{saved.channel.name} of {check.name}" if check else saved.channel.name
        work.report.signing_secrets.append(SigningSecret(number, name, saved.signing_secret))
    if saved.channel.off_reason == "unconfirmed":
        work.waiting.append(saved.channel)
    return saved.channel


def _numbers(work: Work, step: Step) -> tuple[int, ...] | None:
    """The channels of a check; None leaves them as they are, or gives a new check the default ones."""
    if step.refs is None:
        return None
    return tuple(work.refs[ref] for ref in step.refs if ref in work.refs)


def _apart(steps: Sequence[Step]) -> Iterable[Sequence[Step]]:
    """Slices of changes; one that changes a slug goes by itself, for another's may depend on it."""
    some: list[Step] = []
    for step in steps:
        alone = step.before is not None and step.before.settings.slug != step.settings.slug
        if some and (alone or len(some) == AT_ONCE):
            yield some
            some = []
        some.append(step)
        if alone:
            yield some
            some = []
    if some:
        yield some
