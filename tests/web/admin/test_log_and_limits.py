"""What the ring around all doors does for the admins' side: the access log says admin, and pages are limited."""

import logging
from typing import Any

import pytest
from quart import Quart

from tests.admins import make_admin
from tests.told import told, written
from tests.web.admin.conftest import cookie
from tests.web.conftest import Visitor
from ttr.admin_cookies import ACCESS_COOKIE
from ttr.app import create_app
from ttr.domain.allowance import parse_limits
from ttr.settings import Settings
from ttr.store.redis import Store


async def test_the_log_says_who_was_let_in_as_an_admin(
    app: Quart, operator: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ttr.access")
    token = cookie(operator, ACCESS_COOKIE) or ""
    stranger: Any = app.test_client()
    await operator.get("/admin")
    for given in (token, "x" * 40):
        await stranger.get("/api/v1/admin/stats", headers={"Authorization": f"Bearer {given}"})
    await stranger.get("/admin")
    assert [line["by"] for line in told(caplog.records, "ttr.access")] == ["admin", "admin", "none", "none"]
    assert token
    assert token not in "".join(written(caplog.records, as_json=True))


async def test_pages_of_admins_count_for_their_address(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttr.current.address", lambda: "192.0.2.1")
    await make_admin(store)
    app = create_app(settings.model_copy(update={"rate_limits": parse_limits("page=3/3600")}))
    async with app.test_app():
        client: Any = app.test_client()
        found = [(await client.get("/admin/login")).status_code for _ in range(4)]
    assert found == [200] * 3 + [429]
