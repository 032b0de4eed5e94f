"""A status page for programs: as JSON, the seed's shape with more in it, and as a line for each check. Nothing is in it
that a visitor of the page can't see."""

import json
from collections.abc import AsyncIterator

from ttr.domain.moments import iso
from ttr.domain.published import Activity, Published, PublishedCheck
from ttr.domain.uptime import DAY_MS
from ttr.web.charts import percent
from ttr.web.public_words import level_word, overall_words


async def feed(published: Published, *, stale: bool) -> AsyncIterator[str]:
    """The whole page, written check by check: 500 of them at once take 0.1 s."""
    yield _dumped(_about_all(published, stale=stale)).removesuffix("}") + ',"checks":['
    comma = ""
    for group in published.groups:
        for check in group.checks:
            yield comma + _dumped(check_feed(check, group.heading))
            comma = ","
    yield "]}"


def _dumped(value: dict[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _about_all(published: Published, *, stale: bool) -> dict[str, object]:
    """`overall_status` is up, late, down, paused, new or empty."""
    settings, overall = published.page.settings, published.overall
    notice = settings.notice
    return {
        "name": settings.name,
        "overall_status": overall.status,
        "counts": {
            name: getattr(overall, name)
            for name in ("total", "up", "late", "down", "new", "paused", "running")
        },
        "updated_at": iso(published.made_at),
        "stale": stale,
        "watching": published.watching,
        "notice": notice and {"level": notice.level, "text": notice.text, "at": iso(notice.at)},
        "left_out": published.left_out,
    }


async def summary(published: Published, *, stale: bool) -> AsyncIterator[str]:
    """The whole page as plain text: what it is, how all is, and a line for each check below its heading."""
    settings, notice = published.page.settings, published.page.settings.notice
    known = "The last state we know, from" if stale else "As of"
    yield f"{settings.name}\n{overall_words(published.overall)}.\n{known} {_at(published.made_at)}.\n"
    if notice:
        yield f"\n{level_word(notice.level)}, {_at(notice.at)}:\n{notice.text}\n"
    for group in published.groups:
        yield f"\n{group.heading}\n" if group.heading else "\n"
        for check in group.checks:
            last = _at(check.last_ping) if check.last_ping else "never"
            running = " (running)" if check.running else ""
            ratio = percent(check.ratios["90d"])
            yield f"{check.shown:<7} {ratio:>8}  {check.name}{running}, last signal {last}\n"
    if published.left_out:
        yield f"\nThere are more; a page shows {len(published.checks)}.\n"


def _at(ms: int) -> str:
    """To the second, in UTC: "2026-11-29 09:44:18Z"."""
    return f"{iso(ms)[:10]} {iso(ms)[11:19]}Z"


def check_feed(check: PublishedCheck, heading: str) -> dict[str, object]:
    """One check of it."""
    schedule, days = check.schedule, check.days
    return {
        "id": check.id,
        "name": check.name,
        "group": heading or None,
        "status": check.status,
        "late": check.shown == "late",
        "running": check.running,
        "paused": check.status == "paused",
        "status_since": iso(check.since),
        "last_ping": iso(check.last_ping),
        "last_duration_seconds": None if check.last_duration_ms is None else check.last_duration_ms / 1000,
        "interval_seconds": schedule.interval_seconds,
        "grace_seconds": check.grace_seconds,
        "schedule_type": schedule.kind,
        "schedule": schedule.expression,
        "tz": schedule.tz,
        "created_at": iso(check.created_at),
        "tags": list(check.tags),
        "uptime": dict(check.ratios),
        "first_day": iso(days[0][0] * DAY_MS)[:10],
        "daily_uptime": [spent.ratio for _, spent in days],
        "outages": [{"began": iso(one.began), "ended": iso(one.ended)} for one in check.outages],
        "last_pings": [_activity(ping) for ping in check.activity],
    }


def _activity(ping: Activity) -> dict[str, object]:
    return {
        "timestamp": iso(ping.at),
        "kind": ping.kind,
        "country_code": ping.country_code,
        "country_name": ping.country_name,
        "connection_type": ping.connection_type,
    }
