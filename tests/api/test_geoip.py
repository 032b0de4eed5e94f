"""The look-up of addresses: what the database and a trusted proxy tell, to callers with a key alone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from quart import Quart
from quart.typing import TestClientProtocol as Client

from tests.api.conftest import Caller, problem
from tests.geo_database import city, write_database
from ttr.address import parse_networks
from ttr.app import create_app
from ttr.domain.allowance import parse_limits
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.users import User

SWEDE, BRITON, NOBODY = "89.160.20.112", "2a02:da80::5", "198.51.100.7"
SWEDEN = {"country_code": "SE", "country_name": "Sweden", "connection_type": "Cable/DSL"}
BRITAIN = {"country_code": "GB", "country_name": "United Kingdom", "connection_type": "Unknown"}
UNKNOWN = {"country_code": "XX", "country_name": "Unknown", "connection_type": "Unknown"}


@pytest.fixture
async def mapped(store: Store, settings: Settings, tmp_path: Path) -> AsyncIterator[Quart]:
    """The app behind a proxy on this machine, with a database."""
    records = {
        "89.160.20.0/24": city("SE", "Sweden", traits={"connection_type": "Cable/DSL"}),
        "2a02:da80::/29": city("GB", "United Kingdom"),
    }
    more: dict[str, Any] = {
        "trusted_proxies": parse_networks("127.0.0.1/32"),
        "geoip_database_path": write_database(tmp_path / "city.mmdb", records),
    }
    app = create_app(settings.model_copy(update=more))
    async with app.test_app():
        yield app


async def look(
    app: Quart, key: str, query: str = "", peer: str = "127.0.0.1", **headers: str
) -> tuple[int, Any]:
    sent = {"X-Auth-Key": key} | {name.replace("_", "-"): value for name, value in headers.items()}
    client: Any = app.test_client()
    answer = await client.get(f"/api/v1/geoip{query}", headers=sent, scope_base={"client": (peer, 1)})
    return answer.status_code, await answer.get_json()


@pytest.mark.parametrize(
    ("asked", "shown", "place"),
    [
        (SWEDE, SWEDE, SWEDEN),
        (f"::ffff:{SWEDE}", SWEDE, SWEDEN),
        (BRITON, BRITON, BRITAIN),
        ("2A02:DA80:0::0005", BRITON, BRITAIN),
        (NOBODY, NOBODY, UNKNOWN),
        ("127.0.0.1", "127.0.0.1", UNKNOWN),
        ("10.0.0.1", "10.0.0.1", UNKNOWN),
    ],
)
async def test_an_address_is_looked_up(
    mapped: Quart, account: tuple[User, str], asked: str, shown: str, place: dict[str, str]
) -> None:
    assert await look(mapped, account[1], f"?ip={asked}") == (200, {"ip": shown, **place})


@pytest.mark.parametrize(
    "asked",
    [
        "here",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.4/24",
        "::g",
        "fe80::1%25eth0",
        "1.2.3.4:80",
        "%00",
        "0" * 5_000,
    ],
)
async def test_what_is_no_address_is_a_400_beside_its_field(
    mapped: Quart, account: tuple[User, str], client: Client, asked: str
) -> None:
    answer = await Caller(mapped.test_client(), *account).raw("GET", f"/geoip?ip={asked}")
    assert answer.status_code == 400
    assert "An address is needed" in (await problem(answer))["ip"]


async def test_without_one_it_is_the_callers_own(mapped: Quart, account: tuple[User, str]) -> None:
    _, key = account
    assert await look(mapped, key, peer=SWEDE) == (200, {"ip": SWEDE, **SWEDEN})
    assert await look(mapped, key, X_Forwarded_For=SWEDE) == (200, {"ip": SWEDE, **SWEDEN})
    # What somebody else says who is no trusted proxy is not believed.
    assert await look(mapped, key, peer=NOBODY, X_Forwarded_For=SWEDE) == (200, {"ip": NOBODY, **UNKNOWN})


async def test_a_trusted_proxys_country_goes_before_the_database(
    mapped: Quart, account: tuple[User, str]
) -> None:
    _, key = account
    told = {"X_Forwarded_For": SWEDE, "CF_IPCountry": "FI"}
    status, found = await look(mapped, key, **told)
    assert (status, found["country_code"], found["country_name"]) == (200, "FI", "Finland")
    # It tells of the caller, and of no other address.
    assert (await look(mapped, key, f"?ip={SWEDE}", **told))[1]["country_code"] == "SE"
    assert (await look(mapped, key, peer=SWEDE, CF_IPCountry="FI"))[1]["country_code"] == "SE"


async def test_a_caller_without_an_address_has_to_send_one(app: Quart, account: tuple[User, str]) -> None:
    answer = await Caller(app.test_client(), *account).raw("GET", "/geoip")
    assert answer.status_code == 409
    assert await problem(answer) == {"ip": "Your own address is not known here: send one."}


@pytest.mark.parametrize("key", ["", "x" * 32, "short"])
async def test_without_a_key_nothing_is_looked_up(mapped: Quart, key: str) -> None:
    status, found = await look(mapped, key, f"?ip={SWEDE}")
    assert status == 401
    assert "SE" not in str(found)


async def test_a_look_is_a_call_of_the_key(
    settings: Settings, store: Store, account: tuple[User, str]
) -> None:
    app = create_app(settings.model_copy(update={"rate_limits": parse_limits("api-key=2/3600")}))
    async with app.test_app():
        found = [(await look(app, account[1], f"?ip={SWEDE}"))[0] for _ in range(3)]
    assert found == [200, 200, 429]
