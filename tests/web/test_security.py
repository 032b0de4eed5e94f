"""Sessions, tokens and headers: what keeps other sites and other people out."""

import asyncio
from typing import Any

import pytest
from quart import Quart

from tests.conftest import MASTER_KEY
from tests.web.conftest import HTMX, Visitor, text
from ttr.app import create_app
from ttr.domain import limits
from ttr.domain.schedule import SCHEDULE_TEXT_MAX
from ttr.now import now_ms
from ttr.security_headers import PAGES as PAGES_HEADERS
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.sessions import open_session
from ttr.store.users import User, create_user
from ttr.web.public import PATHS
from ttr.web.security import SHOWN_ACCOUNT

PAGES = (
    *("/dashboard", "/checks/new", "/checks/{id}", "/checks/{id}/settings", "/checks/{id}/delete"),
    *("/checks/{id}/integrations", "/checks/{id}/deliveries", "/channels", "/channels/new", "/deliveries"),
    *("/account", "/checks/{id}/content", "/checks/{id}/log", "/badges", "/checks/{id}/badge"),
    *("/account/badge", "/account/names", "/account/delete", "/account/telegram"),
    *("/account/keys", "/account/keys/{id}", "/account/keys/{id}/replace", "/account/keys/{id}/revoke"),
    "/account/sessions",
)
FORM_TYPE = "application/x-www-form-urlencoded"
FRAGMENTS = (
    "/dashboard/list",
    "/checks/{id}/row",
    "/checks/{id}/recent",
    "/checks/{id}/content/fragment",
    "/checks/{id}/live",
    "/checks/{id}/log/list",
    "/deliveries/list",
    "/checks/{id}/deliveries/list",
    "/account/badge/codes",
    "/checks/{id}/badge/codes",
    "/account/names/slug?family=user_slug&slug=acme",
)
FOR_ALL = ("/operations/foot", "/operations/panel")
PUBLIC = (
    "/s/<slug>",
    *(f"/s/<slug>/<page_slug>{rest}" for rest in ("", "/live", "/data", "/summary.txt")),
    *(
        f"/{path}/badge.<any(svg, json):form>"
        for path in ("p/<slug>", "p/<slug>/<name>", "s/<slug>/<page_slug>")
    ),
)
WRITES = (
    "/checks/bulk",
    *(
        "/keys",
        "/login",
        "/logout",
        "/appearance",
        "/operator/leave",
        "/checks",
        "/checks/preview",
        "/checks/schedule",
        "/checks/{id}/settings",
    ),
    *("/checks/{id}/delete", "/checks/{id}/pause", "/checks/{id}/resume", "/checks/{id}/pings"),
    *("/checks/{id}/acknowledge", "/checks/{id}/integrations", "/checks/{id}/integrations/webhook"),
    *("/checks/{id}/integrations/webhook/test", "/channels", "/channels/{id}", "/channels/{id}/on"),
    *("/channels/{id}/off", "/channels/{id}/checks", "/channels/{id}/test", "/channels/{id}/signing"),
    *("/channels/{id}/delete", "/deliveries/d{id}/resend", "/account/export", "/account/import"),
    *("/account/telegram/unlink", "/telegram/login", "/telegram/link", "/telegram/open"),
    *("/account/import/run", "/account/names", "/account/names/former/{id}/end", "/account/delete"),
    *("/account/keys", "/account/keys/{id}", "/account/keys/{id}/replace", "/account/keys/{id}/revoke"),
    *("/account/sessions/{id}/end", "/account/sessions/others/end"),
    *("/status-pages", "/status-pages/arrange", "/status-pages/choices", "/status-pages/preview"),
    *("/status-pages/{id}", "/status-pages/{id}/delete"),
)
SIGNED = ("/acknowledge/{token}", "/unsubscribe/{token}", "/confirm/{token}")


def test_no_write_is_missing_here(app: Quart) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("web.")]
    found = [rule.rule for rule in rules if "POST" in (rule.methods or ())]
    adapter = app.url_map.bind("localhost")
    match = (
        adapter.match(path.format(id=1, token="t"), "POST", return_rule=True) for path in WRITES + SIGNED
    )
    assert {rule.rule for rule, _ in match} == set(found)


def test_what_needs_no_session_and_sets_no_cookie_is_listed_here(app: Quart) -> None:
    assert set(PATHS) == set(PUBLIC)
    rules = {rule.rule: rule.methods for rule in app.url_map.iter_rules()}
    assert all(rules[path] == {"GET", "HEAD", "OPTIONS"} for path in PUBLIC)


async def test_every_page_carries_the_security_headers(owner: Visitor) -> None:
    check = await owner.make_check()
    for path in ("/", *PAGES, *FRAGMENTS, *FOR_ALL, "/nowhere", "/dashboard/list?since=1"):
        response = await owner.get(path.format(id=check))
        for name, value in PAGES_HEADERS.items():
            assert response.headers[name] == value, path
        assert response.content_type == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", [*PAGES, *FRAGMENTS, "/checks/{id}/pings/1", "/checks/{id}/pings/1/body"])
