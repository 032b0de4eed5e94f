"""Badges, for everybody who knows their address: a small picture of a check or an account, and the same as JSON.

Nobody is asked who they are: no session is read and no cookie set, so that what one got may be kept for all.
"""

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import cast

from quart import Response, current_app, render_template, request

from ttr import current
from ttr.domain.badge import (
    FONT_SIZE,
    LABEL_COLOUR,
    Badge,
    BadgeQuery,
    account_badge,
    layout,
    read_badge_query,
    status_badge,
    uptime_badge,
)
from ttr.domain.badge_address import Form
from ttr.domain.invalid import FieldError, Invalid
from ttr.domain.limits import SLUG_MAX
from ttr.domain.published import Overall
from ttr.domain.shown import shown_status
from ttr.domain.uptime import uptime
from ttr.now import now_ms
from ttr.security_headers import PICTURES
from ttr.store.badges import Seen, find_check, find_counts
from ttr.store.check_list import Counts
from ttr.store.errors import NotFound, StoreUnavailable
from ttr.web.charts import percent
from ttr.web.copies import Copies
from ttr.web.public_pages import page_now
from ttr.web.public_reply import has_tag

log = logging.getLogger(__name__)

KEPT_SECONDS = 60
"""So long browsers and proxies may show what they got."""
ACCOUNT_LABEL = "checks"
_NO_BADGE = "There is no badge at this address."
_NO_UPTIME = "Only a check has an uptime."
_RETRY_SECONDS = 5
_TYPES: Mapping[Form, str] = {"svg": "image/svg+xml; charset=utf-8", "json": "application/json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to everybody who asks the same."""

    status: int
    content_type: str
    body: bytes


async def of_check(slug: str, name: str, form: Form) -> Response:
    """A check's badge."""
    return await _respond(lambda: _kept(slug, name, form))


async def of_account(slug: str, form: Form) -> Response:
    """The badge of a whole account."""
    return await _respond(lambda: _kept(slug, None, form))


async def of_page(slug: str, page_slug: str, form: Form) -> Response:
    """The badge of all that stands on a status page."""

    async def make() -> Answer:
        try:
            query = read_badge_query(_fields())
            if query.show == "uptime":
                raise Invalid([FieldError("show", _NO_UPTIME)])
            handed = await page_now(slug, page_slug)
        except Invalid as error:
            return _text(400, str(error))
        except NotFound:
            return _text(404, _NO_BADGE)
        if handed.stale:
            raise StoreUnavailable("what is known of the page is old")
        page = handed.value.published
        return await _drawn(form, *_together(page.overall, query.label or page.page.name))

    return await _respond(make)


async def answer(slug: str, name: str | None, form: Form, query: BadgeQuery) -> Answer:
    """The badge of a check, or without `name` of an account.

    400 for a query that does not fit, and a 404 that does not tell whether the account or the check is unknown. Raises
    StoreUnavailable.
    """
    try:
        if name is None:
            badge, facts = await _account(slug, query)
        else:
            badge, facts = await _check(slug, name, query)
    except Invalid as error:
        return _text(400, str(error))
    except NotFound:
        return _text(404, _NO_BADGE)
    return await _drawn(form, badge, facts)


async def _drawn(form: Form, badge: Badge, facts: Mapping[str, object]) -> Answer:
    if form == "json":
        shown = {"schemaVersion": 1, "label": badge.label, "message": badge.message, "color": badge.colour}
        body = json.dumps({**shown, **facts}, ensure_ascii=False)
    else:
        body = await picture(badge)
    return Answer(200, _TYPES[form], body.encode())


async def picture(badge: Badge) -> str:
    """A badge as SVG."""
    return await render_template(
        "badges/badge.svg",
        badge=badge,
        at=layout(badge),
        label_colour=LABEL_COLOUR,
        font_size=FONT_SIZE,
    )


async def _check(slug: str, name: str, query: BadgeQuery) -> tuple[Badge, dict[str, object]]:
    by_uptime = query.show == "uptime"
    seen = await find_check(current.store(), slug, name, history=by_uptime)
    return check_badge(seen, query, now_ms())


def check_badge(seen: Seen, query: BadgeQuery, now: int) -> tuple[Badge, dict[str, object]]:
    """A check's badge at `now` (ms), and what its JSON tells besides."""
    check, label = seen.check, query.label or seen.check.name
    shown = shown_status(check, now)
    facts: dict[str, object] = {
        "status": check.status,
        "late": shown == "late",
        "running": check.running,
    }
    if seen.history is None:
        return status_badge(label, shown, running=check.running), facts
    ratio = uptime(seen.history, now).windows[query.window].ratio
    return uptime_badge(label, ratio, percent(ratio)), facts | {"uptime": ratio, "window": query.window}


async def _account(slug: str, query: BadgeQuery) -> tuple[Badge, dict[str, object]]:
    if query.show == "uptime":
        raise Invalid([FieldError("show", _NO_UPTIME)])
    counts = await find_counts(current.store(), slug, now=now_ms())
    return _together(counts, query.label or ACCOUNT_LABEL)


def _together(counts: Counts | Overall, label: str) -> tuple[Badge, dict[str, object]]:
    """The badge of many checks, and what its JSON tells besides."""
    badge = account_badge(
        label, total=counts.total, down=counts.down, late=counts.late, up=counts.up, paused=counts.paused
    )
    return badge, {
        "status": _worst(counts),
        "total": counts.total,
        "up": counts.up,
        "down": counts.down,
        "late": counts.late,
        "new": counts.new,
        "paused": counts.paused,
        "running": counts.running,
    }


def _worst(counts: Counts | Overall) -> str:
    """The status of all together, of those that a check may have; without checks it is new."""
    if counts.down:
        return "down"
    if counts.up:
        return "up"
    return "paused" if counts.total and not counts.new else "new"


async def _kept(slug: str, name: str | None, form: Form) -> Answer:
    """The answer, made at most once a second for all who ask the same.

    Its key is at most some 300 characters: a query may have 5,000 fields that mean nothing, and 2,000 of those would
    take all the memory.
    """
    if max(len(slug), len(name or "")) > SLUG_MAX:
        return _text(404, _NO_BADGE)
    try:
        query = read_badge_query(_fields())
    except Invalid as error:
        return _text(400, str(error))
    asked = (slug, name, form, query.label, query.show, query.window)
    handed = await _badges().get(asked, lambda _: answer(slug, name, form, query))
    if handed.stale:
        # A picture can't say how old it is.
        raise StoreUnavailable("what is known of the check is old")
    return handed.value


def _badges() -> Copies[Answer]:
    # 2,000 of about 1 kB.
    return cast(Copies[Answer], current_app.extensions.setdefault("ttr_badges", Copies(2_000)))


def _fields() -> dict[str, str]:
    return {field: values[0] for field, values in request.args.lists()}


async def _respond(make: Callable[[], Awaitable[Answer]]) -> Response:
    try:
        found = await make()
    except StoreUnavailable as error:
        log.warning("a badge had no Redis: %s", error)
        return _passing(_text(503, "The database is away; try again in a few seconds."))
    return _response(found)


def _response(found: Answer) -> Response:
    headers = {**PICTURES, "Cache-Control": f"public, max-age={KEPT_SECONDS}"}
    if found.status == 200:
        tag = f'"{hashlib.sha256(found.body).hexdigest()[:32]}"'
        headers["ETag"] = tag
        if has_tag(tag):
            response = Response(status=304, headers=headers)
            for name in ("Content-Type", "Content-Length"):
                response.headers.pop(name, None)
            return response
    return Response(found.body, found.status, headers, content_type=found.content_type)


def _passing(found: Answer) -> Response:
    """An answer that will be another one soon."""
    headers = {**PICTURES, "Cache-Control": "no-store", "Retry-After": str(_RETRY_SECONDS)}
    return Response(found.body, found.status, headers, content_type=found.content_type)


def _text(status: int, sentence: str) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", f"{sentence}\n".encode())
