"""What the bot answers to whom, and to whom it doesn't."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.telegram import ADA, EVE, SET_UP, update
from ttr.bot.replies import Reply, may_be_button, read_message, reply_to
from ttr.domain.telegram_login import TelegramAccount, new_state
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.telegram_tokens import TOKEN_SECONDS, Ticket, read_token

STATE = new_state("key", "link", "browser", now_ms())


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={**SET_UP, "public_url": "https://ttr.test"})


async def replied(store: Store, settings: Settings, text: Any, account: TelegramAccount = ADA) -> Reply:
    message = read_message(update(1, text, account))
    assert message is not None
    reply = await reply_to(store, settings, message, now=now_ms())
    assert reply is not None
    return reply


async def ticket_of(store: Store, reply: Reply) -> Ticket | None:
    parts = urlsplit(reply.url)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "ttr.test", "/telegram/open")
    return await read_token(store, parse_qs(parts.query)["token"][0])


@pytest.mark.parametrize(
    "text",
    ["/start", "/login", "/start login", "/LOGIN", "/login@AcmeJobsBot", " /login  please ", "/start\tlogin"],
)
async def test_who_asks_gets_a_link_that_logs_in(store: Store, settings: Settings, text: str) -> None:
    reply = await replied(store, settings, text)
    assert reply.word == "Log in"
    assert await ticket_of(store, reply) == Ticket(ADA, "")
    assert "ttr.test" in reply.text


async def test_the_start_of_the_account_s_page_gets_a_link_that_links(
    store: Store, settings: Settings
) -> None:
    reply = await replied(store, settings, f"/start link-{STATE}")
    assert reply.word == "Link"
    assert await ticket_of(store, reply) == Ticket(ADA, STATE)


@pytest.mark.parametrize(
    "rest", ["", "x", "A" * 39, "A" * 41, "é" * 40, "A" * 20 + " " + "A" * 19, "../../" * 7]
)
async def test_a_start_that_is_not_whole_gets_no_link(store: Store, settings: Settings, rest: str) -> None:
    reply = await replied(store, settings, f"/start link-{rest}")
    assert reply.url == ""
    assert await store.redis.keys("ttr:telegram-token:*") == []


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "",
        " ",
        "login",
        "/help",
        "/",
        "/start other",
        "//login",
        "/login2",
        "<b>/login",
        None,
        5,
        ["x"],
        {},
    ],
)
async def test_anything_else_gets_a_word_of_help(store: Store, settings: Settings, text: Any) -> None:
    reply = await replied(store, settings, text)
    assert "/login" in reply.text
    assert reply.url == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"chat": {"id": -100, "type": "group"}},
        {"chat": {"id": -100, "type": "supergroup"}},
        {"chat": {"id": -100, "type": "channel"}},
        {"chat": {"id": EVE.id, "type": "private"}},
        {"chat": {"type": "private"}},
        {"chat": None},
        {"from": None},
        {"from": {"id": ADA.id, "is_bot": True, "first_name": "B"}},
        {"from": {"id": ADA.id, "first_name": "no word of a bot"}},
        {"from": {"id": True, "is_bot": False}, "chat": {"id": True, "type": "private"}},
        {"from": {"id": 2**63, "is_bot": False}, "chat": {"id": 2**63, "type": "private"}},
        {"from": {"id": -5, "is_bot": False}, "chat": {"id": -5, "type": "private"}},
    ],
)
def test_only_a_person_alone_with_the_bot_is_heard(changed: dict[str, object]) -> None:
    assert read_message(update(1, "/login", **changed)) is None


@pytest.mark.parametrize(
    "broken", [{}, {"message": None}, {"message": []}, {"message": "x"}, {"edited_message": {}}]
)
def test_a_broken_update_is_nobody_s(broken: dict[str, Any]) -> None:
    assert read_message(broken) is None


async def test_nothing_that_somebody_wrote_is_in_an_answer(store: Store, settings: Settings) -> None:
    for text in ("/login", f"/start link-{STATE}", "<a href='https://evil.test'>x</a>"):
        reply = await replied(store, settings, text, EVE)
        sent = str(reply.parameters(EVE.id, button=True)) + str(reply.parameters(EVE.id, button=False))
        for word in ("Eve &lt;", "Eve <", "img", "@eve", "evil", "href", STATE, "parse_mode"):
            assert word not in sent


async def test_a_message_that_has_waited_too_long_is_left_alone(store: Store, settings: Settings) -> None:
    for age, heard in ((0, True), (TOKEN_SECONDS - 5, True), (TOKEN_SECONDS + 5, False), (10**6, False)):
        message = read_message(
            update(1, "/login", TelegramAccount(age + 1, "A", ""), date=now_ms() // 1_000 - age)
        )
        assert message is not None
        assert (await reply_to(store, settings, message, now=now_ms()) is not None) == heard
    for date in (None, "x", True):
        message = read_message(update(1, "/login", date=date))
        assert message is not None
        assert await reply_to(store, settings, message, now=now_ms()) is None


async def test_one_person_is_answered_five_times_a_minute(store: Store, settings: Settings) -> None:
    settings = settings.model_copy(update={"rate_limits": Settings().rate_limits})
    now = now_ms()

    async def answered(account: TelegramAccount, at: int) -> bool:
        message = read_message(update(1, "x", account))
        assert message is not None
        return await reply_to(store, settings, message, now=at) is not None

    assert [await answered(ADA, now) for _ in range(7)] == [True] * 5 + [False] * 2
    assert await answered(EVE, now)
    assert await answered(ADA, now + 12_000)
    assert not await answered(ADA, now + 12_000)


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://ttr.test/x", True),
        ("http://localhost:8000/x", True),
        ("http://127.0.0.1/x", True),
        ("http://ttr.test/x", False),
        ("http://localhost.evil.test/x", False),
        ("", False),
    ],
)
def test_a_button_leads_over_tls_or_to_this_machine(url: str, may: bool) -> None:
    assert may_be_button(url) == may
