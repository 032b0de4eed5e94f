"""The names of time zones, fetched once by those who come to the field."""

from quart import Response

from ttr.domain.schedule import zone_names
from ttr.web.reply import fragment

_SECONDS = 86_400


async def index() -> Response:
    """The options of the field's list; the same for everybody, so browsers keep them for a day."""
    response = await fragment("checks/_zones.html", zones=sorted(zone_names()))
    response.headers["Cache-Control"] = f"private, max-age={_SECONDS}"
    return response
