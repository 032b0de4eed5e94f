"""A check's pages: shown, deleted."""

import asyncio

from quart import Response, request

from ttr import current
from ttr.domain.check import Check
from ttr.domain.schedule import describe, preview
from ttr.domain.uptime import uptime
from ttr.now import now_ms
from ttr.store.channels import read_channels
from ttr.store.check_log import read_log
from ttr.store.checks import delete_check, get_check
from ttr.store.flips import read_history
from ttr.store.users import User
from ttr.web.appearance import viewer_tz
from ttr.web.charts import bars
from ttr.web.check_log import merge
from ttr.web.commands import ping_command
from ttr.web.live import clock_is_silent, since, still_true
from ttr.web.recipes import recipes
from ttr.web.reply import by_htmx, fragment, nothing_new, page, see, way_back
from ttr.web.run_chart import run_chart
from ttr.web.security import require_user

_PINGS_DRAWN = 100
_LINES_SHOWN = 20


async def show(check_id: int) -> Response:
    """Everything about one check."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    view = await view_of(user, check)
    return await page("checks/show.html", recipes=recipes(check, str(view["url"])), **view)


async def moved(check_id: int) -> Response:
    """To a check's page."""
    return see(f"/checks/{check_id}")


async def live(check_id: int) -> Response:
    """The part of a check's page that pings and time change; 204 when `since` still holds."""
    user = await require_user()
    now = now_ms()
    if still_true(request.args.get("since", ""), user.version, await clock_is_silent(now), now):
        return nothing_new()
    check = await get_check(current.store(), user, str(check_id))
    return await fragment("checks/_live.html", **await view_of(user, check))


async def confirm_delete(check_id: int) -> Response:
    """Asks once more, for browsers that can't ask by themselves."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    return await page("checks/delete.html", check=check)


async def delete(check_id: int) -> Response:
    """Delete a check that its owner has said yes to: on the page that asks, or in htmx's dialog."""
    user = await require_user()
    if not by_htmx() and (await request.form).get("sure") != "yes":
        return see(f"/checks/{check_id}/delete")
    check = await get_check(current.store(), user, str(check_id))
    await delete_check(current.store(), user, str(check.id))
    if by_htmx() and (await way_back("")).startswith("/dashboard"):
        return await fragment("ui/said.html", said=f"{check.name} is deleted.")
    return see("/dashboard")


async def view_of(user: User, check: Check) -> dict[str, object]:
    """What the live part of a check's page shows."""
    now, store = now_ms(), current.store()
    silent, history, log, channels = await asyncio.gather(
        clock_is_silent(now),
        read_history(store, check),
        read_log(store, check),
        read_channels(store, user, check.channels),
    )
    figures = uptime(history, now)
    url = f"{current.base_url()}/p/{user.user_slug}/{check.address}"
    return {
        "now": now,
        "check": check,
        "recent": merge(log.pings, log.flips)[:_LINES_SHOWN],
        "chart": run_chart(log.pings[:_PINGS_DRAWN], viewer_tz()),
        "channels": channels,
        "figures": figures,
        "bars": bars(figures.days),
        "url": url,
        "command": ping_command(check, url),
        "schedule": describe(check.settings.schedule),
        "coming": []
        if check.settings.schedule.kind == "interval"
        else preview(check.settings.schedule, now, 3),
        "since": since(user.version, [check], silent, now),
        "silent": silent,
    }
