"""Bodies that are made to hurt: too large, too deep, too many, without end, and not as long as they say."""

import asyncio
import gzip
import io
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.archive.keyspace import compare, read_keyspace
from tests.attacks.conftest import Tried
from tests.attacks.test_csrf import token_of
from tests.attacks.world import Account, cookie_of
from tests.conftest import RedisServer
from tests.ping.conftest import Door, door_settings, hypercorn_door
from tests.ping.wire import Answer, Wire, chunked, request
from ttr.domain.limits import IMPORT_BODY_MAX, JSON_BODY_MAX
from ttr.store.redis import Store

CHECK = {"name": "x", "schedule_type": "interval", "interval_seconds": 60, "grace_seconds": 60}
_DEEP = 200_000


def _zip() -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("account.json", b"[" * 5_000_000)
    return kept.getvalue()


def _file(**more: object) -> bytes:
    return json.dumps({"version": 1, "checks": [CHECK], **more}).encode()


FILES = {
    "deep lists": b"[" * _DEEP,
    "deep lists that end": b"[" * _DEEP + b"]" * _DEEP,
    "deep objects": b'{"checks":' * _DEEP,
    "deep inside": b'{"version": 1, "checks": [{"name": ' + b"[" * _DEEP + b"]" * _DEEP + b"}]}",
    "depth unknown": b'{"version": 1, "checks": [], "more": ' + b'{"a":' * _DEEP + b"1" + b"}" * _DEEP + b"}",
    "a huge string": _file(name="x" * 5_000_000),
    "a huge name": json.dumps({"version": 1, "checks": [CHECK | {"name": "x" * 5_000_000}]}).encode(),
    "a huge key": _file(**{"x" * 5_000_000: 1}),
    "a huge number": b'{"version": ' + b"9" * 1_000_000 + b"}",
    "a huge exponent": b'{"version": 1e999999999, "checks": [{"interval_seconds": 1e999999999}]}',
    "escapes": b'{"version": 1, "x": "' + b"\\u0000" * 500_000 + b'"}',
    "surrogates": b'{"version": 1, "x": "' + b"\\ud800" * 500_000 + b'"}',
    "many keys": _file(**{f"k{n}": n for n in range(200_000)}),
    "one key many times": b'{"version": 1,' + b'"checks": [],' * 200_000 + b'"checks": []}',
    "many empty checks": b'{"version": 1, "checks": [' + b"{}," * 200_000 + b"{}]}",
    "many nothings": b'{"version": 1, "checks": [' + b"null," * 500_000 + b"null]}",
    "many channels": b'{"version": 1, "checks": [], "channels": [' + b"{}," * 200_000 + b"{}]}",
    "many pages": b'{"version": 1, "checks": [], "status_pages": [' + b"{}," * 200_000 + b"{}]}",
    "many tags": json.dumps({"version": 1, "checks": [CHECK | {"tags": ["x"] * 200_000}]}).encode(),
    "many wrong fields": json.dumps(
        {"version": 1, "checks": [CHECK | {"interval_seconds": "x"}] * 20_000}
    ).encode(),
    "a zip": _zip(),
    "gzip": gzip.compress(b"[" * 5_000_000),
    "nothing": b"",
    "zeros": b"\x00" * 1_000_000,
    "no utf-8": b"\xff" * 1_000_000,
    "utf-16": _file().decode().encode("utf-16"),
    "blanks": b" " * 5_000_000,
    "commas": b"," * 1_000_000,
    "quotes": b'"' * 1_000_001,
    "backslashes": b'"' + b"\\" * 1_000_001,
    "sealed under nothing": _file(secrets={"salt": "x" * 100_000, "sealed": "x" * 100_000}),
}


@pytest.fixture
async def door(redis_server: RedisServer, stranger: Account) -> AsyncIterator[Door]:
    """The app on a real port, in front of an account's store."""
    async with hypercorn_door(door_settings(redis_server)) as door:
        yield door


def multipart(data: bytes, token: str, *, boundary: bytes = b"b0undary") -> bytes:
    """An import's form as browsers send it."""
    parts = (
        b'Content-Disposition: form-data; name="csrf_token"\r\n\r\n' + token.encode(),
        b'Content-Disposition: form-data; name="file"; filename="a.json"\r\n\r\n' + data,
    )
    return b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts) + b"--%s--\r\n" % boundary


