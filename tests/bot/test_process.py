"""The bot process against a Telegram of the tests: it asks, answers, obeys, survives and stops."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bot.service import BotService, breaking_off, link_of, saying, saying_no, serving
from tests.conftest import eventually
from tests.journeys.stack import environment
from tests.telegram import ADA, BOT, EVE, SET_UP, TOKEN, update
from ttr.bot import process
from ttr.bot.api import BotApi, Trouble, bot_api, open_session
from ttr.bot.process import Bot, run
from ttr.ending import end
from ttr.settings import Settings
from ttr.store import bot as bot_keys
from ttr.store import keys
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store


@pytest.fixture
async def service() -> AsyncIterator[BotService]:
    async with serving() as found:
        yield found


@pytest.fixture
def settings(settings: Settings, service: BotService) -> Settings:
    told = {**SET_UP, "public_url": "https://ttr.test", "telegram_api_url": service.url}
    return settings.model_copy(update=told)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it was waited; nobody waits longer than 10 ms here."""
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)
        await asyncio.sleep(min(seconds, 0.01))

    monkeypatch.setattr(process, "_pause", pause)
    return waited


@asynccontextmanager
async def running(store: Store, settings: Settings, lease: str = "one") -> AsyncIterator[Bot]:
    """A bot that asks; stopped at the end."""
    async with open_session() as session:
        bot = Bot(store, settings, bot_api(session, settings), lease)
        task = asyncio.create_task(bot.serve())
        try:
            yield bot
        finally:
            await end(task)


async def offset(store: Store) -> int:
    return await bot_keys.read_offset(store, "1234")


async def test_it_answers_with_a_button_and_remembers_what_it_has_read(
    store: Store, settings: Settings, service: BotService
) -> None:
    await service.write(update(7, "/login"), update(8, "hello", EVE))
    async with running(store, settings):
        await service.until(lambda: len(service.sent) == 2 and len(service.asked) == 2)
    login, help_ = service.sent
    assert login["chat_id"] == ADA.id
    assert link_of(login).startswith("https://ttr.test/telegram/open?token=")
    assert link_of(login) not in login["text"]
    assert login["link_preview_options"] == {"is_disabled": True}
    assert (help_["chat_id"], link_of(help_)) == (EVE.id, "")
    assert [asked["offset"] for asked in service.asked] == [0, 9]
    async with running(store, settings):  # another process goes on behind it
        await service.until(lambda: len(service.asked) == 3)
    assert service.asked[2]["offset"] == 9
    assert len(service.sent) == 2
    assert 86_000 < await store.redis.ttl(keys.bot_offset("1234")) <= 86_400


async def _is(store: Store, number: int) -> bool:
    return await offset(store) == number


async def test_other_bots_have_numbers_of_their_own(store: Store, settings: Settings) -> None:
    await bot_keys.keep_offset(store, "999", 5_000)
    assert await offset(store) == 0


async def test_one_process_asks_at_a_time(store: Store, settings: Settings, service: BotService) -> None:
    async with running(store, settings, "one"), running(store, settings, "two"):
        await service.until(lambda: service.asking == 1)
        await service.write(*(update(number, "x") for number in range(1, 6)))
        await service.until(lambda: len(service.sent) == 5)
        assert service.most_asking == 1
        assert await store.redis.get(keys.bot_lease()) in (b"one", b"two")


async def test_a_lease_is_kept_given_up_and_taken_over(store: Store) -> None:
    assert await bot_keys.hold_lease(store, "one")
    assert await bot_keys.hold_lease(store, "one")
    assert not await bot_keys.hold_lease(store, "two")
    await bot_keys.release_lease(store, "two")
    assert not await bot_keys.hold_lease(store, "two")
    assert 0 < await store.redis.pttl(keys.bot_lease()) <= bot_keys.LEASE_MS
    await bot_keys.release_lease(store, "one")
    assert await bot_keys.hold_lease(store, "two")


