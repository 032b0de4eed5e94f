"""Badges below /p/: a GET of one is no ping, and every other request still is a ping's."""

import pytest

from tests.ping.conftest import Door, Owner
from tests.ping.wire import request
from ttr.domain.badge_address import sealed


async def test_looking_at_a_badge_pings_nothing(door: Door, owner: Owner) -> None:
    check = await owner.check()
    public = owner.user.public_slug
    for method in ("GET", "HEAD"):
        for slug in (public, owner.slug):
            for rest in (
                "badge.svg",
                "badge.json",
                "job/badge.svg",
                "job/badge.json",
                f"{check.uuid}/badge.svg",
            ):
                answer = await door.ask(method, f"/p/{slug}/{rest}?create=1&rid=x")
                assert (answer.status, answer.header("cache-control")) == (200, "public, max-age=60")
    answer = await door.ask("GET", f"http://ttr.test/p/{public}/{sealed(check.id, check.uuid)}/badge.svg")
    assert (answer.status, answer.header("content-type")) == (200, "image/svg+xml; charset=utf-8")
    assert (await owner.see(check)).ping_count == 0


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("rest", ["badge.svg", "badge.json", "job/badge.svg", "job/badge.json"])
async def test_what_writes_stays_with_the_pings(door: Door, owner: Owner, method: str, rest: str) -> None:
    check = await owner.check()
    answer = await door.ask(method, f"/p/{owner.slug}/{rest}", body=b"x")
    assert answer.status == 400
    assert answer.text.startswith("invalid")
    assert (await owner.see(check)).ping_count == 0


@pytest.mark.parametrize(
    "rest", ["badge.svg/", "badge.png", "job/badge.svg/", "job/start/badge.svg", "job/xbadge.svg"]
)
async def test_what_only_looks_like_a_badge_is_judged_as_a_ping(door: Door, owner: Owner, rest: str) -> None:
    check = await owner.check()
    answer = await door.ask("GET", f"/p/{owner.slug}/{rest}")
    assert answer.status in (400, 404)
    assert answer.header("cache-control") == (await door.ask("GET", "/p/nobody/x")).header("cache-control")
    assert (await owner.see(check)).ping_count == 0


async def test_checks_may_be_called_badge(door: Door, owner: Owner) -> None:
    check = await owner.check("badge")
    assert (await door.ask("GET", f"/p/{owner.slug}/badge")).text == "OK"
    assert (await door.ask("GET", f"/p/{owner.slug}/badge/fail")).text == "OK"
    assert (await owner.see(check)).ping_count == 2
    assert (await door.ask("GET", f"/p/{owner.slug}/badge/badge.svg")).status == 200


async def test_no_body_crosses_the_wire_where_none_may(door: Door, owner: Owner) -> None:
    await owner.check()
    path = f"/p/{owner.user.public_slug}/job/badge.svg"
    full = await door.ask("GET", path)
    assert full.header("content-length") == str(len(full.body))
    tag = f"If-None-Match: {full.header('etag')}"
    for method, headers, status in (("HEAD", (), 200), ("GET", (tag,), 304), ("HEAD", (tag,), 304)):
        async with door.wire() as wire:
            await wire.send(request(method, path, *headers, "Connection: close"))
            answer = await wire.answer(to_head=True)
            assert (answer.status, await wire.reader.read()) == (status, b"")
        assert answer.header("etag") == full.header("etag")
        if status == 304:
            assert answer.names == full.names - {"content-type", "content-length"}
        else:
            assert answer.names == full.names
            assert answer.header("content-length") == full.header("content-length")
