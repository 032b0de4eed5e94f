"""The parts that pages are made of, each in every state, on one page: for whoever builds or judges them."""

import re

from quart import Response, abort, request

from ttr import current
from ttr.domain.preferences import SCHEMES, THEMES
from ttr.domain.schedule import describe, preview
from ttr.domain.uptime import WINDOWS, Uptime
from ttr.now import now_ms
from ttr.paths import STATIC
from ttr.web.appearance import preferences
from ttr.web.badge_codes import markdown
from ttr.web.charts import bars
from ttr.web.check_log import merge
from ttr.web.commands import ping_command
from ttr.web.list_query import SORTS, ListQuery
from ttr.web.pattern_checks import (
    COUNTS,
    pattern_channels,
    pattern_checks,
    pattern_days,
    pattern_log,
    pattern_runs,
)
from ttr.web.recipes import recipes
from ttr.web.reply import page
from ttr.web.run_chart import run_chart
from ttr.web.runs_strip import runs_strip
from ttr.web.security import visitor


async def show() -> Response:
    """In the theme and scheme of the address, else those of the reader; not there in production."""
    if current.settings().production:
        abort(404)
    await visitor()
    look = preferences()
    theme, scheme = request.args.get("theme", look.theme), request.args.get("scheme", look.scheme)
    return await page(
        "patterns/show.html",
        theme=theme if theme in THEMES else look.theme,
        scheme=scheme if scheme in SCHEMES else look.scheme,
        icons=_icons(),
        **_checks(now_ms()),
    )


def _checks(now: int) -> dict[str, object]:
    """What the parts of the dashboard and of a check's page show, without a store."""
    checks, channels, url = pattern_checks(now), pattern_channels(), "https://ttr.example/p/4h7c0q2m9x1k8d3s"
    query = ListQuery(text="backup", tags=("production", "db"), statuses=("down",))
    strip, (pings, flips), days = runs_strip(pattern_runs()), pattern_log(now), pattern_days(now)
    return {
        "now": now,
        "checks": checks,
        "check": checks[0],
        "query": query,
        "sorts": SORTS,
        "size": 25,
        "counts": COUNTS,
        "before": query.at("before"),
        "after": query.at("after"),
        "selected": (),
        "tags_typed": "",
        "strips": {check.id: strip if check.last_ping else runs_strip([]) for check in checks},
        "channels": channels,
        "told_nobody": {check.id: not check.channels for check in checks},
        "tag_links": {tag.name: "#checks-title" for check in checks for tag in check.tags},
        "ping_base": url,
        "badges": {check.id: markdown(check.name, "https://ttr.example/badge.svg") for check in checks},
        "url": f"{url}/{checks[0].address}",
        "command": ping_command(checks[0], f"{url}/{checks[0].address}"),
        "schedule": describe(checks[0].settings.schedule),
        "coming": preview(checks[0].settings.schedule, now, 3),
        "figures": Uptime(dict.fromkeys(WINDOWS, days[-1][1]), days),
        "bars": bars(days),
        "chart": run_chart(pings, "UTC"),
        "recent": merge(pings, flips),
        "pings": pings,
        "recipes": recipes(checks[0], f"{url}/{checks[0].address}")[:2],
    }


def _icons() -> list[str]:
    return re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons/icons.svg").read_text())
