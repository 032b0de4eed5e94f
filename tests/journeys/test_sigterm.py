"""SIGTERM, as platforms send it, while a process has its hands full: each is over well within their 30 seconds, and
nothing that it held is lost or repeated."""

import http.client
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from tests.journeys.client import Account, healthy, until
from tests.journeys.receiver import Answer, Receiver
from tests.journeys.stack import Stack, children
from tests.journeys.steady import log_in
from ttr.web.security import SESSION_COOKIE

# A web process answers for 2 s and finishes for 3; a send takes 10 s at most. A busy machine adds to that.
_WEB_SECONDS = 15.0
_WORKER_SECONDS = 20.0
_CLOCK_SECONDS = 15.0


def stopped(stack: Stack, name: str, within: float, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Tell a process to stop, and have it started again when it has."""
    began = time.monotonic()
    stack.signal(name, signal.SIGTERM)
    try:
        meanwhile()
        until(lambda: stack.has_ended(name), within)
        print(f"{name} took {time.monotonic() - began:.1f} s")
    finally:
        stack.stop(name)
        stack.start(name)


def test_a_web_process_ends_its_streams_and_answers_a_ping_whose_body_is_on_its_way(
    stack: Stack, account: Account
) -> None:
    account.add("slow", interval_seconds=3_600)
    cookie = {"Cookie": f"{SESSION_COOKIE}={log_in(stack, account)}"}
    stream = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=20)
    stream.request("GET", "/events?whole=1", headers=cookie)
    events = stream.getresponse()
    assert events.read(1)
    upload = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=20)
    upload.putrequest("POST", f"/p/{account.user_slug}/slow")
    upload.putheader("Content-Length", "6")
    upload.endheaders(b"abc")
    kept = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=20)
    kept.connect()
    time.sleep(0.2)  # the upload has arrived

    def rest() -> None:
        until(lambda: refuses(stack.port))
        upload.send(b"def")
        answer = upload.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (200, "close")
        events.read()  # to its end: it raises when the stream is cut off

    stopped(stack, "web", _WEB_SECONDS, rest)
    for connection in (stream, upload, kept):
        connection.close()
    until(lambda: healthy(stack.port), 60)
    assert account.show("slow")["ping_count"] == 1


def refuses(port: int) -> bool:
    """Whether nobody listens."""
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_worker_finishes_what_it_sends_and_gives_back_what_is_not_answered(
    stack: Stack, account: Account, receiver: Receiver
) -> None:
    for slug in ("slow", "silent"):
        account.add(slug, receiver.url(f"/{slug}"), interval_seconds=3_600)
    receiver.answer("/silent", Answer(hang=True))
    receiver.delay = 2.0
    for slug in ("slow", "silent"):
        account.ping(slug, "/fail")
        receiver.wait(f"/{slug}", 1)
    horses = children(stack.pid("worker"))
    stopped(stack, "worker", _WORKER_SECONDS)
    assert not any(Path(f"/proc/{horse}").exists() for horse in horses)
    assert [arrival.path for arrival in receiver.answered()] == ["/slow"]
    receiver.delay = 0.0
    # The one without an answer is tried again by the plan, under the same key; the other one is over.
    first, second = receiver.wait("/silent", 2, within=60)[:2]
    assert first.key == second.key
    receiver.stays_at("/slow", 1, 0.5)


def test_a_clock_stops_and_what_fell_due_meanwhile_is_told_once(
    stack: Stack, account: Account, receiver: Receiver
) -> None:
    account.add("silent", receiver.url("/hook"))
    stopped(stack, "clock", _CLOCK_SECONDS)
    receiver.wait("/hook", 1, within=60)
    receiver.stays_at("/hook", 1, 1.5)