async def test_who_has_lost_the_lease_leaves_the_rest_to_others(
    store: Store, settings: Settings, service: BotService
) -> None:
    await service.write(update(1, "x"), update(2, "x", EVE))

    async def robbed(_: Any) -> Any:
        await store.redis.set(keys.bot_lease(), "another")
        return saying_no(403, "Forbidden: bot was blocked by the user")

    async def answer(request: Any) -> Any:
        return await (await robbed(request))(request)

    service.next("sendMessage", answer)
    async with running(store, settings):
        await eventually(lambda: _is(store, 2))
    assert service.calls.count("sendMessage") == 1
    assert await offset(store) == 2


async def test_a_button_that_telegram_refuses_becomes_text(
    store: Store, settings: Settings, service: BotService
) -> None:
    local = settings.model_copy(update={"public_url": "http://localhost:8000"})
    await service.write(update(1, "/login"))
    async with running(store, local):
        await service.until(lambda: len(service.sent) == 1)
    assert "reply_markup" not in service.sent[0]
    assert link_of(service.sent[0]).startswith("http://localhost:8000/telegram/open?token=")
    assert service.calls.count("sendMessage") == 2


async def test_without_tls_a_link_is_text_at_once(
    store: Store, settings: Settings, service: BotService
) -> None:
    plain = settings.model_copy(update={"public_url": "http://ttr.test"})
    await service.write(update(1, "/login"))
    async with running(store, plain):
        await service.until(lambda: len(service.sent) == 1)
    assert service.calls.count("sendMessage") == 1
    assert link_of(service.sent[0]).startswith("http://ttr.test/telegram/open?token=")


async def test_it_waits_as_long_as_telegram_asks(
    store: Store, settings: Settings, service: BotService, waits: list[float]
) -> None:
    service.next("getUpdates", saying_no(429, "Too Many Requests: retry after 7", retry_after=7))
    service.next("sendMessage", saying_no(429, "Too Many Requests: retry after 9", retry_after=9))
    await service.write(update(1, "/login"))
    async with running(store, settings):
        await service.until(lambda: len(service.sent) == 1)
    assert 7 in waits
    assert 9 in waits


async def test_a_wait_without_end_has_one(
    store: Store, settings: Settings, service: BotService, waits: list[float]
) -> None:
    service.next(
        "getUpdates", saying_no(429, "later", retry_after=10**9), saying_no(429, "x", retry_after=-1)
    )
    async with running(store, settings):
        await service.until(lambda: len(service.asked) == 1)
    assert max(waits) == 300
    assert min(waits) >= 1