async def test_no_file_breaks_an_import(door: Door, store: Store, stranger: Account, tried: Tried) -> None:
    token = await token_of(stranger.visitor)
    browser = f"Cookie: ttr_session={cookie_of(stranger)}; csrf_token={token}"
    kind = "Content-Type: multipart/form-data; boundary=b0undary"
    before = await read_keyspace(store)
    for name, data in FILES.items():
        by_key = await door.ask("POST", "/api/v1/checks/import?dry_run=1", _key(stranger), body=data)
        assert by_key.status in (200, 400, 413), (name, by_key.status)
        by_form = await door.ask("POST", "/account/import", browser, kind, body=multipart(data, token))
        assert by_form.status in (200, 413, 422), (name, by_form.status)
        # What is told of a bad file is short, however much is wrong with it.
        assert max(len(by_key.body), len(by_form.body)) < 200_000, name
    compare(before, await read_keyspace(store))
    tried(2 * len(FILES))


async def test_no_multipart_breaks_an_import(door: Door, stranger: Account, tried: Tried) -> None:
    token = await token_of(stranger.visitor)
    browser = f"Cookie: ttr_session={cookie_of(stranger)}; csrf_token={token}"
    good, many = (
        multipart(_file(), token),
        b"--b0undary\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n",
    )
    bodies = {
        "many parts": (many * 100_000 + good, "b0undary"),
        "no end": (good[:-6], "b0undary"),
        "only a beginning": (b"--b0undary\r\n", "b0undary"),
        "another boundary": (good, "other"),
        "no boundary": (good, ""),
        "a long boundary": (multipart(_file(), token, boundary=b"x" * 5_000), "x" * 5_000),
        "boundaries in boundaries": (b"--b0undary" * 200_000, "b0undary"),
        "line breaks": (b"\r\n" * 1_000_000, "b0undary"),
        "dashes": (b"-" * 2_000_000, "b0undary"),
        "almost boundaries": (b"\r\n--b0undarx" * 150_000, "b0undary"),
        "a header without end": (b"--b0undary\r\nX: " + b"x" * 2_000_000, "b0undary"),
        "many headers": (b"--b0undary\r\n" + b"X: y\r\n" * 200_000 + b"\r\n--b0undary--", "b0undary"),
        "folded headers": (b"--b0undary\r\nX:" + b"\r\n y" * 200_000 + b"\r\n\r\n--b0undary--", "b0undary"),
        "parameters": (b"--b0undary\r\nContent-Disposition: form-data" + b"; a=b" * 200_000, "b0undary"),
        "continuations": (
            b"--b0undary\r\nContent-Disposition: form-data; " + b"; ".join(b"f*%d=x" % n for n in range(900)),
            "b0undary",
        ),
        "quotes in a name": (
            b'--b0undary\r\nContent-Disposition: form-data; name="' + b'\\"' * 3_000,
            "b0undary",
        ),
        "two files": (good[:-14] + good, "b0undary"),
        "a path as name": (good.replace(b"a.json", b"../" * 1_000 + b"x"), "b0undary"),
        "a charset bomb": (good.replace(b'name="file"', b"name*=utf-7''%2bADw-file"), "b0undary"),
        "base64": (good.replace(b"\r\n\r\n{", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n{"), "b0undary"),
    }
    for name, (body, boundary) in bodies.items():
        kind = f"Content-Type: multipart/form-data; boundary={boundary}"
        answer = await door.ask("POST", "/account/import", browser, kind, body=body)
        assert answer.status in (200, 400, 403, 413, 422), (name, answer.status)
    tried(len(bodies))


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/v1/checks/import", IMPORT_BODY_MAX),
        ("/account/import", IMPORT_BODY_MAX),
        ("/api/v1/checks", JSON_BODY_MAX),
        ("/checks", JSON_BODY_MAX),
        ("/login", JSON_BODY_MAX),
        ("/status-pages/preview", JSON_BODY_MAX),
        ("/acknowledge/x", JSON_BODY_MAX),
        ("/p/SLUG/JOB", 10_000_000),
    ],
)
async def test_a_body_without_end_is_ended(
    door: Door, stranger: Account, path: str, most: int, tried: Tried
) -> None:
    path = path.replace("SLUG", stranger.names["user_slug"]).replace("JOB", stranger.names["check_slug"])
    token = await token_of(stranger.visitor)
    browser = f"Cookie: ttr_session={cookie_of(stranger)}; csrf_token={token}"
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json"):
        head = request(
            "POST", path, browser, _key(stranger), f"Content-Type: {kind}", "Transfer-Encoding: chunked"
        )
        async with door.wire() as wire:
            await wire.send(head)
            answer = await _flood(wire, most + 3_000_000)
            assert answer.status in (403, 404, 413), (path, kind, answer.status)
    assert (await door.ask("GET", "/docs/keyboard")).status == 200
    tried(3)


async def test_a_form_of_a_million_fields_is_not_read(door: Door, stranger: Account, tried: Tried) -> None:
    token = await token_of(stranger.visitor)
    browser = f"Cookie: ttr_session={cookie_of(stranger)}; csrf_token={token}"
    kind = "Content-Type: application/x-www-form-urlencoded"
    bodies = (
        b"&".join(b"%x=" % n for n in range(1_000_000)),
        b"&" * 900_000,
        b"=&" * 450_000,
        b"csrf_token=" + b"%" * 900_000,
        b"a=" + b"%41" * 300_000,
        b"check=1&" * 110_000,
        b"tag=x&" * 9_000,  # as much as a form may have
        b"&" * 54_000,
        b"%25" * 18_000,
    )
    for path in ("/checks", "/checks/bulk", "/login", "/appearance", "/status-pages/preview"):
        for body in bodies:
            answer = await door.ask("POST", path, browser, kind, body=body + b"&csrf_token=" + token.encode())
            assert answer.status < 500, (path, body[:20], answer.status)
            assert answer.status == 413 or len(body) < 200_000, path
    tried(5 * len(bodies))


# Behind each stands what would be a request of its own, were the length taken in two ways.
_BEHIND = b"0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n"
LIES = (
    *(
        (f"Content-Length: {length}",)
        for length in ("9" * 20, "-1", "0x10", "1, 2", "+1", "1 1", "", "\u0661")
    ),
    ("Content-Length: 1", "Content-Length: 2"),
    ("Content-Length: 3", "Transfer-Encoding: chunked"),
    ("Transfer-Encoding: chunked, identity",),
    ("Transfer-Encoding: xchunked",),
    ("Transfer-Encoding: gzip, chunked",),
    ("Transfer-Encoding : chunked",),
    ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    ("Content-Length: 3", "Expect: 200-maybe"),
)
CHUNKS = (
    b"FFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n",
    b"-1\r\nx\r\n0\r\n\r\n",
    b"zz\r\nx\r\n0\r\n\r\n",
    b"1;" + b"x" * 20_000 + b"\r\nx\r\n0\r\n\r\n",
    b"1\r\nxx\r\n0\r\n\r\n",
    b"1\nx\n0\n\n",
    b"0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
)


async def test_lengths_that_lie_are_believed_by_nobody(door: Door, stranger: Account, tried: Tried) -> None:
    ping = f"/p/{stranger.names['user_slug']}/{stranger.names['check_slug']}"
    number = 0
    for path in (ping, "/login", "/api/v1/checks"):
        lines = [f"POST {path} HTTP/1.1", "Host: ttr.test", _key(stranger)]
        sent = [("\r\n".join([*lines, *lie, "", ""]).encode() + _BEHIND, lie) for lie in LIES]
        head = "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""]).encode()
        for data, what in [*sent, *((head + chunks, chunks[:20]) for chunks in CHUNKS)]:
            async with door.wire() as wire:
                await wire.send(data)
                wire.writer.write_eof()
                # Cut off without a word, or still waited for: the server gives up after a minute, we at once.
                with suppress(asyncio.IncompleteReadError, ConnectionError, TimeoutError):
                    async with asyncio.timeout(1):
                        answer = await wire.answer()
                    assert answer.status in (200, 400, 403, 404, 413, 431, 501), (path, what, answer.status)
                number += 1
    # Everybody else is served as ever.
    assert (await door.ask("GET", "/api/v1/user/me", _key(stranger))).status == 200
    assert (await door.ask("POST", ping, body=b"x")).status == 200
    tried(number)


async def test_what_says_it_is_packed_is_not_unpacked(door: Door, stranger: Account, tried: Tried) -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    ping = f"/p/{stranger.names['user_slug']}/{stranger.names['check_slug']}"
    for encoding in ("gzip", "deflate", "br", "zstd", "gzip, gzip"):
        for path in (ping, "/api/v1/checks", "/api/v1/checks/import?dry_run=1"):
            answer = await door.ask("POST", path, _key(stranger), f"Content-Encoding: {encoding}", body=bomb)
            assert answer.status in (200, 400, 415), (path, encoding)
    # The ping's body is kept as it came.
    kept = await stranger.api.call("GET", f"/checks/{stranger.names['check']}/pings?size=1")
    assert kept[1]["items"][0]["size"] == len(bomb)
    tried(15)


def _key(account: Account) -> str:
    return f"X-Auth-Key: {account.api.key}"


async def _flood(wire: Wire, most: int) -> Answer:
    """Send chunks until there is an answer, or `most` bytes have been sent; the answer."""
    answering = asyncio.create_task(wire.answer())
    piece, sent = chunked(b"x" * 1_000_000, 1_000_000)[:-5], 0
    while not answering.done() and sent < most:
        await wire.send(piece)
        sent += 1_000_000
        await asyncio.sleep(0)
    return await answering
