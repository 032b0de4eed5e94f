"""All checks of an account: filtered, sorted and paged on the server, live while they are looked at."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import parse_qsl

from quart import Response, request
from werkzeug.datastructures import MultiDict

from ttr import current
from ttr.domain.check import Check
from ttr.now import now_ms
from ttr.store.channels import Channel, count_shared, read_channels
from ttr.store.check_list import CheckPage, check_counts, list_checks, list_tags, list_version
from ttr.store.checks import get_check
from ttr.store.cursor import cursor_text
from ttr.store.deadlines import read_gaps
from ttr.store.recent_runs import recent_runs
from ttr.store.users import User
from ttr.web.appearance import preferences
from ttr.web.badge_picker import plain_markdown, takes_pings
from ttr.web.list_query import SORTS, ListQuery, read_list_query
from ttr.web.live import clock_is_silent
from ttr.web.reply import fragment, is_ours, nothing_new, page, see
from ttr.web.runs_strip import Strip, runs_strip
from ttr.web.security import require_user

_GAP_SHOWN_MS = 86_400_000
_FIELDS_MAX = 2_001
"""As many as fit into an address that we lead back to."""
TAGS_SHOWN = 200
"""Tags that the filter offers; one beyond them is found by its checks, or typed into the address."""


async def show() -> Response:
    """The page."""
    return await list_page(await require_user(), read_list_query(request.args))


async def listed() -> Response:
    """The list alone; 204 when `since` says that the browser shows it already.

    Asked by the filter, as somebody types, it also sets the browser's address.
    """
    user = await require_user()
    since = request.args.get("since", "")
    if since and since == await _since(user, now_ms()):
        return nothing_new()
    query = read_list_query(request.args)
    response = await fragment("dashboard/_list.html", **await list_view(user, query))
    if not since:
        response.headers["HX-Replace-Url"] = query.path
    return response


async def row(check_id: int) -> Response:
    """One check's row as it is now, leading back to the page in `back`."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    return await row_fragment(user, check, request.args.get("back", ""))


async def moved() -> Response:
    """/checks as a page is the dashboard."""
    return see("/dashboard")


async def row_fragment(user: User, check: Check, back: str, *, said: str = "") -> Response:
    """A check's row for a page at the address `back`."""
    channels, strips, public_pings = await asyncio.gather(
        _channels(user, [check]), _strips(user, [check]), takes_pings(user)
    )
    rows = _rows(user, query_of(back), [check], channels, public_pings=public_pings)
    return await fragment("dashboard/_one.html", check=check, said=said, strips=strips, **rows)


async def list_page(
    user: User, query: ListQuery, status: int = 200, /, *, selected: Collection[int] = (), **values: object
) -> Response:
    """The page with the list, with checks that are `selected` already."""
    view = await list_view(user, query, selected=selected)
    tags = await list_tags(current.store(), user, most=TAGS_SHOWN)
    offered = {tag.name for tag, _ in tags}
    return await page("dashboard/show.html", status, tags=tags, offered=offered, **view, **values)


async def list_view(user: User, query: ListQuery, *, selected: Collection[int] = ()) -> dict[str, object]:
    """What the list shows, with checks that are `selected` already."""
    now, store = now_ms(), current.store()
    # Before the rest: what changes meanwhile makes the token old, and never the list older than its token.
    since = await _since(user, now)
    (found, channels, strips), counts, shared_channels, gaps, public_pings = await asyncio.gather(
        _found_and_shown(user, query, now),
        check_counts(store, user, now=now),
        count_shared(store, user),
        read_gaps(store, user.partition),
        takes_pings(user),
    )
    sort = SORTS[query.sort].by
    return {
        "now": now,
        "sorts": SORTS,
        "size": query.size or preferences().page_size,
        "checks": found.checks,
        "counts": counts,
        "before": found.before and query.at(cursor_text(sort, found.before, backward=True)),
        "after": found.after and query.at(cursor_text(sort, found.after, backward=False)),
        "since": since,
        "version": found.version,
        "silent": since.endswith("1"),
        "gap": next((gap for gap in gaps if now - gap[1] < _GAP_SHOWN_MS), None),
        "selected": selected,
        "strips": strips,
        "shared_channels": shared_channels,
        **_rows(user, query, found.checks, channels, public_pings=public_pings),
    }


def query_of(path: str) -> ListQuery:
    """The list that a dashboard's address shows; another page's address counts as the plain list."""
    fields = parse_qsl(path.partition("?")[2], max_num_fields=_FIELDS_MAX) if is_ours(path) else []
    return read_list_query(MultiDict(fields))


async def _found(user: User, query: ListQuery, now: int) -> CheckPage:
    store, size = current.store(), query.size or preferences().page_size
    sort = SORTS[query.sort].by

    async def beyond(cursor: ListQuery) -> CheckPage:
        edge = cursor.place
        return await list_checks(
            store,
            user,
            sort=sort,
            descending=query.descending,
            filter=query.filter,
            size=size,
            place=edge.place if edge else None,
            backward=edge.backward if edge else False,
            now=now,
        )

    found = await beyond(query)
    edge = query.place
    if edge is None or (found.checks and not (edge.backward and found.before is None)):
        return found
    # Nothing is left there, or it is the first page, which is shown full.
    return await beyond(query.at(""))


async def _found_and_shown(
    user: User, query: ListQuery, now: int
) -> tuple[CheckPage, dict[int, Channel], dict[int, Strip]]:
    found = await _found(user, query, now)
    channels, strips = await asyncio.gather(_channels(user, found.checks), _strips(user, found.checks))
    return found, channels, strips


async def _channels(user: User, checks: Sequence[Check]) -> dict[int, Channel]:
    """Those that these checks use, by number; an account may have one for each check, and rows are read often."""
    numbers = dict.fromkeys(number for check in checks for number in check.channels)
    return await read_channels(current.store(), user, list(numbers))


async def _strips(user: User, checks: Sequence[Check]) -> dict[int, Strip]:
    found = await recent_runs(current.store(), user, [check.id for check in checks])
    return {check_id: runs_strip(pings) for check_id, pings in found.items()}


def _rows(
    user: User,
    query: ListQuery,
    checks: Sequence[Check],
    channels: Mapping[int, Channel],
    *,
    public_pings: bool,
) -> dict[str, object]:
    """What rows show of these checks besides themselves and their strips."""
    tags = {tag.name for check in checks for tag in check.tags}
    return {
        "query": query,
        "channels": channels,
        "told_nobody": {check.id: _told_nobody(check, channels) for check in checks},
        "tag_links": {tag: query.with_tag(tag).path for tag in tags},
        "ping_base": f"{current.base_url()}/p/{user.user_slug}",
        "badges": plain_markdown(user, checks, public_pings=public_pings),
    }


def _told_nobody(check: Check, channels: Mapping[int, Channel]) -> bool:
    """Whether an alert of this check would reach nobody: it has no channel, or none that is on."""
    return not any(number in channels and channels[number].enabled for number in check.channels)


async def _since(user: User, now: int) -> str:
    """What a list that was read at `now` is worth: another word as soon as it would look otherwise."""
    version, silent = await asyncio.gather(list_version(current.store(), user, now=now), clock_is_silent(now))
    return f"{version}.{int(silent)}"
