"""The parts that pages are made of, each in every state, on one page: for whoever builds or judges them."""

import re

from quart import Response, abort, request

from ttr import current
from ttr.domain.preferences import SCHEMES, THEMES
from ttr.paths import STATIC
from ttr.web.appearance import preferences
from ttr.web.reply import page
from ttr.web.security import visitor


async def show() -> Response:
    """In the theme and scheme of the address, else those of the reader; not there in production."""
    if current.settings().production:
        abort(404)
    await visitor()
    look = preferences()
    theme, scheme = request.args.get("theme", look.theme), request.args.get("scheme", look.scheme)
    return await page(
        "patterns/show.html",
        theme=theme if theme in THEMES else look.theme,
        scheme=scheme if scheme in SCHEMES else look.scheme,
        icons=_icons(),
    )


def _icons() -> list[str]:
    return re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons/icons.svg").read_text())
