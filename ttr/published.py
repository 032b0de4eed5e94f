"""A status page as everybody sees it: read, worked out in small steps, and never longer than needed.

Working out 200 checks with 90 days each takes some 50 ms, and one check with 200 changes of status 2 ms. Others have
their turn after each, so that pings, which share the process, never wait for more than that.
"""

import asyncio
from collections.abc import Callable
from itertools import islice

from ttr.domain.limits import STATUS_PAGE_CHECKS_MAX
from ttr.domain.published import ACTIVITY_MAX, Activity, Published, PublishedGroup, overall, publish
from ttr.domain.shown import changes_at, shown_status
from ttr.domain.status_page import StatusPage, arrange
from ttr.store.ping_log import PingEntry
from ttr.store.published import Record, read_records, tagged_checks
from ttr.store.redis import Store
from ttr.store.users import User

_LONGEST_MS = 60_000
"""A page is made anew at least once a minute while somebody looks: today's figures grow with time alone."""
_TOLD = ("success", "start", "fail")

Locate = Callable[[PingEntry], Activity]
"""Turns a ping into what may be told of it."""


async def publish_page(
    store: Store, user: User, page: StatusPage, *, now: int, watching: bool, locate: Locate
) -> Published:
    """The page with its checks as of `now` (ms)."""
    tagged: dict[str, list[int]] = {}
    all_read = True
    for tag in dict.fromkeys(page.settings.tags):
        tagged[tag], count = await tagged_checks(store, user, tag, now=now)
        all_read = all_read and count <= len(tagged[tag])
    groups = arrange(page.settings.entries, tagged)
    wanted = [check for group in groups for check in group.checks]
    records: dict[int, Record] = {}
    made = {}
    async for record in read_records(store, user, wanted[:STATUS_PAGE_CHECKS_MAX]):
        check = record.check
        records[check.id] = record
        made[check.id] = publish(
            check,
            record.history,
            [locate(ping) for ping in islice((p for p in record.pings if p.kind in _TOLD), ACTIVITY_MAX)],
            shown=shown_status(check, now),
            now=now,
        )
        await asyncio.sleep(0)
    shown = tuple(
        PublishedGroup(group.heading, tuple(made[check] for check in group.checks if check in made))
        for group in groups
    )
    turn = changes_at([record.check for record in records.values()], now)
    latest = now - now % _LONGEST_MS + _LONGEST_MS
    return Published(
        page=page,
        public_slug=user.public_slug,
        groups=tuple(group for group in shown if group.checks or group.heading),
        overall=overall(list(made.values())),
        left_out=len(wanted) > STATUS_PAGE_CHECKS_MAX or not all_read,
        made_at=now,
        until=latest if turn is None else min(turn, latest),
        watching=watching,
    )
