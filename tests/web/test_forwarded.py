"""Whose word is taken on how and where we were asked: a trusted proxy's on the scheme, nobody's on the host."""

from collections.abc import AsyncIterator

import pytest

from tests.ping.conftest import Door, hypercorn_door
from tests.ping.wire import Answer
from ttr.address import parse_networks
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.users import User

TRUSTED = parse_networks("127.0.0.1/32")
HTTPS = "X-Forwarded-Proto: https"
INVENTED = (
    *("Forwarded: for=203.0.113.9;host=evil.example;proto=https", "X-Forwarded-Host: evil.example"),
    *("X-Forwarded-Port: 8443", "X-Forwarded-Prefix: /evil", "X-Forwarded-Server: evil.example"),
    *("X-Host: evil.example", "X-Original-Host: evil.example", "X-HTTP-Host-Override: evil.example"),
    *("X-Original-URL: /api/v1/keys", "X-Rewrite-URL: /api/v1/keys", "X-HTTP-Method-Override: DELETE"),
    *("X-Forwarded-Ssl: on", "Front-End-Https: on", "X-Url-Scheme: https", "X-Scheme: https"),
    *("X-Real-IP: 203.0.113.9", "X-Client-IP: 203.0.113.9", "True-Client-IP: 203.0.113.9"),
    *("CF-Connecting-IP: 203.0.113.9", "X-Cluster-Client-IP: 203.0.113.9", "X-Forwarded: for=203.0.113.9"),
)


@pytest.fixture
async def door_of_host(settings: Settings, store: Store) -> AsyncIterator[Door]:
    """A server that goes by the host of each request."""
    async with hypercorn_door(settings) as door:
        yield door


def _is_secure(answer: Answer) -> bool:
    """Whether the answer is one over TLS: all its signs agree."""
    cookie = answer.header("set-cookie") or ""
    signs = {
        "Secure" in cookie,
        "https://ttr.test/p/" in answer.text,
        answer.header("strict-transport-security") == "max-age=31536000",
    }
    assert len(signs) == 1, answer.headers
    return signs.pop()


@pytest.mark.parametrize("proxies", ["127.0.0.1/32", "", "10.0.0.0/8,::1"])
async def test_the_scheme_is_that_of_a_trusted_proxy_alone(
    settings: Settings, store: Store, proxies: str
) -> None:
    trusted = proxies.startswith("127.")
    settings = settings.model_copy(update={"trusted_proxies": parse_networks(proxies)})
    async with hypercorn_door(settings) as door:
        assert not _is_secure(await door.ask("GET", "/"))
        assert _is_secure(await door.ask("GET", "/", HTTPS)) is trusted
        assert _is_secure(await door.ask("GET", "/", "X-Forwarded-Proto: HTTPS , https")) is trusted
        for told in ("http", "https, http", "http, https", "wss", "", "https:evil", "javascript"):
            assert not _is_secure(await door.ask("GET", "/", f"X-Forwarded-Proto: {told}"))
        assert not _is_secure(await door.ask("GET", "/", HTTPS, "X-Forwarded-Proto: http"))


async def test_every_door_behind_tls_says_that_it_stays_there(
    settings: Settings, store: Store, account: tuple[User, str]
) -> None:
    user, _ = account
    async with hypercorn_door(settings.model_copy(update={"trusted_proxies": TRUSTED})) as door:
        for path in (
            "/",
            "/nowhere",
            "/health",
            "/api/v1/checks",
            f"/p/{user.user_slug}/none",
            "/assets/x/js/copy.js",
        ):
            assert (await door.ask("GET", path, HTTPS)).header("strict-transport-security")
            assert (await door.ask("GET", path)).header("strict-transport-security") is None


