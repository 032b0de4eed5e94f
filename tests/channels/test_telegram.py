"""Telegram against a server that speaks the Bot API: every answer and what becomes of it."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.channels.hostile import DOWN, NASTY, about, many
from tests.channels.sending import LINKS, attempt
from tests.channels.services import (
    TOKEN,
    Answer,
    Service,
    TelegramHtml,
    broken_off,
    dripping,
    hanging,
    saying,
    saying_json,
    serving,
    telegram,
    telegram_error,
)
from ttr.channels import KINDS
from ttr.channels.delivery import Delivered, Failed, Outcome
from ttr.channels.kind import ChannelError, read_fields
from ttr.domain.notification import Notification

KIND = KINDS["telegram"]


@pytest.fixture
async def api() -> AsyncIterator[Service]:
    async with serving(telegram) as service:
        yield service


async def send(
    api: Service,
    *,
    chat: str = "42",
    token: str = TOKEN,
    about: Notification | None = None,
    seconds: float = 10,
) -> Outcome:
    outcome = await attempt(
        KIND,
        {"telegram_chat_id": chat},
        {"telegram_bot_token": token},
        notification=about,
        telegram_api_url=api.url,
        total_seconds=seconds,
    )
    assert "s3cr3t" not in repr(outcome).lower()
    return outcome


async def test_a_message_is_html_without_previews(api: Service) -> None:
    assert await send(api) == Delivered("HTTP 200", 200)
    [request] = api.seen
    assert request.path == f"/bot{TOKEN}/sendMessage"
    assert {**request.body, "text": ""} == {
        "chat_id": 42,
        "text": "",
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    parsed = TelegramHtml(request.body["text"])
    assert parsed.text.startswith('"nightly backup" is down\n\n"nightly backup" has been down since')
    assert parsed.links == [LINKS.check(7)]


async def test_a_public_channel_is_named_and_not_numbered(api: Service) -> None:
    assert isinstance(await send(api, chat="@ops_alerts"), Delivered)
    assert api.seen[0].body["chat_id"] == "@ops_alerts"


@pytest.mark.parametrize(
    "events", [about(NASTY), many(5), many(1_000), about(replace(DOWN, output="\x00 " * 600))]
)
async def test_hostile_words_fit_and_are_accepted_as_they_are(api: Service, events: Notification) -> None:
    assert await send(api, about=events) == Delivered("HTTP 200", 200)
    [request] = api.seen
    parsed = TelegramHtml(request.body["text"])
    assert all(link.startswith("https://ttr.example.org/") for link in parsed.links)
    assert "@everyone" not in parsed.text.partition("Last output:")[0]


async def test_a_group_that_moved_is_followed_at_once_and_its_new_id_told(api: Service) -> None:
    api.chats.update({"-7": "-1007", "-1007": ""})
    assert await send(api, chat="-7") == Delivered("HTTP 200", 200, settings={"telegram_chat_id": "-1007"})
    assert [seen.body["chat_id"] for seen in api.seen] == [-7, -1007]
    assert api.seen[0].body["text"] == api.seen[1].body["text"]


async def test_a_group_that_keeps_moving_is_followed_only_once(api: Service) -> None:
    api.chats.update({"-7": "-8", "-8": "-7"})
    outcome = await send(api, chat="-7")
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent, outcome.status) == ("rejected", True, 400)
    assert len(api.seen) == 2


async def test_markup_that_is_not_accepted_is_sent_as_plain_text(api: Service) -> None:
    api.answers.append(telegram_error(400, "Bad Request: can't parse entities: Unsupported start tag"))
    assert await send(api, about=about(replace(NASTY, check_name="a <b> & c"))) == Delivered("HTTP 200", 200)
    plain = api.seen[1].body
    assert "parse_mode" not in plain
    assert plain["text"].startswith('"a <b> & c" is down\n')
    assert f"Open the check: {LINKS.check(7)}" in plain["text"]
    assert "<pre>" not in plain["text"]


async def test_plain_text_that_is_not_accepted_is_not_sent_a_third_time(api: Service) -> None:
    api.answers.extend([telegram_error(400, "Bad Request: can't parse entities: x")] * 3)
    assert isinstance(await send(api), Failed)
    assert len(api.seen) == 2


async def test_a_chat_that_moved_and_dislikes_the_markup_gets_the_message(api: Service) -> None:
    api.answers.append(telegram_error(400, "Bad Request: upgraded", {"migrate_to_chat_id": -100}))
    api.answers.append(telegram_error(400, "Bad Request: can't parse entities: x"))
    assert await send(api, chat="-7") == Delivered("HTTP 200", 200, settings={"telegram_chat_id": "-100"})
    assert len(api.seen) == 3


@pytest.mark.parametrize(
    ("parameters", "headers", "wait"),
    [
        ({"retry_after": 34}, {}, 34.0),
        ({"retry_after": 34}, {"Retry-After": "5"}, 34.0),
        ({"retry_after": 0.5}, {}, 0.5),
        ({"retry_after": 10**30}, {}, 86_400.0),
        ({"retry_after": -1}, {}, None),
        ({"retry_after": True}, {}, None),
        ({"retry_after": "soon"}, {}, None),
        (None, {}, None),
        ([], {}, None),
        (None, {"Retry-After": "5"}, 5.0),
    ],
)
async def test_the_wait_of_a_429_is_read_from_its_json(
    api: Service, parameters: Any, headers: dict[str, str], wait: float | None
) -> None:
    body = {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 34"}
    api.answers.append(saying_json(429, {**body, "parameters": parameters}, headers))
    assert await send(api) == Failed(
        "rate_limited", "Telegram answered HTTP 429: Too Many Requests: retry after 34", False, wait, 429
    )


@pytest.mark.parametrize(
    ("code", "description"),
    [
        (400, "Bad Request: chat not found"),
        (401, "Unauthorized"),
        (403, "Forbidden: bot was blocked by the user"),
        (403, "Forbidden: bot was kicked from the supergroup chat"),
        (403, "Forbidden: user is deactivated"),
        (403, "Forbidden: bot is not a member of the channel chat"),
        (404, "Not Found"),
    ],
)
async def test_a_chat_or_bot_that_is_no_more_is_gone(api: Service, code: int, description: str) -> None:
    api.answers.append(telegram_error(code, description))
    assert await send(api) == Failed(
        "gone", f"Telegram answered HTTP {code}: {description}", True, status=code
    )


async def test_the_service_itself_calls_a_wrong_token_and_chat_gone(api: Service) -> None:
    for chat, token in (("42", "1:s3cr3t-other"), ("43", TOKEN)):
        outcome = await send(api, chat=chat, token=token)
        assert isinstance(outcome, Failed)
        assert outcome.reason == "gone"


@pytest.mark.parametrize(
    ("code", "description"),
    [
        (400, "Bad Request: not enough rights to send text messages to the chat"),
        (400, "Bad Request: message is too long"),
        (403, "Forbidden: bots can't send messages to bots"),
    ],
)
async def test_another_no_is_a_rejection(api: Service, code: int, description: str) -> None:
    api.answers.append(telegram_error(code, description))
    assert await send(api) == Failed(
        "rejected", f"Telegram answered HTTP {code}: {description}", True, status=code
    )


@pytest.mark.parametrize(
    ("answer", "reason", "status"),
    [
        (telegram_error(500, "Internal Server Error"), "server_error", 500),
        (telegram_error(502, "Bad Gateway"), "server_error", 502),
        (saying(502, "<html>Bad Gateway</html>", kind="text/html"), "server_error", 502),
        (saying(429, "slow down"), "rate_limited", 429),
        (saying(200, "hello"), "response_broken", 200),
        (saying_json(200, {"ok": False}), "response_broken", 200),
        (saying_json(200, ["ok"]), "response_broken", 200),
        (saying_json(200, {"ok": "yes"}), "response_broken", 200),
        (saying(404, "no such page"), "response_broken", 404),
        (saying(403, "<html>", kind="text/html"), "response_broken", 403),
        (saying(302, "", {"Location": "http://127.0.0.1:1/"}), "response_broken", 302),
        (saying(200, "[" * 50_000), "response_broken", 200),
        (broken_off, "response_broken", None),
    ],
)
async def test_trouble_on_the_way_is_worth_another_attempt(
    api: Service, answer: Answer, reason: str, status: int | None
) -> None:
    api.answers.append(answer)
    outcome = await send(api)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent, outcome.status) == (reason, False, status)
    assert len(api.seen) == 1


async def test_silence_ends_in_time(api: Service) -> None:
    api.answers.append(hanging)
    assert await send(api, seconds=0.2) == Failed("timeout", "No answer within 0.2 s", False)


async def test_a_slow_drip_ends_in_time_and_its_status_counts(api: Service) -> None:
    api.answers.append(dripping(500))
    outcome = await send(api, seconds=0.3)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent) == ("server_error", False)


async def test_nobody_listening_is_worth_another_attempt() -> None:
    outcome = await attempt(
        KIND, {"telegram_chat_id": "42"}, {"telegram_bot_token": TOKEN}, telegram_api_url="http://127.0.0.1:1"
    )
    assert outcome == Failed("connect_failed", "Connection refused", False)


@pytest.mark.parametrize(
    "echo",
    [
        f"no /bot{TOKEN}/sendMessage here",
        f"no bot {TOKEN.upper()}",
        "no s3cr3t-TOKEN",
        f"{'x' * 115} {TOKEN}",
    ],
)
@pytest.mark.parametrize("status", [400, 429, 500])
async def test_a_token_that_is_echoed_is_not_shown(
    api: Service, echo: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.answers.append(telegram_error(status, echo))
    assert isinstance(await send(api), Failed)
    assert "s3cr3t" not in "".join(
        record.getMessage() for record in caplog.records if record.name != "aiohttp.access"
    )


@pytest.mark.parametrize(
    ("settings", "secrets"),
    [({}, {"telegram_bot_token": TOKEN}), ({"telegram_chat_id": "42"}, {}), ({"telegram_chat_id": "x"}, {})],
)
async def test_settings_that_cannot_work_send_nothing(
    settings: dict[str, str], secrets: dict[str, str]
) -> None:
    outcome = await attempt(KIND, settings, secrets)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent) == ("bad_settings", True)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("1234:abcd", "1234:abcd"),
        (" 123456789:AAE-x_Y9 \n", "123456789:AAE-x_Y9"),
        ("", ""),
        (None, ""),
    ],
)
def test_tokens_are_read_leniently(given: str | None, read: str) -> None:
    assert read_fields(KIND, {"telegram_bot_token": given}) == ({}, {"telegram_bot_token": read})


@pytest.mark.parametrize(
    "given", ["1234", "s3cr3t", ":s3cr3t", "1:a/b", "1:a b", "1:\u00fc", "\u0661:a", "1:" + "a" * 101]
)
def test_what_is_no_token_is_refused_without_quoting_it(given: str) -> None:
    with pytest.raises(ChannelError) as caught:
        read_fields(KIND, {"telegram_bot_token": given})
    assert caught.value.field == "telegram_bot_token"
    assert "s3cr3t" not in caught.value.sentence


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (123456789, "123456789"),
        ("-1001234567890", "-1001234567890"),
        (-(2**52 - 1), str(-(2**52 - 1))),
        ("@ops_channel", "@ops_channel"),
        ("007", "7"),
    ],
)
def test_chats_are_numbers_or_names(given: object, read: str) -> None:
    assert read_fields(KIND, {"telegram_chat_id": given}) == ({"telegram_chat_id": read}, {})


@pytest.mark.parametrize(
    "given", [2**52, "-", "1.5", "ops", "@", "@a", "@1abc", "@" + "a" * 33, "1 2", "\u0661\u0662", True, [1]]
)
def test_what_is_no_chat_is_refused(given: object) -> None:
    with pytest.raises(ChannelError):
        read_fields(KIND, {"telegram_chat_id": given})


def test_messages_count_against_the_bot() -> None:
    assert KIND.destination({"telegram_chat_id": "42"}, {"telegram_bot_token": TOKEN}) == TOKEN
