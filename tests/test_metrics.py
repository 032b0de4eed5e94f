"""GET /metrics: who may, in which form, and that it neither breaks nor hangs, whatever is away."""

import asyncio
import re
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from quart import Quart, Response
from quart.typing import TestClientProtocol as Client
from werkzeug.datastructures import Headers

from tests.admins import PASSWORD, make_admin
from tests.attacks.test_headers import sent_from
from tests.conftest import start_redis
from tests.ping.conftest import door_settings, hypercorn_door
from ttr import scrape
from ttr.app import create_app
from ttr.domain.allowance import parse_limits
from ttr.installation import Installation
from ttr.now import now_ms
from ttr.settings import Settings, SettingsError, load_settings
from ttr.store.admins import remove_admin
from ttr.store.deadlines import tick_clock
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store, open_store, verify, wait_until_ready
from ttr.store.users import User

TOKEN = "a-token-of-Prometheus"
OPENMETRICS = "application/openmetrics-text"
PROMETHEUS = (  # as Prometheus 2.42 asks
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


@asynccontextmanager
async def opened(settings: Settings, **changes: object) -> AsyncIterator[Quart]:
    app = create_app(settings.model_copy(update={"metrics_token": TOKEN, **changes}))
    async with app.test_app():
        yield app


@pytest.fixture
async def scraper(store: Store, settings: Settings) -> AsyncIterator[Client]:
    """A client of an app that has the token."""
    async with opened(settings) as app:
        yield app.test_client()


async def ask(client: Client, token: str = TOKEN, **headers: str) -> Response:
    return await client.get("/metrics", headers={"Authorization": f"Bearer {token}", **headers})


async def text(answer: Response) -> str:
    return str(await answer.get_data(as_text=True))


def value(told: str, series: str) -> float | None:
    """The value of a series as it is written; None without one."""
    found = re.search(rf"^{re.escape(series)} (\S+)$", told, re.MULTILINE)
    return float(found[1]) if found else None


async def test_the_token_opens_it(scraper: Client, store: Store) -> None:
    await tick_clock(store, now_ms())
    answer = await ask(scraper)
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["Vary"] == "Accept, Authorization"
    told = await text(answer)
    assert value(told, "ttr_up") == value(told, "ttr_redis_up") == 1


async def test_an_admin_s_token_opens_it_as_long_as_it_lives(scraper: Client, store: Store) -> None:
    await make_admin(store)
    answer = await scraper.post("/api/v1/token", form={"username": "ops", "password": PASSWORD})
    token = (await answer.get_json())["access_token"]
    assert (await ask(scraper, token)).status_code == 200
    await remove_admin(store, "ops")
    assert (await ask(scraper, token)).status_code == 401


async def test_whoever_sends_none_hears_what_to_send(scraper: Client) -> None:
    for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer  "}):
        answer = await scraper.get("/metrics", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ttr metrics"'
        assert answer.headers["Cache-Control"] == "no-store"
        assert "METRICS_TOKEN" in await text(answer)


async def test_nothing_else_opens_it(scraper: Client, account: tuple[User, str]) -> None:
    _, key = account
    hostile = (
        TOKEN[:-1],
        TOKEN + "x",
        TOKEN.upper(),
        "None",
        "\xe9" * 20,
        "a.b.c",
        "x" * 10_000,
        f"{TOKEN} x",
        key,
    )
    answers = [await ask(scraper, token) for token in hostile]
    answers.append(await scraper.get("/metrics", headers={"Authorization": f"Basic {TOKEN}"}))
    answers.append(await scraper.get("/metrics", headers={"X-Auth-Key": TOKEN}))
    answers.append(await scraper.get(f"/metrics?token={TOKEN}&access_token={TOKEN}"))
    for answer in answers:
        assert answer.status_code == 401
        assert "ttr_" not in await text(answer)


async def test_without_the_setting_no_token_is_one(client: Client) -> None:
    for token in ("None", "null", '""', TOKEN):
        assert (await ask(client, token)).status_code == 401


async def test_the_word_bearer_may_be_written_anyhow(scraper: Client) -> None:
    answer = await scraper.get("/metrics", headers={"Authorization": f"bEARER   {TOKEN} "})
    assert answer.status_code == 200


async def test_a_head_is_told_the_same_without_the_numbers(scraper: Client) -> None:
    answer = await scraper.head("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert (await scraper.head("/metrics")).status_code == 401
    assert (await scraper.post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 405


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        (PROMETHEUS, True),
        (OPENMETRICS, True),
        (f"text/plain;q=0.5, {OPENMETRICS};version=1.0.0", True),
        (f"text/plain, {OPENMETRICS};q=0.5", False),
        ("text/plain", False),
        ("*/*", False),
        ("text/html", False),
        ("", False),
        (f"{OPENMETRICS};q=0", False),
        ("text/plain; version=1.0.0; escaping=allow-utf-8", False),
        (f"text/plain; version=not.a.version, {OPENMETRICS};version=9{'9' * 5_000};q=0.1", False),
        (f"{OPENMETRICS};version=x;escaping=<b>", True),
        ("\xff;;;,,,q=", False),
    ],
)
async def test_accept_says_in_which_form(scraper: Client, accept: str, openmetrics: bool) -> None:
    answer = await ask(scraper, Accept=accept)
    assert answer.status_code == 200
    assert answer.content_type == (
        f"{OPENMETRICS}; version=1.0.0; charset=utf-8"
        if openmetrics
        else "text/plain; version=0.0.4; charset=utf-8"
    )
    assert (await text(answer)).endswith("# EOF\n") == openmetrics


async def test_above_the_limit_it_says_when_to_come_back(store: Store, settings: Settings) -> None:
    async with opened(settings, rate_limits=parse_limits("metrics=3/3600")) as app:
        client = app.test_client()
        got = [
            await sent_from(client, "192.0.2.1", "/metrics", Headers({"Authorization": f"Bearer {token}"}))
            for token in (TOKEN, "wrong", TOKEN, TOKEN, "wrong")
        ]
    # A refused guess counts as well, and above the limit the right token is not told from a wrong one.
    assert [answer.status_code for answer in got] == [200, 401, 200, 429, 429]
    assert int(got[3].headers["Retry-After"]) > 0
    assert "scrapes from this address" in await text(got[3])


async def test_scrapes_at_once_share_one_reading(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, look = [], scrape.read_vitals

    async def counted(store: Store) -> object:
        read.append(1)
        return await look(store)

    monkeypatch.setattr(scrape, "read_vitals", counted)
    monkeypatch.setattr(scrape, "_KEPT_SECONDS", 60)
    async with opened(settings) as app:
        answers = await asyncio.gather(*(ask(app.test_client()) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert len(read) == 1


async def test_counts_that_take_long_come_from_the_last_time(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrape, "_KEPT_SECONDS", 0)
    async with opened(settings) as app:
        client = app.test_client()
        assert value(await text(await ask(client)), "ttr_accounts") == 0
        go = asyncio.Event()

        async def slowly(self: object) -> object:
            await go.wait()
            raise StoreUnavailable("too late")

        monkeypatch.setattr(Installation, "figures", slowly)
        monkeypatch.setattr(scrape, "WAIT_SECONDS", 0.05)
        app.extensions["ttr_installation"].last = None
        told = await text(await ask(client))
        assert value(told, "ttr_redis_up") == 1
        assert value(told, "ttr_accounts") is value(told, "ttr_figures_age_seconds") is None
        monkeypatch.undo()
        monkeypatch.setattr(scrape, "_KEPT_SECONDS", 0)
        assert value(await text(await ask(client)), "ttr_accounts") == 0
        monkeypatch.setattr(Installation, "figures", slowly)
        monkeypatch.setattr(scrape, "WAIT_SECONDS", 0.05)
        assert value(await text(await ask(client)), "ttr_accounts") == 0
        # At its end the app waits for what is late, and does not fall over it.
        go.set()


async def test_a_redis_that_does_not_answer_is_told_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scrape, "_KEPT_SECONDS", 0)
    monkeypatch.setattr(scrape, "WAIT_SECONDS", 0.3)
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        redis = start_redis(Path(folder))
        try:
            async with opened(door_settings(redis)) as app:
                client = app.test_client()
                assert value(await text(await ask(client)), "ttr_redis_up") == 1
                redis.process.send_signal(signal.SIGSTOP)
                try:
                    # Frozen, not gone: only the time tells. A command would raise after 5 s and a retry.
                    async with asyncio.timeout(4):
                        told = await text(await ask(client))
                finally:
                    redis.process.send_signal(signal.SIGCONT)
                assert value(told, "ttr_redis_up") == value(told, "ttr_up") == 0
                assert "ttr_app_info{" in told
                assert value(told, "ttr_accounts") is None
        finally:
            redis.process.kill()
            redis.process.wait(10)


async def test_while_redis_is_gone_it_still_answers() -> None:
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        redis = start_redis(Path(folder))
        try:
            async with open_store(redis.url) as store:
                await wait_until_ready(store)
                await verify(store)
            settings = door_settings(redis).model_copy(update={"metrics_token": TOKEN})
            async with hypercorn_door(settings) as door:
                assert (await door.ask("GET", "/metrics")).status == 401
                redis.process.kill()
                redis.process.wait(10)
                answer = await door.ask("GET", "/metrics", f"Authorization: Bearer {TOKEN}")
                assert answer.status == 200
                assert "ttr_redis_up 0.0" in answer.body.decode()
                answer = await door.ask("GET", "/metrics", "Authorization: Bearer an-admin-s-perhaps")
                assert answer.status == 401
        finally:
            redis.process.kill()
            redis.process.wait(10)


@pytest.mark.parametrize("token", ["x" * 15, "x" * 513, "with a space in it", "\u00e9" * 16, "tab\there" * 4])
def test_a_token_that_is_none_stops_the_start_and_is_not_quoted(token: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"METRICS_TOKEN": token})
    assert str(caught.value).startswith("METRICS_TOKEN: ")
    assert token not in str(caught.value)


@pytest.mark.parametrize("token", ["x" * 16, "x" * 512, "!#$%&'()*+,-./09"])
def test_a_token_may_have_signs(token: str) -> None:
    assert load_settings({"METRICS_TOKEN": token}).metrics_token == token
