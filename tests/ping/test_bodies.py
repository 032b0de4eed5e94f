"""What a ping carries: bodies and queries, their limits, what is kept of them."""

import asyncio
from dataclasses import replace

import pytest

from tests.conftest import RedisServer, eventually
from tests.ping.conftest import Door, Owner, door_settings
from tests.ping.wire import chunked, request
from ttr.domain.content import ContentRule
from ttr.now import now_ms
from ttr.ping import desk
from ttr.store.checks import update_check
from ttr.store.pings import read_body

LIMIT = 100_000
MOST = 10_000_000
RID = "0b7c9d5e-1f2a-4b3c-8d4e-5f60718293a4"


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"hello from cron", "text/plain"),
        (bytes(range(256)) * 4, "application/octet-stream"),
        ("zażółć 🦆".encode(), "text/plain; charset=utf-8"),
        ("zażółć".encode("iso-8859-2"), "text/plain; charset=iso-8859-2"),
        (b"\xff\xfe\x00bad \xc3(", "text/plain; charset=nonsense"),
        (b"a=1&rid=nonsense&create=1", "application/x-www-form-urlencoded"),
        (
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="l"\r\n\r\n\x00\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
        (b'{"broken": ', "application/json"),
        (b"", "text/plain"),
        (b"\x00", ""),
    ],
)
async def test_any_bytes_of_any_type_are_kept_as_they_came(
    door: Door, owner: Owner, method: str, body: bytes, content_type: str
) -> None:
    check = await owner.check()
    answer = await door.ask(method, f"/p/{owner.slug}/job", f"Content-Type: {content_type}", body=body)
    assert (answer.status, answer.text) == (200, "OK")
    assert await owner.body(check) == (body or None)
    assert (await owner.last(check)).size == len(body)


@pytest.mark.parametrize("size", [1, LIMIT - 1, LIMIT, LIMIT + 1, 3 * LIMIT])
@pytest.mark.parametrize("as_chunks", [False, True])
async def test_the_first_100_kb_are_kept_and_the_whole_size_is_known(
    door: Door, owner: Owner, size: int, as_chunks: bool
) -> None:
    check = await owner.check()
    body = bytes(i % 251 for i in range(size))
    head = request(
        "POST",
        f"/p/{owner.slug}/job",
        "Transfer-Encoding: chunked" if as_chunks else f"Content-Length: {size}",
    )
    async with door.wire() as wire:
        await wire.send(head + (chunked(body, 7_919) if as_chunks else body))
        answer = await wire.answer()
    assert answer.status == 200
    assert answer.header("ping-body-limit") == str(LIMIT)
    assert await owner.body(check) == body[:LIMIT]
    assert (await owner.last(check)).size == size


@pytest.mark.parametrize("as_chunks", [False, True])
async def test_ten_megabytes_are_accepted(door: Door, owner: Owner, as_chunks: bool) -> None:
    check = await owner.check()
    body = b"x" * MOST
    head = request(
        "POST",
        f"/p/{owner.slug}/job",
        "Transfer-Encoding: chunked" if as_chunks else f"Content-Length: {MOST}",
    )
    async with door.wire() as wire:
        await wire.send(head + (chunked(body) if as_chunks else body))
        assert (await wire.answer()).status == 200
    assert (await owner.last(check)).size == MOST


@pytest.mark.parametrize("as_chunks", [False, True])
@pytest.mark.parametrize("size", [MOST + 1, 3 * MOST])
async def test_more_is_refused_and_the_client_hears_it(
    door: Door, owner: Owner, as_chunks: bool, size: int
) -> None:
    """The client sends all of it before it listens, as most do; a reset connection would cost it the answer."""
    check = await owner.check()
    body = b"x" * size
    head = request(
        "PUT",
        f"/p/{owner.slug}/job",
        "Transfer-Encoding: chunked" if as_chunks else f"Content-Length: {size}",
    )
    async with door.wire() as wire:
        await wire.send(head + (chunked(body) if as_chunks else body))
        answer = await wire.answer()
        assert (answer.status, answer.text) == (413, "a ping's body has at most 10,000,000 bytes")
    assert (await owner.see(check)).ping_count == 0


async def test_a_length_beyond_all_numbers_is_refused(door: Door, owner: Owner) -> None:
    check = await owner.check()
    for length in ("10000001", "9" * 18, "9" * 19):
        async with door.wire() as wire:
            await wire.send(request("POST", f"/p/{owner.slug}/job", f"Content-Length: {length}"))
            answer = await wire.answer()
            assert answer.status == 413
    assert (await owner.see(check)).ping_count == 0


