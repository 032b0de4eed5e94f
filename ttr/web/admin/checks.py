"""The checks of all accounts: listed, found, paused, resumed, deleted."""

from quart import Response, request

from ttr import current
from ttr.domain.check import Check
from ttr.domain.invalid import Invalid
from ttr.now import now_ms
from ttr.store.admin_log import note
from ttr.store.all_checks import all_checks
from ttr.store.check_list import Filter
from ttr.store.checks import delete_check, get_check, pause_check, resume_check
from ttr.store.every_account import find_check
from ttr.web.admin.accounts import TEXT_MAX, an_account
from ttr.web.admin.checks_query import STATUSES, ChecksQuery, read_query
from ttr.web.admin.door import require_admin
from ttr.web.reply import by_htmx, fragment, page, see, way_back

SIZE = 25
"""Checks a page."""


async def index() -> Response:
    """The checks, newest first."""
    await require_admin()
    query, now, store = read_query(request.args), now_ms(), current.store()
    filter = Filter(statuses=(query.status,) if query.status else (), words=query.words)
    try:
        found = await all_checks(store, filter, onward=query.onward, size=SIZE, now=now)
    except Invalid:  # an address that was edited
        found = await all_checks(store, filter, size=SIZE, now=now)
    return await page("admin/checks/index.html", query=query, found=found, statuses=STATUSES, now=now)


async def find() -> Response:
    """The checks that a text means: a UUID or a ping URL names one, anything else is looked for in names and slugs. It
    comes by POST, for a ping URL in an address would end in logs."""
    await require_admin()
    form = await request.form
    text = form.get("q", "").strip()[:TEXT_MAX]
    named = await find_check(current.store(), text)
    if named is not None:
        return see("/admin/checks/{}/{}".format(*named))
    status = form.get("status", "")
    return see(ChecksQuery(text, status if status in STATUSES else "").path)


async def moved() -> Response:
    """To the list."""
    await require_admin()
    return see("/admin/checks")


async def moved_to(user_id: int, check_id: int) -> Response:
    """To a check."""
    await require_admin()
    return see(f"/admin/checks/{user_id}/{check_id}")


async def show(user_id: int, check_id: int) -> Response:
    """One check, as the list shows it."""
    await require_admin()
    return await page("admin/checks/show.html", check=await _a_check(user_id, check_id))


async def pause(user_id: int, check_id: int) -> Response:
    """Pause a check."""
    admin = await require_admin()
    user, now = await an_account(user_id), now_ms()
    check = await pause_check(current.store(), user, str(check_id), now=now)
    await note(current.store(), at=now, admin=admin.username, what="paused a check", about=_about(check))
    return await _changed(check, f"{check.name} is paused.")


async def resume(user_id: int, check_id: int) -> Response:
    """Resume a check, armed from now."""
    admin = await require_admin()
    user, now = await an_account(user_id), now_ms()
    check = await resume_check(current.store(), user, str(check_id), now=now)
    await note(current.store(), at=now, admin=admin.username, what="resumed a check", about=_about(check))
    return await _changed(check, f"{check.name} is watched again.")


async def confirm_delete(user_id: int, check_id: int) -> Response:
    """Asks once more."""
    await require_admin()
    return await page("admin/checks/delete.html", check=await _a_check(user_id, check_id))


async def delete(user_id: int, check_id: int) -> Response:
    """Delete a check that somebody has said yes to on the page that asks."""
    admin = await require_admin()
    check = await _a_check(user_id, check_id)
    if (await request.form).get("sure") != "yes":
        return see(f"/admin/checks/{check.user_id}/{check.id}/delete")
    user = await an_account(user_id)
    await note(
        current.store(), at=now_ms(), admin=admin.username, what="deleted a check", about=_about(check)
    )
    await delete_check(current.store(), user, str(check.id))
    return see("/admin/checks")


async def _a_check(user_id: int, check_id: int) -> Check:
    return await get_check(current.store(), await an_account(user_id), str(check_id))


async def _changed(check: Check, said: str) -> Response:
    """The row for htmx, else back to where its button was."""
    back = await way_back("/admin/checks")
    if by_htmx():
        return await fragment("admin/checks/_one.html", check=check, back=back, said=said)
    return see(back)


def _about(check: Check) -> str:
    return f"account {check.user_id}, check {check.id}"
