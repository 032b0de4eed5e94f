"""A stranger without a session follows everything that can be followed, and finds nothing private."""

import json
import re
from collections import deque
from html import unescape
from html.parser import HTMLParser
from urllib.parse import unquote, urlencode, urljoin, urlsplit

from quart import Quart

from tests.api.conftest import ask
from tests.attacks.conftest import Tried
from tests.attacks.routes import NOT_CALLED, is_public, path_of, rules
from tests.attacks.world import UNPUBLISHED, Account

_MOST = 2_000
"""Requests of one crawl; a site that grows by being crawled must end it."""
_LEADING = {
    "href",
    "src",
    "action",
    "formaction",
    "hx-get",
    "hx-post",
    "hx-sse:connect",
    "srcset",
    "poster",
    "data",
}


class _Links(HTMLParser):
    """Where a page leads: its addresses, and its forms with what they would send as they stand."""

    def __init__(self) -> None:
        super().__init__()
        self.gets: set[str] = set()
        self.posts: list[tuple[str, dict[str, str]]] = []
        self._form: tuple[str, str, dict[str, str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.gets |= {value for name, value in given.items() if name in _LEADING}
        if tag == "form":
            self._form = (given.get("method", "get").lower(), given.get("action", ""), {})
        elif self._form and given.get("name"):
            self._form[2][given["name"]] = given.get("value", "x")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._form:
            method, action, fields = self._form
            if method == "post":
                self.posts.append((action, fields))
            else:
                self.gets.add(f"{action}?{urlencode(fields)}")
            self._form = None


async def test_a_crawl_without_a_session_finds_nothing_private(
    app: Quart, victim: Account, stranger: Account, tried: Tried
) -> None:
    known = victim.names
    starts = [
        "/",
        "/docs",
        "/docs/api",
        "/health",
        f"/s/{known['public_slug']}",
        "/robots.txt",
        "/sitemap.xml",
    ]
    starts += [f"/s/{known['public_slug']}/public{rest}" for rest in ("/badge.svg", "/badge.json", "/data")]
    starts += [
        "/.well-known/security.txt",
        "/favicon.ico",
        "/.git/config",
        "/.env",
        "/api",
        "/api/v1",
        "/admin",
    ]
    starts += [
        "/metrics",
        "/debug",
        "/console",
        "/s",
        "/s/",
        "/p",
        "/p/",
        "/static/",
        "/assets/",
        "/backup.json",
    ]
    # What needs an account is asked for as well, by the numbers that things begin with.
    ones = dict.fromkeys(known, "1") | {"kind": "slack", "form": "svg", "check_uuid": "1"}
    starts += [path_of(rule, ones) for rule in rules(app, "GET")]
    starts += [path for path in NOT_CALLED if "<" not in path]

    waiting, seen, posted, client = deque(starts), set(starts), set[str](), app.test_client()
    reached = 0
    while waiting:
        path = waiting.popleft()
        answer = await ask(client, "GET", path, b"", {})
        reached += 1
        assert reached < _MOST, path
        body = await answer.get_data(as_text=False)
        assert isinstance(body, bytes)
        _tells_nothing(f"{answer.headers}\n", body, victim, path)
        if "text/html" not in (answer.content_type or "") and not answer.headers.get("Location"):
            continue
        links = _Links()
        links.feed(body.decode())
        for target in {*links.gets, answer.headers.get("Location", "")}:
            led = urlsplit(urljoin(f"http://localhost{path}", target))
            onward = led.path + (f"?{led.query}" if led.query else "")
            if led.netloc == "localhost" and onward not in seen and not onward.startswith("/assets/"):
                seen.add(onward)
                waiting.append(onward)
        for action, fields in links.posts:
            target = urlsplit(urljoin(f"http://localhost{path}", action)).path
            if target not in posted and target != "/keys":  # an account of its own shows only itself
                posted.add(target)
                refused = await client.post(target, form=fields)
                _tells_nothing(str(refused.headers), await refused.get_data(as_text=False), victim, target)
                reached += 1
    for expected in (f"/s/{known['public_slug']}/public", "/docs/api", "/docs/keyboard", "/docs/settings"):
        assert expected in seen, expected
    assert {"/login", "/appearance"} <= posted
    tried(reached)


async def test_what_is_published_tells_only_what_may_be_told(
    app: Quart, victim: Account, tried: Tried
) -> None:
    number, client = 0, app.test_client()
    for rule in rules(app, "GET"):
        if not is_public(rule) or not rule.rule.startswith("/s/"):
            continue
        for page in ("public", "hidden", "nowhere"):
            for form in ("svg", "json"):
                path = path_of(rule, victim.names | {"page_slug": page, "form": form})
                for query in (
                    "",
                    "?layout=grid",
                    "?layout=timeline",
                    "?layout=cards",
                    "?label=x",
                    "?since=0",
                ):
                    answer = await ask(client, "GET", path + query, b"", {})
                    body = await answer.get_data(as_text=False)
                    assert isinstance(body, bytes)
                    if page == "public":
                        _tells_nothing(str(answer.headers), body, victim, path)
                    if page == "nowhere" and "<page_slug>" in rule.rule:
                        assert answer.status_code == 404, path
                    number += 1
    tried(number)


async def test_the_search_for_secrets_would_find_them(victim: Account) -> None:
    # A crawl that looks wrongly finds nothing either.
    page = await victim.visitor.read(f"/checks/{victim.names['check']}")
    assert sum(secret in page for secret in victim.secrets) >= 2
    names = (await victim.api.call("GET", "/checks?size=100"))[1]["items"]
    assert sum(check["name"].startswith("priv8-") for check in names) == UNPUBLISHED


def _tells_nothing(headers: str, body: object, victim: Account, path: str) -> None:
    """None of the victim's secrets, as they are or as HTML, JSON, addresses and base64 would write them."""
    assert isinstance(body, bytes)
    text = headers + body.decode("utf-8", "replace")
    forms = {text, unescape(text), unquote(text), re.sub(r"[\s\u200b\u00ad-]|<wbr>", "", text)}
    if body[:1] in b"{[" and body:
        forms.add(json.dumps(json.loads(body), ensure_ascii=False))
    for secret in victim.secrets:
        for seen in forms:
            assert secret not in seen, (path, secret)
    squeezed = text.lower()
    for secret in victim.secrets:
        assert secret.lower() not in squeezed, (path, secret)
