"""Limits by address on the pages' door: logins, pages, what pages ask for, and guesses of what can't be guessed."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from quart import Quart

from tests.ping.conftest import Door, hypercorn_door
from tests.web.conftest import HTMX, Visitor, text
from ttr.app import create_app
from ttr.domain.allowance import DEFAULTS, parse_limits
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.users import User
from ttr.web import page_limits, security
from ttr.web.page_limits import FRAGMENTS_A_PAGE

Limited = Callable[[str], AbstractAsyncContextManager[Quart]]
STRANGE = "x" * 32
_OWN = re.compile(r'name="csrf_token" value="[^"]+"|name="ttr-now" content="\d+"')


@pytest.fixture
def limited(settings: Settings, store: Store) -> Limited:
    """The app with these limits."""

    @asynccontextmanager
    async def with_limits(limits: str) -> AsyncIterator[Quart]:
        app = create_app(settings.model_copy(update={"rate_limits": parse_limits(limits)}))
        async with app.test_app():
            yield app

    return with_limits


@pytest.fixture(autouse=True)
def addressed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The address that requests come from: a test's client has none of its own."""
    at = ["192.0.2.1"]
    monkeypatch.setattr("ttr.current.address", lambda: at[0])
    return at


def _default(zone: str) -> tuple[int, int]:
    return next((limit.count, limit.seconds) for limit in DEFAULTS if limit.zone == zone)


def test_the_defaults_are_as_the_documents_say() -> None:
    assert (_default("login"), _default("page")) == ((20, 300), (600, 60))


@pytest.mark.parametrize("right", [True, False])
async def test_a_login_above_the_limit_is_refused_whether_its_key_is_right(
    limited: Limited, account: tuple[User, str], addressed: list[str], *, right: bool
) -> None:
    key = account[1] if right else STRANGE
    async with limited("login=3/3600") as app:
        for _ in range(3):
            response = await Visitor(app.test_client()).post("/login", auth_key=key)
            assert response.status_code == (303 if right else 422)
        response = await Visitor(app.test_client()).post("/login", auth_key=key)
        assert response.status_code == 429
        assert "Too many logins from this address: 3 in 1 h are allowed" in await text(response)
        assert 1_190 < int(response.headers["Retry-After"]) <= 1_200
        assert "ttr_session" not in " ".join(response.headers.getlist("Set-Cookie"))
        addressed[0] = "192.0.2.2"
        assert (await Visitor(app.test_client()).post("/login", auth_key=account[1])).status_code == 303


async def test_a_refused_login_tells_nothing_of_the_key(limited: Limited, account: tuple[User, str]) -> None:
    async with limited("login=1/3600") as app:
        await Visitor(app.test_client()).post("/login", auth_key=STRANGE)
        said = {
            await text(await Visitor(app.test_client()).post("/login", auth_key=key))
            for key in (account[1], STRANGE, "")
        }
    # Only the tokens of forms and the time differ.
    assert len({_OWN.sub("", page) for page in said}) == 1


async def test_guessing_keys_is_over_after_the_limit_by_default(
    limited: Limited, account: tuple[User, str]
) -> None:
    count, _ = _default("login")
    async with limited("") as app:
        guesser = Visitor(app.test_client())
        found = [(await guesser.post("/login", auth_key=f"{n:032}")).status_code for n in range(count + 5)]
    assert found[:count] == [422] * count
    assert found[count:] == [429] * 5


async def test_whoever_is_logged_in_goes_on_while_others_guess(
    limited: Limited, account: tuple[User, str]
) -> None:
    async with limited("login=1/3600") as app:
        owner = Visitor(app.test_client())
        assert (await owner.post("/login", auth_key=account[1])).status_code == 303
        assert (await Visitor(app.test_client()).post("/login", auth_key=STRANGE)).status_code == 429
        assert (await owner.get("/dashboard")).status_code == 200


async def test_pages_at_the_limit_are_served_and_above_it_refused(
    limited: Limited, addressed: list[str]
) -> None:
    async with limited("page=5/3600") as app:
        client: Any = app.test_client()
        assert [(await client.get("/")).status_code for _ in range(6)] == [200] * 5 + [429]
        response = await client.get("/dashboard")
        assert response.status_code == 429
        said = "Too many pages asked for from this address: 5 in 1 h are allowed; try again in 1"
        assert (await text(response)).startswith(said)
        assert response.content_type == "text/plain; charset=utf-8"
        assert 0 < int(response.headers["Retry-After"]) <= 720
        addressed[0] = "192.0.2.2"
        assert (await client.get("/")).status_code == 200