async def test_another_limit_can_be_set(start_door, redis_server: RedisServer, owner: Owner) -> None:  # type: ignore[no-untyped-def]
    check = await owner.check()
    settings = door_settings(redis_server, PING_BODY_LIMIT="10", PING_BODY_MAX="1000", PING_LOG_ENTRIES="3")
    async with start_door(settings) as door:
        answer = await door.ask("POST", f"/p/{owner.slug}/job", body=b"0123456789abc")
        assert (answer.status, answer.header("ping-body-limit")) == (200, "10")
        assert await owner.body(check) == b"0123456789"
        assert (await door.ask("POST", f"/p/{owner.slug}/job", body=b"x" * 1_000)).status == 200
        assert (await door.ask("POST", f"/p/{owner.slug}/job", body=b"x" * 1_001)).status == 413
        for _ in range(4):
            await door.ask("GET", f"/p/{owner.slug}/job")
        assert [entry.number for entry in await owner.pings(check)] == [6, 5, 4]
        assert (await owner.see(check)).ping_count == 6


async def test_the_last_hundred_entries_and_the_last_bodies_are_kept(door: Door, owner: Owner) -> None:
    check = await owner.check()
    async with door.wire() as wire:
        for number in range(1, 106):
            await wire.send(request("POST", f"/p/{owner.slug}/job", body=b"%d" % number * 20_000))
            assert (await wire.answer()).status == 200
    seen = await owner.see(check)
    assert seen.ping_count == 105
    assert [entry.number for entry in await owner.pings(check)] == list(range(105, 5, -1))
    # 60,000 bytes each: five fit the 300,000 bytes of a check.
    kept = [number for number in range(1, 106) if await read_body(owner.store, seen, number)]
    assert kept == [101, 102, 103, 104, 105]
    assert await owner.body(check) == b"105" * 20_000


@pytest.mark.parametrize(
    ("query", "content"),
    [
        ("?ok=1", b"ok=1"),
        ("?a=1&b=2&a=3", b"a=1&b=2&a=3"),
        (f"?rid={RID}", None),
        (f"?a=1&rid={RID}&b=2", b"a=1&b=2"),
        (f"?rid={RID}&msg=%C3%A9+%26%20x", b"msg=%C3%A9+%26%20x"),
        (f"?rid={RID}&latin=%E9&empty=&flag&&x", b"latin=%E9&empty=&flag&&x"),
        (f"?%72id={RID}&a=1", b"a=1"),
        ("?create=1&period=60&grace=5&cron=&tz=UTC&left=1", b"left=1"),
        ("?create=0&period=60&grace=5", b"period=60&grace=5"),
        ("?period=60&cron=x&tz=y", b"period=60&cron=x&tz=y"),
        ("?exit%20code%3A%200", b"exit%20code%3A%200"),
        ("?", None),
        ("?" + "&".join(["a"] * 3_000), b"&".join([b"a"] * 3_000)),
    ],
)
async def test_what_is_left_of_a_gets_query_is_its_content(
    door: Door, owner: Owner, query: str, content: bytes | None
) -> None:
    check = await owner.check()
    assert (await door.ask("GET", f"/p/{owner.slug}/job{query}")).status == 200
    assert await owner.body(check) == content
    assert (await owner.last(check)).size == len(content or b"")


async def test_a_gets_body_and_a_posts_query_are_no_content(door: Door, owner: Owner) -> None:
    check = await owner.check()
    assert (await door.ask("GET", f"/p/{owner.slug}/job?q=1", body=b"body")).status == 200
    assert await owner.body(check) == b"q=1"
    assert (await door.ask("POST", f"/p/{owner.slug}/job?q=1", body=b"body")).status == 200
    assert await owner.body(check) == b"body"
    assert (await door.ask("GET", f"/p/{owner.slug}/job", body=b"x" * 3_000_000)).status == 200
    assert (await door.ask("HEAD", f"/p/{owner.slug}/job?h=1")).status == 200
    assert await owner.body(check) == b"h=1"


@pytest.mark.parametrize(
    ("rule", "kind", "regex", "body", "kept"),
    [
        ("done", "present", False, b"all done", True),
        ("done", "present", False, b"DONE", False),
        ("done", "present", False, b"", False),
        ("error", "absent", False, b"no trouble", True),
        ("error", "absent", False, b"an error: 5", False),
        ("rows: [1-9][0-9]*", "present", True, b"rows: 17", True),
        ("rows: [1-9][0-9]*", "present", True, b"rows: 0", False),
        ("^ok$", "present", True, b"ok", True),
        ("begin.*end", "present", True, b"begin\n\xff\x00\nend", None),
        ("\u00e9t\u00e9", "present", False, "un \u00e9t\u00e9".encode(), True),
    ],
)
async def test_a_broken_content_rule_is_a_failure_that_answers_200(
    door: Door, owner: Owner, rule: str, kind: str, regex: bool, body: bytes, kept: bool | None
) -> None:
    check = await owner.check(expected_content=rule, expected_content_type=kind, use_regex_for_content=regex)
    answer = await door.ask("POST", f"/p/{owner.slug}/job", body=body)
    assert answer.status == 200
    seen, entry = await owner.see(check), await owner.last(check)
    if kept is None:
        return  # what a regular expression makes of bytes that are no text is its own matter
    assert (seen.status, entry.kind) == (("up", "success") if kept else ("down", "fail"))
    if not kept:
        assert entry.reason == "content"
        assert answer.text == f"OK ({entry.detail})"
        assert rule in entry.detail
    else:
        assert answer.text == "OK"


