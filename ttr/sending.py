"""One attempt to notify: unseals the secrets and lets the kind send; for workers and for tests from a page."""

import asyncio
import json
import logging
from collections.abc import Mapping
from time import perf_counter

from ttr.channels import KINDS
from ttr.channels.delivery import Delivered, Failed, Outcome
from ttr.channels.egress import TOTAL_SECONDS
from ttr.channels.kind import lacking
from ttr.channels.means import Means
from ttr.channels.signing import signing_list
from ttr.domain.metrics import NOTIFICATIONS, OUTCOMES, SEND_SECONDS
from ttr.domain.notification import Notification
from ttr.meter import count, observe
from ttr.store.sealed import Unreadable, unseal

log = logging.getLogger(__name__)

# The kinds time themselves and word it better; this is for those that ask several times.
_MARGIN_SECONDS = 0.5


async def send_once(
    means: Means,
    *,
    kind: str,
    settings: Mapping[str, str],
    sealed: str,
    data_key: str,
    notification: Notification,
    now: int,
) -> Outcome:
    """Send `notification` once, to a channel's open `settings` and its secrets sealed under the account's
    `data_key`. Whatever goes wrong is an outcome; nothing is raised.
    """
    began = perf_counter()
    outcome = await _send(means, kind, settings, sealed, data_key, notification, now)
    known = kind if kind in KINDS else "unknown"
    count(NOTIFICATIONS, "success" if isinstance(outcome, Delivered) else "error", known)
    count(OUTCOMES, known, "delivered" if isinstance(outcome, Delivered) else outcome.reason)
    observe(SEND_SECONDS, perf_counter() - began, known)
    return outcome


async def _send(
    means: Means,
    kind: str,
    settings: Mapping[str, str],
    sealed: str,
    data_key: str,
    notification: Notification,
    now: int,
) -> Outcome:
    sender = KINDS.get(kind)
    if sender is None:
        # A newer version may know the kind: during a deploy another worker can send it.
        return Failed("bad_settings", f"This version can't send to a {kind}.", False)
    if missing := sender.missing(means.settings):
        return Failed("bad_settings", missing, False)
    secrets: dict[str, str] = {}
    if sealed:
        try:
            secrets = json.loads(unseal(means.settings.master_key, data_key, sealed))
        except (Unreadable, ValueError):
            # Kept for a day: the operator may have started with another ENCRYPTION_KEY by mistake.
            log.error("delivery %s: its secret was sealed under another ENCRYPTION_KEY", notification.id)
            return Failed("bad_settings", "The secret can't be read: its operator's log says why.", False)
    if empty := lacking(sender, settings, secrets):
        return Failed("bad_settings", f"Its setting {empty[0].label} is empty.", True)
    if sender.signs:
        secrets["signing"] = signing_list(secrets, now)
    try:
        # A kind may ask its service more than once in an attempt; all of it together has as long as one request.
        async with asyncio.timeout(TOTAL_SECONDS + _MARGIN_SECONDS):
            return await sender.send(notification, settings, secrets, means=means, now=now)
    except TimeoutError:
        return Failed("timeout", f"No answer within {TOTAL_SECONDS:g} s", permanent=False)
    except Exception:
        # A fault of ours. Left to its lease it might be sent again every 10 s, for ever; the plan has an end.
        log.exception("delivery %s", notification.id)
        return Failed("response_broken", "ttr failed while sending; its operator's log says why", False)
