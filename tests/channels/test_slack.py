"""Slack against a server that speaks incoming webhooks: every answer and what becomes of it."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.channels.hostile import NASTY, about, many
from tests.channels.sending import LINKS, attempt
from tests.channels.services import (
    SLACK_PATH,
    Answer,
    Service,
    broken_off,
    dripping,
    hanging,
    saying,
    serving,
    slack,
)
from ttr.channels import KINDS
from ttr.channels.delivery import Delivered, Failed, Outcome
from ttr.channels.kind import ChannelError, read_fields
from ttr.domain.notification import Notification

KIND = KINDS["slack"]


@pytest.fixture
async def hook() -> AsyncIterator[Service]:
    async with serving(slack) as service:
        yield service


async def send(
    hook: Service, *, about: Notification | None = None, seconds: float = 10, allow: str = "127.0.0.0/8"
) -> Outcome:
    secrets = {"slack_webhook_url": hook.url + SLACK_PATH}
    outcome = await attempt(KIND, {}, secrets, notification=about, total_seconds=seconds, allow=allow)
    assert "s3cr3t" not in repr(outcome).lower()
    return outcome


async def test_a_message_is_text_and_the_same_text_in_a_section(hook: Service) -> None:
    assert await send(hook) == Delivered("HTTP 200", 200)
    [request] = hook.seen
    assert request.headers["Content-Type"] == "application/json"
    text = request.body["text"]
    assert text.startswith('*"nightly backup" is down*\n\n"nightly backup" has been down since')
    assert f"<{LINKS.check(7)}|Open the check>" in text
    assert request.body["blocks"] == [
        {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
    ]
    assert request.body["unfurl_links"] is request.body["unfurl_media"] is False


@pytest.mark.parametrize("events", [about(NASTY), many(5), many(1_000)])
async def test_hostile_words_fit_and_call_nobody(hook: Service, events: Notification) -> None:
    assert await send(hook, about=events) == Delivered("HTTP 200", 200)
    text = hook.seen[0].body["text"]
    # The description is its owner's: its links stay links, and say where they lead.
    owners = ("https://evil.example/login>", "http://evil.example/>", "http://evil.example>")
    assert all(part.startswith(("https://ttr.example.org/", *owners)) for part in text.split("<")[1:])
    assert text.count("```") % 2 == 0


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("30", 30.0),
        ("Sun, 22 Nov 2026 15:01:05 GMT", 59.25),
        ("soon", None),
        (None, None),
        ("9" * 20, 86_400.0),
    ],
)
async def test_a_429_says_how_long_to_wait(hook: Service, header: str | None, wait: float | None) -> None:
    hook.answers.append(saying(429, "rate_limited", {"Retry-After": header} if header else {}))
    assert await send(hook) == Failed(
        "rate_limited", "Slack answered HTTP 429: rate_limited", False, wait, 429
    )


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (404, "no_service"),
        (404, "no_team"),
        (403, "invalid_token"),
        (403, "no_active_hooks"),
        (410, "channel_is_archived"),
        (400, "no_service\n"),
        (410, ""),
    ],
)
async def test_a_dead_hook_is_gone(hook: Service, status: int, word: str) -> None:
    hook.answers.append(saying(status, word))
    said = f"Slack answered HTTP {status}" + (f": {word.strip()}" if word else "")
    assert await send(hook) == Failed("gone", said, True, status=status)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "invalid_payload"),
        (400, "invalid_blocks"),
        (400, "no_text"),
        (400, "user_not_found"),
        (403, "action_prohibited"),
        (404, "channel_not_found"),
        (404, "there is no_service here"),
        (413, "too big"),
    ],
)
async def test_another_no_is_a_rejection(hook: Service, status: int, word: str) -> None:
    hook.answers.append(saying(status, word))
    assert await send(hook) == Failed(
        "rejected", f"Slack answered HTTP {status}: {word}", True, status=status
    )


async def test_the_service_itself_calls_a_revoked_hook_gone(hook: Service) -> None:
    outcome = await attempt(KIND, {}, {"slack_webhook_url": f"{hook.url}/services/T0001/B0001/revoked"})
    assert outcome == Failed("gone", "Slack answered HTTP 404: no_service", True, status=404)


@pytest.mark.parametrize(
    ("answer", "reason", "status"),
    [
        (saying(500, "rollup_error"), "server_error", 500),
        (saying(503, "no_service"), "server_error", 503),
        (saying(408), "server_error", 408),
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


async def test_services_that_speak_the_dialect_may_say_something_else(hook: Service) -> None:
    hook.answers.append(saying(200, json.dumps({"success": True})))
    assert await send(hook) == Delivered("HTTP 200", 200)


async def test_silence_ends_in_time(hook: Service) -> None:
    hook.answers.append(hanging)
    assert await send(hook, seconds=0.2) == Failed("timeout", "No answer within 0.2 s", False)


async def test_a_slow_drip_ends_in_time_and_its_status_counts(hook: Service) -> None:
    hook.answers.append(dripping(200))
    assert await send(hook, seconds=0.3) == Delivered("HTTP 200", 200)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_a_private_address_is_not_followed(hook: Service, status: int) -> None:
    async with serving(slack) as inside:
        hook.answers.append(saying(status, "", {"Location": inside.url + SLACK_PATH}))
        outcome = await send(hook)
        assert inside.seen == []
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent, outcome.status) == ("redirected", True, status)


async def test_a_private_address_is_refused(hook: Service) -> None:
    outcome = await send(hook, allow="")
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent) == ("refused_address", True)
    assert hook.seen == []


@pytest.mark.parametrize("echo", [f"no {SLACK_PATH}", "no S3CR3T-hook", "x" * 110 + " s3cr3t-hook"])
async def test_a_url_that_is_echoed_is_not_shown(hook: Service, echo: str) -> None:
    hook.answers.append(saying(400, echo))
    assert isinstance(await send(hook), Failed)


@pytest.mark.parametrize("secrets", [{}, {"slack_webhook_url": ""}, {"slack_webhook_url": "ftp://s3cr3t"}])
async def test_settings_that_cannot_work_send_nothing(secrets: dict[str, str]) -> None:
    outcome = await attempt(KIND, {}, secrets)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent) == ("bad_settings", True)
    assert "s3cr3t" not in outcome.detail


def test_any_web_address_may_be_the_hook() -> None:
    for url in ("https://hooks.slack.com/services/a/b/c", "http://mattermost.internal:8065/hooks/x"):
        assert read_fields(KIND, {"slack_webhook_url": f" {url} "}) == ({}, {"slack_webhook_url": url})
        assert KIND.destination({}, {"slack_webhook_url": url}) == url
    with pytest.raises(ChannelError) as caught:
        read_fields(KIND, {"slack_webhook_url": "hooks.slack.com/s3cr3t"})
    assert (caught.value.sentence, caught.value.field) == (
        "The URL must begin with http:// or https://.",
        "slack_webhook_url",
    )
