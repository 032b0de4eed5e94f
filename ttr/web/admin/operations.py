"""The foot of admins' pages where the installation's figures are for admins alone."""

from quart import Response

from ttr.web import operations
from ttr.web.admin.door import require_admin


async def foot() -> Response:
    """The figures at the foot; 204 when the browser shows them already."""
    await require_admin()
    return await operations.foot()
