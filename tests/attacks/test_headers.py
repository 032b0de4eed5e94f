"""Headers that proxies write and anybody may invent: who is asked, how, where, from where."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from quart import Quart, Response
from quart.typing import TestClientProtocol as Client
from werkzeug.datastructures import Headers

from tests.api.conftest import ask
from tests.attacks.conftest import Tried
from tests.attacks.routes import QUERIES, is_api, path_of, rules
from tests.attacks.world import Account
from tests.conftest import RedisServer
from tests.ping.conftest import door_settings
from ttr.app import create_app
from ttr.store.checks import get_check
from ttr.store.pings import read_pings
from ttr.store.redis import Store

PROXY, PEER, INVENTED = "10.0.0.1", "198.51.100.9", "203.0.113.66"
OTHER = "elsewhere.test"

SPOOFS: tuple[dict[str, str], ...] = (
    {"X-Forwarded-Host": OTHER},
    {"X-Forwarded-Server": OTHER},
    {"X-Host": OTHER},
    {"Forwarded": f"for={INVENTED};host={OTHER};proto=https"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Host": OTHER},
    {"X-Forwarded-Scheme": OTHER},
    {"X-Forwarded-Port": f"80@{OTHER}"},
    {"X-Forwarded-Prefix": f"//{OTHER}"},
    {"X-Script-Name": f"//{OTHER}"},
    {"X-Original-URL": "/account"},
    {"X-Rewrite-URL": "/account"},
    {"X-Original-Host": OTHER},
    {"X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE", "X-Method-Override": "DELETE"},
    {"X-Request-ID": f"{OTHER}<b evil>", "X-Correlation-ID": OTHER, "Traceparent": OTHER},
    {"Referer": f"https://{OTHER}/<b evil>", "Origin": f"https://{OTHER}"},
    {"User-Agent": f"{OTHER}<b evil>"},
    {"Accept-Language": OTHER, "Accept-Charset": OTHER, "Accept-Encoding": OTHER},
    {"X-User": "1", "X-User-Id": "1", "X-Remote-User": "admin", "Remote-User": "admin"},
    {"X-Forwarded-For": "127.0.0.1", "X-Custom-IP-Authorization": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
    {"X-Forwarded-User": "admin", "X-Authenticated-User": "1", "X-WEBAUTH-USER": "admin"},
    {"Authorization": "Basic YWRtaW46YWRtaW4=", "X-Forwarded-Access-Token": "x"},
    {"HX-Current-URL": f"https://{OTHER}/", "HX-Target": OTHER, "HX-Prompt": OTHER, "HX-Request": "true"},
    {"Last-Event-ID": OTHER, "If-None-Match": f'"{OTHER}"', "If-Modified-Since": OTHER, "Range": OTHER},
)
# In few requests; one that has HX-Request is answered as htmx is.
_TOGETHER = [{name: value for spoof in SPOOFS[n::3] for name, value in spoof.items()} for n in range(3)]
# Whatever a proxy might say of where its client is.
WHENCE = (
    *(
        "X-Forwarded-For",
        "X-Real-IP",
        "CF-Connecting-IP",
        "True-Client-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
    ),
    *("Fastly-Client-IP", "X-Originating-IP", "X-Remote-IP", "X-Remote-Addr", "Client-IP", "X-ProxyUser-Ip"),
    *(
        "X_Forwarded_For",
        "X-Forwarded",
        "Forwarded-For",
        "Via",
        "X-Azure-ClientIP",
        "X-Envoy-External-Address",
    ),
)


@asynccontextmanager
async def behind(redis: RedisServer, **settings: str) -> AsyncIterator[Quart]:
    """The app with a proxy in front that it trusts."""
    app = create_app(door_settings(redis, TRUSTED_PROXIES=PROXY, **settings))
    async with app.test_app():
        yield app


async def test_no_page_believes_a_header_of_anybody(
    redis_server: RedisServer, stranger: Account, tried: Tried
) -> None:
    number = 0
    async with behind(redis_server, PUBLIC_URL="https://ttr.example") as app:
        for rule in rules(app, "GET"):
            path = path_of(rule, stranger.names) + QUERIES.get(rule.rule, "")
            key = {"X-Auth-Key": stranger.api.key} if is_api(rule) else {}
            plain = await ask(_with_session(app, stranger), "GET", path, b"", key)
            for together in _TOGETHER:
                answer = await ask(_with_session(app, stranger), "GET", path, b"", together | key)
                where = (rule.rule, together)
                assert answer.status_code in (plain.status_code, 200, 204), where
                await _unmoved(answer, where)
                number += len(together)
            answer = await ask(_with_session(app, stranger), "GET", path, b"", {"Host": OTHER} | key)
            await _unmoved(answer, (rule.rule, "Host"))
            number += 1
    tried(number)


async def test_no_header_opens_what_is_closed(
    redis_server: RedisServer, stranger: Account, tried: Tried
) -> None:
    number = 0
    async with behind(redis_server) as app:
        for rule in rules(app, "GET"):
            path = path_of(rule, stranger.names) + QUERIES.get(rule.rule, "")
            closed = (await app.test_client().get(path)).status_code
            for spoof in _TOGETHER:
                for peer in (PROXY, PEER, "127.0.0.1"):
                    answer = await sent_from(app.test_client(), peer, path, Headers(spoof))
                    # What leads to the front page says so to htmx in its own way.
                    led = closed == 303 and "HX-Redirect" in answer.headers
                    shut = led or answer.status_code in (closed, 204, 401)
                    assert shut, (rule.rule, spoof, peer, answer.status_code)
                    number += len(spoof)
    tried(number)


async def test_where_a_ping_came_from_is_the_proxys_word_alone(
    redis_server: RedisServer, store: Store, stranger: Account, tried: Tried
) -> None:
    path, number = f"/p/{stranger.names['user_slug']}/{stranger.names['check_slug']}", 0

    async def recorded(app: Quart, peer: str, headers: Headers) -> tuple[str, str]:
        assert (await sent_from(app.test_client(), peer, path, headers)).status_code == 200
        check = await get_check(store, stranger.api.user, stranger.names["check"])
        (last,) = await read_pings(store, check, 1)
        return last.address, last.country

    async with behind(redis_server) as app:
        for name in WHENCE:
            for value in (
                INVENTED,
                f"{INVENTED}, {PEER}",
                "127.0.0.1",
                "::1",
                "for=127.0.0.1",
                "<b evil>",
                "\x00",
            ):
                headers = Headers([(name, value), ("CF-IPCountry", "DE"), ("X-GeoIP-Country-Code", "DE")])
                assert await recorded(app, PEER, headers) == (PEER, ""), (name, value)
                number += 1
                if name != "X-Forwarded-For":
                    # Behind the proxy as well: one header is its word, the others it may pass on unread.
                    headers = Headers([(name, value), ("X-Forwarded-For", PEER)])
                    assert (await recorded(app, PROXY, headers))[0] == PEER, (name, value)
                    number += 1
        for lines in (
            [f"{INVENTED}, {PEER}"],
            [INVENTED, PEER],
            [f"{INVENTED}, {PROXY}, {PEER}"],
            [f"{PROXY}, {PEER}", PROXY],
            [f"127.0.0.1, {PEER}"],
            [f"{INVENTED} {PEER}, {PEER}"],
            [f"{INVENTED},,{PEER},,"],
            [f"{INVENTED}\t,{PEER}:6666"],
            [f"[::ffff:{INVENTED}], ::ffff:{PEER}"],
        ):
            headers = Headers([("X-Forwarded-For", line) for line in lines])
            assert (await recorded(app, PROXY, headers))[0] == PEER, lines
            number += 1
        for lines in (
            ["DE", "FR"],
            ["<b evil>"],
            ["DEU"],
            ["D"],
            ["XX"],
            ["T1"],
            ["de,fr"],
            ["\xe9\xe9"],
            [""],
        ):
            headers = Headers([("CF-IPCountry", line) for line in lines])
            assert (await recorded(app, PROXY, headers))[1] in ("", "XX", "T1")[:1], lines
            number += 1
    tried(number)


async def test_no_invented_address_evades_a_limit(
    redis_server: RedisServer, stranger: Account, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    monkeypatch.setattr("ttr.web.public.HOLD_SECONDS", 0)
    zones = ("new-account", "api-address", "ping-unknown", "public-address")
    doors = (
        ("/api/v1/keys", "POST"),
        ("/api/v1/checks", "GET"),
        ("/p/nobody-has-this/job", "GET"),
        (f"/s/{stranger.names['public_slug']}", "GET"),
    )
    number = 0
    async with behind(redis_server, RATE_LIMITS=",".join(f"{zone}=3/3600" for zone in zones)) as app:
        for behind_proxy in (False, True):
            for name in WHENCE[:8]:
                for path, method in doors:
                    number += 1
                    mine, got = f"198.51.100.{number}", []
                    for turn in range(4):
                        headers = Headers([(name, f"203.0.113.{turn}")])
                        if behind_proxy:
                            before = headers.pop(name) + ", " if name == "X-Forwarded-For" else ""
                            headers.add("X-Forwarded-For", before + mine)
                        whose = PROXY if behind_proxy else mine
                        answer = await sent_from(app.test_client(), whose, path, headers, method)
                        got.append(answer.status_code)
                    assert [status == 429 for status in got] == [False] * 3 + [True], (name, path, got)
    tried(number)


async def sent_from(client: Client, peer: str, path: str, headers: Headers, method: str = "GET") -> Response:
    """A request from a peer's address."""
    scope = {"client": (peer, 4_711)}
    answer: Response = await client.open(path, method=method, headers=headers, scope_base=scope)
    return answer


def _with_session(app: Quart, account: Account) -> Client:
    """A browser with the account's session, in front of another app on the same store."""
    client = app.test_client()
    for cookie in account.visitor.client.cookie_jar:
        client.set_cookie("localhost", cookie.name, str(cookie.value))
    return client


async def _unmoved(answer: Response, where: object) -> None:
    assert OTHER not in f"{answer.headers}{await answer.get_data()!r}", where
