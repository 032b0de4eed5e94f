"""The token bucket of each destination, shared by all workers: take a token, report a send, show the state."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ttr.domain.rate import SENT_WINDOW_MS, Bucket, RateRules, fresh, snapshot
from ttr.store import keys
from ttr.store.redis import Store, store_trouble

SendOutcome = Literal["delivered", "rate_limited", "transient", "permanent"]
"""What became of a send, as far as it says something about the rate."""

DISABLED: dict[str, object] = {"enabled": False}
"""What is shown of the rate of a channel that has no destination yet."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether a message may leave now; if not, why, and in how many milliseconds to ask again."""

    granted: bool
    wait_ms: int
    reason: Literal["backoff", "rate_limited"] | None


async def take_token(
    store: Store, rules: RateRules, destination: str, *, who: str, now: int, queue: bool = True
) -> Taken:
    """Ask for one message to `destination`.

    `who` (such as "3:17") keeps its place in the queue by asking again within 5 s after the wait it was told;
    it may ask earlier. A turn that is more than 10 s away is told by half. Without `queue` it keeps
    no place and gets only what nobody waits for. Waiting doesn't change the rate. Raises
    ValueError without a destination, StoreUnavailable.
    """
    key = _key(destination)
    request = secrets.token_hex(8)
    with store_trouble():
        granted, wait, reason = await store.scripts.run_on(
            "take_token", key, [who, request, now, rules_json(rules), "1" if queue else "0"]
        )
    return Taken(granted == 1, int(wait), _REASONS[reason])


async def report_send(
    store: Store,
    rules: RateRules,
    destination: str,
    *,
    outcome: SendOutcome,
    retry_after_ms: int | None,
    hold_ms: int | None,
    send_id: str,
    now: int,
) -> None:
    """Let the rate learn from one attempt; a second report of the same `send_id` changes nothing.

    `retry_after_ms` counts for rate_limited; null, or 0, means that the service named no time and our own back-off
    applies. `hold_ms` is how long the service wants to be left alone though nothing failed. Both count for a day at
    most, and never shorten a wait that is longer. Raises ValueError without a destination, StoreUnavailable.
    """
    key = _key(destination)
    hints = ["" if ms is None else ms for ms in (retry_after_ms, hold_ms)]
    with store_trouble():
        await store.scripts.run_on("report_send", key, [send_id, outcome, now, *hints, rules_json(rules)])


async def read_rate(store: Store, rules: RateRules, destination: str, now: int) -> dict[str, object]:
    """What API and pages show of a destination's rate; one never seen is at its start. One round trip.

    Raises ValueError without a destination, StoreUnavailable.
    """
    return (await read_rates(store, rules, [destination], now))[0]


async def read_rates(
    store: Store, rules: RateRules, destinations: Sequence[str], now: int
) -> list[dict[str, object]]:
    """The same of several destinations, in one round trip."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for destination in destinations:
                pipe.hmget(_key(destination), "tokens", "max_tokens", "rps", "at", "backoff_until")
                pipe.zcount(keys.rate_sent(destination), f"({now - SENT_WINDOW_MS}", now)
                pipe.zcount(keys.rate_turns(destination), now, "+inf")
            answers = await pipe.execute()
    found = []
    for stored, sent, waiting in zip(answers[::3], answers[1::3], answers[2::3], strict=True):
        bucket = fresh(rules, now)
        if stored[0] is not None:
            tokens, most, rate, at, until = stored
            bucket = Bucket(float(tokens), float(most), float(rate), int(at), int(until))
        found.append(snapshot(rules, bucket, waiting=waiting, sent_per_minute=sent, now=now))
    return found


def rules_json(rules: RateRules) -> str:
    """The rules as both commands read them; times in milliseconds."""
    return json.dumps(
        {
            "cap": rules.cap,
            "drip": rules.drip,
            "start": rules.start,
            "burst": rules.burst,
            "step": rules.step,
            "hard": rules.hard,
            "soft": rules.soft,
            "backoff_base": rules.backoff_base_ms,
            "backoff_max": rules.backoff_max_ms,
            "level_max": rules.level_max,
            "ttl": rules.ttl_ms,
        }
    )


_REASONS: dict[bytes, Literal["backoff", "rate_limited"] | None] = {
    b"": None,
    b"backoff": "backoff",
    b"rate_limited": "rate_limited",
}


def _key(destination: str) -> str:
    # An empty hash tag would be none: all channels without a destination would share one bucket.
    if not destination:
        raise ValueError("A rate needs a destination.")
    return keys.rate(destination)
