"""Sending: lease what is due, take a token of its destination, claim, send, report; many at once, for as long as
there is something to send.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from typing import TypedDict, Unpack

from ttr.channels.delivery import Delivered, Failed, Outcome
from ttr.channels.means import Means, open_means
from ttr.domain.alert import Event
from ttr.domain.metrics import QUEUE_SECONDS
from ttr.domain.moments import iso
from ttr.domain.rate import RateRules, rules
from ttr.ending import end
from ttr.heartbeat import beating, turn
from ttr.logs import get_logger
from ttr.meter import observe
from ttr.noted import set_origin
from ttr.now import now_ms
from ttr.retries import retry_at
from ttr.sending import send_once
from ttr.settings import Settings
from ttr.store.deliveries import (
    LEASE_MS,
    Attempt,
    BrokenDelivery,
    Lane,
    claim,
    defer,
    hand_out,
    look,
    renew,
    report,
)
from ttr.store.errors import StoreUnavailable
from ttr.store.rates import SendOutcome, report_send, take_token
from ttr.store.redis import Store, open_store

log = get_logger(__name__)

AT_ONCE = 500
"""Addresses that one worker sends to at the same time. A receiver that hangs holds its place for 10 s."""
FAILING_SHARE = AT_ONCE // 2
"""Places that addresses may take whose last message failed or was slow, so that they leave room for the others."""
ACCOUNT_SHARE = 50
"""Places of one account."""
IN_A_ROW = 20
"""Messages to one address before it goes back among the others; one that is slow goes back at once."""
SLOW_MS = 2_000
# One look costs 0.3 ms. A job that has nothing left to do stays for another second: starting one costs a fork.
_LOOK_SECONDS = 0.05
_LINGER_SECONDS = 1.0
# Ended now and then so that the process is a fresh one; another job is waiting by then if there is work.
_SERVE_SECONDS = 600
_NO_ROOM_MS = 500
_LAST_SECONDS = 60.0
"""What is being sent at the end takes no longer: 10 s, and up to 30 s until Redis knows."""
_REPORT_SECONDS = 30.0
_REPORT_AGAIN_SECONDS = 0.5


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Send everything that is due, until nothing has been for a second or `stop` is set; what is being sent by
    then is finished. When Redis goes away leases bring back what was held.
    """
    # Who waits for a connection holds a lease, and to give up would make the receiver's turn come 10 s later.
    store_opening = open_store(
        settings.database, cluster=settings.redis_cluster, connections=64, wait_seconds=8
    )
    async with store_opening as store, open_means(settings) as means:
        sender = Sender(store, means, rules(settings))
        async with sender.renewing(), beating(store, "sender"):
            await sender.run(stop)


class ReportDetails(TypedDict):
    """What `ttr.store.deliveries.report` is told besides the attempt."""

    hold_until: int | None
    gone: bool
    slow: bool
    settings: Mapping[str, str] | None


