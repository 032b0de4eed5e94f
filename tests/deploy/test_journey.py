"""The services of docker-compose.yml, started by hand behind a real Caddy: what the product is for works."""

import http.client
import json
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.deploy.by_hand import ByHand
from tests.deploy.programs import CADDIES
from tests.deploy.proxy import TUNNEL, Proxy
from tests.journeys.client import Account, call, sign_up, until
from tests.journeys.receiver import Receiver


@pytest.fixture(scope="module")
def services() -> Iterator[ByHand]:
    """All but Caddy; messages may reach this machine."""
    with ByHand("EGRESS_ALLOW=127.0.0.0/8", "RATE_LIMITS=off", "FLAP_THRESHOLD_CHANGES=0") as services:
        yield services


@pytest.fixture(params=CADDIES)
def proxy(request: pytest.FixtureRequest, services: ByHand, tmp_path: Path) -> Iterator[Proxy]:
    """A Caddy in front of both web processes."""
    with Proxy(request.param, services.webs, tmp_path, services.proxy_environment()) as proxy:
        yield proxy


@pytest.fixture
def newest_proxy(services: ByHand, tmp_path: Path) -> Iterator[Proxy]:
    """The Caddy of docker-compose.yml."""
    with Proxy("newest", services.webs, tmp_path, services.proxy_environment()) as proxy:
        yield proxy


