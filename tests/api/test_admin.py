"""Tokens for admins over the API: what gives them, what they open, and what they don't."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import argon2
import pytest
from quart import Quart, Response

from tests.admins import PASSWORD, make_admin, real_cost
from tests.api.conftest import Caller, problem
from tests.processes import process
from ttr import admins, passwords
from ttr.app import create_app
from ttr.domain.allowance import parse_limits
from ttr.now import now_ms
from ttr.passwords import AT_ONCE, WAITING_MAX, Passwords
from ttr.settings import Settings
from ttr.store.admin_families import GRACE_MS, end_families
from ttr.store.admin_log import read_log
from ttr.store.admins import read_admin, remove_admin, set_password
from ttr.store.processes import say
from ttr.store.redis import Store

LOGIN = {"username": "ops", "password": PASSWORD}
REFRESH = "/admin/token/refresh"


async def log_in(app: Quart, **headers: str) -> tuple[Any, dict[str, Any]]:
    """A client that has logged in, with what it got."""
    client = app.test_client()
    answer = await client.post("/api/v1/token", form=LOGIN, headers=headers)
    assert answer.status_code == 200, await answer.get_data()
    return client, await answer.get_json()


async def stats(client: Any, access: str) -> int:
    """The status of a call with this token."""
    answer = await client.get("/api/v1/admin/stats", headers={"Authorization": f"Bearer {access}"})
    return int(answer.status_code)


async def renew(client: Any, csrf_token: str, **headers: str) -> Response:
    found: Response = await client.post(REFRESH, headers={"X-CSRF-Token": csrf_token, **headers})
    return found


def cookie(client: Any) -> str:
    """The refresh token that the client has."""
    return str(next(c.value for c in client.cookie_jar if c.name == "admin_refresh"))


def with_cookie(app: Quart, value: str) -> Any:
    """Another client, with a refresh token that somebody gave it."""
    client = app.test_client()
    client.set_cookie("localhost", "admin_refresh", value, path="/admin")
    return client


@pytest.fixture
async def ops(app: Quart, store: Store) -> tuple[Any, dict[str, Any]]:
    """An admin's client and what its login gave."""
    await make_admin(store)
    return await log_in(app)


@asynccontextmanager
async def other(settings: Settings, **changes: object) -> AsyncIterator[Quart]:
    """The app under other settings, on the same store."""
    app = create_app(settings.model_copy(update=changes))
    async with app.test_app():
        yield app


async def test_a_password_gives_tokens(app: Quart, store: Store) -> None:
    await make_admin(store)
    form = LOGIN | {"grant_type": "password", "scope": ""}
    answer = await app.test_client().post("/api/v1/token", form=form)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    found = await answer.get_json()
    assert (found["token_type"], found["expires_in"]) == ("bearer", 1_800)
    assert set(found) == {"access_token", "token_type", "expires_in", "csrf_token"}
    (line,) = answer.headers.getlist("Set-Cookie")
    assert line.startswith("admin_refresh=")
    for word in ("HttpOnly", "SameSite=Strict", "Path=/admin", f"Max-Age={30 * 86_400}"):
        assert word in line
    assert "Secure" not in line


async def test_the_settings_say_how_long_tokens_last_and_production_wants_tls(
    store: Store, settings: Settings
) -> None:
    await make_admin(store)
    changes = {
        "access_token_expire_minutes": 1,
        "admin_refresh_token_expire_days": 2,
        "ttr_env": "production",
    }
    async with other(settings, **changes) as app:
        answer = await app.test_client().post("/api/v1/token", form=LOGIN)
        assert (await answer.get_json())["expires_in"] == 60
        assert f"Max-Age={2 * 86_400}" in answer.headers["Set-Cookie"]
        assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 400),
        ({"username": "ops"}, 400),
        ({"username": "", "password": ""}, 400),
        (LOGIN | {"grant_type": "refresh_token"}, 400),
        (LOGIN | {"password": "not the right one"}, 401),
        (LOGIN | {"password": "x" * 1_024}, 401),
        (LOGIN | {"password": "x" * 1_025}, 401),
        (LOGIN | {"password": PASSWORD + " "}, 401),
        (LOGIN | {"password": PASSWORD + "\n"}, 401),
        (LOGIN | {"username": "OPS"}, 401),
        (LOGIN | {"username": " ops"}, 401),
        (LOGIN | {"username": "ops\x00"}, 401),
        (LOGIN | {"username": "x" * 10_000}, 401),
        (LOGIN | {"username": "nobody"}, 401),
    ],
)
async def test_what_is_no_login_is_refused(
    app: Quart, store: Store, form: dict[str, str], status: int
) -> None:
    await make_admin(store)
    answer = await app.test_client().post("/api/v1/token", form=form)
    assert answer.status_code == status
    await problem(answer)
    assert "Set-Cookie" not in answer.headers
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