async def test_trouble_is_waited_for_longer_each_time_and_forgotten(
    store: Store,
    settings: Settings,
    service: BotService,
    waits: list[float],
    caplog: pytest.LogCaptureFixture,
) -> None:
    conflict = (
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    )
    service.next(
        "getUpdates",
        *(saying_no(409, conflict) for _ in range(3)),
        breaking_off,
        saying(502, "<html>bad gateway"),
        saying(200, "not json"),
        saying(200, "[" * 100_000),
        saying_no(500, "Internal Server Error"),
        saying(200, '{"ok": true, "result": [{"update_id": "x"}, 5, {"update_id": true}, {}]}'),
    )
    with caplog.at_level(logging.INFO, "ttr.bot"):
        await service.write(update(1, "/login"))
        async with running(store, settings):
            await service.until(lambda: len(service.sent) == 1)
    assert waits[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert sum("another program" in line.lower() for line in caplog.messages) == 1
    assert "Telegram is asked again." in caplog.messages
    assert TOKEN.partition(":")[2] not in caplog.text


async def test_a_wrong_token_is_said_and_nothing_ends(
    store: Store, settings: Settings, service: BotService, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = settings.model_copy(update={"telegram_bot_token": "1234:another-token-of-a-bot"})
    async with running(store, wrong):
        await service.until(lambda: service.calls.count("getMe") == 3)
    assert "Is TELEGRAM_BOT_TOKEN right?" in caplog.text
    assert "another-token" not in caplog.text


async def test_a_name_of_another_bot_is_said(
    store: Store, settings: Settings, service: BotService, caplog: pytest.LogCaptureFixture
) -> None:
    service.name = "OtherBot"
    async with running(store, settings):
        await service.until(lambda: len(service.asked) == 1)
    assert f"TELEGRAM_BOT_NAME is {BOT}, but TELEGRAM_BOT_TOKEN is of 'OtherBot'" in caplog.text


async def test_an_answer_that_is_refused_holds_up_nobody(
    store: Store, settings: Settings, service: BotService
) -> None:
    service.next("sendMessage", saying_no(403, "Forbidden: bot was blocked by the user"))
    await service.write(update(1, "x"), update(2, "x", EVE))
    async with running(store, settings):
        await service.until(lambda: len(service.sent) == 1)
    assert service.sent[0]["chat_id"] == EVE.id


async def test_an_answer_that_did_not_leave_is_sent_again(
    store: Store, settings: Settings, service: BotService
) -> None:
    service.next("sendMessage", breaking_off, saying_no(500, "Internal Server Error"))
    await service.write(update(1, "/login"))
    async with running(store, settings):
        await service.until(lambda: len(service.sent) == 1 and len(service.asked) == 4)
    assert [asked["offset"] for asked in service.asked] == [0, 0, 0, 2]


async def test_a_fault_of_ours_ends_nothing(
    store: Store,
    settings: Settings,
    service: BotService,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults: list[Exception] = [ZeroDivisionError(), StoreUnavailable("away")]
    really = process.reply_to

    async def reply_to(*args: Any, **options: Any) -> Any:
        if faults:
            raise faults.pop()
        return await really(*args, **options)

    monkeypatch.setattr(process, "reply_to", reply_to)
    await service.write(update(1, "/login"))
    async with running(store, settings):
        await service.until(lambda: len(service.sent) == 1)
    assert "Redis is away" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_no_trouble_tells_the_token(service: BotService) -> None:
    async with open_session() as session:
        for url in (service.url, "http://127.0.0.1:9", "http://nowhere.invalid", "http://[", "nonsense"):
            api = BotApi(session, url, "1234:another-token-of-a-bot")
            service.next("getMe", saying_no(400, "Bad: /bot1234:ANOTHER-token-of-a-bot/getMe"))
            with pytest.raises(Trouble) as found:
                await api.call("getMe")
            assert "another-token" not in str(found.value).lower()
            assert found.value.__cause__ is None


async def _asks(service: BotService, task: "asyncio.Task[None]") -> bool:
    if task.done():
        task.result()
    return service.asking == 1


async def test_it_stops_at_once_and_gives_its_lease_up(
    store: Store, settings: Settings, service: BotService
) -> None:
    task = asyncio.create_task(run(settings))
    await eventually(lambda: _asks(service, task))
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(5):  # a question is open for 20 s
        await task
    assert await store.redis.get(keys.bot_lease()) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "set TELEGRAM_AUTH_ENABLED, TELEGRAM_BOT_NAME and TELEGRAM_BOT_TOKEN"),
        (
            {**{name.upper(): str(value) for name, value in SET_UP.items()}, "TTR_ENV": "production"},
            "set PUBLIC_URL",
        ),
    ],
    ids=["not set up", "in production without an address"],
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_without_settings_it_says_what_to_set_and_waits_until_it_is_stopped(
    tmp_path: Path, given: dict[str, str], words: str, number: signal.Signals
) -> None:
    """It needs nothing for that, not even a Redis."""
    plain = {name: value for name, value in environment().items() if not name.startswith("TELEGRAM_")}
    with subprocess.Popen(
        [sys.executable, "-m", "ttr", "bot", "--data-dir", str(tmp_path / "data")],
        env={**plain, **given},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            assert words in process.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.3)
            process.send_signal(number)
            assert process.wait(10) == 0
        finally:
            process.kill()
