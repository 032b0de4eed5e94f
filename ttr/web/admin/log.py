"""What operators did, and which logins were refused."""

from quart import Response

from ttr import current
from ttr.store.admin_log import read_log
from ttr.web.admin.addresses import offset_in, pages
from ttr.web.admin.door import require_admin
from ttr.web.reply import page

SIZE = 50
"""Lines a page."""
_ADDRESS = "/admin/log"


async def show() -> Response:
    """The page."""
    await require_admin()
    deeds, offset = await read_log(current.store()), offset_in()
    return await page(
        "admin/log.html",
        deeds=deeds[offset : offset + SIZE],
        total=len(deeds),
        **pages(_ADDRESS, offset, SIZE, len(deeds)),
    )
