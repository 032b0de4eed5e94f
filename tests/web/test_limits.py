"""Limits on the pages: what somebody reads who does something too often, and when it works again."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from tests.web.conftest import Visitor, text
from ttr.app import create_app
from ttr.domain.allowance import parse_limits
from ttr.settings import Settings
from ttr.store.users import User

Logged = Callable[[str], AbstractAsyncContextManager[Visitor]]


@pytest.fixture
def logged_in(settings: Settings, account: tuple[User, str]) -> Logged:
    """The account's owner, in an app with these limits."""

    @asynccontextmanager
    async def with_limits(limits: str) -> AsyncIterator[Visitor]:
        app = create_app(settings.model_copy(update={"rate_limits": parse_limits(limits)}))
        async with app.test_app():
            owner = Visitor(app.test_client(), user=account[0])
            assert (await owner.post("/login", auth_key=account[1])).status_code == 303
            yield owner

    return with_limits


@pytest.mark.parametrize("htmx", [True, False])
async def test_too_many_pings_by_hand_say_when_the_next_one_is_taken(
    logged_in: Logged, *, htmx: bool
) -> None:
    async with logged_in("ping-check=2/3600") as owner:
        check = await owner.make_check()
        for _ in range(2):
            assert (await owner.post(f"/checks/{check}/pings", htmx=htmx)).status_code < 400
        refusal = await owner.post(f"/checks/{check}/pings", htmx=htmx)
        assert refusal.status_code == 429
        assert 1_790 < int(refusal.headers["Retry-After"]) <= 1_800
        assert "Too many pings of this check: 2 in 1 h are allowed" in await text(refusal)


@pytest.mark.parametrize("action", ["now", "queue"])
async def test_too_many_tests_say_so_where_the_test_was_asked_for(logged_in: Logged, action: str) -> None:
    async with logged_in("test=1/3600") as owner:
        channel = await owner.make_channel(webhook_url="http://127.0.0.1:9/")
        first = await text(await owner.post(f"/channels/{channel}/test", htmx=True, action=action))
        assert "Too many tests" not in first
        second = await owner.post(f"/channels/{channel}/test", htmx=True, action=action)
        assert second.status_code == 200
        page = await text(second)
        assert "not sent" in page
        assert "Too many tests of this account: 1 in 1 h are allowed" in page
