"""How a page answers: a whole page, a fragment for htmx, or "see there"."""

import re

from quart import Response, current_app, request

from ttr.now import now_ms
from ttr.web.figures import seen
from ttr.web.packing import packed
from ttr.web.security import finish
from ttr.web.turns import by_turns

_OUR_PAGE = re.compile(r"/(?!/)[A-Za-z0-9/_-]{0,200}(\?[A-Za-z0-9_.~%=&+*-]{1,4000})?", re.ASCII)


def by_htmx() -> bool:
    """Whether htmx asks, which puts the answer into the page it is on."""
    return "HX-Request" in request.headers


async def page(template: str, status: int = 200, /, **values: object) -> Response:
    """A whole page, with the installation's figures at its foot."""
    # Before it is written: who writes has the turn of all others.
    return await fragment(template, status, operations=await seen(), **values)


async def fragment(template: str, status: int = 200, /, **values: object) -> Response:
    """A part of a page; `said` in `values` is spoken by the live region."""
    values.setdefault("now", now_ms())
    await current_app.update_template_context(values)
    parts: list[str] = []
    # In one go the form of a status page with 500 checks would hold the process for 0.8 s.
    await by_turns(current_app.jinja_env.get_template(template).generate_async(values), parts.append, "own")
    # Half of a surrogate pair, as JSON may write it, is no UTF-8: a file that is refused for it is shown with "?".
    html = "".join(parts).encode("utf-8", "replace")
    return finish(await packed(_html(Response(html, status))))


def see(path: str) -> Response:
    """Go on at `path`: 303, or the header by which htmx leaves the page."""
    if by_htmx():
        return finish(_html(Response("", 200, headers={"HX-Redirect": path})))
    return finish(_html(Response("", 303, headers={"Location": path})))


def nothing_new() -> Response:
    """204: what the browser shows is what there is."""
    return finish(Response("", 204))


async def way_back(otherwise: str) -> str:
    """The page a form names in its field `back`, when it is one of ours; no other site can be named."""
    path = (await request.form).get("back", "")
    return path if is_ours(path) else otherwise


def is_ours(path: str) -> bool:
    """Whether this names a page of ours, and no other site."""
    return _OUR_PAGE.fullmatch(path) is not None


def _html(response: Response) -> Response:
    response.content_type = "text/html; charset=utf-8"
    return response
