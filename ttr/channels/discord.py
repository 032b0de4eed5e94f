"""Discord: a channel's webhook, one embed a message under a line that phones show."""

from collections.abc import Mapping
from dataclasses import replace

from ttr.channels.delivery import RETRY_AFTER_MAX_SECONDS, Delivered, Failed, Outcome
from ttr.channels.escaping import DIALECTS
from ttr.channels.exchange import Answer, answer_object, hide, judge, post_json, seconds, secret_parts
from ttr.channels.hook_url import FORM, read_url
from ttr.channels.kind import Field
from ttr.channels.means import Means
from ttr.channels.wording import headline, render, state
from ttr.domain.notification import Notification
from ttr.settings import Settings

DESCRIPTION_MAX = 4_096
_COLOURS = {"down": 0xD03B3B, "flapping": 0xD98E04, "up": 0x2F9E44, "": 0x6B7280}
# Unknown webhook and invalid webhook token.
_DEAD_CODES = (10015, 50027)

name = "discord"
label = "Discord"
about = "Make a webhook in the channel's settings under Integrations, and give its URL."
fields: tuple[Field, ...] = (
    Field(
        "discord_webhook_url",
        "Webhook URL",
        read_url,
        FORM,
        secret=True,
        placeholder="https://discord.com/api/webhooks/...",
    ),
)
events_max = 1_000
signs = False
confirms = False


def missing(settings: Settings) -> str:
    """Nothing."""
    return ""


def destination(settings: Mapping[str, str], secrets: Mapping[str, str]) -> str:
    """The hook: its messages are limited each hook by itself."""
    return secrets["discord_webhook_url"]


async def send(
    notification: Notification,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    *,
    means: Means,
    now: int,
) -> Outcome:
    """One attempt; see `Kind.send`. A bucket that this message has emptied is in the outcome's `hold_seconds`."""
    try:
        url = read_url(secrets.get("discord_webhook_url", ""))
    except ValueError as error:
        return Failed("bad_settings", str(error), permanent=True)
    message = {
        # A headline has at most about 500 characters with its escapes; 2,000 may stand here.
        "content": DIALECTS["md"].prose(headline(notification)),
        "embeds": [
            {
                "description": render("discord.md", notification, means.links, limit=DESCRIPTION_MAX),
                "color": _COLOURS[state(notification)],
            }
        ],
        # Whatever a name or a job's output holds, it calls nobody.
        "allowed_mentions": {"parse": []},
    }
    answer = await post_json(means.guarded, _waiting(url), message)
    return answer if isinstance(answer, Failed) else _judged(answer, url, now)


def _judged(answer: Answer, url: str, now: int) -> Outcome:
    reply = answer_object(answer) or {}
    said = reply.get("message")
    words = hide(said, secret_parts(url)) if isinstance(said, str) else None
    outcome = judge(answer, now, who=label, words=words)
    if isinstance(outcome, Delivered):
        return replace(outcome, hold_seconds=_hold(answer.headers))
    if answer.status == 429:
        wait = seconds(reply.get("retry_after"))  # finer than the header
        return outcome if wait is None else replace(outcome, retry_after_seconds=wait)
    if answer.status == 404 or (answer.status in (401, 403) and reply.get("code") in _DEAD_CODES):
        # Using a deleted hook again and again gets the whole address banned.
        return replace(outcome, reason="gone")
    return outcome


def _hold(headers: Mapping[str, str]) -> float | None:
    if headers.get("X-RateLimit-Remaining", "").strip() != "0":
        return None
    wait = seconds(headers.get("X-RateLimit-Reset-After", ""))
    return None if wait is None else min(wait, RETRY_AFTER_MAX_SECONDS)


def _waiting(url: str) -> str:
    """`url` asking to wait until the message is stored: without it, a message that is lost is a success as well."""
    path, _, query = url.partition("?")
    others = [part for part in query.split("&") if part and part.partition("=")[0] != "wait"]
    return f"{path}?{'&'.join([*others, 'wait=true'])}"
