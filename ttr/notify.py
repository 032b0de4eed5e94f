"""Sending: claim a delivery, send it through its channel, report what became of it."""

import asyncio
import logging
import random
from collections.abc import Sequence

import aiohttp

from ttr.channels import KINDS
from ttr.channels.delivery import Delivered, Failed, Outcome
from ttr.channels.egress import open_session
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.deliveries import Claimed, Handed, claim, report
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store, open_store
from ttr.store.sealed import Unreadable, unseal

log = logging.getLogger(__name__)

RETRY_SECONDS = (5, 15, 30, 60, 120, 300, 900, 1800)
"""Waits after the first, second, ... attempt; then hourly until a day has passed."""
_HOUR = 3_600
_GIVE_UP_MS = 24 * _HOUR * 1000
_JITTER = 0.2
_HINTS_TRUSTED = 3
# A whole slice: what waited behind others that hang for 10 s would lose its lease of 10 s meanwhile.
_AT_ONCE = 100


async def deliver_slice(settings: Settings, partition: int, handed: Sequence[Handed]) -> None:
    """Send a slice of deliveries, up to 100 at a time; each is claimed just before it is sent. Those of one check
    to one channel go one after the other.
    """
    room = asyncio.Semaphore(_AT_ONCE)
    async with open_store(settings.database) as store, open_session(settings.egress_allow) as session:

        async def in_turn(deliveries: list[Handed]) -> None:
            async with room:
                for delivery in deliveries:
                    try:
                        await deliver(store, settings, partition, delivery, session)
                    except Exception:
                        # Let out, it would cut off the others of the slice, which are being sent.
                        log.exception(
                            "delivery %s comes back when its lease has lapsed", delivery.delivery_id
                        )

        await asyncio.gather(*(in_turn(deliveries) for deliveries in in_order(handed)))


def in_order(handed: Sequence[Handed]) -> list[list[Handed]]:
    """The slice by check and channel, each in the order of its events: an `up` must not overtake its `down`."""
    found: dict[tuple[str, str], list[tuple[int, Handed]]] = {}
    for delivery in handed:
        event, _, channel = delivery.delivery_id.rpartition("-c")
        check, count, _at = event.split("-")
        found.setdefault((check, channel), []).append((int(count), delivery))
    return [[one for _, one in sorted(group, key=lambda numbered: numbered[0])] for group in found.values()]


async def deliver(
    store: Store, settings: Settings, partition: int, handed: Handed, session: aiohttp.ClientSession
) -> None:
    """Send one delivery if it is still ours to send. If Redis goes away, the lease brings it back."""
    try:
        claimed = await claim(store, partition, handed, now_ms())
        if claimed is None:
            return
        outcome = await _send(settings, claimed, handed.delivery_id, session)
        again_at = retry_at(outcome, claimed.attempt, claimed.created_at, now_ms(), random.random())  # noqa: S311  # jitter, no secret
        await report(
            store,
            partition,
            handed,
            now=now_ms(),
            delivered=isinstance(outcome, Delivered),
            detail=outcome.detail,
            again_at=again_at,
        )
    except StoreUnavailable as error:
        log.warning("delivery %s: Redis is away: %s", handed.delivery_id, error)
        return
    log.info("delivery %s attempt %d: %s", handed.delivery_id, claimed.attempt, outcome.detail)


def retry_at(outcome: Outcome, attempt: int, created_at: int, now: int, chance: float) -> int | None:
    """When to try again, None for never. `chance` in [0, 1) spreads the plan by 20 % either way, so that what
    failed together doesn't come back together. The service's own hint wins, at least a second, up to a last
    attempt when a day has passed; from the fourth attempt on it can only lengthen the wait, so that a receiver
    that always says 0 isn't asked every second for a day.
    """
    if isinstance(outcome, Delivered) or outcome.permanent:
        return None
    planned = RETRY_SECONDS[attempt - 1] if attempt <= len(RETRY_SECONDS) else _HOUR
    planned_at = now + int(planned * 1000 * (1 - _JITTER + 2 * _JITTER * chance))
    end = created_at + _GIVE_UP_MS
    if planned_at > end:
        return None
    if outcome.retry_after_seconds is None:
        return planned_at
    hinted_at = now + max(int(outcome.retry_after_seconds * 1000), 1_000)
    return min(hinted_at if attempt <= _HINTS_TRUSTED else max(planned_at, hinted_at), end)


async def _send(
    settings: Settings, claimed: Claimed, delivery_id: str, session: aiohttp.ClientSession
) -> Outcome:
    kind = KINDS.get(claimed.kind)
    if kind is None:
        # A newer version may know the kind: during a deploy another worker can send it.
        return Failed("bad_settings", f"This version can't send to a {claimed.kind}.", False, None)
    secret = None
    if claimed.sealed_secret:
        try:
            secret = unseal(settings.master_key, claimed.data_key, claimed.sealed_secret)
        except Unreadable:
            # Kept for a day: the operator may have started with another ENCRYPTION_KEY by mistake.
            log.error("delivery %s: its secret was sealed under another ENCRYPTION_KEY", delivery_id)
            return Failed(
                "bad_settings", "The secret can't be read: its operator's log says why.", False, None
            )
    try:
        return await kind.send(
            claimed.event, claimed.settings, secret, delivery_id=delivery_id, now=now_ms(), session=session
        )
    except Exception:
        # A fault of ours. Left to its lease it might be sent again every 15 s, for ever; the plan has an end.
        log.exception("delivery %s", delivery_id)
        return Failed("response_broken", "ttr failed while sending; its operator's log says why", False)
