"""The account's status pages: listed, made, edited with a preview, deleted."""

from collections.abc import Mapping
from dataclasses import replace

from quart import Response, request

from ttr import current
from ttr.domain.check_input import slug_fault
from ttr.domain.invalid import Invalid
from ttr.domain.published import Published
from ttr.domain.status_page import StatusPage, StatusPageSettings
from ttr.domain.status_page_input import parse_status_page_form
from ttr.now import now_ms
from ttr.published import publish_page
from ttr.store.check_list import Filter, list_checks
from ttr.store.checks import get_checks
from ttr.store.errors import PageSlugTaken, QuotaReached
from ttr.store.status_pages import (
    create_status_page,
    delete_status_page,
    get_status_page,
    list_status_pages,
    update_status_page,
)
from ttr.store.tags import common_tags
from ttr.store.users import User
from ttr.web.appearance import preferences
from ttr.web.badge_codes import markdown
from ttr.web.live import clock_is_silent
from ttr.web.public_pages import locate, view_of
from ttr.web.reply import by_htmx, fragment, page, see
from ttr.web.said import saying
from ttr.web.security import require_user
from ttr.web.status_page_form import (
    CHOICES,
    Typed,
    blank,
    errors_by_field,
    filled,
    read,
    rearrange,
    with_slug,
)

_CHECKS_OFFERED = 12
_TAGS_OFFERED = 8


async def index() -> Response:
    """All pages, with their addresses."""
    user = await require_user()
    pages = await list_status_pages(current.store(), user)
    return await page("status_pages/index.html", pages=pages, base=_base(user))


async def new() -> Response:
    """The empty form."""
    user = await require_user()
    look = preferences()
    return await _form(user, blank(look.theme, look.scheme))


async def create() -> Response:
    """Make a page."""
    user = await require_user()
    taken = [one.settings.slug for one in await list_status_pages(current.store(), user)]
    typed = await _without_gone(user, with_slug(read(await request.form), taken))
    now, most = now_ms(), current.settings().status_pages_per_account
    try:
        settings = parse_status_page_form(typed.values, typed.entries, now=now)
        made = await create_status_page(current.store(), user, settings, now=now, most=most)
    except (Invalid, PageSlugTaken, QuotaReached) as error:
        return await _refused(user, typed, error)
    return saying(see(f"/status-pages/{made.id}"), f"{made.name} is made.")


async def show(page_id: int) -> Response:
    """The form of a page, and what it looks like."""
    user = await require_user()
    found = await get_status_page(current.store(), user, page_id)
    return await _form(user, filled(str(found.id), found.settings), stored=found)


async def update(page_id: int) -> Response:
    """Save the form."""
    user = await require_user()
    typed, now = await _without_gone(user, read(await request.form)), now_ms()
    try:
        saved = await update_status_page(
            current.store(),
            user,
            page_id,
            lambda before: parse_status_page_form(typed.values, typed.entries, now=now, current=before),
            now=now,
        )
    except (Invalid, PageSlugTaken) as error:
        return await _refused(user, Typed(str(page_id), typed.values, typed.entries, typed.sought), error)
    return saying(see(f"/status-pages/{page_id}"), f"{saved.name} is saved.")


async def arrange() -> Response:
    """The form, its lines rearranged as its button says. Nothing is stored."""
    user = await require_user()
    form = await request.form
    typed = read(form)
    button = form.get("do", "")
    names = await _names(user, typed, button)
    arranged = rearrange(typed, button, names)
    return await _form(user, arranged.typed, focus=arranged.focus, said=arranged.said)


async def choices() -> Response:
    """Checks and tags that have the words that were typed, to be put on the page."""
    user = await require_user()
    typed = read(await request.form)
    return await fragment("status_pages/_choices.html", **await _offered(user, typed))


async def preview() -> Response:
    """The page as it would be; without htmx, below its form. Nothing is stored."""
    user = await require_user()
    typed = read(await request.form)
    if not by_htmx():
        return await _form(user, typed)
    return await fragment("status_pages/_preview.html", **await _previewed(user, typed))


async def confirm_delete(page_id: int) -> Response:
    """Says what would change, and asks."""
    user = await require_user()
    found = await get_status_page(current.store(), user, page_id)
    return await page("status_pages/delete.html", found=found, base=_base(user))


