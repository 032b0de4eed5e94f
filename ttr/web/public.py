"""What everybody may see without a login: this file is its site map, and its door.

Nothing here reads a session or sets a cookie, so browsers and proxies may keep every answer. Limits are counted in the
process: a flood costs Redis nothing, and what is above them is refused before anything is done.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from quart import Blueprint, Response, current_app, render_template, request
from werkzeug.exceptions import HTTPException

from ttr import current
from ttr.address_limit import AddressLimit
from ttr.domain.preferences import THEMES
from ttr.logs import get_logger
from ttr.noted import route
from ttr.now import now_ms
from ttr.store.errors import NotFound, StoreUnavailable, TooMany
from ttr.web import badges, public_pages
from ttr.web.public_reply import HTML, finish

log = get_logger(__name__)

public_blueprint = Blueprint("public", __name__)

_View = Callable[..., Awaitable[Response]]

PATHS: dict[str, _View] = {
    "/s/<slug>": public_pages.index,
    "/s/<slug>/<page_slug>": public_pages.show,
    "/s/<slug>/<page_slug>/live": public_pages.live,
    "/s/<slug>/<page_slug>/data": public_pages.data,
    "/s/<slug>/<page_slug>/summary.txt": public_pages.summary,
    "/s/<slug>/<page_slug>/badge.<any(svg, json):form>": badges.of_page,
    "/p/<slug>/badge.<any(svg, json):form>": badges.of_account,
    "/p/<slug>/<name>/badge.<any(svg, json):form>": badges.of_check,
}

for _path, _view in PATHS.items():
    _name = f"{_view.__module__.rpartition('.')[2]}_{_view.__name__}"
    public_blueprint.add_url_rule(
        _path, endpoint=_name, view_func=_view, methods=["GET"], strict_slashes=False
    )

_RETRY_SECONDS = 5
_EVERYBODY = "everybody"
HOLD_SECONDS = 1.0
"""So long a refusal is held back: whoever asks again as soon as he is answered then asks once a second, and a refusal
costs nearly as much as an answer."""
_HELD_MOST = 500
"""Refusals held at once, some 20 kB each; more are told at once."""


@dataclass(slots=True)
class _Gate:
    """What one address, and all together, may still ask for in this process; and how many wait for their refusal."""

    each: AddressLimit
    together: AddressLimit
    held: int = 0


@public_blueprint.before_request
async def _spend() -> None:
    """Raise TooMany, after a while, above what one address or all together may ask for."""
    gate, now = _gate(), now_ms()
    refused = gate.each.refuse(current.address(), now) or gate.together.refuse(_EVERYBODY, now)
    if refused is None:
        return
    if gate.held < _HELD_MOST:
        gate.held += 1
        try:
            # Spread, or those who were refused together would come back together.
            await asyncio.sleep(HOLD_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311  # no secret
        finally:
            gate.held -= 1
    raise TooMany(refused)


def _gate() -> _Gate:
    extensions, settings = current_app.extensions, current.settings()
    if "ttr_public_gate" not in extensions:
        each, together = map(settings.limit, ("public-address", "public"))
        extensions["ttr_public_gate"] = _Gate(AddressLimit(each), AddressLimit(together))
    return cast(_Gate, extensions["ttr_public_gate"])


@public_blueprint.errorhandler(NotFound)
async def _not_found(_: NotFound) -> Response:
    return await _trouble(
        404, "There is no page here", "It may have been renamed, or taken off by its owner."
    )


@public_blueprint.errorhandler(TooMany)
async def _too_many(error: TooMany) -> Response:
    everybody = error.allowance.limit.zone == "public"
    response = Response(f"{error}\n", 503 if everybody else 429, content_type="text/plain; charset=utf-8")
    response.headers["Retry-After"] = str(error.allowance.retry_seconds)
    response.headers["Cache-Control"] = "no-store"
    response.headers["HX-Reswap"] = "none"
    return finish(response)


@public_blueprint.errorhandler(StoreUnavailable)
async def _store_unavailable(error: StoreUnavailable) -> Response:
    log.warning("a public page had no Redis: %s", error)
    response = await _trouble(
        503, "The state is not known", "Our database is away. Try again in a few seconds."
    )
    response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response


@public_blueprint.errorhandler(HTTPException)
async def _http_error(error: HTTPException) -> Response:
    return await _trouble(error.code or 400, "Not understood", "This address does not answer to that.")


@public_blueprint.errorhandler(Exception)
async def _broken(error: Exception) -> Response:
    log.error("a public page failed", method=request.method, route=route(), exc_info=error)
    return await _trouble(500, "Something broke", "The fault is ours and has been logged.")


async def _trouble(status: int, title: str, sentence: str) -> Response:
    html = await render_template(
        "public/trouble.html", title=title, sentence=sentence, theme=THEMES[0], scheme="system", now=now_ms()
    )
    response = Response(html, status, content_type=HTML)
    # A page that is open and asks for what changed keeps what it shows.
    response.headers["HX-Reswap"] = "none"
    response.headers["Cache-Control"] = "public, max-age=5" if status == 404 else "no-store"
    return finish(response)
