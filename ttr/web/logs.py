"""The log of a check: every ping and every change of its status that is kept, in Redis and on in Postgres."""

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby

from quart import Response, request

from ttr import current
from ttr.archive.errors import ArchiveUnavailable
from ttr.domain.check import Check
from ttr.domain.flip import Flip
from ttr.domain.schedule import wall_time
from ttr.domain.shown import shown_status
from ttr.domain.zones import find_zone, from_ms
from ttr.history import Reach, fill_log
from ttr.now import now_ms
from ttr.store.check_log import CheckLog, read_log
from ttr.store.checks import get_check
from ttr.store.users import User
from ttr.web.appearance import viewer_tz
from ttr.web.check_log import (
    LOG_KINDS,
    SIZE,
    Line,
    LogPage,
    LogQuery,
    merge,
    page_log,
    page_whole,
    page_window,
    read_log_query,
)
from ttr.web.client_hint import client_hint
from ttr.web.commands import ping_command
from ttr.web.live import digest
from ttr.web.reply import fragment, nothing_new, page
from ttr.web.security import require_user
from ttr.web.words import why


async def show(check_id: int) -> Response:
    """The page."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    return await page("checks/log.html", **await _view(user, check))


async def listed(check_id: int) -> Response:
    """The list alone; 204 when the browser shows it already. Asked by the filter, it also sets the address."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    view = await _view(user, check)
    seen = request.args.get("shown", "")
    if seen == view["shown"]:
        return nothing_new()
    response = await fragment("checks/_log.html", **view)
    if not seen:
        response.headers["HX-Replace-Url"] = str(view["address"])
    return response


async def _view(user: User, check: Check) -> dict[str, object]:
    query = read_log_query(request.args)
    found = await read_log(current.store(), check)
    log, reach, asked = await _page(check, found, query)
    zones = {"mine": viewer_tz(), "check": check.settings.schedule.tz, "utc": "UTC"}
    tz = zones[query.zone]
    now = now_ms()
    status = shown_status(check, now)
    url = f"{current.base_url()}/p/{user.user_slug}/{check.address}"
    return {
        "now": now,
        "check": check,
        "status_word": status,
        "version": user.version,
        "query": query,
        "address": query.path(check.id),
        "zones": zones,
        "tz": tz,
        "kinds": LOG_KINDS,
        "log": log,
        "days": by_day(log.lines, tz),
        "empty": not found.pings and not found.flips,
        "reach": reach,
        "still": asked,
        "kept_pings": len(found.pings) if found.ping_count > len(found.pings) else None,
        "kept_flips": len(found.flips) if found.flip_count > len(found.flips) else None,
        "trimmed": not query.kinds
        and min((line.ping.number for line in log.lines if line.ping), default=1) > 1,
        "page_size": SIZE,
        "history_days": current.settings().history_days,
        "history_pings": current.settings().history_pings_per_check,
        "command": ping_command(check, url),
        "shown": digest(log, status, tz, check.settings.name, found.ping_count > len(found.pings), reach),
    }


async def _page(check: Check, found: CheckLog, query: LogQuery) -> tuple[LogPage, Reach, bool]:
    """A page, how far it reaches, and whether Postgres was asked for it."""
    archive = current.archive()
    if archive is None:
        return page_log(merge(found.pings, found.flips), query), "off", False
    page, lack = page_window(found, query)
    if lack is None:
        return page, "complete", False
    try:
        return page_whole(await fill_log(archive, check, found, lack), query), "complete", True
    except ArchiveUnavailable:
        return replace(page, older=None), "unavailable", True


def by_day(shown: list[Line], tz: str) -> list[tuple[str, list[Line]]]:
    """The lines under the days on which they fell in a zone, in their order: ("Sunday 29 November 2026", lines)."""
    return [(day, list(some)) for day, some in groupby(shown, lambda line: day_name(line.at, tz))]


def day_name(ms: int, tz: str) -> str:
    """The day of an instant in a zone: "Sunday 29 November 2026"."""
    day = from_ms(ms).astimezone(find_zone(tz))
    return f"{day:%A} {day.day} {day:%B %Y}"


def time_of_day(ms: int, tz: str) -> str:
    """The time of an instant in a zone: "14:05:09"."""
    return wall_time(ms, tz)[11:19]


def flip_reason(flip: Flip) -> str:
    """Why a check went down, in a few words; "" for other changes."""
    return why(flip.reason, flip.detail)


def kind_word(kind: str) -> str:
    """A kind of line as the filter names it."""
    return "status changes" if kind == "status" else kind


FILTERS: dict[str, Callable[..., object]] = {
    "client_hint": client_hint,
    "flip_reason": flip_reason,
    "kind_word": kind_word,
    "time_of_day": time_of_day,
}
