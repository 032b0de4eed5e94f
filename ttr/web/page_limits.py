"""How often one address may ask for pages, and for what open pages ask by themselves.

Counted in each process: a flood costs Redis nothing, and what is above the limit is refused before anything is read.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from quart import Response, current_app, request

from ttr import current
from ttr.address_limit import AddressLimit
from ttr.domain.allowance import Allowance, Limit
from ttr.now import now_ms
from ttr.web.reply import by_htmx
from ttr.web.security import finish

FRAGMENTS_A_PAGE = 10
"""Of fragments, files and streams ten times as many as of pages: a dashboard on which 20 checks change four times a
second fetches 80 rows a second, and a first visit 25 files."""


@dataclass(slots=True)
class _Gate:
    pages: AddressLimit
    fragments: AddressLimit


def refuse_floods(fragments: frozenset[str]) -> Callable[[], Awaitable[Response | None]]:
    """What to do before each request; `fragments` are the endpoints that pages ask for by themselves."""

    async def refuse() -> Response | None:
        gate = _gate()
        counted = gate.fragments if request.endpoint in fragments else gate.pages
        refused = counted.refuse(current.address(), now_ms())
        return None if refused is None else _too_many(refused)

    return refuse


def _gate() -> _Gate:
    extensions = current_app.extensions
    if "ttr_page_gate" not in extensions:
        limit = current.settings().limit("page")
        many = Limit(limit.zone, limit.count * FRAGMENTS_A_PAGE, limit.seconds) if limit else None
        extensions["ttr_page_gate"] = _Gate(AddressLimit(limit), AddressLimit(many))
    return cast(_Gate, extensions["ttr_page_gate"])


def _too_many(refused: Allowance) -> Response:
    """In plain words and without a look at the session: a refusal must cost less than what it refuses."""
    response = Response(f"{refused.refusal}\n", 429, content_type="text/plain; charset=utf-8")
    response.headers["Retry-After"] = str(refused.retry_seconds)
    if by_htmx():
        poll = request.method == "GET"
        response.headers["HX-Retarget"] = "#outage" if poll else "#notice"
        response.headers["HX-Reswap"] = "innerHTML"
    return finish(response)
