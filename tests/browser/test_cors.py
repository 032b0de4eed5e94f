"""A script on another site's page calls the API from a real browser, which asks before it does."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.api.conftest import NEW
from tests.browser.conftest import Visit
from ttr.store.users import User

pytestmark = pytest.mark.browser

_CALL = """async ([url, method, headers, body]) => {
    try {
        const answer = await fetch(url, {method, headers, body: body ?? undefined});
        const shown = [answer.headers.get("ETag"), answer.headers.get("X-Request-ID")];
        return {status: answer.status, json: await answer.json(), shown};
    } catch (error) {
        return {refused: String(error)};
    }
}"""


@pytest.fixture
async def elsewhere(visit: Visit) -> AsyncIterator[Visit]:
    """A browser on a page of another site."""
    site = web.Application()

    async def page(_: web.Request) -> web.Response:
        text = '<!doctype html><title>A board</title><link rel="icon" href="data:,">'
        return web.Response(text=text, content_type="text/html")

    site.router.add_get("/", page)
    async with TestServer(site) as server:
        await visit.page.goto(str(server.make_url("/")))
        yield visit


async def call(visit: Visit, method: str, path: str, body: str | None = None, **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await visit.page.evaluate(_CALL, [f"{visit.base}/api/v1{path}", method, sent, body])


async def test_a_page_elsewhere_calls_with_a_key(elsewhere: Visit, account: tuple[User, str]) -> None:
    _, key = account
    body = json.dumps(NEW)
    made = await call(elsewhere, "POST", "/checks", body, X_Auth_Key=key, Content_Type="application/json")
    assert made["status"] == 201
    path = f"/checks/{made['json']['id']}"
    renamed = await call(
        elsewhere, "PATCH", path, '{"name": "Hers"}', X_Auth_Key=key, Content_Type="application/json"
    )
    assert renamed["json"]["name"] == "Hers"
    read = await call(elsewhere, "GET", path, X_Auth_Key=key, If_None_Match='W/"another"')
    assert read["json"]["name"] == "Hers"
    assert all(read["shown"])
    assert elsewhere.complaints == []


async def test_a_page_elsewhere_may_read_why_it_is_refused(elsewhere: Visit) -> None:
    answer = await call(elsewhere, "GET", "/checks", X_Auth_Key="A" * 32)
    assert answer["status"] == 401
    assert answer["json"]["detail"] == "This access key opens no account."
    elsewhere.complaints.clear()


async def test_a_page_elsewhere_makes_no_account_and_brings_no_token(elsewhere: Visit) -> None:
    assert "refused" in await call(elsewhere, "POST", "/keys")
    assert "refused" in await call(elsewhere, "GET", "/checks", Authorization="Bearer of.a.token")
    assert len(elsewhere.complaints) == 4  # the refusal and the call that failed, each time
    elsewhere.complaints.clear()
