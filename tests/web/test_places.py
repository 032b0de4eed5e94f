"""Where pings came from, on their pages."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from quart import Quart

from tests.geo_database import city, write_database
from tests.web.conftest import Visitor
from ttr.app import create_app
from ttr.settings import Settings
from ttr.store.checks import get_check
from ttr.store.pings import read_pings
from ttr.store.redis import Store


@pytest.fixture
async def app(store: Store, settings: Settings, tmp_path: Path) -> AsyncIterator[Quart]:
    """The app behind a proxy, with a database whose words are no markup."""
    records = {
        "89.160.20.0/24": city("SE", "Sweden", traits={"connection_type": "Cable/DSL"}),
        "81.2.69.0/24": city("GB", "<b>Albion</b>", traits={"connection_type": "<i>"}),
    }
    path = write_database(tmp_path / "city.mmdb", records)
    proxied = {"TRUSTED_PROXIES": "127.0.0.1", "GEOIP_DATABASE_PATH": str(path)}
    update = {name.lower(): value for name, value in proxied.items()}
    app = create_app(Settings.model_validate(settings.model_dump() | update))
    async with app.test_app():
        yield app


def facts(page: str) -> dict[str, str]:
    """The facts on a ping's page, as markup without tags of their own."""
    found = re.findall(r"<dt>([^<]+)</dt><dd>(.*?)</dd>", page, re.DOTALL)
    return {name: re.sub(r"<[^>]+>", "", value) for name, value in found}


@pytest.mark.parametrize(
    ("headers", "country", "connection"),
    [
        ({"X-Forwarded-For": "89.160.20.7"}, "Sweden SE", "Cable/DSL"),
        ({"X-Forwarded-For": "89.160.20.7", "CF-IPCountry": "DE"}, "Germany DE", "Cable/DSL"),
        ({"CF-IPCountry": "DE"}, "Germany DE", None),
        ({"X-Forwarded-For": "81.2.69.1"}, "&lt;b&gt;Albion&lt;/b&gt; GB", "&lt;i&gt;"),
        ({"X-Forwarded-For": "9.9.9.9"}, None, None),
        ({}, None, None),
    ],
)
async def test_the_page_of_a_ping_tells_what_is_known(
    owner: Visitor, headers: dict[str, str], country: str | None, connection: str | None
) -> None:
    assert owner.user
    number = await owner.make_check(slug="job")
    url = f"/p/{owner.user.user_slug}/job"
    answer = await owner.client.get(url, headers=headers, scope_base={"client": ("127.0.0.1", 1)})
    assert answer.status_code == 200
    said = facts(await owner.read(f"/checks/{number}/pings/1"))
    assert "Address" in said
    assert (said.get("Country"), said.get("Connection")) == (country, connection)


@pytest.mark.parametrize(("peer", "country"), [("127.0.0.1", "DE"), ("81.2.69.160", "")])
async def test_a_ping_by_hand_keeps_what_the_proxy_told(
    owner: Visitor, store: Store, peer: str, country: str
) -> None:
    assert owner.user
    number = await owner.make_check()
    response = await owner.client.post(
        f"/checks/{number}/pings",
        form={"csrf_token": owner.token},
        headers={"CF-IPCountry": "de"},
        scope_base={"client": (peer, 1)},
    )
    assert response.status_code == 303
    check = await get_check(store, owner.user, str(number))
    assert (await read_pings(store, check, 1))[0].country == country
