"""How pings and their answers travel: versions, framing, methods, headers, JSON."""

import aiohttp
import pytest

from tests.ping.conftest import Door, Owner
from tests.ping.wire import chunked, request

COMMON = {"access-control-allow-origin", "cache-control", "content-length", "content-type"}
COMMON |= {"x-content-type-options", "x-request-id", "x-process-time"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
async def test_an_answer_has_few_headers_and_exactly_these(door: Door, owner: Owner, method: str) -> None:
    await owner.check()
    answer = await door.ask(method, f"/p/{owner.slug}/job")
    assert answer.names == COMMON | {"ping-body-limit"}
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert answer.header("content-length") == "2"
    assert answer.header("ping-body-limit") == "100000"
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("cache-control") == "no-store"
    assert sum(len(name) + len(value) + 4 for name, value in answer.headers) < 370


async def test_refusals_are_plain_words_that_scripts_of_other_sites_can_read(
    door: Door, owner: Owner
) -> None:
    await owner.check()
    for path, status in (
        (f"/p/{owner.slug}/x", 404),
        (f"/p/{owner.slug}/job/256", 400),
        (f"/p/{owner.slug}/job?rid=1", 400),
    ):
        answer = await door.ask("GET", path)
        assert answer.status == status
        assert answer.names == COMMON
        assert answer.header("content-type") == "text/plain; charset=utf-8"
        assert answer.header("access-control-allow-origin") == "*"
        assert "<" not in answer.text


async def test_a_head_has_the_headers_of_a_get_and_no_body(door: Door, owner: Owner) -> None:
    check = await owner.check()
    async with door.wire() as wire:
        await wire.send(request("HEAD", f"/p/{owner.slug}/job"))
        head = await wire.answer(to_head=True)
        # Anything after the head would now be taken for the next answer.
        await wire.send(request("HEAD", f"/p/{owner.slug}/nothing"))
        assert (await wire.answer(to_head=True)).status == 404
        await wire.send(request("GET", f"/p/{owner.slug}/job"))
        get = await wire.answer()
    assert (head.status, head.body) == (200, b"")
    assert head.names == get.names
    assert head.header("content-length") == get.header("content-length") == "2"
    assert [entry.method for entry in await owner.pings(check)] == ["GET", "HEAD"]


async def test_options_is_no_ping_and_allows_other_sites(door: Door, owner: Owner) -> None:
    check = await owner.check()
    for path in (
        f"/p/{owner.slug}/job",
        f"/ping/{check.uuid}/start",
        f"/p/{owner.slug}/new?create=1",
        "/p/no/body",
    ):
        answer = await door.ask(
            "OPTIONS", path, "Origin: https://example.org", "Access-Control-Request-Method: PUT"
        )
        assert (answer.status, answer.body) == (204, b"")
        assert answer.header("access-control-allow-origin") == "*"
        assert answer.header("access-control-allow-methods") == "GET, HEAD, POST, PUT"
        assert answer.header("access-control-allow-headers") == "*"
        assert answer.header("content-length") is None
    assert (await owner.see(check)).ping_count == 0
    assert (await door.ask("GET", f"/p/{owner.slug}/new")).status == 404


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "TRACE", "PROPFIND", "get", "FOO"])
async def test_another_method_is_refused(door: Door, owner: Owner, method: str) -> None:
    check = await owner.check()
    answer = await door.ask(method, f"/p/{owner.slug}/job")
    if method == "get":
        # The server may or may not read method names in any case; what it says must be true.
        assert answer.status in (200, 400, 405)
        assert (await owner.see(check)).ping_count == (answer.status == 200)
        return
    assert (answer.status, answer.text) == (405, "use GET, HEAD, POST or PUT")
    assert answer.header("allow") == "GET, HEAD, POST, PUT, OPTIONS"
    assert (await owner.see(check)).ping_count == 0


async def test_json_for_those_who_ask_for_it(door: Door, owner: Owner) -> None:
    await owner.check(expected_content="x", expected_content_type="absent")
    ask = "Accept: application/json"
    path = f"/p/{owner.slug}/job"
    stored = await door.ask("POST", path, ask, body=b"y")
    assert (stored.status, stored.header("content-type")) == (200, "application/json")
    assert stored.json.keys() == {"message", "process_time_seconds"}
    assert stored.json["message"] == "OK"
    assert 0 <= stored.json["process_time_seconds"] < 30
    noted = await door.ask("POST", path, "Accept: text/html, application/json;q=0.9", body=b"x")
    assert noted.json["message"] == 'OK (it holds "x")'
    created = await door.ask("GET", f"/p/{owner.slug}/new?create=1", ask)
    assert (created.status, created.json["message"]) == (201, "Created")
    for answer, status, detail in (
        (await door.ask("GET", f"/p/{owner.slug}/nothing", ask), 404, "not found"),
        (await door.ask("GET", f"{path}?rid=x", ask), 400, "invalid uuid format"),
        (await door.ask("DELETE", path, ask), 405, "use GET"),
    ):
        assert (answer.status, answer.header("content-type")) == (status, "application/json")
        assert answer.json.keys() == {"detail", "errors"}
        assert answer.json["detail"].startswith(detail)
    for accept in ("*/*", "text/plain", "text/html,application/xhtml+xml,*/*;q=0.8"):
        assert (await door.ask("GET", f"{path}?y", f"Accept: {accept}")).text == "OK"


