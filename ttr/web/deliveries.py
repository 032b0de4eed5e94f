"""The log of what was sent: of the account, of one check; what was given up can be sent again."""

from quart import Response, request

from ttr import current
from ttr.domain.check import Check
from ttr.now import now_ms
from ttr.store.checks import get_check
from ttr.store.deliveries import get_delivery, read_deliveries, resend
from ttr.store.errors import NotDead
from ttr.store.users import User
from ttr.web.live import digest
from ttr.web.reply import by_htmx, fragment, nothing_new, page, see, way_back
from ttr.web.security import require_user

SIZE = 25
"""Deliveries a page."""


async def index() -> Response:
    """The account's log."""
    user = await require_user()
    return await page("deliveries/show.html", **await _view(user, None))


async def of_check(check_id: int) -> Response:
    """A check's log."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    return await page("deliveries/show.html", **await _view(user, check))


async def listed() -> Response:
    """The list of the account's log; 204 when the browser shows it already."""
    user = await require_user()
    return await _listed(user, None)


async def listed_of_check(check_id: int) -> Response:
    """The list of a check's log; 204 when the browser shows it already."""
    user = await require_user()
    return await _listed(user, await get_check(current.store(), user, str(check_id)))


async def create_again(delivery_id: str) -> Response:
    """Queue a delivery that was given up once more."""
    user = await require_user()
    said, fault = "It is sent again.", ""
    try:
        await resend(current.store(), user, delivery_id, now=now_ms())
    except NotDead as error:
        said, fault = "", str(error)
    delivery = await get_delivery(current.store(), user, delivery_id)
    back = await way_back("/deliveries")
    if by_htmx():
        context = {"delivery": delivery, "fault": fault, "said": said, "back": back}
        return await fragment("deliveries/_again.html", 422 if fault else 200, **context)
    if not fault:
        return see(back)
    return await page("deliveries/one.html", 422, delivery=delivery, fault=fault, back=back)


async def moved(delivery_id: str) -> Response:
    """To the log."""
    return see("/deliveries")


async def _listed(user: User, check: Check | None) -> Response:
    view = await _view(user, check)
    if request.args.get("shown") == view["shown"]:
        return nothing_new()
    return await fragment("deliveries/_list.html", **view)


async def _view(user: User, check: Check | None) -> dict[str, object]:
    text = request.args.get("offset", "")
    offset = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    found, total = await read_deliveries(
        current.store(), user, check_id=check.id if check else None, size=SIZE, offset=offset
    )
    address = f"/checks/{check.id}/deliveries" if check else "/deliveries"
    return {
        "check": check,
        "version": user.version,
        "deliveries": found,
        "total": total,
        "offset": offset,
        "address": address,
        "back": f"{address}?offset={offset}" if offset else address,
        "newer": max(offset - SIZE, 0) if offset else None,
        "older": offset + SIZE if offset + SIZE < total else None,
        "shown": digest(found, total),
    }
