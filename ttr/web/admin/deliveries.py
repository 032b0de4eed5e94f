"""Why messages don't arrive: the newest errors of all accounts, and the destinations that messages wait for."""

from quart import Response

from ttr import current
from ttr.domain.rate import rules
from ttr.now import now_ms
from ttr.store.admin_log import note
from ttr.store.deliveries import resend
from ttr.store.delivery_errors import read_errors
from ttr.store.errors import NotDead, NotFound
from ttr.store.waiting import read_waiting
from ttr.web.admin.accounts import an_account
from ttr.web.admin.addresses import offset_in, pages
from ttr.web.admin.door import require_admin
from ttr.web.reply import page, see
from ttr.web.said import saying

SIZE = 25
"""Errors a page."""
_ADDRESS = "/admin/deliveries"


async def show() -> Response:
    """Errors and rates."""
    await require_admin()
    return await _shown()


async def moved(user_id: int, delivery_id: str) -> Response:
    """To the errors."""
    await require_admin()
    return see(_ADDRESS)


async def create_again(user_id: int, delivery_id: str) -> Response:
    """Queue a delivery that was given up once more."""
    admin = await require_admin()
    user, now = await an_account(user_id), now_ms()
    try:
        await resend(current.store(), user, delivery_id, now=now)
    except NotDead as error:
        return await _shown(422, str(error))
    except NotFound:
        return await _shown(404, "That delivery is no longer remembered.")
    about = f"account {user.id}, delivery {delivery_id}"
    await note(current.store(), at=now, admin=admin.username, what="sent a delivery again", about=about)
    return saying(see(_ADDRESS), "It is sent again.")


async def _shown(status: int = 200, fault: str = "") -> Response:
    now, offset = now_ms(), offset_in()
    errors, total = await read_errors(current.store(), size=SIZE, offset=offset)
    return await page(
        "admin/deliveries/show.html",
        status,
        now=now,
        errors=errors,
        total=total,
        fault=fault,
        waiting=await read_waiting(current.store(), rules(current.settings()), now),
        **pages(_ADDRESS, offset, SIZE, total),
    )
