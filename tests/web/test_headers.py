"""What browsers and caches are told of every answer, route by route as the app knows them."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from quart import Quart, Response
from werkzeug.routing import Rule

from tests.web.conftest import Visitor
from ttr.security_headers import DATA, DOWNLOADS, FILES, PAGES, PICTURES, PUBLIC_PAGES, SIGNED_PAGES
from ttr.store.redis import Store
from ttr.store.users import User
from ttr.web.assets import tree_digest
from ttr.web.public import PATHS

# What may be kept by a cache for many: it is the same for everybody, and no session or key is read for it.
DOCS_FILES = "/docs/<any(images, prometheus):folder>/<name>"
SHARED = {
    *PATHS,
    "/api/v1/openapi.json",
    "/assets/<digest>/<path:path>",
    "/static/<path:filename>",
    DOCS_FILES,
}
STREAM = "/events"
VALUES: Mapping[str, str] = {
    **dict.fromkeys(("check_id", "check", "channel_id", "channel", "page_id", "page", "number"), "1"),
    "kind": "webhook",
    "page_slug": "production",
    "name": "job",
    "form": "svg",
    "folder": "images",
    **dict.fromkeys(("path", "filename"), "icons/favicon.svg"),
}


def _path(rule: Rule, slug: str) -> str:
    """An address of this route that is there, if it can be; what is not known here is "1"."""
    values = {name: VALUES.get(name, "1") for name in rule.arguments}
    values |= {"slug": slug} if "slug" in values else {}
    values |= {"digest": tree_digest()} if "digest" in values else {}
    if "name" in values and rule.rule.startswith("/docs/"):
        values["name"] = "check.png" if rule.rule == DOCS_FILES else "pings"
    path = rule.rule
    for name, value in values.items():
        start = next(at for at in range(len(path)) if path.startswith(name + ">", at))
        begin = path.rindex("<", 0, start)
        path = path[:begin] + value + path[start + len(name) + 1 :]
    return path


@pytest.fixture
async def world(owner: Visitor, account: tuple[User, str], app: Quart) -> str:
    """An account with one of each; its public slug."""
    user, key = account
    await owner.make_check(name="Job", slug="job")
    await owner.make_channel()
    await owner.client.post(f"/p/{user.user_slug}/job", data=b"<script>alert(1)</script>")
    made = await owner.client.post(
        "/api/v1/status-pages",
        headers={"X-Auth-Key": key, "Content-Type": "application/json"},
        data=b'{"name": "P", "slug": "production", "visibility": "public", "entries": [{"check": 1}]}',
    )
    assert made.status_code == 201, await made.get_data()
    return user.public_slug


def _gets(app: Quart) -> list[Rule]:
    return [
        rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and rule.rule != STREAM
    ]


async def test_no_answer_that_depends_on_who_asks_may_be_kept_for_others(
    app: Quart, owner: Visitor, account: tuple[User, str], world: str
) -> None:
    _, key = account
    good = 0
    for rule in _gets(app):
        path = _path(rule, world)
        for client, headers in (
            (owner.client, {}),
            (app.test_client(), {"X-Auth-Key": key}),
            (app.test_client(), {}),
        ):
            response = await client.get(path, headers=headers)
            said = response.headers["Cache-Control"]
            good += response.status_code == 200
            if rule.rule in SHARED:
                assert not response.headers.getlist("Set-Cookie"), path
                continue
            assert "no-store" in said or said.startswith("private"), (path, said)
            assert "public" not in said, path
            if path.startswith("/api/"):
                assert "X-Auth-Key" in response.vary, path
                assert "Authorization" in response.vary, path
    assert good > 100


async def test_what_may_be_kept_is_the_same_for_everybody(
    app: Quart, owner: Visitor, account: tuple[User, str], world: str
) -> None:
    _, key = account
    for rule in _gets(app):
        if rule.rule not in SHARED:
            continue
        path = _path(rule, world)
        seen = set()
        for client, headers in (
            (owner.client, {}),
            (app.test_client(), {"X-Auth-Key": key}),
            (app.test_client(), {}),
        ):
            response = await client.get(path, headers=headers)
            assert response.status_code == 200, path
            assert response.headers["Cache-Control"].startswith(("public", "no-cache")), path
            assert {"Cookie", "X-Auth-Key"} & set(response.vary) <= {"X-Auth-Key"}
            seen.add(await response.get_data(as_text=False))
        assert len(seen) == 1, path


async def test_refusals_and_writes_may_not_be_kept(app: Quart, owner: Visitor) -> None:
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}:
            client: Any = app.test_client()
            response = await client.open(
                _path(rule, "nobody"), method=method, headers={"X-Auth-Key": "x" * 32}
            )
            assert response.status_code >= 400 or rule.rule == "/api/v1/keys"
            assert "no-store" in response.headers["Cache-Control"], rule.rule
    for path in ("/api/v1/nothing", "/nothing", "/p/x/y/z"):
        assert "no-store" in (await owner.get(path)).headers["Cache-Control"]


def _family(rule: Rule, response: Response) -> Mapping[str, str]:
    path = rule.rule
    if "download" in path or (path.startswith("/api/") and path.endswith("/body")):
        return DOWNLOADS if response.status_code == 200 else PAGES if "download" in path else DATA
    if "/badge." in path:
        return PICTURES
    if path in PATHS:
        return PUBLIC_PAGES
    if path.startswith("/telegram/"):
        return SIGNED_PAGES
    if path.startswith(("/assets/", "/static/")) or path == DOCS_FILES:
        return FILES
    return DATA if path.startswith("/api/") or path in ("/health", "/metrics") else PAGES


async def test_every_answer_has_the_headers_of_its_family(
    app: Quart, owner: Visitor, account: tuple[User, str], world: str
) -> None:
    _, key = account
    for rule in _gets(app):
        headers = {"X-Auth-Key": key} if rule.rule.startswith("/api/") else {}
        response = await owner.client.get(_path(rule, world), headers=headers)
        for name, value in _family(rule, response).items():
            if name != "Cache-Control":
                assert response.headers[name] == value, (rule.rule, name)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        assert "*" not in response.headers["Content-Security-Policy"].replace("frame-ancestors *", "")
        assert "Server" not in response.headers
        assert "X-Powered-By" not in response.headers
    async with asyncio.timeout(10):
        async with owner.client.request(STREAM, method="GET") as connection:
            while connection.status_code is None:
                await asyncio.sleep(0.01)
            for name, value in PAGES.items():
                assert connection.headers[name] == value, name
            await connection.disconnect()


async def test_answers_of_no_route_are_closed_as_well(app: Quart, owner: Visitor) -> None:
    for path, family in (("/nothing", PAGES), ("/api/v1/nothing", DATA), ("/api/nothing", DATA)):
        response = await owner.get(path)
        for name, value in family.items():
            assert response.headers[name] == value, (path, name)


async def test_only_what_holds_no_authority_may_be_framed(app: Quart, owner: Visitor, world: str) -> None:
    for rule in _gets(app):
        response = await owner.get(_path(rule, world))
        policy = response.headers["Content-Security-Policy"]
        framed = response.headers.get("X-Frame-Options") != "DENY" and "frame-ancestors 'none'" not in policy
        assert framed is (rule.rule in PATHS), rule.rule


async def test_badges_can_be_shown_anywhere(owner: Visitor, world: str) -> None:
    response = await owner.get(f"/p/{world}/job/badge.svg")
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "X-Frame-Options" not in response.headers


async def test_one_accounts_answers_are_not_anothers(
    app: Quart, store: Store, owner: Visitor, account: tuple[User, str], world: str
) -> None:
    """The tag of one account's list is worth nothing to another."""
    _, key = account
    client: Any = app.test_client()
    made = await (await client.post("/api/v1/keys")).get_json()
    first = await client.get("/api/v1/checks", headers={"X-Auth-Key": key})
    tag = first.headers["ETag"]
    again = await client.get("/api/v1/checks", headers={"X-Auth-Key": key, "If-None-Match": tag})
    other = await client.get("/api/v1/checks", headers={"X-Auth-Key": made["auth_key"], "If-None-Match": tag})
    assert (again.status_code, other.status_code) == (304, 200)
    assert b"Job" not in await other.get_data(as_text=False)