def ask(
    port: int, path: str, account: Account, peer: str = "127.0.0.1", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """A call of the account, from an address of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=(peer, 0))
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers={"X-Auth-Key": account.auth_key, **named})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_a_job_that_falls_silent_is_told_and_so_is_its_return(proxy: Proxy, services: ByHand) -> None:
    assert "The archive is at revision " in services.released
    account = sign_up(proxy.port)
    with Receiver() as receiver:
        account.add("backup", receiver.url("/hook"), name="Nightly backup")
        account.ping("backup", body=b"copied 42 rows")
        down = receiver.wait("/hook", 1)[0]
        assert (down.body["status"], down.body["check_name"]) == ("down", "Nightly backup")
        account.ping("backup")
        assert receiver.wait("/hook", 2)[1].body["status"] == "up"
    parts = json.loads(call(proxy.port, "GET", "/health")[1])["parts"]
    assert {parts[name] for name in ("redis", "postgres", "clock", "web", "worker", "queue")} == {"ok"}


@pytest.mark.parametrize("name", ["web", "clock", "worker"])
def test_each_service_is_well_by_its_health_check(services: ByHand, name: str) -> None:
    until(lambda: services.alive(name).returncode == 0, 60)


def test_a_stream_of_news_comes_through_as_it_happens(proxy: Proxy) -> None:
    account = sign_up(proxy.port)
    check = account.add("job", interval_seconds=3_600)["id"]
    cookie = {"Cookie": log_in(proxy.port, account), "Accept-Encoding": "gzip, zstd, br"}
    stream = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    stream.request("GET", f"/events?rows={check}", headers=cookie)
    answer = stream.getresponse()
    assert answer.status == 200
    assert answer.getheader("Content-Encoding") is None
    account.ping("job")
    while answer.readline() != f"event: check-{check}\n".encode():
        pass  # a stream that is held up ends this by its timeout
    stream.close()


def log_in(port: int, account: Account) -> str:
    """Log in as the page does, and ask for the dashboard; the cookies."""
    cookies: dict[str, str] = {}

    def ask(method: str, path: str, **form: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        sent = {"Cookie": _line(cookies), "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, urlencode(form), sent | {"Origin": f"http://127.0.0.1:{port}"})
        answer = connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            cookies[name] = value
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    token = re.search(r'name="csrf_token" value="([^"]+)"', ask("GET", "/")[1])
    assert token
    assert ask("POST", "/login", auth_key=account.auth_key, csrf_token=token[1])[0] == 303
    assert ask("GET", "/dashboard")[0] == 200
    return _line(cookies)


def _line(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def test_who_asks_is_who_came_to_the_proxy_whatever_he_says(proxy: Proxy, services: ByHand) -> None:
    account = sign_up(proxy.port)
    claims = {"X_Forwarded_For": "203.0.113.9", "CF_IPCountry": "SE"}

    def seen(port: int, peer: str) -> tuple[str, str]:
        told = json.loads(ask(port, "/api/v1/geoip", account, peer, **claims)[1])
        return told["ip"], told["country_code"]

    assert seen(proxy.port, "127.0.0.1") == ("127.0.0.1", "XX") or sys.platform != "linux"
    if sys.platform != "linux":
        pytest.skip("the other addresses of loopback are there on Linux alone")
    assert seen(proxy.port, "127.0.0.7") == ("127.0.0.7", "XX")
    assert seen(proxy.port, TUNNEL) == ("203.0.113.9", "SE")
    # Another container that reaches a web process past the proxy is believed nothing.
    assert seen(services.port("web"), "127.0.0.7") == ("127.0.0.7", "XX")


def test_two_accounts_never_see_each_others_answers(proxy: Proxy) -> None:
    accounts = [sign_up(proxy.port) for _ in range(2)]
    for number, account in enumerate(accounts):
        account.add(f"job-{number}", interval_seconds=3_600)
    for path in ("/api/v1/checks", "/api/v1/checks/aggregate", "/api/v1/user/me"):
        for _ in range(2):
            answers = [ask(proxy.port, path, account) for account in accounts]
            assert [answer.status for answer, _ in answers] == [200, 200]
            assert answers[0][1] != answers[1][1]
            for (answer, body), other in zip(answers, reversed(accounts), strict=True):
                assert other.user_slug.encode() not in body
                assert "public" not in (answer.getheader("Cache-Control") or "")
                assert answer.getheader("Age") is None


@pytest.mark.parametrize(
    "path", ["/", "/health", "/api/v1/checks", "/s/nobody/nothing", "/static/nothing", "/p/no/job"]
)
def test_headers_are_those_of_ttr(proxy: Proxy, services: ByHand, path: str) -> None:
    account = sign_up(proxy.port)

    def told(port: int) -> dict[str, str]:
        answer, _ = ask(port, path, account, Accept_Encoding="gzip")
        varying = {
            "Date",
            "X-Request-ID",
            "X-Process-Time",
            "Server",
            "Content-Length",
            "Set-Cookie",
            "ETag",
            "Via",
        }
        of_a_body = {"Content-Encoding", "Vary", "Transfer-Encoding", "Connection", "Accept-Ranges"}
        names = {name.title(): value for name, value in answer.getheaders()}
        return {
            name: value
            for name, value in names.items()
            if name not in {one.title() for one in varying | of_a_body}
        }

    assert told(proxy.port) == told(services.port("web"))


def test_an_answer_that_somebody_has_already_is_not_sent_again(proxy: Proxy) -> None:
    account = sign_up(proxy.port)
    account.add("job", interval_seconds=3_600)
    for accepted in ("gzip", "zstd", "identity"):
        first, _ = ask(proxy.port, "/api/v1/checks", account, Accept_Encoding=accepted)
        tag = first.getheader("ETag") or ""
        again, body = ask(proxy.port, "/api/v1/checks", account, Accept_Encoding=accepted, If_None_Match=tag)
        assert (again.status, body) == (304, b"")


@pytest.mark.parametrize("how", ["Expect: 100-continue", "Expect:", "Transfer-Encoding: chunked"])
def test_the_limit_of_a_body_is_that_of_ttr(proxy: Proxy, tmp_path: Path, how: str) -> None:
    account = sign_up(proxy.port)
    account.add("job", interval_seconds=3_600)
    body = tmp_path / "body"
    for size, status in ((10_000_001, "413"), (10_000_000, "200")):
        body.write_bytes(b"x" * size)
        # curl, which reads an answer that comes while it still sends, as clients should.
        command = ["curl", "-s", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}", "-H", how]
        command += ["--data-binary", f"@{body}", f"http://127.0.0.1:{proxy.port}/p/{account.user_slug}/job"]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == status


def test_web_processes_restart_one_by_one_and_then_together_and_no_ping_is_lost(
    newest_proxy: Proxy, services: ByHand
) -> None:
    port = newest_proxy.port
    account = sign_up(port)
    account.add("job", interval_seconds=3_600)
    path = f"/p/{account.user_slug}/job"
    answers: Counter[int] = Counter()
    stop = threading.Event()

    def client(body: bytes) -> None:
        while not stop.is_set():
            try:
                status = call(port, "POST" if body else "GET", path, body, within=60)[0]
            except (OSError, http.client.HTTPException):
                status = 0
            answers[status] += 1

    clients = [
        threading.Thread(target=client, args=(body,), daemon=True) for body in (b"", b"copied 42 rows") * 2
    ]
    for one in clients:
        one.start()

    def more(count: int = 50) -> None:
        before = answers.total()
        until(lambda: answers.total() >= before + count, 60)

    try:
        more()
        for web in ("web", "web2"):
            services.restart(web)
            until(lambda web=web: services.is_up(web), 60)
            more()
        for web in ("web", "web2"):
            services.stop(web)
        for web in ("web", "web2"):
            services.start(web)
        more()
    finally:
        stop.set()
        for one in clients:
            one.join(90)
    assert set(answers) == {200}
    assert account.show("job")["ping_count"] == answers[200]
