"""How pages look: the theme and its scheme, chosen by cookie and rendered by the server, so nothing flashes."""

from quart import Response, g, request

from ttr.web.reply import see, way_back
from ttr.web.security import set_cookie

SCHEMES = ("dark", "light", "system")
_COOKIE = "ttr_scheme"


def chosen() -> dict[str, object]:
    """What the page's frame shows: theme, scheme, whose page it is and where a form leads back to."""
    scheme = request.cookies.get(_COOKIE, "")
    here = request.path if request.method == "GET" else "/dashboard"
    return {
        "theme": "cyberpunk",
        "scheme": scheme if scheme in SCHEMES else SCHEMES[0],
        "schemes": SCHEMES,
        "user": g.get("user"),
        "here": here,
    }


async def update() -> Response:
    """Keep a scheme; anything but one of the three changes nothing."""
    scheme = (await request.form).get("scheme", "")
    response = see(await way_back("/"))
    if scheme in SCHEMES:
        set_cookie(response, _COOKIE, scheme)
    return response
