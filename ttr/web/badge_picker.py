"""Where an owner finds the badges: what they may say, how they look now, and lines to paste."""

from collections.abc import Sequence

from quart import Response, request

from ttr import current
from ttr.domain.badge import LABEL_MAX, BadgeQuery, read_badge_query
from ttr.domain.badge_address import check_name
from ttr.domain.check import Check
from ttr.domain.invalid import Invalid
from ttr.domain.uptime import WINDOWS
from ttr.now import now_ms
from ttr.store.account_slugs import is_ping_slug
from ttr.store.check_list import list_checks
from ttr.store.checks import get_check
from ttr.store.cursor import cursor_text, read_cursor
from ttr.store.users import User
from ttr.web.appearance import preferences
from ttr.web.badge_codes import Codes, codes
from ttr.web.badges import ACCOUNT_LABEL
from ttr.web.reply import fragment, page
from ttr.web.security import require_user

_PLAIN = BadgeQuery()


async def index() -> Response:
    """The badges of the account: its own, and its checks' by name, a page at a time."""
    user, now = await require_user(), now_ms()
    try:
        text = request.args.get("cursor", "")
        cursor = read_cursor(text, "name") if text else None
    except Invalid:
        cursor = None
    found = await list_checks(
        current.store(),
        user,
        sort="name",
        descending=False,
        size=preferences().page_size,
        place=cursor.place if cursor else None,
        backward=cursor.backward if cursor else False,
        now=now,
    )
    public_pings = await takes_pings(user)
    return await page(
        "badges/index.html",
        account=account_codes(user),
        checks=found.checks,
        badges={check.id: plain_codes(user, check, public_pings=public_pings) for check in found.checks},
        before=found.before and cursor_text("name", found.before, backward=True),
        after=found.after and cursor_text("name", found.after, backward=False),
    )


async def of_check(check_id: int) -> Response:
    """The page of a check's badge."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    view, status = await _check_view(user, check)
    return await page("badges/check.html", status, **view)


async def codes_of_check(check_id: int) -> Response:
    """How the badge that was asked for looks, and its lines; also sets the browser's address."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    view, status = await _check_view(user, check)
    return await _codes_fragment(view, status)


async def of_account() -> Response:
    """The page of the account's badge."""
    view, status = await _account_view(await require_user())
    return await page("badges/account.html", status, **view)


async def codes_of_account() -> Response:
    """The same as for a check."""
    view, status = await _account_view(await require_user())
    return await _codes_fragment(view, status)


async def takes_pings(user: User) -> bool:
    """Whether pings are taken under the account's public slug: then no address may tell a check's slug besides."""
    return await is_ping_slug(current.store(), user, user.public_slug, now_ms())


def plain_codes(user: User, check: Check, *, public_pings: bool) -> Codes:
    """The lines of a check's badge as it is without any choice."""
    name = check_name(check, public_pings=public_pings)
    return codes(current.base_url(), user.public_slug, name, check.name, _PLAIN)


def account_codes(user: User) -> Codes:
    """The lines of the account's badge as it is without any choice."""
    return codes(current.base_url(), user.public_slug, None, ACCOUNT_LABEL, _PLAIN)


def plain_markdown(user: User, checks: Sequence[Check], *, public_pings: bool) -> dict[int, str]:
    """The Markdown of each check's badge, by its number."""
    return {check.id: plain_codes(user, check, public_pings=public_pings).markdown for check in checks}


async def _check_view(user: User, check: Check) -> tuple[dict[str, object], int]:
    public_pings = await takes_pings(user)
    name = check_name(check, public_pings=public_pings)
    view, status = _view(user, f"/checks/{check.id}/badge", name, check.name)
    guessable = name == check.settings.slug
    return view | {"check": check, "guessable": guessable, "public_pings": public_pings}, status


async def _account_view(user: User) -> tuple[dict[str, object], int]:
    return _view(user, "/account/badge", None, ACCOUNT_LABEL)


def _view(user: User, action: str, name: str | None, label: str) -> tuple[dict[str, object], int]:
    """What both pages show, and their status: 422 for a query that the badge itself refuses."""
    try:
        query, faults = read_badge_query(request.args), []
    except Invalid as error:
        query, faults = _PLAIN, [fault.message for fault in error.errors]
    lines = codes(current.base_url(), user.public_slug, name, label, query)
    asked = lines.path.partition("?")[2]
    return {
        "action": action,
        "address": f"{action}?{asked}" if asked else action,
        "query": query,
        "faults": faults,
        "plain_label": label,
        "label_max": LABEL_MAX,
        "windows": list(WINDOWS),
        "codes": lines,
    }, (422 if faults else 200)


async def _codes_fragment(view: dict[str, object], status: int) -> Response:
    response = await fragment("badges/_codes.html", status, **view)
    if status == 200:
        response.headers["HX-Replace-Url"] = str(view["address"])
    return response
