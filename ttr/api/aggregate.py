"""/api/v1/checks/aggregate: what a screen of checks needs, in one call."""

import asyncio
from typing import Annotated

from pydantic import Field
from quart import Response, request
from typing_extensions import TypedDict

from ttr.api.auth import caller
from ttr.api.body import private
from ttr.api.check_page import PageJson, check_page
from ttr.api.check_query import CheckQuery, parse_query
from ttr.api.describe import operation
from ttr.api.etag import account_tag, tagged, unchanged
from ttr.api.stats import CheckStats, check_stats
from ttr.api.tags import CountedTag, counted_tags
from ttr.now import now_ms


class AggregateJson(TypedDict):
    """A page of checks with the account's numbers and tags."""

    checks: PageJson
    user_stats: CheckStats
    tags: list[CountedTag]
    user_slug: str
    ping_base: Annotated[str, Field(description="Path that a check's slug or UUID is appended to.")]


@operation(
    "Checks, numbers and tags at once",
    tag="Checks",
    query=CheckQuery,
    answers={200: AggregateJson, 304: None},
)
async def show() -> Response:
    """The page that `/checks` answers to the same query, with `/checks/stats` and `/checks/tags`."""
    user, now = await caller(), now_ms()
    asked = parse_query(request.args)
    tag = await account_tag(user, now=now)
    if known := unchanged(tag):
        return known
    page, stats, tags = await asyncio.gather(
        check_page(user, asked, now=now), check_stats(user, now=now), counted_tags(user)
    )
    answer: AggregateJson = {
        "checks": page,
        "user_stats": stats,
        "tags": tags,
        "user_slug": user.user_slug,
        "ping_base": f"/p/{user.user_slug}",
    }
    return tagged(private(answer), tag)
