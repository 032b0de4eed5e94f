"""Attacks on the door of the admin pages: forged forms, cookies of others, tokens that are over."""

from dataclasses import replace

import pytest
from quart import Quart

from tests.admins import PASSWORD, make_admin
from tests.web.admin.conftest import cookie, log_in, set_cookies
from tests.web.conftest import Visitor, text
from ttr import admin_tokens
from ttr.admin_tokens import Claims
from ttr.app import create_app
from ttr.domain.allowance import parse_limits
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.admin_families import GRACE_MS, end_families
from ttr.store.admins import read_admin, remove_admin, set_password
from ttr.store.redis import Store
from ttr.store.users import User

PAGES = ("/admin", "/admin/figures", "/admin/log")


def take(visitor: Visitor, name: str, value: str) -> None:
    """Put a cookie into the browser."""
    visitor.client.set_cookie("localhost", name, value, path="/admin")


def drop(visitor: Visitor, name: str) -> None:
    """Let the browser lose a cookie, as it does with one that is over."""
    visitor.client.delete_cookie("localhost", name, path="/admin")


def claims_of(visitor: Visitor, kind: str = "refresh") -> Claims:
    value = cookie(visitor, f"admin_{kind}")
    assert value is not None
    return admin_tokens.read("tests only", kind, value)  # type: ignore[arg-type]  # a word that it is


async def test_cookies_go_to_admin_pages_alone(app: Quart, store: Store) -> None:
    await make_admin(store)
    found = set_cookies(await log_in(Visitor(app.test_client())))
    for name, seconds in (("admin_access", 1_800), ("admin_refresh", 30 * 86_400)):
        for word in ("HttpOnly", "SameSite=Strict", "Path=/admin", f"Max-Age={seconds}"):
            assert word in found[name], name
        assert "Secure" not in found[name]


@pytest.mark.parametrize("changes", [{"ttr_env": "production"}, {"public_url": "https://ttr.example"}])
async def test_cookies_are_for_tls_in_production_and_behind_a_proxy_that_ends_it(
    store: Store, settings: Settings, changes: dict[str, str]
) -> None:
    await make_admin(store)
    app = create_app(settings.model_copy(update=changes))
    async with app.test_app():
        client = app.test_client()
        page = await client.get("/admin/login", scheme="https")
        found = (await text(page)).partition('name="csrf_token" value="')[2].partition('"')[0]
        form = {"csrf_token": found, "username": "ops", "password": PASSWORD}
        cookies = set_cookies(await client.post("/admin/login", form=form, scheme="https"))
        assert "Secure" in cookies["admin_access"]
        assert "Secure" in cookies["admin_refresh"]


@pytest.mark.parametrize("path", PAGES)
async def test_what_is_no_token_of_ours_opens_no_page(app: Quart, store: Store, path: str) -> None:
    await make_admin(store)
    for access, refresh in (("x", "x"), ("a.b.c", "a.b.c"), ("", "\u00e9"), ("x" * 3_900, "")):
        response = await app.test_client().get(
            path, headers={"Cookie": f"admin_access={access}; admin_refresh={refresh}"}
        )
        assert (response.status_code, response.headers["Location"]) == (303, "/admin/login")


async def test_a_refresh_token_is_no_access_token_and_the_reverse(app: Quart, operator: Visitor) -> None:
    refresh, access = cookie(operator, "admin_refresh"), cookie(operator, "admin_access")
    for name, value in (("admin_access", refresh), ("admin_refresh", access)):
        other = Visitor(app.test_client())
        take(other, name, str(value))
        assert (await other.get("/admin")).status_code == 303, name


async def test_a_page_renews_by_itself_when_the_access_token_is_over(operator: Visitor) -> None:
    drop(operator, "admin_access")
    before = claims_of(operator)
    response = await operator.get("/admin")
    assert response.status_code == 200
    assert set(set_cookies(response)) >= {"admin_access", "admin_refresh"}
    after = claims_of(operator)
    assert after.family == before.family
    assert after.token_id != before.token_id
    assert "admin_access" not in set_cookies(await operator.get("/admin"))


