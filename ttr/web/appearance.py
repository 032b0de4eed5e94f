"""How pages look to whom: theme, scheme, time zone and rows a page, rendered by the server, so nothing flashes.

What an account has chosen stands with the account; a browser without one has a cookie.
"""

from urllib.parse import unquote

from quart import Response, g, request

from ttr import current
from ttr.domain.preferences import SCHEMES, THEMES, Preferences, choose, read_preferences
from ttr.domain.zones import zone_names
from ttr.store.users import User, set_preferences
from ttr.web.reply import see, way_back
from ttr.web.said import saying
from ttr.web.security import set_cookie, visitor

_COOKIE = "ttr_look"
_ZONE_COOKIE = "ttr_zone"
"""The browser's own time zone, which static/js/zone.js tells."""


def preferences() -> Preferences:
    """What the account has chosen, else the browser."""
    user: User | None = g.get("user")
    if user is not None and user.preferences is not None:
        return user.preferences
    return read_preferences(request.cookies.get(_COOKIE, ""))


def viewer_tz() -> str:
    """The IANA zone in which the reader is shown times: the one chosen, else the browser's, else UTC."""
    return preferences().tz or browser_tz()


def browser_tz() -> str:
    """The browser's own zone; UTC for one that has not told it."""
    told = unquote(request.cookies.get(_ZONE_COOKIE, ""))
    return told if told in zone_names() else "UTC"


def chosen() -> dict[str, object]:
    """What the page's frame shows: theme, scheme, whose page it is and where a form leads back to."""
    look = preferences()
    return {
        "theme": look.theme,
        "themes": THEMES,
        "scheme": look.scheme,
        "schemes": SCHEMES,
        "viewer_tz": viewer_tz(),
        "user": g.get("user"),
        "here": request.path if request.method == "GET" else "/dashboard",
    }


async def update() -> Response:
    """Keep what was chosen of theme, scheme, time zone and page size; nonsense changes nothing."""
    user = await visitor()
    form = await request.form
    look = choose(preferences(), dict(form))
    if user is not None and not user.operator:
        await set_preferences(current.store(), user, look)
    response = see(await way_back("/"))
    set_cookie(response, _COOKIE, str(look))
    if "tz" in form:  # the account's form; buttons elsewhere show by themselves what they did
        saying(response, "Saved.")
    return response