class Sender:
    """What one job is sending at the moment."""

    def __init__(self, store: Store, means: Means, rate_rules: RateRules) -> None:
        self._store, self._means, self._rules = store, means, rate_rules
        self._flying: dict[asyncio.Task[None], Lane] = {}
        self._first = 0
        self._stop = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Take and send until nothing is left to do, or `stop`."""
        self._stop = stop
        try:
            await self._take_turns(stop)
        finally:
            # Whatever ends us: a message that is being sent and then cut off would be sent twice.
            await self.finish()

    async def _take_turns(self, stop: asyncio.Event) -> None:
        began = quiet_since = time.monotonic()
        while not stop.is_set() and time.monotonic() - began < _SERVE_SECONDS:
            turn("send")
            try:
                taken = await self.take(now_ms())
            except StoreUnavailable as error:
                # What is being sent goes on; leases bring back what can't be reported.
                log.warning("nothing is taken: Redis is away", error=str(error))
                taken = 0
            if taken or self._flying:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > _LINGER_SECONDS:
                break
            await asyncio.sleep(_LOOK_SECONDS)

    async def finish(self) -> None:
        """Wait for what is being sent."""
        while self._flying:
            turn("send", _LAST_SECONDS)
            await asyncio.wait(list(self._flying))

    async def take(self, now: int) -> int:
        """Lease what is due, as far as there is room, and begin to send it; returns how many lanes."""
        taken = 0
        due = [(partition, at) for partition, (_, at) in enumerate(await look(self._store)) if at is not None]
        self._first += 1
        turn = self._first % max(1, len(due))
        for partition, at in due[turn:] + due[:turn]:
            room = AT_ONCE - len(self._flying)
            if at > now or room <= 0:
                continue
            for lane in await hand_out(self._store, partition, now=now, most=room):
                if self._has_room(lane):
                    task = asyncio.create_task(self._serve_lane(lane))
                    self._flying[task] = lane
                    task.add_done_callback(self._flying.pop)
                    taken += 1
                else:
                    await defer(self._store, lane, now + _NO_ROOM_MS)
        return taken

    @asynccontextmanager
    async def renewing(self) -> AsyncIterator[None]:
        """Keeps the leases of what is being sent."""
        task = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            await end(task)

    async def _renew(self) -> None:
        while True:
            turn("renew", LEASE_MS / 1_000)
            await asyncio.sleep(LEASE_MS / 3_000)
            held = sorted(self._flying.values(), key=lambda lane: lane.partition)
            for partition, lanes in groupby(held, key=lambda lane: lane.partition):
                try:
                    await renew(self._store, partition, lanes, now_ms())
                except StoreUnavailable as error:
                    log.warning("leases are not renewed", error=str(error))
                except Exception:
                    # Without renewals every send of more than 10 s would be made twice, so nothing may end them.
                    log.exception("the renewal of leases")

    def _has_room(self, lane: Lane) -> bool:
        flying = self._flying.values()
        if lane.failing and sum(other.failing for other in flying) >= FAILING_SHARE:
            return False
        return Counter(other.user_id for other in flying)[lane.user_id] < ACCOUNT_SHARE

    async def _serve_lane(self, lane: Lane) -> None:
        try:
            began = time.monotonic()
            for _ in range(IN_A_ROW):
                if not await self._send_next(lane):
                    return
                if self._stop.is_set() or (time.monotonic() - began) * 1000 > SLOW_MS:
                    break
            await defer(self._store, lane, now_ms())
        except StoreUnavailable as error:
            log.warning("a lane waits: Redis is away", account=lane.user_id, error=str(error))
        except Exception:
            log.exception("a lane comes back when its lease has lapsed", account=lane.user_id)

    async def _send_next(self, lane: Lane) -> bool:
        """Send a lane's next message if its destination takes one now; whether it may go on at once."""
        now = now_ms()
        who = f"{lane.partition}:{lane.name}"
        if lane.destination:
            token = await take_token(self._store, self._rules, lane.destination, who=who, now=now)
            if not token.granted:
                await defer(self._store, lane, now + token.wait_ms)
                return False
        try:
            claimed = await claim(self._store, lane, now)
        except BrokenDelivery as broken:
            log.error("a delivery can't be read", account=lane.user_id, delivery=broken.delivery_id)
            fault = Failed("bad_settings", "This version of ttr can't read it", permanent=False)
            return await self._report(
                lane, broken.delivery_id, broken.channel_id, "", broken.attempt, broken.since, fault, 0
            )
        if claimed is None:
            return False
        set_origin(origin_of(claimed.notification.events))
        if claimed.attempt == 1:
            observe(QUEUE_SECONDS, max(0, now - claimed.since) / 1000)
        began = time.monotonic()
        outcome = await send_once(
            self._means,
            kind=claimed.kind,
            settings=claimed.settings,
            sealed=claimed.sealed,
            data_key=claimed.data_key,
            notification=claimed.notification,
            now=now,
        )
        latency_ms = int((time.monotonic() - began) * 1000)
        said = claimed.notification
        return await self._report(
            lane, said.id, said.channel_id, claimed.kind, claimed.attempt, claimed.since, outcome, latency_ms
        )

    async def _report(
        self,
        lane: Lane,
        delivery_id: str,
        channel_id: int,
        kind: str,
        number: int,
        since: int,
        outcome: Outcome,
        latency_ms: int,
    ) -> bool:
        now = now_ms()
        again_at = retry_at(outcome, number, since, now, random.random())  # noqa: S311  # jitter, no secret
        hint = outcome.hold_seconds if isinstance(outcome, Delivered) else outcome.retry_after_seconds
        changed = outcome.settings if isinstance(outcome, Delivered) else None
        attempt = Attempt(
            at=now,
            outcome="delivered" if isinstance(outcome, Delivered) else "failed",
            reason="" if isinstance(outcome, Delivered) else outcome.reason,
            status=outcome.status,
            latency_ms=latency_ms,
            detail=outcome.detail,
            again_at=again_at,
        )
        _tell(lane, delivery_id, channel_id, kind, number, attempt)
        more = await self._written(
            lane,
            delivery_id,
            channel_id,
            attempt,
            hold_until=None if hint is None else now + int(hint * 1000),
            gone=not isinstance(outcome, Delivered) and outcome.reason == "gone",
            slow=latency_ms > SLOW_MS,
            settings=changed,
        )
        if lane.destination:
            await tell_bucket(
                self._store, self._rules, lane.destination, outcome, f"{delivery_id}/{now}", now
            )
        return more

    async def _written(
        self,
        lane: Lane,
        delivery_id: str,
        channel_id: int,
        attempt: Attempt,
        **details: Unpack[ReportDetails],
    ) -> bool:
        # A success that can't be written down would be sent again, and most services know no idempotency key.
        give_up = time.monotonic() + _REPORT_SECONDS
        while True:
            try:
                return await report(self._store, lane, delivery_id, channel_id, attempt, **details)
            except StoreUnavailable as error:
                if time.monotonic() > give_up:
                    raise
                log.warning("a report waits: Redis is away", delivery=delivery_id, error=str(error))
                await asyncio.sleep(_REPORT_AGAIN_SECONDS)


