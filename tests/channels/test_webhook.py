"""The generic webhook against real receivers: what it sends, and what it makes of every kind of answer."""

import asyncio
import datetime
import json
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook, WebhookVerificationError

from tests.channels.tls import certificate
from ttr import __version__
from ttr.address import parse_networks
from ttr.channels import KINDS, ChannelError
from ttr.channels.delivery import Delivered, Failed, Outcome
from ttr.channels.egress import open_session
from ttr.channels.exchange import Answer, post, retry_after
from ttr.channels.kind import read_fields
from ttr.channels.means import Means
from ttr.channels.signing import new_signing_secret
from ttr.domain.alert import Event
from ttr.domain.links import Links, read_link
from ttr.domain.notification import Notification
from ttr.now import now_ms
from ttr.settings import Settings

NOW = 1_795_359_600_750  # 2026-11-22T15:00:00.750Z
LOOPBACK = parse_networks("127.0.0.0/8")
WEBHOOK = KINDS["webhook"]
SECRET_PATH = "/hook/s3cr3t-path?token=s3cr3t-query&s3cr3t-name"

EVENT = Event(
    id="7-3-1795359590000",
    kind="down",
    at=1_795_359_590_000,
    check_id=7,
    check_name="nightly b\u00e4ckup",
    check_slug="nightly-backup",
    tags=("db", "prod"),
    description="Dumps the database.",
    reason="overdue",
    overdue_ms=250_500,
    last_ping=1_795_355_740_000,
    failure_count=2,
)


Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """What arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A server on 127.0.0.1 that records requests and answers with whatever bytes the test wants."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.requests: list[Request] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            # The client left without a request, as after a TLS handshake that came to nothing.
            writer.close()
            return
        line, *rest = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (item.split(": ", 1) for item in rest)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests.append(Request(line, headers, body))
        with suppress(ConnectionError):
            await self.respond(reader, writer)
            await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def receiving(respond: Respond, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(respond)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        # Every response ends when the client has gone, and by now it has.
        await asyncio.wait_for(asyncio.gather(*receiver.tasks), 10)


def saying(data: bytes) -> Respond:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return respond


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def drip_forever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\nx\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def flood_forever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"4000\r\n" + b"y" * 0x4000 + b"\r\n")
        await writer.drain()


def notification(*events: Event, others: tuple[str, ...] = (), others_count: int = 0) -> Notification:
    return Notification(
        id="d71-c9",
        user_id=3,
        channel_id=9,
        channel_name="ops",
        events=events or (EVENT,),
        others=others,
        others_count=others_count,
    )


async def send(
    url: str,
    *events: Event,
    now: int = NOW,
    signing: str = "",
    told: Notification | None = None,
    base: str = "https://ttr.example",
    connect_seconds: float = 5,
    total_seconds: float = 10,
) -> Outcome:
    async with open_session(
        LOOPBACK, connect_seconds=connect_seconds, total_seconds=total_seconds
    ) as session:
        means = Means(session, session, Links(base, "key"), Settings.model_validate({}))
        secrets = {"webhook_url": url} | ({"signing": signing} if signing else {})
        return await WEBHOOK.send(told or notification(*events), {}, secrets, means=means, now=now)


async def answered(
    status: int, headers: Mapping[str, str] | None = None, text: str = "", content_type: str = "text/plain"
) -> Outcome:
    """The outcome of one send to a real aiohttp server that answers like this."""

    async def handler(request: web.Request) -> web.Response:
        assert json.loads(await request.read())["check_id"] == 7
        return web.Response(status=status, headers=headers, text=text, content_type=content_type)

    app = web.Application()
    app.router.add_post("/hook/{token}", handler)
    async with TestServer(app, host="127.0.0.1") as server:
        return await send(str(server.make_url("/")).rstrip("/") + SECRET_PATH)


async def test_the_request_is_exactly_this() -> None:
    async with receiving(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as receiver:
        outcome = await send(f"http://127.0.0.1:{receiver.port}{SECRET_PATH}")
        port = receiver.port
    assert outcome == Delivered("HTTP 200", 200)
    [request] = receiver.requests
    assert request.line == f"POST {SECRET_PATH} HTTP/1.1"
    assert request.headers == {
        "host": f"127.0.0.1:{port}",
        "user-agent": f"ttr/{__version__}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(request.body)),
        "connection": "close",
        "idempotency-key": "d71-c9",
        "webhook-id": "d71-c9",
        "webhook-timestamp": "1795359600",
    }
    document = json.loads(request.body)
    facts = {
        "check_id": 7,
        "check_name": "nightly b\u00e4ckup",
        "status": "down",
        "message": '"nightly b\u00e4ckup" has been down since 2026-11-22 14:59:50 UTC: no ping came in time, '
        "4 min 10 s past its due time (last ping 2026-11-22 13:55:40 UTC); 2 failures in a row.",
        "timestamp": "2026-11-22T14:59:50.000Z",
        "event_id": "7-3-1795359590000",
        "check_slug": "nightly-backup",
        "tags": ["db", "prod"],
        "description": "Dumps the database.",
        "reason": "overdue",
        "reason_detail": "",
        "overdue_seconds": 250.5,
        "down_seconds": None,
        "down_since": None,
        "last_ping": "2026-11-22T13:55:40.000Z",
        "failure_count": 2,
        "output": "",
        "flips": 0,
        "reminders": 0,
        "settled_as": None,
        "channel_name": None,
        "url": "https://ttr.example/checks/7",
        "acknowledge_url": None,
    }
    assert document == {**facts, "others_down": {"count": 0, "names": []}, "events": [facts]}


async def test_a_recovery_and_a_test_are_said_in_the_same_shape() -> None:
    up = replace(
        EVENT,
        kind="up",
        reason="",
        overdue_ms=None,
        down_since=EVENT.at - 65_000,
        down_ms=65_000,
        failure_count=0,
    )
    async with receiving(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as receiver:
        for event in (up, replace(EVENT, kind="test", reason="")):
            assert await send(f"http://127.0.0.1:{receiver.port}/", event) == Delivered("HTTP 204", 204)
    recovered, tested = (json.loads(request.body) for request in receiver.requests)
    assert (recovered["status"], recovered["down_seconds"]) == ("up", 65.0)
    assert recovered["down_since"] == "2026-11-22T14:58:45.000Z"
    assert tested["status"] == "test"
    assert recovered.keys() == tested.keys()


async def told(*events: Event, **more: Any) -> dict[str, Any]:
    """The document that arrives about these events."""
    base = more.pop("base", "https://ttr.example")
    async with receiving(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as receiver:
        await send(f"http://127.0.0.1:{receiver.port}/", told=notification(*events, **more), base=base)
    [request] = receiver.requests
    document: dict[str, Any] = json.loads(request.body)
    return document


async def test_several_events_are_listed_oldest_first_under_the_newest() -> None:
    up = replace(EVENT, id="up", kind="up", reason="", at=EVENT.at + 60_000, down_since=EVENT.at)
    other = replace(EVENT, id="other", check_id=8, check_name="web.example.com", at=EVENT.at + 61_000)
    document = await told(EVENT, up, other, others=("mail", "dns"), others_count=12)
    assert [event["event_id"] for event in document["events"]] == [EVENT.id, "up", "other"]
    assert [event["status"] for event in document["events"]] == ["down", "up", "down"]
    assert document["message"] == "1 check is down, 1 came back"
    assert {**document["events"][-1], "message": ""}.items() <= {**document, "message": ""}.items()
    assert all(event["message"].endswith(".") for event in document["events"])
    assert document["others_down"] == {"count": 12, "names": ["mail", "dns"]}


async def test_a_summary_of_one_check_names_it_as_it_is_written() -> None:
    named = replace(EVENT, check_name="db.example.com")
    document = await told(named, replace(named, kind="up", reason="", at=EVENT.at + 60_000))
    assert document["message"] == '"db.example.com" is up again'


async def test_a_reminder_carries_the_link_that_ends_it() -> None:
    since = EVENT.at - 3_600_000
    reminder = replace(EVENT, kind="reminder", down_since=since, reminders=2, may_acknowledge=True)
    document = await told(reminder)
    assert (document["status"], document["reminders"]) == ("reminder", 2)
    address, _, token = document["acknowledge_url"].rpartition("/")
    assert address == "https://ttr.example/acknowledge"
    assert read_link("key", "acknowledge", token, 3) == [3, 7, since]


async def test_flapping_and_a_channel_that_was_turned_off_are_told() -> None:
    flapping = await told(replace(EVENT, kind="flapping", reason="", flips=6))
    assert (flapping["status"], flapping["flips"]) == ("flapping", 6)
    settled = await told(replace(EVENT, kind="settled", reason="", status="up", flips=19))
    assert (settled["status"], settled["settled_as"], settled["flips"]) == ("settled", "up", 19)
    off = await told(
        Event("off", "channel_off", NOW, 0, "", reason_detail="HTTP 410", channel_name="chat of the team")
    )
    assert (off["status"], off["channel_name"], off["reason_detail"]) == (
        "channel_off",
        "chat of the team",
        "HTTP 410",
    )
    assert off["url"] is None


async def test_the_last_output_is_sent_as_it_is() -> None:
    output = "line 1\n\tline 2 \u2713 </script>\x1b[2J"
    assert (await told(replace(EVENT, output=output)))["output"] == output


async def test_without_a_known_address_no_link_is_made_up() -> None:
    document = await told(replace(EVENT, may_acknowledge=True), base="")
    assert (document["url"], document["acknowledge_url"]) == (None, None)


async def test_standard_webhooks_accepts_the_signature_of_each_valid_secret() -> None:
    now = now_ms()
    new, old, foreign = (new_signing_secret() for _ in range(3))
    several = (replace(EVENT, check_name="\u00fc\u2713 \ud83d\ude00"), EVENT)
    async with receiving(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as receiver:
        await send(f"http://127.0.0.1:{receiver.port}/", *several, now=now, signing=f"{new} {old}")
    [request] = receiver.requests
    for secret in (new, old):
        assert Webhook(secret).verify(request.body, request.headers) == json.loads(request.body)
    newest_first = request.headers["webhook-signature"].split(" ")
    assert len(newest_first) == 2
    only_new = {**request.headers, "webhook-signature": newest_first[0]}
    assert Webhook(new).verify(request.body, only_new)
    for data, headers, secret in (
        (request.body, request.headers, foreign),
        (request.body + b" ", request.headers, new),
        (request.body, {**request.headers, "webhook-id": "d71-c8"}, new),
        (request.body, {**request.headers, "webhook-timestamp": str(now // 1000 + 1)}, new),
        (request.body, only_new, old),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(data, headers)


async def test_a_channel_without_a_signing_secret_sends_no_signature() -> None:
    async with receiving(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as receiver:
        await send(f"http://127.0.0.1:{receiver.port}/")
    assert "webhook-signature" not in receiver.requests[0].headers


async def test_fifty_events_full_of_hostile_text_go_out_whole() -> None:
    hostile = replace(
        EVENT, check_name="\U0001f600" * 100, output="\x00\u202e" * 500, description="\ud800" * 500
    )
    events = [replace(hostile, id=f"e{n}", check_id=n) for n in range(WEBHOOK.events_max)]
    document = await told(*events)
    assert [event["event_id"] for event in document["events"]] == [f"e{n}" for n in range(50)]
    assert document["events"][7]["output"] == hostile.output
    assert document["message"] == "50 checks are down"


async def test_a_retry_keeps_body_and_key_and_tells_its_own_time() -> None:
    async with receiving(saying(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")) as receiver:
        for now in (NOW, NOW + 30_000):
            await send(f"http://127.0.0.1:{receiver.port}/", now=now)
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == "d71-c9"
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 30


async def test_hostile_text_in_a_check_stays_text() -> None:
    hostile = replace(
        EVENT,
        check_name='a"\r\nX-Evil: 1\x00\x1b[2J\u202e\ud800',
        tags=("</script>",),
        reason="content",
        reason_detail="\x07\nHTTP/1.1 200 OK\r\n\r\n",
    )
    async with receiving(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as receiver:
        assert await send(f"http://127.0.0.1:{receiver.port}/", hostile) == Delivered("HTTP 200", 200)
    [request] = receiver.requests
    assert "x-evil" not in request.headers
    assert request.body.isascii()
    assert not any(byte < 0x20 for byte in request.body)
    document = json.loads(request.body)
    assert document["check_name"] == hostile.check_name
    assert document["message"].isprintable()


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_delivered(status: int) -> None:
    assert await answered(status) == Delivered(f"HTTP {status}", status)


@pytest.mark.parametrize(
    ("status", "reason", "permanent"),
    [
        (300, "redirected", True),
        (304, "redirected", True),
        (400, "rejected", True),
        (401, "rejected", True),
        (403, "rejected", True),
        (404, "rejected", True),
        (405, "rejected", True),
        (408, "server_error", False),
        (410, "gone", True),
        (413, "rejected", True),
        (422, "rejected", True),
        (425, "server_error", False),
        (429, "rate_limited", False),
        (500, "server_error", False),
        (502, "server_error", False),
        (503, "server_error", False),
        (504, "server_error", False),
        (599, "server_error", False),
        (600, "response_broken", False),
        (999, "response_broken", False),
    ],
)
async def test_every_other_status_has_its_reason(status: int, reason: str, permanent: bool) -> None:
    outcome = await answered(status)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent, outcome.retry_after_seconds) == (reason, permanent, None)
    assert outcome.status == status
    assert outcome.detail.startswith(f"Receiver answered HTTP {status}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed_and_not_quoted(status: int) -> None:
    async with receiving(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as target:
        outcome = await answered(
            status, {"Location": f"http://127.0.0.1:{target.port}/inner"}, text="look there"
        )
    assert outcome == Failed(
        "redirected",
        f"Receiver answered HTTP {status}, a redirect, which is not followed: save the final URL",
        permanent=True,
        status=status,
    )
    assert target.requests == []


@pytest.mark.parametrize("status", [429, 503, 500, 408])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("34", 34.0),
        ("0", 0.0),
        ("2.5", 2.5),
        ("9999999999999", 86_400.0),
        ("9" * 500, 86_400.0),
        (
            format_datetime(datetime.datetime(2026, 11, 22, 15, 1, 30, tzinfo=datetime.UTC), usegmt=True),
            89.25,
        ),
        ("Sun, 22 Nov 2026 14:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2099 14:00:00 GMT", 86_400.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("1e3", None),
        ("Sun, 99 Nov 2026 99:99:99 GMT", None),
    ],
)
async def test_the_wait_a_receiver_asks_for_is_kept(status: int, header: str, seconds: float | None) -> None:
    outcome = await answered(status, {"Retry-After": header})
    assert isinstance(outcome, Failed)
    assert not outcome.permanent
    assert outcome.retry_after_seconds == seconds


@pytest.mark.parametrize(
    "header", ["Sun, 22 Nov 99999999999 14:00:00 GMT", "\u0663\u0664", "22", "22, 23", "0" * 9]
)
def test_no_retry_after_is_too_odd_to_read(header: str) -> None:
    wait = retry_after(header, NOW)
    assert wait is None or wait >= 0


async def test_a_short_word_of_the_receiver_is_shown() -> None:
    outcome = await answered(400, text="  no such\r\n channel\x1b[31m \u202e" + "!" * 500)
    assert isinstance(outcome, Failed)
    assert outcome.detail == ("Receiver answered HTTP 400: no such channel [31m " + "!" * 98 + "\u2026")


@pytest.mark.parametrize(
    ("text", "content_type", "headers"),
    [
        ("<!doctype html><title>x</title>", "text/html", {}),
        ("  <html>", "text/plain", {}),
        ("\x00\x01\x02", "application/octet-stream", {}),
        ("H4sI", "text/plain", {"Content-Encoding": "gzip"}),
    ],
)
async def test_a_body_that_is_no_plain_text_is_not_shown(
    text: str, content_type: str, headers: dict[str, str]
) -> None:
    assert await answered(500, headers, text, content_type) == Failed(
        "server_error", "Receiver answered HTTP 500", permanent=False, status=500
    )


@pytest.mark.parametrize(
    "echo",
    [
        f"Cannot POST {SECRET_PATH}",
        "no hook s3cr3t-path here",
        "bad TOKEN S3CR3T-QUERY",
        "bad name s3cr3t-name",
        "x" * 110 + " s3cr3t-path",
        "s3cr3t-path " * 4000,
        "s3cr\u200b3t-path",
    ],
)
async def test_an_echo_of_the_url_is_cut_off(echo: str) -> None:
    outcome = await answered(404, text=echo)
    assert isinstance(outcome, Failed)
    assert "s3c" not in outcome.detail.lower()
    assert len(outcome.detail) <= 200


TROUBLES: dict[str, tuple[Respond, Outcome]] = {
    "silence": (silence, Failed("timeout", "No answer within 0.3 s", False)),
    "half an answer": (
        saying(b"HTTP/1.1 200"),
        Failed("response_broken", "The receiver closed the connection unanswered", False),
    ),
    "a closed connection": (
        saying(b""),
        Failed("response_broken", "The receiver closed the connection unanswered", False),
    ),
    "a reset": (reset, Failed("response_broken", "The receiver closed the connection unanswered", False)),
    "garbage": (
        saying(b"\x16\x03\x01 hello there\r\n\r\n"),
        Failed("response_broken", "The receiver's answer is not valid HTTP", False),
    ),
    "a header without an end": (
        saying(b"HTTP/1.1 200 OK\r\nX: " + b"s3cr3t-path" * 20_000 + b"\r\n\r\n"),
        Failed("response_broken", "The receiver's answer is not valid HTTP", False),
    ),
    "an endless slow body": (drip_forever, Delivered("HTTP 200", 200)),
    "an endless fast body": (
        flood_forever,
        Failed("server_error", "Receiver answered HTTP 500: " + "y" * 119 + "\u2026", False, status=500),
    ),
    "a body that breaks off": (
        saying(b"HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\nhalf"),
        Failed("server_error", "Receiver answered HTTP 500: half", False, status=500),
    ),
    "broken chunks": (
        saying(b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"),
        Failed("response_broken", "The receiver's answer is not valid HTTP", False),
    ),
    "a huge body": (
        saying(b"HTTP/1.1 500 Oh\r\nContent-Length: 10000000\r\n\r\n" + b"z" * 10_000_000),
        Failed("server_error", "Receiver answered HTTP 500: " + "z" * 119 + "\u2026", False, status=500),
    ),
    "switching protocols": (
        saying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        Failed("response_broken", "Receiver answered HTTP 101", False, status=101),
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_trouble_has_its_outcome_and_tells_no_secret(
    trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    respond, expected = TROUBLES[trouble]
    # Short only where the time out is the point; elsewhere a busy machine must not be mistaken for trouble.
    seconds = 0.3 if respond in (silence, drip_forever) else 10
    async with receiving(respond) as receiver:
        outcome = await send(f"http://127.0.0.1:{receiver.port}{SECRET_PATH}", total_seconds=seconds)
    assert outcome == expected
    assert len(receiver.requests) == 1
    assert "s3cr3t" not in caplog.text + repr(outcome)


async def test_no_more_than_64_kib_of_an_endless_body_are_read() -> None:
    written = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n")
        while written < 200_000_000:
            writer.write(b"4000\r\n" + b"y" * 0x4000 + b"\r\n")
            written += 0x4000
            await writer.drain()

    async with receiving(flood) as receiver, open_session(LOOPBACK) as session:
        answer = await post(session, f"http://127.0.0.1:{receiver.port}/", b"", {})
    assert isinstance(answer, Answer)
    assert answer.body == b"y" * 65_536
    # The rest of what was written is what the sockets' buffers held.
    assert written < 50_000_000


async def test_a_closed_port_is_a_connection_refused(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with receiving(silence) as receiver:
        port = receiver.port
    assert await send(f"http://127.0.0.1:{port}{SECRET_PATH}") == Failed(
        "connect_failed", "Connection refused", permanent=False
    )
    assert "s3cr3t" not in caplog.text


async def test_a_connection_that_does_not_come_about_ends_early() -> None:
    # A TLS handshake that nobody answers: the TCP connection stands, the secure one never does.
    async with receiving(silence) as receiver:
        outcome = await send(f"https://127.0.0.1:{receiver.port}{SECRET_PATH}", connect_seconds=0.2)
    assert outcome == Failed("timeout", "No connection within 0.2 s", permanent=False)


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tmp_path: Path) -> None:
    async with receiving(silence, tls=certificate(tmp_path).server) as receiver:
        outcome = await send(f"https://127.0.0.1:{receiver.port}{SECRET_PATH}")
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent) == ("tls_failed", False)
    assert outcome.detail.startswith("Certificate not accepted: self")
    assert receiver.requests == []


async def test_a_receiver_without_tls_behind_https_is_named() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        outcome = await send(f"https://127.0.0.1:{port}/")
    assert outcome == Failed("tls_failed", "No secure connection: the TLS handshake failed", permanent=False)


@pytest.mark.parametrize("secret", ["", "ftp://s3cr3t/", "not a url"])
async def test_a_secret_that_is_no_url_is_a_bad_setting(secret: str) -> None:
    outcome = await send(secret)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent) == ("bad_settings", True)
    assert "s3cr3t" not in outcome.detail


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/a/b?token=c",
        "HTTP://Hooks.Example.com:8080",
        "http://localhost:9000/x",
        "http://gateway/x",
        "http://my_service.internal./x",
        "http://10.0.0.5/x",
        "http://[fd00::1]:81/x",
        "https://b\u00fccher.example/x",
        "https://example.com/" + "x" * 2028,
    ],
)
def test_a_url_is_kept_as_the_secret_and_nothing_of_it_is_open(url: str) -> None:
    given = {"webhook_url": f" {url} ", "webhook_enabled": True}
    assert read_fields(WEBHOOK, given) == ({}, {"webhook_url": url})
    assert WEBHOOK.destination({}, {"webhook_url": url}) == url


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (7, "The URL must begin with http:// or https://."),
        (["https://example.com/"], "Text is needed."),
        ("https://example.com/" + "x" * 2029, "The URL is longer than 2,048 characters."),
        ("https://example.com/a b", "The URL holds a space or a control character."),
        ("https://exa\tmple.com/", "The URL holds a space or a control character."),
        ("https://example.com/\nx", "The URL holds a space or a control character."),
        ("https://example.com/\x00", "The URL holds a space or a control character."),
        ("https://example.com/\x7f", "The URL holds a space or a control character."),
        ("https://example.com/\u2028x", "The URL holds a space or a control character."),
        ("https://example.com/\ud800", "The URL holds a space or a control character."),
        ("https://example.com\\@evil/", "The URL holds a backslash."),
        ("ftp://example.com/", "The URL must begin with http:// or https://."),
        ("javascript:alert(1)", "The URL must begin with http:// or https://."),
        ("example.com/hook", "The URL must begin with http:// or https://."),
        ("//example.com/hook", "The URL must begin with http:// or https://."),
        ("https:example.com", "The URL must begin with http:// or https://."),
        ("https://example.com/#", "The URL must not have a fragment (the part from # on)."),
        ("https://example.com/#x", "The URL must not have a fragment (the part from # on)."),
        (
            "https://me:pw@example.com/",
            "The URL must not hold a user name or password; put a token into the path or query.",
        ),
        (
            "https://@example.com/",
            "The URL must not hold a user name or password; put a token into the path or query.",
        ),
        ("https://example.com:99999/", "This is not a valid URL."),
        ("https://example.com:x/", "This is not a valid URL."),
        ("https://[::1/", "This is not a valid URL."),
        ("https://[::1]x/", "This is not a valid URL."),
        ("https://example.com:0/", "The port must be 1 to 65535."),
        ("https:///hook", "The URL's host must be a name or a plain IP address."),
        ("https://", "The URL's host must be a name or a plain IP address."),
        ("https://:80/", "This is not a valid URL."),
        ("https://./", "The URL's host must be a name or a plain IP address."),
        ("https://a..b/", "The URL's host must be a name or a plain IP address."),
        ("https://-a/", "The URL's host must be a name or a plain IP address."),
        ("https://exa%00mple/", "The URL's host must be a name or a plain IP address."),
        ("https://%31%32%37.0.0.1/", "The URL's host must be a name or a plain IP address."),
        ("https://2130706433/", "The URL's host must be a name or a plain IP address."),
        ("https://0x7f.1/", "The URL's host must be a name or a plain IP address."),
        ("https://0x7f000001/", "The URL's host must be a name or a plain IP address."),
        ("https://0177.0.0.1/", "The URL's host must be a name or a plain IP address."),
        ("https://127.1/", "The URL's host must be a name or a plain IP address."),
        ("https://127.0.0.1./", "The URL's host must be a name or a plain IP address."),
        ("https://" + "a" * 64 + ".example/", "The URL's host must be a name or a plain IP address."),
        ("https://" + "a." * 130 + "example/", "The URL's host must be a name or a plain IP address."),
    ],
)
def test_a_url_of_a_bad_form_is_refused_with_one_sentence(url: object, sentence: str) -> None:
    with pytest.raises(ChannelError) as caught:
        read_fields(WEBHOOK, {"webhook_url": url})
    assert (caught.value.sentence, caught.value.field) == (sentence, "webhook_url")


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_a_url_can_be_cleared(nothing: str | None) -> None:
    assert read_fields(WEBHOOK, {"webhook_url": nothing}) == ({}, {"webhook_url": ""})
    assert read_fields(WEBHOOK, {}) == ({}, {})


def test_every_kind_is_registered_under_its_own_name() -> None:
    assert all(name == kind.name and kind.label for name, kind in KINDS.items())


def test_a_failure_is_one_short_line_with_a_sane_wait() -> None:
    failed = Failed("rejected", "a\r\nb\x00" + "x" * 900, True, -3.0)
    assert failed.detail.startswith("a b xxx")
    assert len(failed.detail) == 200
    assert failed.retry_after_seconds == 0.0