async def test_a_content_rule_judges_only_successes(door: Door, owner: Owner) -> None:
    check = await owner.check(expected_content="done", expected_content_type="present")
    for action, kind in (("/start", "start"), ("/log", "log"), ("/fail", "fail")):
        assert (await door.ask("POST", f"/p/{owner.slug}/job{action}", body=b"not yet")).text == "OK"
        assert (await owner.last(check)).kind == kind
    assert (await door.ask("GET", f"/p/{owner.slug}/job?done")).text == "OK"
    assert (await owner.see(check)).status == "up"
    assert (await door.ask("GET", f"/p/{owner.slug}/job/0?nothing")).text.startswith("OK (")
    assert (await owner.see(check)).status == "down"


async def test_a_changed_content_rule_counts_at_once(door: Door, owner: Owner) -> None:

    check = await owner.check()
    assert (await door.ask("POST", f"/p/{owner.slug}/job", body=b"x")).text == "OK"
    rule = ContentRule("done", "present", False)
    await update_check(owner.store, owner.user, "job", lambda b: replace(b, rule=rule), now=now_ms())
    assert (await door.ask("POST", f"/p/{owner.slug}/job", body=b"x")).text.startswith("OK (")
    assert (await owner.see(check)).status == "down"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
async def test_a_check_that_accepts_post_only_ignores_the_others(
    door: Door, owner: Owner, method: str
) -> None:
    check = await owner.check(post_only=True)
    for action in ("", "/fail", "/start", "/7"):
        answer = await door.ask(method, f"/p/{owner.slug}/job{action}")
        assert answer.status == 200
        if method != "HEAD":
            assert answer.text == "OK (ignored: this check accepts POST only)"
        entry = await owner.last(check)
        assert (entry.kind, entry.method) == ("ignored", method)
    seen = await owner.see(check)
    assert (seen.status, seen.last_ping, seen.running, seen.ping_count) == ("new", None, False, 4)
    assert seen.deadline == check.deadline
    assert (await door.ask("POST", f"/p/{owner.slug}/job")).text == "OK"
    assert (await owner.see(check)).status == "up"


async def test_a_body_that_comes_byte_by_byte_is_taken(door: Door, owner: Owner) -> None:
    check = await owner.check()
    async with door.wire() as wire:
        for byte in request("POST", f"/p/{owner.slug}/job/fail", body=b"slow"):
            await wire.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await wire.answer()).status == 200
    assert await owner.body(check) == b"slow"


async def test_a_body_that_does_not_come_in_time_is_refused(
    door: Door, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = await owner.check()
    monkeypatch.setattr(desk, "BODY_SECONDS", 0.2)
    async with door.wire() as wire:
        await wire.send(request("POST", f"/p/{owner.slug}/job", "Content-Length: 10") + b"12345")
        answer = await wire.answer()
        assert (answer.status, answer.header("connection")) == (408, "close")
        assert answer.text == "the body did not arrive in time"
        assert await wire.closed_by_server()
    assert (await owner.see(check)).ping_count == 0


@pytest.mark.parametrize("as_chunks", [False, True])
async def test_a_client_that_hangs_up_in_the_middle_stores_nothing(
    door: Door, owner: Owner, as_chunks: bool
) -> None:
    check = await owner.check()
    head = request(
        "POST", f"/p/{owner.slug}/job", "Transfer-Encoding: chunked" if as_chunks else "Content-Length: 50000"
    )
    async with door.wire() as wire:
        await wire.send(head + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n" if as_chunks else b"x" * 20_000))
        wire.writer.write_eof()
        # Some servers still tell a client that has sent its last that this was no whole request.
        said = await wire.reader.read()
        assert said == b"" or said.startswith(b"HTTP/1.1 400 ")
    # The connection's end was seen above; a ping that comes after it must be the first.
    assert (await door.ask("GET", f"/p/{owner.slug}/job")).status == 200

    async def only_one() -> bool:
        return (await owner.see(check)).ping_count == 1

    await eventually(only_one)
    assert await owner.body(check) is None