async def test_htmx_is_told_in_the_place_for_it(limited: Limited) -> None:
    async with limited("page=1/3600") as app:
        client: Any = app.test_client()
        await client.get("/")
        assert (await client.get("/dashboard", headers=HTMX)).headers["HX-Retarget"] == "#outage"
        assert (await client.post("/checks", headers=HTMX)).headers["HX-Retarget"] == "#notice"


@pytest.mark.parametrize("path", ["/dashboard/list", "/static/js/copy.js", "/assets/x/js/copy.js", "/events"])
async def test_what_open_pages_ask_for_counts_apart(limited: Limited, path: str) -> None:
    async with limited("page=2/3600") as app:
        client: Any = app.test_client()
        found = [(await client.get(path)).status_code for _ in range(2 * FRAGMENTS_A_PAGE + 1)]
        assert 429 not in found[:-1]
        assert found[-1] == 429
        assert (await client.get("/")).status_code == 200


async def test_ten_tabs_that_open_at_once_and_poll_for_a_minute_are_served(
    limited: Limited, account: tuple[User, str]
) -> None:
    async with limited("") as app:
        owner = Visitor(app.test_client())
        await owner.post("/login", auth_key=account[1])
        for _ in range(10):
            assert (await owner.get("/dashboard")).status_code == 200
            for _ in range(12):
                assert (await owner.get("/dashboard/list", htmx=True)).status_code == 200


async def test_a_refusal_reads_nothing(
    limited: Limited, account: tuple[User, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with limited("page=3/3600") as app:
        owner = Visitor(app.test_client())
        await owner.post("/login", auth_key=account[1])
        await owner.get("/")

        async def unexpected(*_: object) -> None:
            raise AssertionError("read for a refusal")

        monkeypatch.setattr(security, "session_user", unexpected)
        assert (await owner.get("/dashboard")).status_code == 429


async def test_made_up_sessions_are_refused_after_the_limit(limited: Limited) -> None:
    async with limited("page=5/3600") as app:
        found = []
        for number in range(8):
            client: Any = app.test_client()
            response = await client.get("/dashboard", headers={"Cookie": f"ttr_session={number:032}"})
            found.append(response.status_code)
    assert found == [303] * 5 + [429] * 3


async def test_forged_forms_are_refused_after_the_limit(
    limited: Limited, account: tuple[User, str], store: Store
) -> None:
    async with limited("page=6/3600") as app:
        owner = Visitor(app.test_client())
        await owner.post("/login", auth_key=account[1])  # two requests
        found = []
        for number in range(6):
            form = {"csrf_token": f"{number:096}"}
            found.append(
                (await owner.client.post("/account/delete", form=form | {"word": "DELETE"})).status_code
            )
        assert found == [403] * 4 + [429] * 2


async def test_an_id_that_was_planted_is_not_what_a_login_opens(
    limited: Limited, account: tuple[User, str]
) -> None:
    """A browser's own id, planted before, opens nothing after a login: each login has a new one."""
    async with limited("off") as app:
        client: Any = app.test_client()
        client.set_cookie("localhost", "ttr_session", STRANGE)
        someone = Visitor(client)
        response = await someone.post("/login", auth_key=account[1])
        cookie = next(c for c in response.headers.getlist("Set-Cookie") if c.startswith("ttr_session="))
        assert STRANGE not in cookie
        planted: Any = app.test_client()
        assert (
            await planted.get("/dashboard", headers={"Cookie": f"ttr_session={STRANGE}"})
        ).status_code == 303


async def test_clients_without_an_address_are_left_alone(
    limited: Limited, addressed: list[str], account: tuple[User, str]
) -> None:
    """Behind a proxy on a unix socket nobody has one."""
    addressed[0] = ""
    async with limited("page=1/3600,login=1/3600") as app:
        for _ in range(3):
            assert (await Visitor(app.test_client()).post("/login", auth_key=account[1])).status_code == 303


async def test_the_address_that_counts_is_no_inventors(
    settings: Settings, store: Store, monkeypatch: Any
) -> None:
    monkeypatch.undo()
    async with hypercorn_door(
        settings.model_copy(update={"rate_limits": parse_limits("page=2/3600")})
    ) as door:
        found = [await _from(door, f"203.0.113.{number}") for number in range(3)]
    assert found == [200, 200, 429]


async def _from(door: Door, address: str) -> int:
    return (await door.ask("GET", "/", f"X-Forwarded-For: {address}", f"X-Real-IP: {address}")).status


def test_every_route_of_the_door_is_counted(app: Quart) -> None:
    before = app.before_request_funcs["web"]
    assert before[0].__qualname__.startswith(page_limits.refuse_floods.__qualname__)
