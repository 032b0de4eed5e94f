"""What the running processes write, in both forms: one id tells an alert's story, and no secret stands in any line."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.client import Account, call, sign_up, until
from tests.journeys.receiver import Answer, Receiver
from tests.journeys.stack import Stack, environment
from tests.starting import run

HOSTILE = 'n"\r\n{"level": "critical", "event": "forged"}\x1b[31m\u202e'
HOOK = "/services/T0SECRET/B0SECRET/hook-secret-x"
PASSWORD = "Pg-s3cret-word"


@pytest.fixture(scope="module", params=["json", "console"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    with Stack(
        LOG_FORMAT=request.param, ACCESS_LOG="all", LOG_LEVEL="DEBUG", TRUSTED_PROXIES="127.0.0.1/32"
    ) as stack:
        yield stack


def lines(stack: Stack, *names: str) -> list[str]:
    """What processes have written so far."""
    return [
        line
        for name in names
        for line in (stack.folder / f"{name}.log").read_text("utf-8").split("\n")
        if line
    ]


def about(stack: Stack, origin: str, name: str, event: str) -> bool:
    """Whether a process tells of an event with this id."""
    return any(origin in line and event in line for line in lines(stack, name))


def test_one_id_tells_the_story_of_an_alert(stack: Stack, account: Account, receiver: Receiver) -> None:
    account.add("job", receiver.url("/hook"), interval_seconds=3_600)
    origin = f"story-{time.monotonic_ns()}"
    path = f"/p/{account.user_slug}/job"
    # A proxy that gives two requests the same id has them both counted.
    for number, action in enumerate(("/fail", ""), 1):
        assert call(stack.port, "GET", path + action, headers={"X-Request-ID": origin})[0] == 200
        receiver.wait("/hook", number)
    down, up = receiver.arrivals("/hook")
    assert (down.body["status"], up.body["status"]) == ("down", "up")
    assert account.show("job")["ping_count"] == 2
    assert origin not in json.dumps([dict(down.body), dict(down.headers)])
    for name, event in (
        ("web", "request"),
        ("web", "alert decided"),
        ("clock", "deliveries=" if _console(stack) else '"deliveries"'),
        ("worker", "delivery attempt"),
    ):
        until(lambda name=name, event=event: about(stack, origin, name, event))


def test_a_look_of_the_clock_is_an_origin_too(stack: Stack, account: Account, receiver: Receiver) -> None:
    check = account.add("late", receiver.url("/late"))
    receiver.wait("/late", 1)
    number = f"check={check['id']} " if _console(stack) else f'"check": {check["id"]},'
    alert = until(lambda: [line for line in lines(stack, "clock") if number in line and "down" in line])[0]
    if not _console(stack):
        origin = json.loads(alert)["origin"]
        assert about(stack, origin, "clock", "deadlines looked at")
        until(lambda: about(stack, origin, "worker", "delivery attempt"))


def test_no_process_writes_a_secret_and_nobody_forges_a_line(
    stack: Stack, account: Account, receiver: Receiver
) -> None:
    made = account.add("s3cret-job", receiver.url(HOOK), name="Nightly")
    receiver.answer(HOOK, *[Answer(404, body=HOSTILE.encode())] * 3)
    key = {"X-Auth-Key": account.auth_key}
    for method, path, headers in (
        ("GET", f"/p/{account.user_slug}/s3cret-job/fail", {"User-Agent": f"curl {account.auth_key}"}),
        ("GET", f"/p/{account.user_slug}/none-such", {"User-Agent": f"x redis://:{PASSWORD}@h"}),
        ("GET", f"/ping/{made['uuid']}", {}),
        ("GET", f"/nowhere/{account.auth_key}", {}),
        ("GET", f"/api/v1/checks/s3cret-job?q={account.auth_key}", key),
        ("GET", "/api/v1/admin/stats", {"Authorization": f"Bearer {account.auth_key}"}),
        ("POST", f"/api/v1/token?password={PASSWORD}", {}),
        ("POST", "/api/v1/checks/s3cret-job/webhook/test", key),
    ):
        call(stack.port, method, path, headers=headers)
    receiver.wait(HOOK, 1)
    until(lambda: any("delivery attempt" in line and "404" in line for line in lines(stack, "worker")))
    for env in ({"DATABASE_URL": f"postgresql://u:{PASSWORD}@127.0.0.1:1/x"},):
        env = environment(**stack.settings(), LOG_FORMAT="console" if _console(stack) else "json", **env)
        done = run(["-m", "ttr", "migrate"], env=env, cwd=stack.folder)
        assert done.returncode == 1
        (stack.folder / "migrate.log").write_text(done.stdout + done.stderr)
    every = lines(stack, "web", "clock", "worker", "migrate")
    text = "\n".join(every)
    for secret in (
        *(account.auth_key, account.user_slug, made["uuid"], "s3cret-job", "hook-secret", "T0SECRET"),
        *(PASSWORD, "tests only", stack.settings()["ENCRYPTION_KEY"]),
    ):
        assert secret not in text
    for line in every:
        assert line.isprintable()
        if not _console(stack):
            read: dict[str, Any] = json.loads(line)
            assert read["event"] != "forged"
            assert {"timestamp", "level", "logger", "process", "pid"} <= read.keys()
        else:
            assert line.startswith(("2", "    | ", "ttr "))


@pytest.fixture
def account(stack: Stack) -> Account:
    return sign_up(stack.port)


def _console(stack: Stack) -> bool:
    return not lines(stack, "clock")[0].startswith("{") if lines(stack, "clock") else False
