"""Slack: an incoming webhook, in a dialect that Mattermost, Rocket.Chat and others speak as well."""

from collections.abc import Mapping
from dataclasses import replace

from ttr.channels.delivery import Failed, Outcome
from ttr.channels.exchange import judge, post_json
from ttr.channels.hook_url import FORM, read_url
from ttr.channels.kind import Field
from ttr.channels.means import Means
from ttr.channels.wording import render
from ttr.domain.notification import Notification
from ttr.settings import Settings

# The least of its limits: 3,000 for a section, 4,000 advised for the text, about 13,000 for all together.
TEXT_MAX = 3_000
# What the service says when the hook, its channel or its workspace will never take a message again.
_DEAD = {
    b"channel_is_archived",
    b"invalid_token",
    b"no_active_hooks",
    b"no_service",
    b"no_service_id",
    b"no_team",
}

name = "slack"
label = "Slack"
about = (
    "Add an incoming webhook to the workspace and give its URL; Mattermost's and Rocket.Chat's do as well."
)
fields: tuple[Field, ...] = (
    Field(
        "slack_webhook_url",
        "Webhook URL",
        read_url,
        FORM,
        secret=True,
        placeholder="https://hooks.slack.com/services/...",
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
    return secrets["slack_webhook_url"]


async def send(
    notification: Notification,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    *,
    means: Means,
    now: int,
) -> Outcome:
    """One attempt; see `Kind.send`."""
    try:
        url = read_url(secrets.get("slack_webhook_url", ""))
    except ValueError as error:
        return Failed("bad_settings", str(error), permanent=True)
    text = render("slack.mrkdwn", notification, means.links, limit=TEXT_MAX)
    message = {
        # Notifications of phones, and services that know no blocks, show this one.
        "text": text,
        # verbatim: names that look like links, channels or people are not made into ones.
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}],
        "unfurl_links": False,
        "unfurl_media": False,
    }
    answer = await post_json(means.guarded, url, message)
    if isinstance(answer, Failed):
        return answer
    outcome = judge(answer, now, who=label)
    if isinstance(outcome, Failed) and outcome.reason == "rejected" and answer.body.strip() in _DEAD:
        return replace(outcome, reason="gone")
    return outcome