async def test_without_a_session_a_page_leads_to_the_front_page(visitor: Visitor, path: str) -> None:
    response = await visitor.get(path.format(id=1))
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    response = await visitor.get(path.format(id=1), htmx=True)
    assert (response.status_code, response.headers["HX-Redirect"]) == (200, "/")


@pytest.mark.parametrize(
    "path", [path for path in WRITES if path.startswith(("/checks", "/chan", "/deli", "/account"))]
)
async def test_without_a_session_nothing_is_written(visitor: Visitor, path: str) -> None:
    response = await visitor.post(path.format(id=1), name="x")
    assert (response.status_code, response.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("path", WRITES)
async def test_a_form_without_the_token_is_refused(owner: Visitor, path: str) -> None:
    check = await owner.make_check()
    for form in ({}, {"csrf_token": ""}, {"csrf_token": "x" * 32}, {"csrf_token": "\u00e9"}):
        response = await owner.client.post(path.format(id=check), form=form)
        assert response.status_code == 403
        assert "did not come from a page" in await text(response)
    assert (await owner.get(f"/checks/{check}")).status_code == 200


async def test_a_form_without_our_cookie_is_refused_before_it_is_read(app: Quart) -> None:
    # Of the announced megabyte not a byte is sent: whoever waits for it never answers.
    connection: Any = app.test_client().request(
        "/keys", method="POST", headers={"Content-Length": "1000000", "Content-Type": FORM_TYPE}
    )
    async with connection:
        async with asyncio.timeout(10):
            while connection.status_code is None:
                await asyncio.sleep(0.01)
        assert connection.status_code == 403
        await connection.disconnect()


@pytest.mark.parametrize("announced", [True, False])
async def test_a_form_that_no_page_of_ours_could_send_is_too_much(owner: Visitor, announced: bool) -> None:
    await owner.post("/checks/preview")
    body = f"csrf_token={owner.token}&name={'x' * 60_000}".encode()
    headers = {"Content-Type": FORM_TYPE} | ({"Content-Length": str(len(body))} if announced else {})
    async with owner.client.request("/checks", method="POST", headers=headers) as connection:
        await connection.send(body)
        await connection.send_complete()
    response = await connection.as_response()
    assert response.status_code == 413
    assert "at most 55 kB" in await text(response)


async def test_the_largest_honest_form_passes(owner: Visitor) -> None:
    emoji = "\U0001f600"
    await owner.make_check(
        name=emoji * limits.NAME_MAX,
        slug="s" * limits.SLUG_MAX,
        tags=",".join(f"{n:02}" + emoji * (limits.TAG_MAX - 2) for n in range(limits.TAGS_MAX)),
        description=emoji * limits.DESCRIPTION_MAX,
        cron="*" * SCHEDULE_TEXT_MAX,
        oncalendar="*" * SCHEDULE_TEXT_MAX,
        expected_content=emoji * limits.CONTENT_RULE_MAX,
    )


async def test_a_token_without_its_cookie_is_refused(app: Quart, owner: Visitor) -> None:
    await owner.read("/")
    for form in ({"csrf_token": owner.token}, {"csrf_token": ""}, {}):
        assert (await app.test_client().post("/keys", form=form)).status_code == 403


async def test_a_token_of_another_session_is_refused(app: Quart, owner: Visitor) -> None:
    stranger = Visitor(app.test_client())
    await stranger.post("/checks/preview")
    owner.client.set_cookie(
        "localhost", "csrf_token", stranger.token
    )  # as a neighbouring host could plant it

    response = await owner.client.post("/logout", form={"csrf_token": stranger.token})

    assert response.status_code == 403


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 201)])
async def test_what_the_browser_says_of_another_site_is_believed(
    visitor: Visitor, site: str, status: int
) -> None:
    await visitor.post("/checks/preview")
    form = {"csrf_token": visitor.token}
    response = await visitor.client.post("/keys", form=form, headers={"Sec-Fetch-Site": site})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://localhost"}, 201),
        ({"Origin": "https://localhost"}, 201),  # a proxy ends TLS
        ({"Origin": "https://ttr.example"}, 201),  # PUBLIC_URL's; a proxy has changed our Host
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://ttr.example.evil.example"}, 403),
        ({"Origin": "https://sub.ttr.example"}, 403),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Origin": "http://localhost@evil.example"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "none"}, 201),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"}, 403),
        # Who hides where they were, and whose proxy has changed our Host, are told from others by their browser.
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": "https://outside.example", "Sec-Fetch-Site": "same-origin"}, 201),
    ],
)
async def test_the_origin_of_a_form_is_ours_or_none(
    settings: Settings, headers: dict[str, str], status: int
) -> None:
    app = create_app(settings.model_copy(update={"public_url": "http://ttr.example"}))
    async with app.test_app():
        visitor = Visitor(app.test_client())
        await visitor.post("/checks/preview")
        form = {"csrf_token": visitor.token}
        response = await visitor.client.post("/keys", form=form, headers=headers)
    assert response.status_code == status


