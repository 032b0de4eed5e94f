"""GET /metrics: what Prometheus scrapes, for whoever has METRICS_TOKEN or is an admin. It tells nothing to others."""

import asyncio
import hmac
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client import generate_latest as as_text
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as as_openmetrics
from quart import Blueprint, Response, request

from ttr import current
from ttr.address_limit import AddressLimit
from ttr.admins import admin_of
from ttr.exposition import Readings
from ttr.noted import note_means
from ttr.now import now_ms
from ttr.scrape import scrape
from ttr.security_headers import DATA, secure
from ttr.settings import Settings
from ttr.store.errors import StoreUnavailable

_OPENMETRICS = "application/openmetrics-text"
_NOTHING_SENT = (
    "Send METRICS_TOKEN of this installation, or an admin's access token (POST /api/v1/token gives one), as "
    "Authorization: Bearer."
)
_OPENS_NOTHING = "This token opens nothing, or not any more."
_REDIS_AWAY = "Redis does not answer, so no admin's token can be looked at. METRICS_TOKEN works without it."


def metrics_blueprint(settings: Settings) -> Blueprint:
    """The door of scrapes, which counts in this process how often an address asks."""
    blueprint = Blueprint("metrics", __name__)
    asked = AddressLimit(settings.limit("metrics"))

    @blueprint.get("/metrics")
    async def metrics() -> Response:
        """The numbers, as text for Prometheus or as OpenMetrics. While Redis is away there are few of them, and that it
        is away is one.
        """
        if refused := asked.refuse(current.address(), now_ms()):
            return _refusal(429, refused.refusal, {"Retry-After": str(refused.retry_seconds)})
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token:
            return _unauthorized(_NOTHING_SENT)
        if _is_metrics_token(settings, token):
            note_means("token")
        else:
            try:
                admin = await admin_of(current.store(), settings, token)
            except StoreUnavailable:
                return _refusal(503, _REDIS_AWAY, {"Retry-After": "5"})
            if admin is None:
                return _unauthorized(_OPENS_NOTHING)
            note_means("admin")
        return await _told()

    return blueprint


async def _told() -> Response:
    readings = Readings(await scrape().reading())
    write: Callable[[Readings], bytes] = as_text
    content_type = CONTENT_TYPE_PLAIN_0_0_4
    if _quality(_OPENMETRICS) > _quality("text/plain"):
        write, content_type = as_openmetrics, CONTENT_TYPE_OPENMETRICS
    # Where all routes were asked this takes tens of ms, in which pings have their turn as well.
    return _closed(Response(await asyncio.to_thread(write, readings), content_type=content_type))


def _quality(name: str) -> float:
    """How much the caller wants a form. There is one version of each, whichever is asked for."""
    wanted = request.accept_mimetypes
    return max(
        (quality for kind, quality in wanted if kind.partition(";")[0].strip().lower() == name), default=0
    )


def _is_metrics_token(settings: Settings, token: str) -> bool:
    wanted = settings.metrics_token
    return wanted is not None and hmac.compare_digest(token.encode(), wanted.encode())


def _unauthorized(why: str) -> Response:
    return _refusal(401, why, {"WWW-Authenticate": 'Bearer realm="ttr metrics"'})


def _refusal(status: int, why: str, headers: dict[str, str]) -> Response:
    response = Response(f"{why}\n", status, headers, content_type="text/plain; charset=utf-8")
    return _closed(response)


def _closed(response: Response) -> Response:
    response.vary.update(("Accept", "Authorization"))
    return secure(response, DATA)