async def test_a_field_that_comes_twice_is_refused(app: Quart, store: Store) -> None:
    await make_admin(store)
    answer = await app.test_client().post(
        "/api/v1/token",
        data=f"username=ops&username=two&password={PASSWORD.replace(' ', '+')}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 400
    assert await problem(answer) == {"username": "This field is sent twice."}


async def test_an_unknown_name_is_compared_as_well(
    app: Quart, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that time does not tell which names there are."""
    await make_admin(store)
    asked: list[str | None] = []
    really = Passwords.is_right

    async def is_right(self: Passwords, password: str, kept: str | None) -> bool:
        asked.append(kept)
        return await really(self, password, kept)

    monkeypatch.setattr(Passwords, "is_right", is_right)
    for username in ("ops", "nobody", "No Name At All"):
        form = {"username": username, "password": "not the right one"}
        assert (await app.test_client().post("/api/v1/token", form=form)).status_code == 401
    assert [kept is None for kept in asked] == [False, True, True]


async def test_more_logins_at_once_than_it_works_on_are_told_to_come_back(app: Quart, store: Store) -> None:
    await make_admin(store)
    app.extensions["ttr_passwords"]._taken = AT_ONCE + WAITING_MAX
    answer = await app.test_client().post("/api/v1/token", form=LOGIN)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    app.extensions["ttr_passwords"]._taken = AT_ONCE + WAITING_MAX - 1
    assert (await app.test_client().post("/api/v1/token", form=LOGIN)).status_code == 200


async def test_logins_are_limited_by_name_from_wherever_and_whether_there_is_one_or_not(
    store: Store, settings: Settings
) -> None:
    await make_admin(store)
    async with other(settings, rate_limits=parse_limits("admin-login=2/3600")) as app:
        for username in ("ops", "nobody"):
            answers = [await wrong_login(app, username, f"203.0.113.{n}") for n in range(3)]
            assert [answer.status_code for answer in answers] == [401, 401, 429], username
            assert int(answers[2].headers["Retry-After"]) > 1
            assert '"admin-login"' in answers[2].headers["RateLimit-Policy"]
            await forget_allowances(store, "203")
        assert (await wrong_login(app, "another", "203.0.113.9")).status_code == 401


async def test_logins_are_limited_by_address_whatever_the_names(store: Store, settings: Settings) -> None:
    async with other(settings, rate_limits=parse_limits("admin-login=2/3600")) as app:
        answers = [await wrong_login(app, f"name{n}", "203.0.113.9") for n in range(3)]
        assert [answer.status_code for answer in answers] == [401, 401, 429]
        assert (await wrong_login(app, "name9", "203.0.113.10")).status_code == 401


async def wrong_login(app: Quart, username: str, address: str) -> Response:
    """A login with a wrong password, from an address."""
    form = {"username": username, "password": "not the right one"}
    found: Response = await app.test_client().post(
        "/api/v1/token", form=form, scope_base={"client": (address, 4_711)}
    )
    return found


async def forget_allowances(store: Store, of: str) -> None:
    """Let addresses that begin so have all their logins again."""
    for key in [key async for key in store.redis.scan_iter(f"ttr:allowance:admin-login:{of}*")]:
        await store.redis.delete(key)


async def test_renewals_are_limited_by_address(store: Store, settings: Settings) -> None:
    await make_admin(store)
    async with other(settings, rate_limits=parse_limits("admin-refresh=2/3600")) as app:
        client, found = await log_in(app)
        answers = [await renew(client, found["csrf_token"]) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert int(answers[2].headers["Retry-After"]) > 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost@evil.example"},
    ],
)
async def test_a_page_of_another_site_can_neither_log_in_nor_renew(
    app: Quart, ops: tuple[Any, dict[str, Any]], headers: dict[str, str]
) -> None:
    answer = await app.test_client().post("/api/v1/token", form=LOGIN, headers=headers)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    client, found = ops
    assert (await renew(client, found["csrf_token"], **headers)).status_code == 403


async def test_our_own_pages_can(app: Quart, ops: tuple[Any, dict[str, Any]]) -> None:
    await log_in(app, Origin="http://localhost")
    client, found = ops
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert (await renew(client, found["csrf_token"], **own)).status_code == 200


async def test_a_renewal_gives_new_tokens_and_both_access_tokens_last(
    ops: tuple[Any, dict[str, Any]],
) -> None:
    client, first = ops
    before = cookie(client)
    answer = await renew(client, first["csrf_token"])
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    second = await answer.get_json()
    assert set(second) == set(first)
    assert second["csrf_token"] == first["csrf_token"]
    assert cookie(client) != before
    assert [await stats(client, one["access_token"]) for one in (first, second)] == [200, 200]


@pytest.mark.parametrize("told", ["", "x", "0" * 64, "\u00e9"])
async def test_a_renewal_without_the_csrf_token_is_refused_and_changes_nothing(
    ops: tuple[Any, dict[str, Any]], told: str
) -> None:
    client, found = ops
    before = cookie(client)
    answer = await renew(client, told)
    assert answer.status_code == 403
    await problem(answer)
    assert cookie(client) == before
    assert (await renew(client, found["csrf_token"])).status_code == 200


async def test_the_csrf_token_of_another_login_is_none(app: Quart, ops: tuple[Any, dict[str, Any]]) -> None:
    _, elsewhere = await log_in(app)
    assert (await renew(ops[0], elsewhere["csrf_token"])).status_code == 403


async def test_a_copied_refresh_token_ends_the_login_of_both(
    app: Quart, store: Store, ops: tuple[Any, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, found = ops
    copied = cookie(client)
    second = await (await renew(client, found["csrf_token"])).get_json()
    begun = now_ms()
    monkeypatch.setattr("ttr.api.tokens.now_ms", lambda: begun + GRACE_MS + 1_000)
    thief = with_cookie(app, copied)
    answer = await renew(thief, found["csrf_token"])
    assert answer.status_code == 401
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    for access in (found["access_token"], second["access_token"]):
        assert await stats(client, access) == 401
    assert (await renew(client, found["csrf_token"])).status_code == 401
    assert (await read_log(store))[0].what == "login ended: an old refresh token was used again"


async def test_two_tabs_that_renew_at_once_both_go_on(app: Quart, ops: tuple[Any, dict[str, Any]]) -> None:
    client, found = ops
    tab = with_cookie(app, cookie(client))
    for one in (client, tab, tab):
        answer = await renew(one, found["csrf_token"])
        assert answer.status_code == 200
        assert await stats(one, (await answer.get_json())["access_token"]) == 200


async def test_without_a_refresh_token_there_is_nothing_to_renew(
    app: Quart, ops: tuple[Any, dict[str, Any]]
) -> None:
    _, found = ops
    for value in ("", "x", found["access_token"], "a.b.c", "x" * 3_900):
        client = with_cookie(app, value) if value else app.test_client()
        answer = await renew(client, found["csrf_token"])
        assert answer.status_code == 401, value
        await problem(answer)


async def test_a_token_ends_with_its_admin_its_password_and_its_login(
    app: Quart, store: Store, ops: tuple[Any, dict[str, Any]]
) -> None:
    client, found = ops
    kept = await read_admin(store, "ops")
    assert kept is not None
    assert await set_password(store, "ops", kept.password, now_ms())
    assert await stats(client, found["access_token"]) == 401
    assert (await renew(client, found["csrf_token"])).status_code == 401

    client, found = await log_in(app)
    await end_families(store, "ops")
    assert await stats(client, found["access_token"]) == 401

    client, found = await log_in(app)
    await remove_admin(store, "ops")
    assert await stats(client, found["access_token"]) == 401
    assert (await renew(client, found["csrf_token"])).status_code == 401
    assert (await app.test_client().post("/api/v1/token", form=LOGIN)).status_code == 401

    # Nor does somebody of the same name who comes later bring it back.
    await make_admin(store)
    assert await set_password(store, "ops", kept.password, now_ms())
    assert await stats(client, found["access_token"]) == 401


async def test_another_secret_key_ends_every_token(
    store: Store, settings: Settings, ops: tuple[Any, dict[str, Any]]
) -> None:
    client, found = ops
    async with other(settings, secret_key="another one") as app:
        assert await stats(app.test_client(), found["access_token"]) == 401
        assert (await renew(with_cookie(app, cookie(client)), found["csrf_token"])).status_code == 401


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic b3BzOng=", "bearer x", "Bearer x y", "Bearer \u00e9", "x" * 9_000],
)
async def test_what_is_no_token_opens_nothing(app: Quart, store: Store, header: str) -> None:
    await make_admin(store)
    answer = await app.test_client().get("/api/v1/admin/stats", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    await problem(answer)


async def test_a_token_opens_no_account_and_a_key_nothing_of_admins(
    app: Quart, api: Caller, ops: tuple[Any, dict[str, Any]]
) -> None:
    client, found = ops
    access = found["access_token"]
    for headers in ({"Authorization": f"Bearer {access}"}, {"X-Auth-Key": access}):
        for path in ("/api/v1/checks", "/api/v1/user/me", "/api/v1/channels", "/api/v1/deliveries"):
            assert (await client.get(path, headers=headers)).status_code == 401, path
    for headers in ({"X-Auth-Key": api.key}, {"Authorization": f"Bearer {api.key}"}):
        answer = await app.test_client().get("/api/v1/admin/stats", headers=headers)
        assert answer.status_code == 401
    answer = await app.test_client().get("/admin", headers={"X-Auth-Key": api.key})
    assert answer.status_code == 303


async def test_cookies_open_nothing_of_the_api(app: Quart, ops: tuple[Any, dict[str, Any]]) -> None:
    _, found = ops
    client = app.test_client()
    client.set_cookie("localhost", "admin_access", found["access_token"])
    assert (await client.get("/api/v1/admin/stats")).status_code == 401


async def test_an_older_hash_is_made_anew_at_the_login(app: Quart, store: Store) -> None:
    admin = await make_admin(store)
    assert "m=65536,t=3,p=4" not in admin.password
    with real_cost():
        client, found = await log_in(app)
        kept = await read_admin(store, "ops")
        assert kept is not None
        assert "m=65536,t=3,p=4" in kept.password
        assert kept.changed_at == admin.changed_at
        assert await stats(client, found["access_token"]) == 200
        await log_in(app)
        assert await read_admin(store, "ops") == kept
        assert (await wrong_login(app, "ops", "203.0.113.9")).status_code == 401


def test_nobodys_password_takes_as_long_to_refuse_as_an_admins() -> None:
    with real_cost():
        cost = argon2.extract_parameters(passwords.hash_password(PASSWORD))
        assert argon2.extract_parameters(passwords.NOBODYS) == cost
        assert (cost.memory_cost, cost.time_cost, cost.parallelism) == (65_536, 3, 4)


async def test_a_hash_that_is_none_lets_nobody_in(app: Quart, store: Store) -> None:
    admin = await make_admin(store)
    for kept in ("", "plain", "$argon2id$v=19$m=65536,t=3,p=4$x", PASSWORD):
        await store.redis.hset("ttr:admins", "ops", str(replace(admin, password=kept)))
        assert (await app.test_client().post("/api/v1/token", form=LOGIN)).status_code == 401, kept


async def test_logins_are_kept_for_operators_and_no_unknown_name_is_quoted(app: Quart, store: Store) -> None:
    await make_admin(store)
    for form in (
        LOGIN,
        LOGIN | {"password": "not the right one"},
        {"username": PASSWORD, "password": "in the wrong field"},
    ):
        await app.test_client().post("/api/v1/token", form=form)
    seen = [(deed.admin, deed.what, deed.refused) for deed in await read_log(store)]
    assert sorted(seen) == [
        ("", "login refused", True),
        ("ops", "logged in", False),
        ("ops", "login refused", True),
    ]


async def test_the_stats_add_up_what_accounts_hold(
    app: Quart, store: Store, api: Caller, ops: tuple[Any, dict[str, Any]]
) -> None:
    client, found = ops
    one = await api.make(name="One")
    await api.make(name="Two")
    await api.call("POST", f"/checks/{one['id']}/pause")
    await api.call("POST", "/channels", {"kind": "webhook", "enabled": False})
    answer = await client.get(
        "/api/v1/admin/stats", headers={"Authorization": f"Bearer {found['access_token']}"}
    )
    shown = await answer.get_json()
    assert answer.headers["Cache-Control"] == "no-store"
    assert shown["checks"] == {
        "total": 2,
        "new": 1,
        "paused": 1,
        "up": 0,
        "down": 0,
        "late": 0,
        "running": 0,
    }
    assert (shown["accounts"], shown["channels"], shown["status_pages"]) == (1, 1, 0)
    assert (shown["broker_status"], shown["workers_online"], shown["total_queued"]) == ("ok", 0, 0)
    assert (shown["total_active"], shown["total_reserved"]) == (0, 0)
    assert (shown["postgres"], shown["snapshot"], shown["deliveries"]["failed"]) == ("off", None, None)


async def test_the_stats_say_when_the_job_queue_is_away(store: Store, settings: Settings) -> None:
    await make_admin(store)
    await say(store, process("worker", beat_at=now_ms()))
    async with other(settings, queue_redis_url="unix:///nowhere/redis.sock") as app:
        client, found = await log_in(app)
        answer = await client.get(
            "/api/v1/admin/stats", headers={"Authorization": f"Bearer {found['access_token']}"}
        )
        shown = await answer.get_json()
        assert answer.status_code == 200
        assert (shown["broker_status"], shown["workers_online"], shown["total_queued"]) == (
            "away",
            1,
            None,
        )


def test_nothing_of_a_token_shows_in_a_repr() -> None:
    found = admins.Tokens(admins.Admin("ops", "f"), "access-secret", "refresh-secret")
    assert "secret" not in repr(found)
