"""The first page: how the installation does."""

from quart import Response

from ttr.web.admin.door import require_admin
from ttr.web.reply import page


async def show() -> Response:
    """The page."""
    await require_admin()
    return await page("admin/overview.html")