async def delete(page_id: int) -> Response:
    """Delete a page that its owner has said yes to."""
    user = await require_user()
    if not by_htmx() and (await request.form).get("sure") != "yes":
        return see(f"/status-pages/{page_id}/delete")
    found = await get_status_page(current.store(), user, page_id)
    await delete_status_page(current.store(), user, page_id)
    return saying(see("/status-pages"), f"{found.name} is deleted.")


async def moved() -> Response:
    """To the list."""
    return see("/status-pages")


async def _refused(user: User, typed: Typed, error: Invalid | PageSlugTaken | QuotaReached) -> Response:
    match error:
        case Invalid():
            errors = errors_by_field(error.errors)
        case PageSlugTaken():
            errors = {"slug": str(error)}
        case _:
            errors = {"": str(error)}
    return await _form(user, typed, 422, errors=errors)


async def _form(
    user: User, typed: Typed, status: int = 200, *, stored: StatusPage | None = None, **more: object
) -> Response:
    """The form's page, or with htmx the form."""
    if typed.number and stored is None:
        stored = await get_status_page(current.store(), user, int(typed.number))
    context: dict[str, object] = {
        "typed": typed,
        "values": typed.values,
        "errors": {},
        "stored": stored,
        "names": await _names(user, typed, ""),
        "choices": CHOICES,
        "base": _base(user),
        "focus": "",
        **await _offered(user, typed),
        **more,
    }
    if by_htmx():
        return await fragment("status_pages/_form.html", status, **context)
    if stored is not None:
        context["badge"] = markdown(stored.name, f"{_base(user)}/{stored.settings.slug}/badge.svg")
    context |= {"shown": await _previewed(user, typed)}
    return await page("status_pages/form.html", status, **context)


async def _offered(user: User, typed: Typed) -> dict[str, object]:
    words = tuple(typed.sought.split()[:5])
    found = await list_checks(
        current.store(),
        user,
        sort="name",
        descending=False,
        filter=Filter(words=words),
        size=_CHECKS_OFFERED,
        now=now_ms(),
    )
    tags = await common_tags(current.store(), user, 200)
    lowered = [word.casefold() for word in words]
    return {
        "sought": typed.sought,
        "found_checks": found.checks,
        "more_checks": found.after is not None,
        "account_is_empty": not found.total,
        "found_tags": [tag for tag in tags if all(word in tag.casefold() for word in lowered)][
            :_TAGS_OFFERED
        ],
        "there": {(entry.kind, entry.value) for entry in typed.entries},
    }


async def _previewed(user: User, typed: Typed) -> Mapping[str, object]:
    """What the preview's templates are handed: the form's values as far as they can be shown."""
    now = now_ms()
    fallback = {**typed.values, "name": typed.values["name"].strip() or "Untitled"}
    if not fallback["slug"] or slug_fault(fallback["slug"]):
        fallback["slug"] = "page"
    entries = tuple(entry for entry in typed.entries if entry.kind != "heading" or entry.value.strip())
    before = None
    if typed.number:
        before = (await get_status_page(current.store(), user, int(typed.number))).settings
    try:
        settings = parse_status_page_form(fallback, entries, now=now, current=before)
    except Invalid as error:
        return {"faults": [fault.message for fault in error.errors]}
    made = await _published(user, settings, now)
    return {**view_of(made, settings.layout), "faults": []}


async def _published(user: User, settings: StatusPageSettings, now: int) -> Published:
    drawn = StatusPage(0, "", user.id, settings, now, now, "")
    watching = not await clock_is_silent(now)
    return await publish_page(current.store(), user, drawn, now=now, watching=watching, locate=locate)


async def _without_gone(user: User, typed: Typed) -> Typed:
    """The form without checks that were deleted while it was open: they are no reason to refuse it."""
    names = await _names(user, typed, "")
    kept = (entry for entry in typed.entries if entry.kind != "check" or int(entry.value) in names)
    return replace(typed, entries=tuple(kept))


async def _names(user: User, typed: Typed, button: str) -> dict[int, str]:
    wanted = [entry.value for entry in typed.entries if entry.kind == "check"]
    if button.startswith("add:check:"):
        wanted.append(button.removeprefix("add:check:"))
    found = await get_checks(current.store(), user, wanted)
    return {check.id: check.name for check in found if check is not None}


def _base(user: User) -> str:
    return f"{current.base_url()}/s/{user.public_slug}"