async def test_a_copied_refresh_cookie_ends_the_login_of_both(
    app: Quart, operator: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = Visitor(app.test_client())
    take(thief, "admin_refresh", str(cookie(operator, "admin_refresh")))
    drop(operator, "admin_access")
    assert (await operator.get("/admin")).status_code == 200
    begun = now_ms()
    monkeypatch.setattr("ttr.web.admin.door.now_ms", lambda: begun + GRACE_MS + 1_000)
    assert (await thief.get("/admin")).status_code == 303
    assert cookie(thief, "admin_refresh") is None
    assert (await operator.get("/admin")).status_code == 303


async def test_two_tabs_that_renew_at_once_both_go_on(app: Quart, operator: Visitor) -> None:
    tab = Visitor(app.test_client())
    take(tab, "admin_refresh", str(cookie(operator, "admin_refresh")))
    drop(operator, "admin_access")
    assert (await operator.get("/admin")).status_code == 200
    assert (await tab.get("/admin/log")).status_code == 200
    assert claims_of(tab) == claims_of(operator)


async def test_a_login_ends_with_its_admin_its_password_and_its_family(
    operator: Visitor, store: Store
) -> None:
    kept = await read_admin(store, "ops")
    assert kept is not None
    await set_password(store, "ops", kept.password, now_ms())
    assert (await operator.get("/admin")).status_code == 303
    assert cookie(operator, "admin_refresh") is None
    await log_in(operator)
    assert (await operator.get("/admin")).status_code == 200
    await end_families(store, "ops")
    assert (await operator.get("/admin")).status_code == 303
    await log_in(operator)
    await remove_admin(store, "ops")
    assert (await operator.get("/admin")).status_code == 303


async def test_after_a_logout_no_copy_of_its_tokens_is_worth_anything(app: Quart, operator: Visitor) -> None:
    copies = {name: str(cookie(operator, name)) for name in ("admin_access", "admin_refresh")}
    await operator.post("/admin/logout")
    for name, value in copies.items():
        other = Visitor(app.test_client())
        take(other, name, value)
        assert (await other.get("/admin")).status_code == 303, name


async def test_a_login_that_was_planted_is_not_gone_on_with(app: Quart, store: Store) -> None:
    """Session fixation: whoever planted his own login hears nothing of the one that follows, and loses his."""
    await make_admin(store)
    await make_admin(store, "mallory")
    attacker, victim = Visitor(app.test_client()), Visitor(app.test_client())
    await log_in(attacker, "mallory")
    planted = str(cookie(attacker, "admin_refresh"))
    await victim.get("/admin/login")
    take(victim, "admin_refresh", planted)
    await log_in(victim)
    assert claims_of(victim).username == "ops"
    assert claims_of(victim).family != claims_of(attacker).family
    assert (await attacker.get("/admin")).status_code == 303


async def test_a_made_up_login_is_not_opened_by_its_name(app: Quart, operator: Visitor) -> None:
    """A token that we signed for a family that is another admin's, or nobody's."""
    real = claims_of(operator, "access")
    for claims in (replace(real, family="none"), replace(real, username="root")):
        other = Visitor(app.test_client())
        token = admin_tokens.sign("tests only", "access", claims, now=now_ms(), seconds=60)
        take(other, "admin_access", token)
        assert (await other.get("/admin")).status_code == 303


@pytest.mark.parametrize("path", ["/admin/login", "/admin/logout"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://sub.localhost"},
        {"Origin": "null"},
    ],
)
async def test_no_other_site_writes_here(operator: Visitor, path: str, headers: dict[str, str]) -> None:
    form = {"csrf_token": operator.token, "username": "ops", "password": PASSWORD}
    response = await operator.client.post(path, form=form, headers=headers)
    assert response.status_code == 403
    assert (await operator.get("/admin")).status_code == 200


@pytest.mark.parametrize("path", ["/admin/login", "/admin/logout"])
async def test_no_form_without_its_token(operator: Visitor, path: str) -> None:
    for token in ({}, {"csrf_token": ""}, {"csrf_token": "x" * 96}):
        form = {"username": "ops", "password": PASSWORD, **token}
        assert (await operator.client.post(path, form=form)).status_code == 403
    assert (await operator.get("/admin")).status_code == 200


async def test_a_get_of_the_logout_changes_nothing(operator: Visitor) -> None:
    assert (await operator.get("/admin/logout")).status_code == 303
    assert (await operator.get("/admin")).status_code == 200


async def test_an_account_opens_nothing_of_admins(owner: Visitor, account: tuple[User, str]) -> None:
    for path in PAGES:
        assert (await owner.get(path)).headers["Location"] == "/admin/login"
    response = await log_in(owner, "ops", account[1])
    assert response.status_code == 422


async def test_an_admin_opens_no_account(operator: Visitor) -> None:
    assert (await operator.get("/dashboard")).headers["Location"] == "/"


@pytest.mark.parametrize("by", ["address", "name"])
async def test_logins_at_and_above_the_limit(store: Store, settings: Settings, by: str) -> None:
    await make_admin(store)
    limits = {"rate_limits": parse_limits("admin-login=3/3600")}
    app = create_app(settings.model_copy(update=limits))
    async with app.test_app():
        visitor = Visitor(app.test_client())
        await visitor.post("/checks/preview")
        seen = []
        for number in range(4):
            form = {
                "csrf_token": visitor.token,
                "username": "ops" if by == "name" else f"name{number}",
                "password": "not the right one",
            }
            host = f"203.0.113.{number}" if by == "name" else "203.0.113.9"
            response = await visitor.client.post(
                "/admin/login", form=form, scope_base={"client": (host, 4_711)}
            )
            seen.append(response.status_code)
        assert seen == [422, 422, 422, 429]
        assert int(response.headers["Retry-After"]) > 1
        assert "Too many logins as an admin" in await text(response)


async def test_what_was_typed_comes_back_as_text_and_the_password_never(visitor: Visitor) -> None:
    bad = '"><script>alert(1)</script>'
    page = await text(await log_in(visitor, bad, "pass-" + bad))
    assert "<script>alert" not in page
    assert "pass-" not in page


@pytest.mark.parametrize("path", [*PAGES, "/admin/login", "/admin/nowhere"])
async def test_no_cache_keeps_a_page_and_the_policy_holds(operator: Visitor, path: str) -> None:
    response = await operator.get(path)
    assert response.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
