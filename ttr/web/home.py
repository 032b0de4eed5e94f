"""The front page: what ttr is, a key in one click, the way in with a key one has."""

from quart import Response, g, request

from ttr import current
from ttr.web.reply import page, see
from ttr.web.security import visitor
from ttr.web.telegram import offer


async def show() -> Response:
    """For everybody; who is signed in finds the way to the dashboard."""
    await visitor()
    return await front(deleted="deleted" in request.args)


async def moved() -> Response:
    """To the front page."""
    return see("/")


async def front(status: int = 200, *, login_error: str = "", deleted: bool = False) -> Response:
    """The front page, with what was wrong with a key, or word of an account that is gone."""
    return await page(
        "home/show.html",
        status,
        base_url=current.base_url(),
        login_error=login_error,
        deleted=deleted,
        offer=None if g.get("user") else offer("login"),
    )
