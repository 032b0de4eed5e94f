"""The front page and the key that is shown once."""

import re

from quart import Quart

from tests.web.conftest import Visitor, text
from ttr.app import create_app
from ttr.domain.allowance import parse_limits
from ttr.settings import Settings
from ttr.store.access_keys import user_by_key
from ttr.store.redis import Store


async def test_the_front_page_offers_a_key_and_the_way_in(visitor: Visitor) -> None:
    page = await visitor.read("/")
    assert 'action="/keys"' in page
    assert 'action="/login"' in page


async def test_who_is_logged_in_is_led_to_the_checks(owner: Visitor) -> None:
    page = await owner.read("/")
    assert 'action="/keys"' not in page
    assert 'href="/dashboard"' in page


async def test_a_key_is_shown_once_and_opens_the_account(visitor: Visitor, store: Store) -> None:
    response = await visitor.post("/keys")
    page = await text(response)
    found = re.search(r'copy__value">([A-Za-z0-9_-]{32})<', page)
    assert response.status_code == 201
    assert found
    assert await user_by_key(store, found[1]) is not None
    assert found[1] not in await visitor.read("/dashboard")
    assert found[1] not in await visitor.read("/")


async def test_reading_makes_no_account(visitor: Visitor, store: Store) -> None:
    response = await visitor.get("/keys")
    assert response.status_code == 303
    assert [key async for key in store.redis.scan_iter("ttr:access-key:*")] == []


async def test_too_many_accounts_from_one_address_are_refused(app: Quart, settings: Settings) -> None:
    limited = create_app(settings.model_copy(update={"rate_limits": parse_limits("new-account=2/3600")}))
    async with limited.test_app():
        visitor = Visitor(limited.test_client())
        assert [(await visitor.post("/keys")).status_code for _ in range(3)] == [201, 201, 429]
        response = await visitor.post("/keys")
        assert 1_790 < int(response.headers["Retry-After"]) <= 1_800
        assert "Too many new accounts" in await text(response)
