"""How many accounts an address may make."""

from collections.abc import AsyncIterator

import pytest
from quart import Quart
from werkzeug.datastructures import Headers

from tests.api.conftest import problem
from ttr.app import create_app
from ttr.settings import Settings, load_settings
from ttr.store.redis import Store


@pytest.fixture
async def limited(store: Store, settings: Settings) -> AsyncIterator[Quart]:
    """The app with limits on, three accounts an address, behind a trusted proxy."""
    app = create_app(
        load_settings(
            {
                "REDIS_URL": settings.database,
                "SECRET_KEY": "tests only",
                "ENCRYPTION_KEY": settings.master_key,
                "RATE_LIMITS": "new-account=3/3600",
                "TRUSTED_PROXIES": "127.0.0.1",
            }
        )
    )
    async with app.test_app():
        yield app


async def key_from(app: Quart, *forwarded: str, peer: str = "127.0.0.1") -> int:
    headers = [("X-Forwarded-For", line) for line in forwarded]
    client = app.test_client()
    answer = await client.post("/api/v1/keys", headers=Headers(headers), scope_base={"client": (peer, 1)})
    if answer.status_code == 429:
        assert await problem(answer) == {}
        assert 1_190 < int(answer.headers["Retry-After"]) <= 1_200
        assert answer.headers["RateLimit-Policy"] == '"new-account";q=3;w=3600'
    return answer.status_code


async def test_an_address_makes_so_many_accounts_an_hour(limited: Quart, store: Store) -> None:
    statuses = [await key_from(limited, "203.0.113.9") for _ in range(5)]
    assert statuses == [201, 201, 201, 429, 429]
    assert await key_from(limited, "203.0.113.10") == 201
    users = [key async for key in store.redis.scan_iter("ttr:access-key:*")]
    assert len(users) == 4


async def test_an_ipv6_network_counts_as_one_address(limited: Quart) -> None:
    statuses = [await key_from(limited, f"2001:db8:1:2:{n}::{n}") for n in range(1, 5)]
    assert statuses == [201, 201, 201, 429]
    assert await key_from(limited, "2001:db8:1:3::1") == 201


async def test_an_invented_address_does_not_help(limited: Quart) -> None:
    statuses = [await key_from(limited, f"198.51.100.{n}, 203.0.113.9") for n in range(5)]
    assert statuses == [201, 201, 201, 429, 429]
    statuses = [await key_from(limited, f"198.51.100.{n}", peer="192.0.2.7") for n in range(5)]
    assert statuses == [201, 201, 201, 429, 429]


async def test_an_invented_line_above_the_proxys_does_not_help(limited: Quart) -> None:
    statuses = [await key_from(limited, f"198.51.100.{n}", "203.0.113.9") for n in range(5)]
    assert statuses == [201, 201, 201, 429, 429]


async def test_rate_limits_off_lifts_it(app: Quart) -> None:
    assert [await key_from(app) for _ in range(25)] == [201] * 25
