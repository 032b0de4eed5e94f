"""Attacks on the door of the admin pages: planted, stolen, swapped and used-up cookies, foreign forms, guessing."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from quart import Quart

from tests.admins import PASSWORD, make_admin
from tests.web.admin.conftest import cookie, log_in, set_cookies
from tests.web.conftest import Visitor, text
from ttr import passwords
from ttr.admin_tokens import Claims, sign
from ttr.app import create_app
from ttr.domain.allowance import parse_limits
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import admin_families, keys
from ttr.store.admin_log import read_log
from ttr.store.admins import remove_admin, set_password
from ttr.store.redis import Store
from ttr.web import admin as site

OPEN = {"/admin/login", "/admin/logout"}
PAGES = sorted(re.sub("<[^>]+>", "1", path) for path in site._PAGES if path not in OPEN)
WRITES = sorted(re.sub("<[^>]+>", "1", path) for path in site._WRITES)
NAMES = ("admin_access", "admin_refresh")


def put(someone: Visitor, access: str = "", refresh: str = "") -> None:
    """Plant cookies, as a thief or a neighbouring host would."""
    for name, value in zip(NAMES, (access, refresh), strict=True):
        if value:
            someone.client.set_cookie("localhost", name, value, path="/admin")
        else:
            someone.client.delete_cookie("localhost", name, path="/admin")


def stolen(someone: Visitor) -> tuple[str, str]:
    return cookie(someone, NAMES[0]) or "", cookie(someone, NAMES[1]) or ""


async def is_in(someone: Visitor) -> bool:
    response = await someone.get("/admin")
    assert response.status_code == 200 or response.headers["Location"] == "/admin/login"
    return bool(response.status_code == 200)


async def with_stolen(app: Quart, access: str = "", refresh: str = "") -> Visitor:
    thief = Visitor(app.test_client())
    put(thief, access, refresh)
    return thief


async def family_of(store: Store) -> str:
    found: bytes = await store.redis.lindex(keys.admin_families("ops"), 0)
    return found.decode()


@asynccontextmanager
async def limited(store: Store, settings: Settings, limits: str) -> AsyncIterator[Quart]:
    await make_admin(store)
    app = create_app(settings.model_copy(update={"rate_limits": parse_limits(limits)}))
    async with app.test_app():
        yield app


# Stolen and swapped tokens.


async def test_a_logout_is_one_for_the_thief_as_well(operator: Visitor, app: Quart) -> None:
    thief = await with_stolen(app, *stolen(operator))
    assert await is_in(thief)
    await operator.post("/admin/logout")
    assert not await is_in(thief)
    assert not await is_in(await with_stolen(app, refresh=stolen(operator)[1]))


async def test_neither_cookie_does_for_the_other(operator: Visitor, app: Quart) -> None:
    access, refresh = stolen(operator)
    assert not await is_in(await with_stolen(app, access=refresh))
    assert not await is_in(await with_stolen(app, refresh=access))
    assert await is_in(operator)


async def test_an_old_refresh_token_ends_the_login_of_thief_and_owner(
    operator: Visitor, app: Quart, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_families, "GRACE_MS", -1)
    refresh = stolen(operator)[1]
    put(operator, refresh=refresh)
    assert await is_in(operator)
    assert not await is_in(await with_stolen(app, refresh=refresh))
    assert not await is_in(operator)
    newest = (await read_log(store))[0]
    assert (newest.refused, newest.admin) == (True, "ops")


@pytest.mark.parametrize("end", ["password", "removed", "made anew"])
async def test_what_ends_an_admin_ends_both_tokens(
    operator: Visitor, app: Quart, store: Store, end: str
) -> None:
    access, refresh = stolen(operator)
    if end == "password":
        assert await set_password(store, "ops", "another hash", now_ms())
    else:
        await remove_admin(store, "ops")
    if end == "made anew":
        made = await make_admin(store)
        assert await set_password(store, made.username, "another hash", now_ms())
    assert not await is_in(await with_stolen(app, access=access))
    assert not await is_in(await with_stolen(app, refresh=refresh))


async def test_another_secret_key_reads_no_cookie(
    operator: Visitor, store: Store, settings: Settings
) -> None:
    changed = create_app(settings.model_copy(update={"secret_key": "another one"}))
    async with changed.test_app():
        assert not await is_in(await with_stolen(changed, *stolen(operator)))


@pytest.mark.parametrize("username", ["bob", "Ops", "", "ops:x", "*", "ops\n"])
async def test_a_token_in_another_name_opens_no_login_of_ours(
    operator: Visitor, app: Quart, store: Store, settings: Settings, username: str
) -> None:
    """As somebody with the key could make it: what is stored decides."""
    await make_admin(store, "bob")
    claims = Claims(username, await family_of(store), "x" * 22)
    forged = sign(settings.signing_key, "access", claims, now=now_ms(), seconds=60)
    assert not await is_in(await with_stolen(app, access=forged))


@pytest.mark.parametrize("junk", ["x", "a.b.c", "\u00e4" * 3, "e30.e30.", "x" * 3_500])
async def test_cookies_that_are_no_tokens_are_no_fault_of_ours(visitor: Visitor, junk: str) -> None:
    put(visitor, junk, junk)
    assert not await is_in(visitor)


# Fixation and foreign forms.


async def test_a_planted_login_ends_with_the_next_one(operator: Visitor, app: Quart) -> None:
    planted = stolen(operator)
    assert (await log_in(operator)).status_code == 303
    assert stolen(operator)[1] != planted[1]
    assert not await is_in(await with_stolen(app, *planted))
    assert await is_in(operator)


@pytest.mark.parametrize("path", WRITES)
async def test_a_foreign_form_writes_nothing(operator: Visitor, path: str) -> None:
    for form in ({}, {"csrf_token": ""}, {"csrf_token": "x" * 96}):
        assert (await operator.client.post(path, form=form)).status_code == 403
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        answer = await operator.client.post(path, form={"csrf_token": operator.token}, headers=headers)
        assert answer.status_code == 403, headers
    assert await is_in(operator)


async def test_a_form_can_not_log_a_stranger_in(store: Store, app: Quart) -> None:
    """Login CSRF: the thief's own name and password, sent by his page from the victim's browser."""
    await make_admin(store)
    victim = Visitor(app.test_client())
    form = {"username": "ops", "password": PASSWORD}
    answer = await victim.client.post("/admin/login", form=form)
    assert (answer.status_code, set_cookies(answer).keys() & set(NAMES)) == (403, set())


# Two doors.


@pytest.mark.parametrize("path", PAGES)
async def test_an_account_opens_no_admin_page(owner: Visitor, path: str) -> None:
    assert (await owner.get(path)).headers["Location"] == "/admin/login"


async def test_an_admin_s_cookies_open_no_account(operator: Visitor, app: Quart) -> None:
    access, refresh = stolen(operator)
    for path in ("/dashboard", "/account", "/channels"):
        for value in (access, refresh):
            answer = await app.test_client().get(path, headers={"Cookie": f"ttr_session={value}"})
            assert answer.headers["Location"] == "/"
        assert (await operator.get(path)).headers["Location"] == "/"
    for value in (access, refresh):
        for headers in ({"X-Auth-Key": value}, {"Authorization": f"Bearer {value}"}):
            answer = await app.test_client().get("/api/v1/checks", headers=headers)
            assert answer.status_code == 401


# Guessing.


async def test_unknown_names_are_compared_like_known_ones(
    store: Store, app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await make_admin(store)
    asked: list[str] = []
    monkeypatch.setattr(passwords, "_verify", lambda kept, typed: bool(asked.append(kept)))
    for name in ("ops", "nobody", "no name at all", "opsy"):
        assert (await log_in(Visitor(app.test_client()), name)).status_code == 422
    assert asked == [admin.password, *[passwords.NOBODYS] * 3]


@pytest.mark.parametrize("count", [1, 3])
async def test_logins_count_by_address(store: Store, settings: Settings, count: int) -> None:
    async with limited(store, settings, f"admin-login={count}/3600") as app:
        for number in range(count):
            assert (await log_in(Visitor(app.test_client()), f"nobody{number}")).status_code == 422
        refused = await log_in(Visitor(app.test_client()))
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert not set_cookies(refused).keys() & set(NAMES)


async def test_logins_count_by_name_from_everywhere(store: Store, settings: Settings) -> None:
    proxied = settings.model_copy(update={"trusted_proxies": ()})
    async with limited(store, proxied, "admin-login=3/3600") as app:
        statuses = []
        for number in range(4):
            address = keys.allowance("admin-login", "<local>")
            statuses.append(
                (await log_in(Visitor(app.test_client()), password=f"wrong password {number}")).status_code
            )
            await store.redis.delete(address)  # as if each came from another one
        assert statuses == [422, 422, 422, 429]


@pytest.mark.parametrize("name", ["ops", "nobody"])
async def test_a_limit_by_name_does_not_tell_who_exists(store: Store, settings: Settings, name: str) -> None:
    async with limited(store, settings, "admin-login=1/3600") as app:
        await log_in(Visitor(app.test_client()), name, "wrong password 1")
        answer = await log_in(Visitor(app.test_client()), name, "wrong password 2")
        assert answer.status_code == 429


# Cookies.


@pytest.mark.parametrize(
    ("changes", "secure"),
    [
        ({}, False),
        ({"ttr_env": "production"}, True),
        ({"public_url": "https://ttr.example.com"}, True),
        ({"public_url": "http://ttr.example.com"}, False),
    ],
)
async def test_cookies_are_for_our_own_pages_alone(
    store: Store, settings: Settings, changes: dict[str, str], secure: bool
) -> None:
    await make_admin(store)
    async with create_app(settings.model_copy(update=changes)).test_app() as started:
        client = started.test_client()
        found = re.search(r'name="csrf_token" value="([^"]+)"', await text(await client.get("/admin/login")))
        assert found
        form = {"csrf_token": found[1], "username": "ops", "password": PASSWORD}
        # A Secure cookie is not sent back over http.
        answer = await client.post("/admin/login", form=form, headers={"Cookie": f"csrf_token={found[1]}"})
        assert answer.status_code == 303
        for name in NAMES:
            words = {word.strip() for word in set_cookies(answer)[name].split(";")[1:]}
            assert {"HttpOnly", "Path=/admin", "SameSite=Strict"} <= words
            assert ("Secure" in words) is secure
            assert not any(word.startswith("Domain") for word in words)