async def test_a_signed_link_is_pressed_from_anywhere(visitor: Visitor) -> None:
    # Mail providers POST to it by themselves; a broken one is not found, and not refused.
    for path in ("/unsubscribe/x.y", "/acknowledge/x.y", "/confirm/x.y"):
        response = await visitor.client.post(path, headers={"Origin": "https://mail.example"})
        assert response.status_code == 404


async def test_htmx_hears_of_a_refusal_in_the_place_for_it(owner: Visitor) -> None:
    response = await owner.client.post("/logout", headers=HTMX)
    assert (response.status_code, response.headers["HX-Retarget"]) == (403, "#notice")
    assert "<html" not in await text(response)


async def test_cookies_are_closed_to_scripts_and_other_sites(visitor: Visitor) -> None:
    response = await visitor.post("/keys")
    cookies = response.headers.getlist("Set-Cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("ttr_session="))
    assert "HttpOnly" in session
    assert "SameSite=Lax" in session
    assert "Max-Age=31536000" in session
    assert "Secure" not in session


async def test_cookies_are_secure_over_https_and_in_production(
    app: Quart, settings: Settings, store: Store
) -> None:
    response = await app.test_client().get("/", scheme="https")
    assert "Secure" in response.headers["Set-Cookie"]
    strict = create_app(settings.model_copy(update={"ttr_env": "production"}))
    async with strict.test_app():
        response = await strict.test_client().get("/")
        assert "Secure" in response.headers["Set-Cookie"]


async def test_the_session_slides_with_pages_and_not_with_polls(owner: Visitor) -> None:
    assert "ttr_session=" in " ".join((await owner.get("/dashboard")).headers.getlist("Set-Cookie"))
    assert "Set-Cookie" not in (await owner.get("/dashboard/list", htmx=True)).headers


@pytest.mark.parametrize("cookie", ["", "x", "x" * 32, "'; drop", "\u00e9" * 32, "x" * 5000])
async def test_a_made_up_session_is_none(app: Quart, cookie: str) -> None:
    response = await app.test_client().get("/dashboard", headers={"Cookie": f"ttr_session={cookie}"})
    assert response.status_code == 303


async def test_another_accounts_check_is_not_there(app: Quart, owner: Visitor, store: Store) -> None:
    stranger, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    theirs = await _signed_in(app, store, stranger)
    check = await owner.make_check(name="Mine")
    for path in (
        *("", "/settings", "/delete", "/live", "/pings/1/body", "/pings/1/body/download"),
        *("/integrations", "/deliveries", "/deliveries/list", "/log", "/log/list", "/pings/1"),
        *("/badge", "/badge/codes"),
    ):
        assert (await theirs.get(f"/checks/{check}{path}")).status_code == 404
    for path in (
        "/settings",
        "/pause",
        "/resume",
        "/pings",
        "/acknowledge",
        "/integrations",
        "/integrations/webhook",
    ):
        response = await theirs.post(f"/checks/{check}{path}", name="Stolen", grace="1", interval="1")
        assert response.status_code == 404, path
    response = await theirs.post(f"/checks/{check}/delete", sure="yes")
    assert response.status_code == 404
    assert "Mine" not in await theirs.read("/dashboard")
    assert "Mine" in await owner.read(f"/checks/{check}")


async def _signed_in(app: Quart, store: Store, user: User) -> Visitor:
    visitor = Visitor(app.test_client(), user=user)
    visitor.client.set_cookie("localhost", "ttr_session", await open_session(store, user, now_ms()))
    return visitor


async def test_a_page_of_another_account_is_sent_to_be_loaded_anew(owner: Visitor) -> None:
    assert owner.user
    for path in ("/dashboard/list", "/status-pages", "/deliveries/list"):
        for shown, refresh in (("7777", "true"), (str(owner.user.id), None), ("\x7f' ", "true")):
            answer = await owner.client.get(path, headers=HTMX | {SHOWN_ACCOUNT: shown})
            assert (answer.status_code, answer.headers.get("HX-Refresh")) == (200, refresh)
            assert bool(await answer.get_data()) is (refresh is None)
    page = await owner.read("/dashboard")
    assert f"""hx-headers:inherited='{{"{SHOWN_ACCOUNT}": "{owner.user.id}"}}'""" in page


async def test_a_page_of_nobody_s_names_no_account(visitor: Visitor) -> None:
    assert SHOWN_ACCOUNT not in await visitor.read("/")
