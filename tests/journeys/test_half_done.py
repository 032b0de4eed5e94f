"""A bulk call whose web process dies or stalls half way: the clock leaves all of it or none, and nobody is alerted."""

import http.client
import json
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis

from tests.journeys.client import Account, call, healthy, until
from tests.journeys.receiver import Receiver
from tests.journeys.stack import Stack
from ttr.domain.limits import BULK_MAX
from ttr.store import keys

# The strike comes in the first fifth: whoever runs the test may lose its processor for a second and still be in time.
_CHECKS = BULK_MAX


@pytest.fixture(params=[1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 12))])
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Where to strike; another seed strikes elsewhere."""
    return random.Random(request.param)


@pytest.fixture
def client(stack: Stack) -> Iterator["redis.Redis"]:
    """The stack's Redis."""
    with redis.Redis.from_url(stack.redis_url) as client:
        yield client


class Call(threading.Thread):
    """A request under way; `status` is 0 when there was no answer."""

    def __init__(self, account: Account, method: str, path: str, body: dict[str, Any]) -> None:
        super().__init__()
        self._to = (account.port, method, f"/api/v1{path}", json.dumps(body).encode())
        self._headers = {"X-Auth-Key": account.auth_key}
        self.status = 0
        self.answer = b""

    def run(self) -> None:
        with suppress(OSError, http.client.HTTPException):
            self.status, self.answer = call(*self._to, self._headers)


def user_id(client: "redis.Redis", account: Account) -> int:
    """The account's number."""
    return int(client.get(keys.user_slug(account.user_slug)) or 0)


def journal(client: "redis.Redis", account: Account) -> str:
    """The key of its journal."""
    number = user_id(client, account)
    return keys.user_chore(keys.partition_of(number), number)


def writes(client: "redis.Redis", account: Account) -> int:
    """How often anything of the account was changed."""
    number = user_id(client, account)
    return int(client.hget(keys.user(keys.partition_of(number), number), "version") or 0)


def lapse(client: "redis.Redis", account: Account) -> None:
    """Let the lease of what is half done be over, as it is after half a minute."""
    number = user_id(client, account)
    assert client.zadd(keys.chores(keys.partition_of(number)), {f"{number}:change": 1}, xx=True, ch=True) == 1


def strike(
    stack: Stack, client: "redis.Redis", account: Account, chance: random.Random, doing: Call, number: int
) -> None:
    """Send the web process a signal while it is in the middle of a call."""
    at = writes(client, account) + chance.randrange(_CHECKS // 20, _CHECKS // 5)
    doing.start()
    until(lambda: writes(client, account) >= at)
    stack.signal("web", number)


def settled(client: "redis.Redis", account: Account) -> None:
    """Wait until the clock is done with what was half done."""
    lapse(client, account)
    until(lambda: not client.exists(journal(client, account)))


def checks_of(account: Account) -> dict[int, dict[str, Any]]:
    """What the owner has set, by number."""
    found: dict[int, dict[str, Any]] = {}
    cursor = ""
    while True:
        page = account.api("GET", f"/checks?size=100&cursor={cursor}")
        for check in page["items"]:
            fields = ("name", "slug", "description", "grace_seconds", "interval_seconds", "paused", "status")
            tags = sorted(tag["name"] for tag in check["tags"])
            found[check["id"]] = {field: check[field] for field in fields} | {"tags": tags}
        if not (cursor := page["next_cursor"]):
            return found


def some_checks(account: Account) -> list[int]:
    """Many checks; half of them are up."""
    wanted = [
        {
            "name": f"job {n}",
            "slug": f"job-{n}",
            "interval_seconds": 3_600,
            "grace_seconds": 60,
            "tags": ["a"],
        }
        for n in range(_CHECKS)
    ]
    made = account.api("POST", "/checks/bulk", checks=wanted)["items"]
    for n in range(0, _CHECKS, 2):
        account.ping(f"job-{n}")
    return [check["id"] for check in made]


def revive(stack: Stack, account: Account) -> None:
    """Start the web process that was killed."""
    stack.start("web")
    until(lambda: healthy(account.port), 30)


def test_checks_that_a_killed_process_was_making_are_gone(
    stack: Stack, account: Account, client: "redis.Redis", chance: random.Random
) -> None:
    wanted = [{"name": f"job {n}", "interval_seconds": 60, "grace_seconds": 60} for n in range(_CHECKS)]
    doing = Call(account, "POST", "/checks/bulk", {"checks": wanted})
    strike(stack, client, account, chance, doing, signal.SIGSTOP)
    half = int(
        client.zcard(keys.user_checks(keys.partition_of(user_id(client, account)), user_id(client, account)))
    )
    assert 0 < half < _CHECKS
    stack.kill("web")
    doing.join()
    assert doing.status == 0
    revive(stack, account)
    busy = Call(account, "POST", "/checks/bulk", {"checks": wanted[:1]})
    busy.run()
    assert (busy.status, json.loads(busy.answer)["errors"]) == (409, [])
    settled(client, account)
    assert checks_of(account) == {}
    account.api("POST", "/checks/bulk", checks=wanted[:1])


def test_what_a_killed_process_was_changing_is_as_before_and_nobody_is_alerted(
    stack: Stack, account: Account, client: "redis.Redis", chance: random.Random, receiver: Receiver
) -> None:
    account.api("POST", "/channels", kind="webhook", webhook_url=receiver.url("/hook"), default=True)
    numbers = some_checks(account)
    before = checks_of(account)
    change = {
        "checks": numbers,
        "changes": {"description": "changed", "grace_seconds": 1, "interval_seconds": 600},
        "add_tags": ["b"],
        "remove_tags": ["a"],
    }
    for body in (change, {"checks": numbers, "paused": True}):
        doing = Call(account, "PATCH", "/checks/bulk", body)
        strike(stack, client, account, chance, doing, signal.SIGKILL)
        stack.kill("web")
        doing.join()
        assert doing.status == 0
        revive(stack, account)
        assert checks_of(account) != before
        settled(client, account)
        assert checks_of(account) == before
    assert receiver.arrivals("/hook") == []


def test_what_a_killed_process_was_deleting_is_deleted(
    stack: Stack, account: Account, client: "redis.Redis", chance: random.Random
) -> None:
    numbers = some_checks(account)
    doing = Call(account, "POST", "/checks/bulk-delete", {"checks": numbers[1:]})
    strike(stack, client, account, chance, doing, signal.SIGKILL)
    stack.kill("web")
    doing.join()
    revive(stack, account)
    settled(client, account)
    assert list(checks_of(account)) == numbers[:1]


def test_a_process_that_stalls_and_wakes_after_the_clock_adds_nothing(
    stack: Stack, account: Account, client: "redis.Redis", chance: random.Random
) -> None:
    wanted = [{"name": f"job {n}", "interval_seconds": 60, "grace_seconds": 60} for n in range(_CHECKS)]
    doing = Call(account, "POST", "/checks/bulk", {"checks": wanted})
    strike(stack, client, account, chance, doing, signal.SIGSTOP)
    settled(client, account)
    stack.signal("web", signal.SIGCONT)
    doing.join()
    assert doing.status == 503, doing.answer
    assert checks_of(account) == {}
