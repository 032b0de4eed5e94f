"""What people see when something breaks, on either side."""

import tempfile
from pathlib import Path

import pytest
from quart import Quart

from tests.conftest import start_redis
from tests.told import told
from tests.web.conftest import HTMX, Visitor, text
from ttr.app import create_app
from ttr.settings import Settings
from ttr.web import assets, dashboard


async def test_an_unknown_address_is_a_page_and_below_api_it_is_not(app: Quart) -> None:
    response = await app.test_client().get("/nowhere")
    assert response.status_code == 404
    assert "Not found" in await text(response)
    response = await app.test_client().get("/api/v1/nowhere")
    assert response.status_code == 404
    assert "There is nothing at this address. What" not in await text(response)


async def test_a_wrong_method_is_a_page(app: Quart) -> None:
    response = await app.test_client().put("/checks/7")
    assert response.status_code == 405
    assert "does not answer to that method" in await text(response)


@pytest.mark.parametrize(
    ("path", "goal"),
    [
        *((path, "/") for path in ("/keys", "/login", "/logout", "/appearance")),
        ("/checks/preview", "/checks/new"),
        *((f"/checks/7/{part}", "/checks/7") for part in ("pause", "resume", "pings", "acknowledge")),
        *((f"/channels/7/{part}", "/channels/7") for part in ("on", "off", "checks", "test", "signing")),
        ("/deliveries/d7/resend", "/deliveries"),
        ("/checks/7/integrations/webhook", "/checks/7/integrations#own-webhook"),
        ("/checks/7/integrations/webhook/test", "/checks/7/integrations#own-webhook"),
    ],
)
async def test_where_a_form_was_answered_a_reload_leads_back(app: Quart, path: str, goal: str) -> None:
    response = await app.test_client().get(path)
    assert (response.status_code, response.headers["Location"]) == (303, goal)


async def test_who_is_signed_in_keeps_the_way_back_on_an_error(owner: Visitor, visitor: Visitor) -> None:
    missing, refused = await owner.get("/nowhere"), await owner.client.put("/checks/7")
    for response, status in ((missing, 404), (refused, 405)):
        assert response.status_code == status
        assert "Log out" in await text(response)
    assert "Log out" not in await text(await visitor.get("/nowhere"))


async def test_too_large_a_form_is_said(visitor: Visitor) -> None:
    response = await visitor.post("/login", auth_key="x" * 1_100_000)
    assert response.status_code == 413
    assert "at most 55 kB" in await text(response)


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/json", ""])
async def test_a_body_that_is_no_form_is_refused(visitor: Visitor, kind: str) -> None:
    await visitor.read("/")
    response = await visitor.client.post("/login", data=b"\xff--x\r\n{", headers={"Content-Type": kind})
    assert response.status_code in (400, 403)


async def test_a_fault_of_ours_is_a_calm_page(owner: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> dict[str, object]:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(dashboard, "list_view", broken)
    response = await owner.get("/dashboard")
    assert response.status_code == 500
    page = await text(response)
    assert "Something broke" in page
    assert "secret detail" not in page


async def test_a_path_begins_no_line_in_the_log(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> frozenset[str]:
        raise RuntimeError

    monkeypatch.setattr(assets, "_files", broken)
    assert (await visitor.get("/assets/x/a%0DERROR%1B%20forged")).status_code == 500
    [message] = [record.getMessage() for record in caplog.records if record.name == "ttr.web.errors"]
    assert message.isprintable()
    [line] = told(caplog.records, "ttr.web.errors")
    assert (line["event"], line["method"]) == ("a page failed", "GET")
    assert line["route"] == "/assets/<digest>/<path:path>"


async def test_without_redis_pages_say_so_and_when_to_come_back(settings: Settings) -> None:
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        server = start_redis(Path(folder))
        try:
            app = create_app(settings.model_copy(update={"redis_url": server.url}))
            async with app.test_app():
                visitor = Visitor(app.test_client())
                await visitor.post("/keys")
                server.process.terminate()
                server.process.wait(10)
                response = await visitor.get("/dashboard")
                assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
                assert "The database is away" in await text(response)
                response = await visitor.client.get("/dashboard/list", headers=HTMX)
                assert response.status_code == 503
                assert response.headers["HX-Retarget"] == "#outage"
                assert (await visitor.get("/nowhere")).status_code == 404
        finally:
            server.process.kill()
