"""A check's past beyond what Redis keeps: run times over weeks and months, and a year of uptime."""

import asyncio
from typing import Literal

from quart import Response, request

from ttr import current
from ttr.archive.errors import ArchiveUnavailable
from ttr.archive.history import RunTimes
from ttr.domain.check import Check
from ttr.domain.uptime import YEAR, uptime
from ttr.history import RunSpan, reaches, read_past
from ttr.now import now_ms
from ttr.store.check_log import read_log
from ttr.store.checks import get_check
from ttr.store.flips import read_history
from ttr.web.appearance import viewer_tz
from ttr.web.months import months
from ttr.web.reply import fragment, page
from ttr.web.run_times import DEFAULT_RANGE, RANGES, run_times_chart
from ttr.web.security import require_user

_DAYS = 365


async def show(check_id: int) -> Response:
    """The page."""
    return await page("checks/history.html", **await _view(await _asked(check_id)))


async def listed(check_id: int) -> Response:
    """The part that the choice of a range changes; it also sets the address."""
    view = await _view(await _asked(check_id))
    response = await fragment("checks/_history.html", **view)
    response.headers["HX-Replace-Url"] = f"/checks/{check_id}/history?range={view['chosen']}"
    return response


async def _asked(check_id: int) -> Check:
    return await get_check(current.store(), await require_user(), str(check_id))


async def _view(check: Check) -> dict[str, object]:
    chosen = request.args.get("range", "")
    chosen = chosen if chosen in RANGES else DEFAULT_RANGE
    of, now, archive = RANGES[chosen], now_ms(), current.archive()
    log, history = await asyncio.gather(
        read_log(current.store(), check), read_history(current.store(), check)
    )
    whole = reaches(history, now)
    why: Literal["", "off", "unavailable"] = "off" if archive is None else ""
    found: list[RunTimes] = []
    if archive:
        try:
            span = RunSpan(of.since(now), now + 1, of.step_ms)
            found, history = await read_past(archive, check, log, history, span, now)
            whole = True
        except ArchiveUnavailable:
            why = "unavailable"
    figures = await asyncio.to_thread(uptime, history, now, YEAR, _DAYS)
    return {
        "check": check,
        "ranges": RANGES,
        "chosen": chosen,
        "range": of,
        "chart": run_times_chart(found, of, now, viewer_tz()),
        "why_not": why,
        "whole": whole,
        "year": figures.windows["365d"],
        "months": months(figures.days),
    }
