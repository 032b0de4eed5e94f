"""Where pings came from, in the log of the API."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from quart import Quart

from tests.api.conftest import Caller
from tests.geo_database import city, write_database
from ttr.app import create_app
from ttr.settings import Settings, load_settings
from ttr.store.redis import Store
from ttr.store.users import User


@pytest.fixture
async def mapped(store: Store, settings: Settings, tmp_path: Path) -> AsyncIterator[Quart]:
    """The app behind a proxy on this machine, with a database."""
    records = {
        "89.160.20.0/24": city("SE", "Sweden", traits={"connection_type": "Cable/DSL"}),
        "81.2.69.0/24": city("GB", "United Kingdom"),
    }
    app = create_app(
        load_settings(
            {
                "REDIS_URL": settings.database,
                "SECRET_KEY": "tests only",
                "ENCRYPTION_KEY": settings.master_key,
                "RATE_LIMITS": "off",
                "TRUSTED_PROXIES": "127.0.0.1",
                "GEOIP_DATABASE_PATH": str(write_database(tmp_path / "city.mmdb", records)),
            }
        )
    )
    async with app.test_app():
        yield app


@pytest.fixture
def mapped_api(mapped: Quart, account: tuple[User, str]) -> Caller:
    return Caller(mapped.test_client(), *account)


async def place(api: Caller) -> tuple[Any, ...]:
    """Where the newest ping came from."""
    _, log = await api.call("GET", "/checks/job/pings?size=1")
    (ping,) = log["items"]
    return tuple(ping[name] for name in ("country_code", "country_name", "connection_type"))


async def ping(api: Caller, headers: dict[str, str], peer: str = "127.0.0.1") -> None:
    answer = await api.client.get(
        f"/p/{api.user.user_slug}/job", headers=headers, scope_base={"client": (peer, 1)}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"X-Forwarded-For": "89.160.20.7"}, ("SE", "Sweden", "Cable/DSL")),
        ({"X-Forwarded-For": "81.2.69.160"}, ("GB", "United Kingdom", "Unknown")),
        ({"X-Forwarded-For": "9.9.9.9"}, ("XX", "Unknown", "Unknown")),
        ({}, ("XX", "Unknown", "Unknown")),
        ({"X-Forwarded-For": "81.2.69.160", "CF-IPCountry": "de"}, ("DE", "Germany", "Unknown")),
        ({"X-Forwarded-For": "81.2.69.160", "CF-IPCountry": "T1"}, ("GB", "United Kingdom", "Unknown")),
    ],
)
async def test_a_ping_tells_its_country(
    mapped_api: Caller, headers: dict[str, str], found: tuple[str, str, str]
) -> None:
    await mapped_api.make(slug="job")
    await ping(mapped_api, headers)
    assert await place(mapped_api) == found


async def test_a_client_can_not_choose_its_country(mapped_api: Caller) -> None:
    await mapped_api.make(slug="job")
    invented = {"X-Forwarded-For": "89.160.20.7", "CF-IPCountry": "DE", "X-GeoIP-Country-Code": "DE"}
    await ping(mapped_api, invented, peer="81.2.69.160")
    assert await place(mapped_api) == ("GB", "United Kingdom", "Unknown")


async def test_what_was_pinged_before_there_was_a_database_is_looked_up_too(
    api: Caller, mapped_api: Caller
) -> None:
    await api.make(slug="job")
    await ping(api, {}, peer="89.160.20.7")
    assert await place(api) == ("XX", "Unknown", "Unknown")
    assert await place(mapped_api) == ("SE", "Sweden", "Cable/DSL")


async def test_the_document_says_what_a_country_is(api: Caller) -> None:
    _, document = await api.call("GET", "/openapi.json")
    said = document["components"]["schemas"]["Ping"]
    assert {"country_code", "country_name", "connection_type"} <= set(said["required"])
    assert said["properties"]["country_code"]["pattern"] == "^[A-Z]{2}$"
