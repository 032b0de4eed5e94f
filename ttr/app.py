"""create_app: the map of the web process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

from quart import Quart, Response, request
from werkzeug.exceptions import HTTPException

from ttr import current
from ttr.access_log import AccessLog, RequestLog
from ttr.api import api_blueprint, token_blueprint
from ttr.api.converters import CONVERTERS
from ttr.api.errors import http_problem
from ttr.api.openapi import document
from ttr.archive.database import open_archive
from ttr.channels.means import open_means
from ttr.connections import Connection
from ttr.domain.flapping import flap_rules
from ttr.domain.limits import JSON_BODY_MAX
from ttr.forwarded import Forwarded
from ttr.geo import open_geo
from ttr.health import health_blueprint
from ttr.heartbeat import beating, turn
from ttr.installation import Installation, set_installation
from ttr.logs import get_logger
from ttr.metrics import metrics_blueprint
from ttr.noted import note_route, route
from ttr.now import now_ms
from ttr.passwords import Passwords
from ttr.paths import STATIC, TEMPLATES
from ttr.ping.asgi import PingDoor
from ttr.ping.desk import PingDesk, set_desk
from ttr.ping.handler import PingHandler
from ttr.ping.limits import PingLimits
from ttr.scrape import Scrape, set_scrape
from ttr.security_headers import DATA, FILES, secure
from ttr.settings import Settings
from ttr.store.changes import Changes
from ttr.store.deadlines import tick_web
from ttr.store.errors import StoreUnavailable
from ttr.store.pings import Kept
from ttr.store.redis import Store, open_store, wait_until_ready
from ttr.summary import Summaries, set_summaries
from ttr.upload import SizedRequest
from ttr.web import public_blueprint, web_blueprint
from ttr.web.admin import admin_blueprint
from ttr.web.errors import http_error
from ttr.web.page_limits import refuse_floods

log = get_logger(__name__)

_TICK_SECONDS = 0.5


class _App(Quart):
    """Quart, which logs a fault of ours by its route, not by its path: that may be a secret."""

    def log_exception(self, exception_info: Any) -> None:
        log.error("a call failed", method=request.method, route=route(), exc_info=exception_info)


def create_app(settings: Settings) -> Quart:
    """The web process: three front doors over one store."""
    app = _App("ttr", static_folder=str(STATIC), template_folder=str(TEMPLATES))
    app.config["MAX_CONTENT_LENGTH"] = JSON_BODY_MAX
    app.request_class = SizedRequest
    app.url_map.converters |= CONVERTERS
    current.install(app, settings)
    current.set_geo(app, open_geo(settings))
    current.set_api_document(app, lambda: document(app))

    app.register_blueprint(api_blueprint)  # JSON:  /api/v1/...
    app.register_blueprint(web_blueprint)  # HTML:  /, /dashboard, /checks/...
    app.register_blueprint(token_blueprint)  # JSON:  /admin/token/refresh
    app.register_blueprint(admin_blueprint)  # for those who run it: /admin
    app.register_blueprint(public_blueprint)  # without a login: /s/...
    app.register_blueprint(health_blueprint)  # GET /health
    app.register_blueprint(metrics_blueprint(settings))  # GET /metrics
    _answer_refusals(app)
    app.before_request(_note_route)
    app.after_request(_close)

    requests = RequestLog(told=settings.access_log, trusted_proxies=settings.trusted_proxies)
    pings = PingDesk(settings, requests)
    set_desk(app, pings)
    door = PingDoor(app.asgi_app, pings)  # pings: /p/..., /ping/...
    outside = Forwarded(AccessLog(door, requests), trusted_proxies=settings.trusted_proxies)
    app.asgi_app = outside  # type: ignore[method-assign, assignment]  # how Quart takes ASGI middleware

    @app.while_serving
    async def _lifespan() -> AsyncGenerator[None, None]:
        async with (
            open_store(settings.database, cluster=settings.redis_cluster) as store,
            open_means(settings) as means,
            open_archive(settings.database_url) as archive,
        ):
            await wait_until_ready(store)
            current.set_archive(app, archive)
            current.set_store(app, store)
            current.set_means(app, means)
            passwords = Passwords()
            current.set_passwords(app, passwords)
            counted = Installation(store, archive, settings)
            set_installation(app, counted)
            summaries = Summaries(store, settings, counted)
            set_summaries(app, summaries)
            scraped = Scrape(store, counted)
            set_scrape(app, scraped)
            changes = Changes(store)
            current.set_changes(app, changes)
            pings.handler = PingHandler(
                store,
                kept=Kept(
                    settings.ping_log_entries, settings.body_bytes_per_check, settings.body_bytes_per_account
                ),
                flap=flap_rules(settings),
                body_limit=settings.ping_body_limit,
                checks_per_account=settings.checks_per_account,
                limits=PingLimits(*map(settings.limit, ("ping-check", "ping-address", "ping-unknown"))),
            )
            stop = asyncio.Event()
            ticking = asyncio.create_task(_tick(store, stop))
            async with beating(
                store, "web", lambda: {"streams": changes.count(), "connections": Connection.open}
            ):
                yield
            await changes.close()
            await summaries.close()
            await scraped.close()
            passwords.close()
            stop.set()
            # Its last command gives its connection back before the pool is closed. No cancellation: redis-py swallows
            # one in ten, and the loop would go on for ever.
            await asyncio.wait({ticking})
            pings.handler = None

    return app


def _answer_refusals(app: Quart) -> None:
    """What no handler took: JSON below /api/, a page elsewhere."""

    @app.errorhandler(HTTPException)
    async def _refused(error: HTTPException) -> Response:
        return await (http_problem if request.path.startswith("/api/") else http_error)(error)


async def _note_route() -> Response | None:
    if request.url_rule is not None:
        note_route(request.url_rule.rule)
    # Quart's own route, which belongs to no door of ours.
    return await _refuse_static() if request.endpoint == _STATIC else None


_STATIC = "static"
_refuse_static = refuse_floods(frozenset({_STATIC}))


async def _close(response: Response) -> Response:
    """What a door has not said of its answer: that it is for nobody else, and that nothing in it runs."""
    if request.endpoint == _STATIC:
        return secure(response, FILES)
    if request.path.startswith("/api/"):
        response.vary.update(("X-Auth-Key", "Authorization"))
    if "Content-Security-Policy" not in response.headers:
        return secure(response, DATA)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


async def _tick(store: Store, stop: asyncio.Event) -> None:
    """Say twice a second that pings are taken, until `stop`; when nobody says so, the clock stops judging."""
    while not stop.is_set():
        turn("tick")
        try:
            await tick_web(store, now_ms())
        except StoreUnavailable as error:
            log.warning("Redis takes no tick: %s", error)
        except Exception:
            # Without ticks nobody is ever declared overdue, so nothing may end them.
            log.exception("the web tick")
        with suppress(TimeoutError):
            async with asyncio.timeout(_TICK_SECONDS):
                await stop.wait()
