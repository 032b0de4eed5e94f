"""What was typed into the form of a check or a status page is not lost when it can't be taken for a reason that has
nothing to do with it: the session has ended, the token is stale, the database is away.

With htmx the form stays on the screen and gets a fresh token; without, the page that explains carries what was typed
and can send it again.
"""

from quart import Response, request

from ttr.web.reply import by_htmx, fragment, page

_FORMS = {
    "web.check_settings_create",
    "web.check_settings_update",
    "web.previews_show",
    "web.previews_fill",
    "web.status_pages_create",
    "web.status_pages_update",
    "web.status_pages_arrange",
    "web.status_pages_preview",
}
_HELPERS = {"web.slugs_show", "web.zones_index", "web.status_pages_choices"}
"""Fragments that the form asks for by itself: led to the front page, they would take the form with them."""


def is_kept() -> bool:
    """Whether the request is a form of ours whose text must outlive its refusal. Of a page of another site, or of one
    that nobody says where it comes from, nothing is shown again."""
    if by_htmx():
        return request.endpoint in _FORMS | _HELPERS
    same = request.headers.get("Sec-Fetch-Site") == "same-origin"
    return request.method == "POST" and request.endpoint in _FORMS and same


async def kept(status: int, title: str, sentence: str) -> Response:
    """The explanation, and what was typed. Raises RequestEntityTooLarge."""
    if by_htmx():
        response = await fragment("checks/_kept.html", status, title=title, sentence=sentence)
        response.headers["HX-Retarget"] = "#notice"
        response.headers["HX-Reswap"] = "innerHTML show:top"
        return response
    fields = [(name, value) for name, value in (await request.form).items(multi=True) if name != "csrf_token"]
    return await page(
        "checks/kept.html",
        status,
        status=status,
        title=title,
        sentence=sentence,
        fields=fields,
        action=request.path,
    )