async def test_refused_bodies_speak_json_too(door: Door, owner: Owner) -> None:
    await owner.check()
    async with door.wire() as wire:
        await wire.send(
            request("POST", f"/p/{owner.slug}/job", "Accept: application/json", "Content-Length: 10000001")
        )
        answer = await wire.answer()
    assert answer.status == 413
    assert answer.json == {"detail": "a ping's body has at most 10,000,000 bytes", "errors": []}


async def test_chunks_of_any_size_extensions_and_trailers_are_taken(door: Door, owner: Owner) -> None:
    check = await owner.check()
    head = request("POST", f"/p/{owner.slug}/job", "Transfer-Encoding: chunked", "Trailer: X-Sum")
    for body, expected in (
        (chunked(b"hello world", 1), b"hello world"),
        (b"5;name=value\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", b"hello"),
        (b"0\r\n\r\n", None),
    ):
        async with door.wire() as wire:
            await wire.send(head + body)
            assert (await wire.answer()).status == 200
        assert await owner.body(check) == expected


async def test_a_client_that_expects_100_gets_it_and_then_its_answer(door: Door, owner: Owner) -> None:
    check = await owner.check()
    async with door.wire() as wire:
        await wire.send(request("POST", f"/p/{owner.slug}/job", "Expect: 100-continue", "Content-Length: 5"))
        assert (await wire.answer()).status == 100
        await wire.send(b"hello")
        assert (await wire.answer()).status == 200
        await wire.send(request("GET", f"/p/{owner.slug}/job"))
        assert (await wire.answer()).status == 200
    assert (await owner.see(check)).ping_count == 2


async def test_http_1_0_without_a_host_is_answered_and_closed(door: Door, owner: Owner) -> None:
    check = await owner.check()
    for raw in (
        f"GET /p/{owner.slug}/job HTTP/1.0\r\n\r\n",
        f"POST /p/{owner.slug}/job/fail HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
        f"HEAD /ping/{check.uuid} HTTP/1.0\r\nUser-Agent: old\r\n\r\n",
    ):
        async with door.wire() as wire:
            await wire.send(raw.encode())
            answer = await wire.answer(to_head=raw.startswith("HEAD"))
            assert answer.status == 200
            assert await wire.closed_by_server()
    assert [entry.kind for entry in await owner.pings(check)] == ["success", "fail", "success"]


async def test_pipelined_pings_are_answered_in_order(door: Door, owner: Owner) -> None:
    check = await owner.check()
    actions = ["", "/start", "/nonsense", "/fail", "/log", "/7"]
    async with door.wire() as wire:
        await wire.send(
            b"".join(
                request("POST", f"/p/{owner.slug}/job{action}", body=action.encode()) for action in actions
            )
        )
        statuses = [(await wire.answer()).status for _ in actions]
    assert statuses == [200, 200, 400, 200, 200, 200]
    assert [entry.kind for entry in await owner.pings(check)] == ["fail", "log", "fail", "start", "success"]


async def test_a_connection_serves_pings_and_pages_in_turn(door: Door, owner: Owner) -> None:
    check = await owner.check()
    async with door.wire() as wire:
        for path, status in (
            (f"/p/{owner.slug}/job", 200),
            ("/api/v1/checks", 401),
            (f"/ping/{check.uuid}", 200),
        ):
            await wire.send(request("GET", path))
            assert (await wire.answer()).status == status
    assert (await owner.see(check)).ping_count == 2


async def test_connection_close_is_honoured(door: Door, owner: Owner) -> None:
    await owner.check()
    async with door.wire() as wire:
        await wire.send(request("GET", f"/p/{owner.slug}/job", "Connection: close"))
        answer = await wire.answer()
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert await wire.closed_by_server()


@pytest.mark.parametrize(
    "raw",
    [
        b"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nhello",
        b"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET {path} HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
        b"GET {path} HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"GET {path}\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello",
        b"GET {path} HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_proper_http_stores_nothing_and_hurts_nobody(
    door: Door, owner: Owner, raw: bytes
) -> None:
    check = await owner.check()
    async with door.wire() as wire:
        await wire.send(raw.replace(b"{path}", f"/p/{owner.slug}/job".encode()))
        wire.writer.write_eof()
        try:
            start = await wire.reader.read(12)
        except ConnectionResetError:
            start = b""
        assert start[:10] in (b"", b"HTTP/1.1 4", b"HTTP/1.1 5")
        assert start[9:12] != b"500"
    assert (await owner.see(check)).ping_count == 0
    assert (await door.ask("GET", f"/p/{owner.slug}/job")).status == 200


async def test_a_common_client_library_is_served(door: Door, owner: Owner) -> None:
    check = await owner.check()
    base = f"http://127.0.0.1:{door.port}/p/{owner.slug}/job"
    async with aiohttp.ClientSession() as session:
        for method, kind in (("GET", "start"), ("POST", "log"), ("PUT", "fail"), ("HEAD", "success")):
            async with session.request(method, f"{base}/{'0' if kind == 'success' else kind}") as answer:
                assert (answer.status, answer.history) == (200, ())
        async with session.post(base, data={"field": "value"}) as answer:
            assert await answer.text() == "OK"
    assert await owner.body(check) == b"field=value"
    assert [e.kind for e in await owner.pings(check)] == ["success", "success", "fail", "log", "start"]
