"""ETags: a caller that has an answer already gets a 304, and never one too many."""

from typing import Any

import pytest
from quart import Response
from quart.typing import TestClientProtocol as Client

from tests.api.conftest import NEW, Caller, ask, problem
from tests.conftest import MASTER_KEY, RedisServer, eventually
from tests.ping.conftest import door_settings, hypercorn_door
from tests.ping.wire import request
from ttr.api import aggregate, check_page, stats, tags
from ttr.now import now_ms
from ttr.store.redis import Store
from ttr.store.users import User, create_user

PATHS = ("/checks", "/checks/aggregate", "/checks/stats", "/checks/tags", "/checks/job")


async def tag_of(api: Caller, path: str) -> str:
    answer = await api.raw("GET", path)
    assert answer.status_code == 200
    return answer.headers["ETag"]


async def again(api: Caller, path: str, *names: str) -> Response:
    """The same call, saying what is known."""
    return await api.raw("GET", path, If_None_Match=", ".join(names))


def assert_private(answer: Response) -> None:
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Vary"] == "X-Auth-Key, Authorization"


@pytest.mark.parametrize("path", PATHS)
async def test_what_has_not_changed_is_not_sent_again(api: Caller, path: str) -> None:
    await api.make(slug="job", tags=["a"])
    first = await api.raw("GET", path)
    assert_private(first)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    assert await tag_of(api, path) == tag
    strong = tag.removeprefix("W/")
    for names in ((tag,), (strong,), ('"other"', tag), (tag, 'W/"other"'), ("*",)):
        answer = await again(api, path, *names)
        assert (answer.status_code, await answer.get_data()) == (304, b"")
        assert answer.headers["ETag"] == tag
        assert_private(answer)
    for names in (('"other"',), ("",), (strong.strip('"'),), (tag[:-1],), ("\xff" * 500,), ('W/"*"',)):
        answer = await again(api, path, *names)
        assert (answer.status_code, answer.headers["ETag"]) == (200, tag)


async def test_on_the_wire_a_304_has_no_body_and_says_nothing_of_one(
    redis_server: RedisServer, account: tuple[User, str]
) -> None:
    key = f"X-Auth-Key: {account[1]}"
    async with hypercorn_door(door_settings(redis_server)) as door, door.wire() as wire:
        await wire.send(request("GET", "/api/v1/checks", key))
        tag = (await wire.answer()).header("etag")
        for _ in range(2):
            await wire.send(request("GET", "/api/v1/checks", key, f"If-None-Match: {tag}"))
            answer = await wire.answer(to_head=True)
            assert (answer.status, answer.header("etag")) == (304, tag)
            assert answer.names >= {"etag", "cache-control", "vary"}
            assert not {name for name in answer.names if name.startswith("content-")} - {
                "content-security-policy"
            }


@pytest.mark.parametrize("path", PATHS)
async def test_a_304_reads_nothing_of_what_it_does_not_send(
    api: Caller, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    await api.make(slug="job")
    tag = await tag_of(api, path)

    async def unexpected(*args: Any, **more: Any) -> None:
        raise AssertionError("read for a 304")

    monkeypatch.setattr(check_page, "list_checks", unexpected)
    monkeypatch.setattr(check_page, "render", unexpected)
    monkeypatch.setattr(stats, "check_counts", unexpected)
    monkeypatch.setattr(tags, "list_tags", unexpected)
    monkeypatch.setattr(aggregate, "check_page", unexpected)
    assert (await again(api, path, tag)).status_code == 304


async def test_every_change_is_seen_in_every_list(api: Caller) -> None:
    check = await api.make(slug="job", tags=["a"])
    ping = f"/p/{api.user.user_slug}/job"
    changes: list[tuple[str, str, Any]] = [
        ("POST", "/checks", NEW),
        ("POST", ping, None),
        ("POST", f"{ping}/start", None),
        ("POST", f"{ping}/fail", None),
        ("POST", "/checks/job/acknowledge", None),
        ("PATCH", "/checks/job", {"description": "new"}),
        ("PATCH", "/checks/job", {"tags": ["b"]}),
        ("POST", "/checks/job/toggle-pause", None),
        ("PUT", "/checks/job/webhook", {"webhook_url": "https://example.com/"}),
        ("POST", "/channels", {"kind": "webhook", "webhook_url": "https://example.com/x", "default": True}),
        ("DELETE", f"/checks/{check['id'] + 1}", None),
    ]
    for method, path, body in changes:
        before = {listed: await tag_of(api, listed) for listed in PATHS}
        if path.startswith("/p/"):
            assert (await api.client.post(path)).status_code == 200
        else:
            assert (await api.call(method, path, body))[0] < 300, path
        for listed, tag in before.items():
            answer = await again(api, listed, tag)
            assert answer.status_code == 200, (method, path, listed)
            assert answer.headers["ETag"] != tag


async def test_a_check_that_becomes_late_is_seen_though_nothing_was_written(api: Caller) -> None:
    await api.make(slug="job", interval_seconds=1, grace_seconds=3_600)
    tags_before = {path: await tag_of(api, path) for path in PATHS}

    async def late() -> bool:
        return (await again(api, "/checks", tags_before["/checks"])).status_code == 200

    assert not await late()
    await eventually(late)
    _, page = await api.call("GET", "/checks")
    assert page["items"][0]["late"]
    for path, tag in tags_before.items():
        assert (await again(api, path, tag)).status_code == 200
        assert await tag_of(api, path) != tag


async def test_another_question_has_another_tag(api: Caller) -> None:
    await api.make(slug="job")
    asked = [
        *PATHS,
        "/checks?size=10",
        "/checks?size=11",
        "/checks?sort_by=name",
        "/checks?tag=a",
        "/checks?q=a",
        "/checks?status=up",
        "/checks?sort_direction=asc",
        "/checks/1?x",
    ]
    found = {await tag_of(api, path) for path in asked if path != "/checks/1?x"}
    assert len(found) == len(asked) - 1


async def test_another_host_is_told_another_ping_url(client: Client, api: Caller) -> None:
    await api.make(slug="job")
    tag = await tag_of(api, "/checks")
    asked = {"X-Auth-Key": api.key, "If-None-Match": tag, "Host": "other.example"}
    answer = await ask(client, "GET", "/api/v1/checks", b"", asked)
    assert answer.status_code == 200
    assert (await answer.get_json())["items"][0]["ping_url"].startswith("http://other.example/")


async def test_nobody_gets_a_304_for_what_another_account_saw(api: Caller, store: Store) -> None:
    stranger = Caller(
        api.client,
        *await create_user(store, now=now_ms(), master=MASTER_KEY),
    )
    for path in ("/checks", "/checks/stats", "/checks/tags", "/checks/aggregate"):
        # Both accounts are empty and at the same version.
        assert (await again(stranger, path, await tag_of(api, path))).status_code == 200
    answer = await ask(api.client, "GET", "/api/v1/checks", b"", {"If-None-Match": "*"})
    assert answer.status_code == 401
    assert "ETag" not in answer.headers


async def test_no_304_for_what_is_not_there_or_was_asked_wrongly(api: Caller) -> None:
    for path, status in (("/checks/none", 404), ("/checks?size=0", 400), ("/checks?cursor=x", 400)):
        answer = await again(api, path, "*")
        assert answer.status_code == status
        await problem(answer)
        assert "ETag" not in answer.headers
