"""Limits of the API: at, below and above each, whom they count, and what the headers say. The clock is the test's."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from quart import Quart, Response

from tests.api.conftest import NEW, Caller, problem
from ttr.address import parse_networks
from ttr.api import auth, limits
from ttr.api.limits import fields
from ttr.app import create_app
from ttr.domain.allowance import Allowance, Limit, parse_limits
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.users import User

STRANGER = "A" * 32


@dataclass
class Clock:
    """The time that limits see; it stands still unless a test moves it."""

    now: int

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(now_ms())
    monkeypatch.setattr(auth, "now_ms", clock)
    monkeypatch.setattr(limits, "now_ms", clock)
    return clock


@dataclass(frozen=True)
class Limited:
    """An app with limits of its own, and callers of it."""

    app: Quart
    account: tuple[User, str]

    def caller(self, key: str | None = None) -> Caller:
        user, own = self.account
        return Caller(self.app.test_client(), user, own if key is None else key)


@asynccontextmanager
async def app_with(settings: Settings, text: str) -> AsyncIterator[Quart]:
    app = create_app(settings.model_copy(update={"rate_limits": parse_limits(text)}))
    async with app.test_app():
        yield app


def left(answer: Response) -> tuple[str, int, int]:
    """The zone, what remains and for how long, as RateLimit says; asserts its form."""
    found = re.fullmatch(r'"([a-z-]+)";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
    assert found, answer.headers["RateLimit"]
    return found[1], int(found[2]), int(found[3])


async def statuses(caller: Caller, times: int, method: str = "GET", path: str = "/checks") -> list[int]:
    return [(await caller.raw(method, path)).status_code for _ in range(times)]


async def test_a_key_is_limited_at_its_count_and_served_again_when_promised(
    settings: Settings, account: tuple[User, str], clock: Clock
) -> None:
    async with app_with(settings, "api-key=3/3600") as app:
        api = Limited(app, account).caller()
        found = [await api.raw("GET", "/checks") for _ in range(4)]
        assert [answer.status_code for answer in found] == [200, 200, 200, 429]
        assert [left(answer) for answer in found] == [
            ("api-key", 2, 1_200),
            ("api-key", 1, 2_400),
            ("api-key", 0, 3_600),
            ("api-key", 0, 1_200),
        ]
        assert {answer.headers["RateLimit-Policy"] for answer in found} == {'"api-key";q=3;w=3600'}
        assert [answer.headers.get("Retry-After") for answer in found] == [None, None, None, "1200"]
        assert await problem(found[3]) == {}
        assert found[3].headers["Cache-Control"] == "no-store"
        clock.now += 1_200_000 - 1
        assert await statuses(api, 1) == [429]
        clock.now += 1
        assert await statuses(api, 2) == [200, 429]


async def test_keys_don_t_share(settings: Settings, account: tuple[User, str], clock: Clock) -> None:
    async with app_with(settings, "api-key=1/3600") as app:
        api = Limited(app, account).caller()
        assert await statuses(api, 2) == [200, 429]
        client = app.test_client()
        made = json.loads(await (await client.post("/api/v1/keys")).get_data(as_text=False))
        assert await statuses(replace(api, key=made["auth_key"]), 2) == [200, 429]


@pytest.mark.parametrize("key", ["", STRANGER, "malformed"])
async def test_calls_without_a_valid_key_are_limited_by_address(
    settings: Settings, account: tuple[User, str], clock: Clock, key: str
) -> None:
    async with app_with(settings, "api-address=2/3600") as app:
        api = Limited(app, account)
        found = [await api.caller(key).raw("GET", "/checks") for _ in range(3)]
        assert [answer.status_code for answer in found] == [401, 401, 429]
        assert [left(answer)[1] for answer in found] == [1, 0, 0]
        assert found[2].headers["Retry-After"] == "1800"
        assert await problem(found[2]) == {}
        # Whoever has a key is not held up by others behind the same address.
        assert await statuses(api.caller(), 3) == [200] * 3
        clock.now += 1_800_000
        assert await statuses(api.caller(key), 2) == [401, 429]


async def test_strangers_are_counted_by_their_network(
    settings: Settings, account: tuple[User, str], clock: Clock
) -> None:
    behind_proxy = settings.model_copy(update={"trusted_proxies": parse_networks("127.0.0.1")})
    async with app_with(behind_proxy, "api-address=1/3600") as app:
        api = Limited(app, account).caller("")

        async def ask(address: str) -> int:
            headers = {"X-Forwarded-For": address}
            answer = await api.client.get(
                "/api/v1/checks", headers=headers, scope_base={"client": ("127.0.0.1", 1)}
            )
            return answer.status_code

        assert [await ask(a) for a in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9")] == [401, 429]
        assert [await ask(a) for a in ("2001:db8:1:3::1", "203.0.113.9", "203.0.113.10")] == [401] * 3


async def test_tests_are_limited_by_account(
    settings: Settings, account: tuple[User, str], clock: Clock
) -> None:
    async with app_with(settings, "test=2/3600") as app:
        api = Limited(app, account).caller()
        # Nobody listens there: what counts is that we tried.
        status, channel = await api.call(
            "POST", "/channels", {"kind": "webhook", "webhook_url": "http://127.0.0.1:9/", "enabled": True}
        )
        assert status == 201, channel
        path = f"/channels/{channel['id']}"
        found = [await api.raw("POST", f"{path}/test-queue") for _ in range(3)]
        assert [answer.status_code for answer in found] == [202, 202, 429]
        assert [left(answer)[:2] for answer in found] == [("test", 1), ("test", 0), ("test", 0)]
        assert found[2].headers["RateLimit-Policy"] == '"api-key";q=600;w=60, "test";q=2;w=3600'
        assert (await api.raw("POST", f"{path}/test")).status_code == 429


async def test_each_call_pays_once_however_it_ends(
    settings: Settings, account: tuple[User, str], clock: Clock
) -> None:
    async with app_with(settings, "api-key=4/3600") as app:
        api = Limited(app, account).caller()
        calls = [("POST", "/checks", NEW), ("POST", "/checks", {}), ("GET", "/checks/nope", None)]
        remaining = []
        for method, path, body in calls:
            answer = await api.raw(method, path, json.dumps(body).encode())
            remaining.append((answer.status_code, left(answer)[1]))
        assert remaining == [(201, 3), (400, 2), (404, 1)]


async def test_calls_at_the_same_moment_pay_one_by_one(
    settings: Settings, account: tuple[User, str], clock: Clock
) -> None:
    async with app_with(settings, "api-key=5/3600") as app:
        api = Limited(app, account).caller()
        found = await asyncio.gather(*(api.raw("GET", "/checks") for _ in range(20)))
        assert sorted(answer.status_code for answer in found) == [200] * 5 + [429] * 15


async def test_a_redis_that_is_full_limits_nobody(
    settings: Settings, account: tuple[User, str], store: Store
) -> None:
    async with app_with(settings, "api-key=1/3600,api-address=1/3600") as app:
        api = Limited(app, account)
        await store.redis.config_set("maxmemory", "1")
        try:
            found = [
                await api.caller(key).raw("GET", "/checks") for key in (None, None, STRANGER, STRANGER, "")
            ]
        finally:
            await store.redis.config_set("maxmemory", "0")
        assert [answer.status_code for answer in found] == [200, 200, 401, 401, 401]
        assert not any("RateLimit" in answer.headers for answer in found)


async def test_off_limits_nobody_and_says_nothing(settings: Settings, account: tuple[User, str]) -> None:
    async with app_with(settings, "off") as app:
        api = Limited(app, account)
        assert await statuses(api.caller(), 30) == [200] * 30
        answer = await api.caller(STRANGER).raw("GET", "/checks")
        assert answer.status_code == 401
        for name in ("RateLimit", "RateLimit-Policy", "Retry-After"):
            assert name not in answer.headers


def test_the_headers_show_the_scarcest() -> None:
    many, few = Limit("api-key", 600, 60), Limit("bulk", 30, 60)
    taken = [Allowance(many, True, 599, 100, 0), Allowance(few, True, 29, 2_000, 0)]
    assert fields(taken) == ('"api-key";q=600;w=60, "bulk";q=30;w=60', '"bulk";r=29;t=2')
    taken = [Allowance(many, True, 0, 60_000, 0), Allowance(few, False, 0, 60_000, 1_001)]
    assert fields(taken)[1] == '"bulk";r=0;t=2'
