"""A browser in front of the admin pages."""

from typing import Any

import pytest
from quart import Quart, Response

from tests.admins import PASSWORD, make_admin
from tests.web.conftest import Visitor
from ttr.store.redis import Store


async def log_in(visitor: Visitor, username: str = "ops", password: str = PASSWORD) -> Response:
    """Send the form."""
    return await visitor.post("/admin/login", username=username, password=password)


def cookie(visitor: Visitor, name: str) -> str | None:
    """A cookie that the browser has."""
    return next((c.value for c in visitor.client.cookie_jar if c.name == name), None)


def set_cookies(response: Response) -> dict[str, str]:
    """The cookies of an answer with all their words, by name."""
    lines: list[Any] = response.headers.getlist("Set-Cookie")
    return {line.partition("=")[0]: line for line in lines}


@pytest.fixture
async def operator(app: Quart, store: Store) -> Visitor:
    """An admin named ops, logged in."""
    await make_admin(store)
    someone = Visitor(app.test_client())
    response = await log_in(someone)
    assert (response.status_code, response.headers["Location"]) == (303, "/admin")
    return someone
