"""The installation's figures on open pages: at their foot, and in a panel of the dashboard. Whoever may see them needs
no session: such a request costs Redis nothing, however many pages are open.
"""

from quart import Response, request

from ttr.web.figures import seen
from ttr.web.reply import fragment, nothing_new


async def foot() -> Response:
    """The figures at the foot; 204 when the browser shows them already."""
    found = await seen()
    if found and request.args.get("shown") == found.foot:
        return nothing_new()
    return await fragment("operations/_foot.html", operations=found)


async def panel() -> Response:
    """The figures of the panel; 204 when the browser shows them already."""
    found = await seen()
    if found and request.args.get("shown") == found.panel:
        return nothing_new()
    return await fragment("operations/_panel.html", operations=found)