def _tell(lane: Lane, delivery_id: str, channel_id: int, kind: str, number: int, attempt: Attempt) -> None:
    """A line for an attempt; one for a delivery that is given up, and for a channel that is turned off with it."""
    told = log.bind(account=lane.user_id, delivery=delivery_id, channel=channel_id, kind=kind or None)
    told.info(
        "delivery attempt",
        attempt=number,
        outcome=attempt.outcome,
        reason=attempt.reason or None,
        status=attempt.status,
        ms=attempt.latency_ms,
        detail=attempt.detail or None,
        again_at=iso(attempt.again_at),
    )
    if attempt.outcome == "failed" and attempt.again_at is None:
        told.warning("delivery given up", reason=attempt.reason)
    if attempt.reason == "gone":
        told.warning("channel turned off", reason="gone")


def origin_of(events: Sequence[Event]) -> str:
    """What set off the events of a message, each once, at most ten."""
    return ",".join(list(dict.fromkeys(event.origin for event in events if event.origin))[:10])


async def tell_bucket(
    store: Store, rate_rules: RateRules, destination: str, outcome: Outcome, send_id: str, now: int
) -> None:
    """Let the destination's rate learn from what its service said; what never left us teaches nothing."""
    if isinstance(outcome, Failed) and outcome.reason == "bad_settings":
        return
    hold = retry = None
    word: SendOutcome
    if isinstance(outcome, Delivered):
        word = "delivered"
        hold = None if outcome.hold_seconds is None else int(outcome.hold_seconds * 1000)
    elif outcome.reason == "rate_limited":
        word = "rate_limited"
        retry = None if outcome.retry_after_seconds is None else int(outcome.retry_after_seconds * 1000)
    else:
        word = "permanent" if outcome.permanent else "transient"
    await report_send(
        store,
        rate_rules,
        destination,
        outcome=word,
        retry_after_ms=retry,
        hold_ms=hold,
        send_id=send_id,
        now=now,
    )
