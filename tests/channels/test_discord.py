"""Discord against a server that speaks webhooks: every answer and what becomes of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.channels.hostile import DOWN, NASTY, about, many
from tests.channels.sending import LINKS, attempt
from tests.channels.services import (
    DISCORD_PATH,
    Answer,
    Service,
    broken_off,
    discord,
    dripping,
    hanging,
    saying,
    saying_json,
    serving,
)
from ttr.channels import KINDS
from ttr.channels.delivery import Delivered, Failed, Outcome
from ttr.channels.kind import ChannelError, read_fields
from ttr.domain.notification import Notification

KIND = KINDS["discord"]


@pytest.fixture
async def hook() -> AsyncIterator[Service]:
    async with serving(discord) as service:
        yield service


async def send(
    hook: Service,
    *,
    about: Notification | None = None,
    query: str = "",
    seconds: float = 10,
    allow: str = "127.0.0.0/8",
) -> Outcome:
    secrets = {"discord_webhook_url": hook.url + DISCORD_PATH + query}
    outcome = await attempt(KIND, {}, secrets, notification=about, total_seconds=seconds, allow=allow)
    assert "s3cr3t" not in repr(outcome).lower()
    return outcome


async def test_a_message_is_a_line_and_an_embed_that_call_nobody(hook: Service) -> None:
    assert await send(hook) == Delivered("HTTP 200", 200)
    [request] = hook.seen
    [embed] = request.body["embeds"]
    assert request.query == "wait=true"
    assert request.body["content"] == '"nightly backup" is down'
    assert request.body["allowed_mentions"] == {"parse": []}
    assert embed["description"].startswith('"nightly backup" has been down since')
    assert f"[Open the check]({LINKS.check(7)})" in embed["description"]


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("?thread_id=7", "thread_id=7&wait=true"),
        ("?wait=false&thread_id=7", "thread_id=7&wait=true"),
        ("?wait=true", "wait=true"),
        ("?", "wait=true"),
    ],
)
async def test_other_parts_of_the_query_are_kept(hook: Service, query: str, sent: str) -> None:
    assert isinstance(await send(hook, query=query), Delivered)
    assert hook.seen[0].query == sent


async def test_the_colour_tells_the_state(hook: Service) -> None:
    up = replace(DOWN, kind="up", check_id=8)
    for notification in (about(DOWN), about(up), about(DOWN, up), about(replace(DOWN, kind="test"))):
        await send(hook, about=notification)
    down, back, both, test = (seen.body["embeds"][0]["color"] for seen in hook.seen)
    assert down == both
    assert len({down, back, test}) == 3


@pytest.mark.parametrize("events", [about(NASTY), many(5), many(1_000)])
async def test_hostile_words_fit_and_call_nobody(hook: Service, events: Notification) -> None:
    assert await send(hook, about=events) == Delivered("HTTP 200", 200)
    body = hook.seen[0].body
    text = body["content"] + body["embeds"][0]["description"]
    assert "@everyone" not in text.partition("```")[0]
    assert text.count("```") % 2 == 0
    assert body["allowed_mentions"] == {"parse": []}


async def test_an_answer_without_content_is_a_success(hook: Service) -> None:
    hook.answers.append(saying(204))
    assert await send(hook) == Delivered("HTTP 204", 204)


async def test_the_message_that_empties_the_bucket_says_when_the_next_may_come(hook: Service) -> None:
    hook.remaining = 2
    assert await send(hook) == Delivered("HTTP 200", 200)
    assert await send(hook) == Delivered("HTTP 200", 200, hold_seconds=1.25)


@pytest.mark.parametrize(
    ("headers", "hold"),
    [
        ({"X-RateLimit-Remaining": "0"}, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "soon"}, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "9" * 400}, 86_400.0),
        ({"X-RateLimit-Remaining": "1", "X-RateLimit-Reset-After": "5"}, None),
    ],
)
async def test_an_odd_bucket_is_read_with_care(
    hook: Service, headers: dict[str, str], hold: float | None
) -> None:
    hook.answers.append(saying(204, "", headers))
    assert await send(hook) == Delivered("HTTP 204", 204, hold_seconds=hold)


@pytest.mark.parametrize(
    ("body", "headers", "wait"),
    [
        ({"retry_after": 0.65, "global": False}, {"Retry-After": "1"}, 0.65),
        ({"retry_after": 64, "global": True}, {}, 64.0),
        ({}, {"Retry-After": "7"}, 7.0),
        ({"retry_after": "x"}, {"Retry-After": "7"}, 7.0),
        ({"retry_after": -3}, {}, None),
        ({"retry_after": True}, {}, None),
        ({"retry_after": 1e300}, {}, 86_400.0),
    ],
)
async def test_the_wait_of_a_429_is_the_finer_one(
    hook: Service, body: dict[str, Any], headers: dict[str, str], wait: float | None
) -> None:
    hook.answers.append(saying_json(429, {"message": "You are being rate limited.", **body}, headers))
    assert await send(hook) == Failed(
        "rate_limited", "Discord answered HTTP 429: You are being rate limited.", False, wait, 429
    )


async def test_a_429_of_the_proxy_in_front_has_a_header_only(hook: Service) -> None:
    hook.answers.append(saying(429, "<html>banned</html>", {"Retry-After": "600"}, "text/html"))
    assert await send(hook) == Failed("rate_limited", "Discord answered HTTP 429", False, 600.0, 429)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, {"message": "Unknown Webhook", "code": 10015}, "gone"),
        (404, {"message": "Unknown Channel", "code": 10003}, "gone"),
        (401, {"message": "Invalid Webhook Token", "code": 50027}, "gone"),
        (403, {"message": "Unknown Webhook", "code": 10015}, "gone"),
        (410, {"message": "Gone"}, "gone"),
        (401, {"message": "Unauthorized", "code": 0}, "rejected"),
        (403, {"message": "Missing Access", "code": 50001}, "rejected"),
        (400, {"message": "Invalid Form Body", "code": 50035}, "rejected"),
        (400, {"message": "Unknown Webhook", "code": 10015}, "rejected"),
    ],
)
async def test_a_deleted_hook_is_gone_and_another_no_is_a_rejection(
    hook: Service, status: int, body: dict[str, Any], reason: Any
) -> None:
    hook.answers.append(saying_json(status, body))
    assert await send(hook) == Failed(
        reason, f"Discord answered HTTP {status}: {body['message']}", True, status=status
    )


async def test_the_service_itself_calls_a_deleted_hook_gone(hook: Service) -> None:
    outcome = await attempt(KIND, {}, {"discord_webhook_url": f"{hook.url}/api/webhooks/1/deleted"})
    assert outcome == Failed("gone", "Discord answered HTTP 404: Unknown Webhook", True, status=404)


@pytest.mark.parametrize(
    ("answer", "reason", "status"),
    [
        (saying_json(500, {"message": "500: Internal Server Error", "code": 0}), "server_error", 500),
        (saying(502, "<html>", kind="text/html"), "server_error", 502),
        (saying_json(503, ["?"]), "server_error", 503),
        (saying_json(500, {"message": {"a": 1}}), "server_error", 500),
        (broken_off, "response_broken", None),
    ],
)
async def test_trouble_is_worth_another_attempt(
    hook: Service, answer: Answer, reason: str, status: int | None
) -> None:
    hook.answers.append(answer)
    outcome = await send(hook)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent, outcome.status) == (reason, False, status)


async def test_silence_ends_in_time(hook: Service) -> None:
    hook.answers.append(hanging)
    assert await send(hook, seconds=0.2) == Failed("timeout", "No answer within 0.2 s", False)


async def test_a_slow_drip_ends_in_time_and_its_status_counts(hook: Service) -> None:
    hook.answers.append(dripping(404))
    outcome = await send(hook, seconds=0.3)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("gone", 404)


@pytest.mark.parametrize("status", [301, 307])
async def test_a_redirect_to_a_private_address_is_not_followed(hook: Service, status: int) -> None:
    async with serving(discord) as inside:
        hook.answers.append(saying(status, "", {"Location": inside.url + DISCORD_PATH}))
        outcome = await send(hook)
        assert inside.seen == []
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent, outcome.status) == ("redirected", True, status)


async def test_a_private_address_is_refused(hook: Service) -> None:
    outcome = await send(hook, allow="")
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent) == ("refused_address", True)
    assert hook.seen == []


@pytest.mark.parametrize("echo", [f"no {DISCORD_PATH}", "no S3CR3T-hook", "x" * 110 + " s3cr3t-hook"])
@pytest.mark.parametrize("as_json", [True, False])
async def test_a_url_that_is_echoed_is_not_shown(hook: Service, echo: str, as_json: bool) -> None:
    hook.answers.append(saying_json(400, {"message": echo}) if as_json else saying(400, echo))
    assert isinstance(await send(hook), Failed)


@pytest.mark.parametrize("secrets", [{}, {"discord_webhook_url": "ftp://s3cr3t"}])
async def test_settings_that_cannot_work_send_nothing(secrets: dict[str, str]) -> None:
    outcome = await attempt(KIND, {}, secrets)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent) == ("bad_settings", True)
    assert "s3cr3t" not in outcome.detail


def test_any_web_address_may_be_the_hook() -> None:
    url = "https://discord.com/api/webhooks/1/x?thread_id=2"
    assert read_fields(KIND, {"discord_webhook_url": url}) == ({}, {"discord_webhook_url": url})
    assert KIND.destination({}, {"discord_webhook_url": url}) == url
    with pytest.raises(ChannelError):
        read_fields(KIND, {"discord_webhook_url": "https://user@discord.com/"})