async def test_the_session_cookie_is_secure_behind_a_proxy_that_ends_tls(
    settings: Settings, store: Store, account: tuple[User, str]
) -> None:
    async with hypercorn_door(settings.model_copy(update={"trusted_proxies": TRUSTED})) as door:
        token, cookie = _form(await door.ask("GET", "/", HTTPS))
        form = f"csrf_token={token}&auth_key={account[1]}".encode()
        kind = "Content-Type: application/x-www-form-urlencoded"
        answer = await door.ask("POST", "/login", HTTPS, kind, f"Cookie: csrf_token={cookie}", body=form)
        assert answer.status == 303
        (session,) = (
            value
            for name, value in answer.headers
            if name == "set-cookie" and value.startswith("ttr_session=")
        )
        assert "Secure" in session


def _form(answer: Answer) -> tuple[str, str]:
    cookie = (answer.header("set-cookie") or "").partition("=")[2].partition(";")[0]
    return cookie, cookie


@pytest.mark.parametrize("trusted", [True, False])
async def test_no_other_header_changes_anything(
    settings: Settings, store: Store, account: tuple[User, str], *, trusted: bool
) -> None:
    settings = settings.model_copy(update={"trusted_proxies": TRUSTED if trusted else ()})
    key = f"X-Auth-Key: {account[1]}"
    async with hypercorn_door(settings) as door:
        for path, more in (("/", ()), ("/api/v1/user/me", (key,)), ("/docs/api", ())):
            assert (await door.ask("GET", path, *more)).status == 200
            for header in INVENTED:
                spoofed = await door.ask("GET", path, *more, header)
                assert spoofed.status == 200, header
                # Each with a character that a token on the page has not: its digits may well hold 8443.
                for text in ("/evil", "evil.", "203.0.113.9", "https://ttr.test", ":8443"):
                    assert text not in spoofed.text, header
                assert spoofed.header("strict-transport-security") is None, header
                assert spoofed.header("location") is None, header


HOSTS = (
    'evil.example"><script>alert(1)</script>',
    "evil.example",
    "evil.example:80@ttr.test",
    "../..",
    "[::1",
    "",
)


async def test_a_made_up_host_is_shown_to_whoever_made_it_up_and_as_text(door_of_host: Door) -> None:
    for host in HOSTS:
        for path in ("/", "/docs/api", "/nowhere", "/api/v1/openapi.json", "/api/v1/nothing"):
            answer = await _ask_as(door_of_host, path, host)
            assert answer.status in (200, 404, 400), host
            assert "<script>alert" not in answer.text, host
            assert answer.header("location") is None, host
            if "evil" in answer.text:
                assert answer.header("cache-control") == "no-store", host


async def test_with_a_public_url_no_host_is_shown_at_all(
    settings: Settings, store: Store, account: tuple[User, str]
) -> None:
    key = f"X-Auth-Key: {account[1]}"
    async with hypercorn_door(settings.model_copy(update={"public_url": "https://ttr.example"})) as door:
        for host in HOSTS:
            for path in ("/", "/docs/api", "/nowhere", "/api/v1/openapi.json", "/api/v1/checks/aggregate"):
                assert "evil" not in (await _ask_as(door, path, host, key)).text, host
            assert "https://ttr.example/p/" in (await _ask_as(door, "/", host)).text, host


async def test_a_kept_public_page_has_nothing_of_the_host_of_whoever_came_first(
    door_of_host: Door, store: Store, account: tuple[User, str]
) -> None:
    user, key = account
    made = await door_of_host.ask(
        "POST",
        "/api/v1/status-pages",
        f"X-Auth-Key: {key}",
        "Content-Type: application/json",
        body=b'{"name": "Production", "slug": "production", "visibility": "public"}',
    )
    assert made.status == 201
    for rest in ("", "/production", "/production/live", "/production/data", "/production/summary.txt"):
        path = f"/s/{user.public_slug}{rest}"
        first, second = await _ask_as(door_of_host, path, "evil.example"), await door_of_host.ask("GET", path)
        assert first.status == second.status == 200
        assert "evil" not in first.text + second.text
        assert first.text == second.text


async def _ask_as(door: Door, path: str, host: str, *headers: str) -> Answer:
    async with door.wire() as wire:
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
        await wire.send("\r\n".join([*lines, "", ""]).encode())
        return await wire.answer()
