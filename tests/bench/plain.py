"""The ping route as one writes it first: Quart, redis-py, Hypercorn on uvloop, one worker; ours is measured against it.

It takes pings of existing checks alone, by `/p/<slug>/<check slug>`, looks each up once and then sends the same command
once for each ping. It has no limits of addresses, content rules, metrics and the like, so the comparison flatters it.
"""

import os
import secrets

import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart, Response, request

from ttr.domain.schedule import next_due
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.ping_log import PingEntry, pack_tail
from ttr.store.pings import Plan, Target, find_target, plan_from
from ttr.store.redis import Store, open_store


def make_app(store: Store) -> Quart:
    """The app with its two routes."""
    app = Quart(__name__)
    known: dict[tuple[str, str], tuple[Target, Plan]] = {}

    @app.get("/health")
    async def health() -> str:
        return "ok"

    @app.route("/p/<slug>/<check>", methods=["GET", "POST"])
    async def ping(slug: str, check: str) -> Response:
        body: bytes = request.query_string
        if request.method == "POST":
            body = await request.get_data()
        if (slug, check) not in known:
            target = await find_target(store, slug, check, is_uuid=False)
            if target is None:
                return Response("not found", 404)
            answer = await _send(store, target, None, body)
            if answer[0] != b"stale":
                return Response("not found", 404)
            known[slug, check] = target, plan_from(int(answer[1] or 0), answer[2:])
        answer = await _send(store, *known[slug, check], body)
        if answer[0] != b"ok":
            return Response("not stored", 503)
        return Response("OK", content_type="text/plain; charset=utf-8")

    return app


async def _send(store: Store, target: Target, plan: Plan | None, body: bytes) -> list[bytes | None]:
    now = now_ms()
    entry = PingEntry(
        at=now,
        kind="success",
        method=request.method,
        address=request.remote_addr or "",
        user_agent=request.user_agent.string,
        size=len(body),
    )
    check: list[str | int] = [plan.check_id, plan.revision] if plan else ["", ""]
    due = next_due(plan.schedule, now) if plan else None
    answer: list[bytes | None] = await store.scripts.run(
        "ping",
        keys.partition_of(target.user_id),
        [
            *(target.user_id, target.user_slug, check[0], target.slug, now, secrets.token_hex(8), check[1]),
            *("" if due is None else due, "success", "", "", "", pack_tail(entry), body[:100_000]),
            *(100, 300_000, 20_000_000),
            *(120_000, 6, 180_000),
            *(1_000_000, 1),  # what LIMITS in tests/bench/doors.py comes to
            "",
        ],
    )
    return answer


async def main() -> None:
    """Serve until a signal."""
    config = Config()
    config.bind = [f"127.0.0.1:{os.environ['PORT']}"]
    config.keep_alive_max_requests = 10_000_000
    config.backlog = 2_048
    async with open_store(os.environ["REDIS_URL"]) as store:
        await serve(make_app(store), config)


if __name__ == "__main__":
    uvloop.run(main())
