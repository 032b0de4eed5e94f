"""What a cache between us and people might give to the wrong one."""

import re

from quart import Quart, Response

from tests.api.conftest import ask
from tests.attacks.conftest import Tried
from tests.attacks.forms import fields_of, send, written
from tests.attacks.routes import QUERIES, is_api, is_public, path_of, rules
from tests.attacks.world import Account, cookie_of
from tests.conftest import RedisServer
from tests.ping.conftest import door_settings, hypercorn_door
from tests.web.conftest import HTMX, text

# Ways to make a page look like a file that caches keep for all.
TRICKS = (
    *("{}/x.css", "{}/x.js", "{}.css", "{};.css", "{};x=/a.js", "{}%3b.css", "{}%2fx.css", "{}%2f..%2fx.css"),
    *("{}/%2e%2e/assets/x/css/all.css", "{}%00.css", "{}%0a.css", "{}%09.css", "{}%20.css", "{}%23.css"),
    *("{}%3f.css", "{}?x.css", "{}?/assets/x.css", "{}/", "{}//", "{}/.", "{}/./", "/{}", "//localhost{}"),
    *("/.{}", "/x/..{}", "/%2e%2e{}", "/assets/..{}", "/assets/x/..%2f..{}", "/assets/%2e%2e/%2e%2e{}"),
    *("/static/..{}", "/static/%2e%2e{}", "/s/..{}", "{}\\x.css", "{}%5cx.css", "{}/favicon.ico", "{}.svg"),
    *("{}.json", "{}/robots.txt", "{}%252fx.css", "{}%c0%af.css", "{}%ef%bc%8fx.css", "{}/*.css"),
)
_WITH_MUCH = {
    "/dashboard",
    "/account",
    "/checks/1",
    "/checks/1/log",
    "/channels",
    "/api/v1/checks",
    "/api/v1/user/me",
}
ODD = {"X-Forwarded-Host": "elsewhere.test", "X-Original-URL": "/assets/x.css", "X-Rewrite-URL": "/s/a"}


def is_kept(answer: Response) -> bool:
    """Whether a shared cache may keep the answer."""
    said = answer.headers.get("Cache-Control", "")
    return not {"no-store", "private"} & {part.strip() for part in said.split(",")}


async def test_no_answer_for_somebody_may_be_kept(app: Quart, stranger: Account, tried: Tried) -> None:
    number = 0
    for rule in rules(app, "GET"):
        if is_public(rule):
            continue
        path = path_of(rule, stranger.names) + QUERIES.get(rule.rule, "")
        key = {"X-Auth-Key": stranger.api.key} if is_api(rule) else {}
        for headers in ({}, HTMX, ODD, {"If-None-Match": "*", "Range": "bytes=0-99"}):
            answer = await ask(stranger.visitor.client, "GET", path, b"", headers | key)
            assert not is_kept(answer), (rule.rule, answer.headers)
            number += 1
        for sent in ({}, {"X-Auth-Key": "x" * 32}) if is_api(rule) else ():
            refused = await ask(app.test_client(), "GET", path, b"", sent)
            assert not is_kept(refused), (rule.rule, refused.status_code)
            number += 1
    tried(number)


async def test_no_answer_to_a_form_may_be_kept(app: Quart, stranger: Account, tried: Tried) -> None:
    number = 0
    for rule, form in written(app):
        path = path_of(rule, stranger.names)
        for token in ("", stranger.visitor.token):
            sent = [*fields_of(form, stranger), ("csrf_token", token)]
            answer = await send(stranger.visitor, rule, path, sent)
            assert not is_kept(answer), (rule.rule, answer.status_code)
            number += 1
    for rule in rules(app, "POST", "PUT", "PATCH", "DELETE"):
        if is_api(rule):
            for method in sorted((rule.methods or set()) - {"OPTIONS", "GET", "HEAD"}):
                answer = await ask(
                    stranger.api.client,
                    method,
                    path_of(rule, stranger.names | {"check": "987654", "channel": "987654"}),
                    b"{}",
                    {"X-Auth-Key": stranger.api.key if "user" not in rule.rule else "x" * 32},
                )
                assert not is_kept(answer), (rule.rule, answer.status_code)
                number += 1
    tried(number)


async def test_a_page_that_looks_like_a_file_is_kept_by_nobody(
    app: Quart, redis_server: RedisServer, stranger: Account, tried: Tried
) -> None:
    number, cookie = 0, f"Cookie: ttr_session={cookie_of(stranger)}"
    paths = [path_of(rule, stranger.names) for rule in rules(app, "GET") if not is_public(rule)]
    asked = [(path, trick) for path in paths for trick in TRICKS[:8]]
    asked += [(path, trick) for path in paths for trick in TRICKS[8:] if path in _WITH_MUCH]
    async with hypercorn_door(door_settings(redis_server)) as door:
        for path, trick in asked:
            target = trick.format(path)
            answer = await door.ask("GET", target, cookie, f"X-Auth-Key: {stranger.api.key}")
            assert answer.status < 500, target
            said = answer.header("cache-control") or ""
            if "no-store" not in said and "private" not in said:
                found = [secret for secret in stranger.secrets if secret.encode() in answer.body]
                assert not found, (target, found)
            number += 1
    tried(number)


async def test_public_answers_are_the_same_for_all_and_set_no_cookie(
    app: Quart, victim: Account, stranger: Account, tried: Tried
) -> None:
    number = 0
    for rule in rules(app, "GET"):
        if not is_public(rule):
            continue
        path = path_of(rule, victim.names)
        seen = []
        for client, headers in (
            (app.test_client(), {}),
            (victim.visitor.client, {"X-Auth-Key": victim.api.key}),
            (stranger.visitor.client, ODD),
            (app.test_client(), {"Cookie": "csrf_token=planted; ttr_look=retro; ttr_session=x"}),
            (app.test_client(), {"Authorization": "Bearer x", "Accept-Language": "lv", "Accept": "*/*"}),
        ):
            answer = await ask(client, "GET", path, b"", headers)
            assert "Set-Cookie" not in answer.headers, rule.rule
            assert "cookie" not in answer.headers.get("Vary", "").lower(), rule.rule
            seen.append((answer.status_code, _without_times(await text(answer))))
            number += 1
        assert len(set(seen)) == 1, rule.rule
    tried(number)


async def test_no_host_that_a_visitor_makes_up_is_kept_for_others(
    app: Quart, victim: Account, tried: Tried
) -> None:
    number = 0
    hosts = ("elsewhere.test", "elsewhere.test:8000", "localhost@elsewhere.test", "elsewhere.test#localhost")
    for rule in rules(app, "GET"):
        if not is_public(rule):
            continue
        path = path_of(rule, victim.names)
        for host in hosts:
            for headers in ({"Host": host}, {"Host": "localhost", "X-Forwarded-Host": host}):
                await ask(app.test_client(), "GET", path, b"", headers)
                number += 1
        answer = await ask(app.test_client(), "GET", path, b"", {})
        assert "elsewhere.test" not in await text(answer), rule.rule
        assert "elsewhere.test" not in str(answer.headers), rule.rule
    tried(number)


def _without_times(page: str) -> str:
    return re.sub(r'\d{13}|"lag_seconds": *[\d.]+', "TIME", page)
