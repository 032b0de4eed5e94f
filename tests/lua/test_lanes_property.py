"""The scripts of the lanes against an oracle: whatever alerts, owners, workers and clocks do, both say the same.

The oracle is written from docs/alerts.md. Any call may be repeated with the same arguments, as the client does when it
loses its connection: then the second answer is the one that counts, and nothing may have happened twice.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.conftest import RedisServer
from tests.everywhere import key_names
from tests.lua.parts import NOON, draft, make_channel, make_check, make_user
from tests.records import is_bookkeeping
from ttr.domain.check import Check
from ttr.store import channels, checks, keys
from ttr.store.deliveries import (
    LEASE_MS,
    Attempt,
    Claimed,
    Lane,
    claim,
    defer,
    hand_out,
    renew,
    report,
    resend,
)
from ttr.store.errors import NotDead
from ttr.store.outbox import ACCOUNT_LOG, CHECK_LOG, Entry, dispatch_entry, read_outbox
from ttr.store.redis import Store
from ttr.store.scripts import Arg, Scripts

T = TypeVar("T")
EVENTS_MAX = 3
HURRY_MS = 60_000
HINT_MS = 90_000
HOUR = 3_600_000
CHECKS = 3
ADDRESSES = ("a", "a", "b", "c")  # two channels lead to one address
OFF = "off"
UNFINISHED = ("due", "sending")
OUTCOMES = ("delivered", "delivered", "soon", "later", "hint", "never", "gone", "silence", "silence")
AGAIN = {"soon": 1_000, "later": HOUR, "hint": HOUR}
MOSTLY = st.sampled_from([True, True, True, False])


# The oracle


@dataclass
class Hook:
    """A channel."""

    id: int
    address: str
    on: bool
    status: str = ""


@dataclass
class Message:
    """A delivery."""

    id: str
    lane: str
    channels: list[int]
    events: list[str]
    checks: list[int]
    state: str = "due"
    attempts: int = 0
    since: int = 0
    claimed_by: str = ""
    again: bool = False
    """Whether it was ever sent again by hand: then it comes out of its turn."""


@dataclass
class Row:
    """A lane."""

    queue: list[str] = field(default_factory=list)
    due: int | None = None
    waits: str = ""
    lease: str = ""
    open: str = ""
    hold: int = 0
    last_at: int = 0
    failing: bool = False


class Oracle:
    """What waits, who holds it, and what became of it."""

    def __init__(self, user: int) -> None:
        self.user = user
        self.hooks: dict[int, Hook] = {}
        self.rows: dict[str, Row] = {}
        self.messages: dict[str, Message] = {}
        self.log: list[str] = []
        self.logs: dict[int, list[str]] = {}

    @property
    def queued(self) -> int:
        return sum(len(message.events) for message in self.messages.values() if message.state in UNFINISHED)

    def lane(self, hook: Hook) -> str:
        return f"{self.user}-{hook.address}"

    def dispatch(self, event: str, check: int, wanted: Sequence[int], now: int) -> int:
        told: dict[str, Message] = {}
        for number in wanted:
            hook = self.hooks.get(number)
            if hook is None or not hook.on:
                continue
            lane = self.lane(hook)
            if lane in told:
                self._add(told[lane].channels, number)
                continue
            row = self.rows.setdefault(lane, Row())
            waiting = self.messages.get(row.open)
            if (
                waiting
                and (waiting.state, waiting.attempts) == ("due", 0)
                and len(waiting.events) < EVENTS_MAX
            ):
                waiting.events.append(event)
                self._add(waiting.channels, number)
            else:
                waiting = Message(f"{event}-c{number}", lane, [number], [event], [], since=now)
                self.messages[waiting.id] = waiting
                row.queue.append(waiting.id)
                row.open = waiting.id
                self.log.insert(0, waiting.id)
            if check not in waiting.checks:
                waiting.checks.append(check)
                if check in self.logs:
                    self.logs[check].insert(0, waiting.id)
            told[lane] = waiting
            self._hurry(row, now)
        return len(told)

    def hand_out(self, now: int, most: int, lease: str) -> list[str]:
        ready = sorted(
            (row.due, lane) for lane, row in self.rows.items() if row.due is not None and row.due <= now
        )
        for _, lane in ready[:most]:
            row = self.rows[lane]
            row.due, row.lease, row.waits = now + LEASE_MS, lease, "leased"
        return [lane for _, lane in ready[:most]]

    def claim(self, lane: str, lease: str, now: int) -> tuple[Message, int] | None:
        row = self.rows[lane]
        if row.lease != lease:
            return None
        while row.queue:
            message = self.messages[row.queue[0]]
            if number := self.sends(message):
                if (message.state, message.claimed_by) != ("sending", lease):
                    message.attempts += 1
                message.state, message.claimed_by = "sending", lease
                row.due = now + LEASE_MS
                if row.open == message.id:
                    row.open = ""
                return message, number
            row.queue.pop(0)
            message.state = "dropped"
        self._release(row, now, "turn")
        return None

    def report(
        self,
        lane: str,
        lease: str,
        delivery: str,
        now: int,
        *,
        delivered: bool,
        again_at: int | None,
        hold: int | None,
    ) -> tuple[bool, bool]:
        """Whether it was written down, and whether more may leave under the same lease."""
        row, message = self.rows[lane], self.messages[delivery]
        mine = row.lease == lease
        if message.state not in UNFINISHED:
            if mine:
                self._release(row, now, "turn")
            return False, False
        if not delivered and (message.state != "sending" or not mine):
            return False, False
        ended = delivered or again_at is None
        if ended:
            row.queue.remove(delivery)
            message.state = "delivered" if delivered else "failed"
        else:
            message.state = "due"
        row.failing, row.last_at, row.hold = not delivered, now, hold or 0
        for number in message.channels:
            if number in self.hooks:
                self.hooks[number].status = "ok" if delivered else "error"
        if not mine:
            # What stood in the way of the others has arrived.
            if row.waits == "retry":
                self._release(row, now, "turn")
            return True, False
        if ended:
            return True, self._release(row, now + LEASE_MS, "leased")
        assert again_at is not None
        self._release(row, again_at, "retry")
        return True, False

    def gone(self, delivery: str, number: int) -> int | None:
        """Turns off what leads to a dead address; the channel that is told, if anybody was turned off."""
        lane, turned_off, best = self.messages[delivery].lane, False, None
        for other in sorted(self.hooks):
            hook = self.hooks[other]
            if hook.on and self.lane(hook) == lane:
                hook.on, turned_off = False, True
            elif (
                hook.on
                and other != number
                and (best is None or (best.status != "ok" and hook.status == "ok"))
            ):
                best = hook
        return best.id if best and turned_off else None

    def defer(self, lane: str, lease: str, until: int) -> None:
        if self.rows[lane].lease == lease:
            self._release(self.rows[lane], until, "turn")

    def release(self, lane: str, now: int) -> None:
        self._release(self.rows[lane], now, "turn")

    def renew(self, lane: str, lease: str, now: int) -> None:
        row = self.rows[lane]
        if row.lease == lease and row.due is not None:
            row.due = now + LEASE_MS

    def resend(self, delivery: str, now: int) -> bool:
        message = self.messages[delivery]
        if message.state in UNFINISHED or message.state == "delivered" or not self.sends(message):
            return False
        message.state, message.since, message.again = "due", now, True
        row = self.rows[message.lane]
        row.queue.append(delivery)
        if row.due is None:
            row.due = now
        return True

    def sends(self, message: Message) -> int | None:
        """The first of its channels that is on, if it can be one that still leads to the lane's address."""
        on = [self.hooks[n] for n in message.channels if n in self.hooks and self.hooks[n].on]
        right = [hook for hook in on if self.lane(hook) == message.lane]
        return next((hook.id for hook in [*right, *on]), None)

    @staticmethod
    def _add(numbers: list[int], number: int) -> None:
        if number not in numbers:
            numbers.append(number)

    @staticmethod
    def _release(row: Row, at: int, waits: str) -> bool:
        if waits != "leased" or not row.queue:
            row.lease = ""
        row.waits = waits if row.queue else ""
        row.due = at if row.queue else None
        return bool(row.queue)

    @staticmethod
    def _hurry(row: Row, now: int) -> None:
        if row.due is None:
            row.due = now
        elif row.waits == "retry":
            row.due = min(row.due, max(now, row.hold, row.last_at + HURRY_MS))


# The scripts


class RepeatingScripts(Scripts):
    """Runs a command a second time when told so, and sees that this changes nothing."""

    def __init__(self, redis: Any) -> None:
        super().__init__(redis)
        self.repeat = False

    async def run(self, name: str, partition: int, args: Sequence[Arg]) -> Any:
        first = await super().run(name, partition, args)
        if not self.repeat:
            return first
        before = await self.state(name)
        second = await super().run(name, partition, args)
        assert await self.state(name) == before, f"{name} did something twice"
        if name in ("hand_out", "claim"):
            # Lanes that are due at the same time may come in any order.
            alike = sorted(second, key=str) == sorted(first, key=str)
            assert alike, f"{name} lost its answer"
            return first
        return second

    async def state(self, name: str) -> dict[bytes, Any]:
        """What a repeat of a command may not change."""
        # Who reports again has not heard that the lane is still its own: it goes back for others to take.
        but = ("lane:", "lanes") if name == "report" else ()
        redis: Any = self._redis
        store = Store(redis, self)
        # A second mark costs a snapshot nothing.
        found: list[bytes] = sorted(
            raw for raw in await key_names(store, "ttr:{*") if not is_bookkeeping(raw)
        )
        names = [raw for raw in found if not raw.decode().split("}:", 1)[1].startswith(but)]
        pipe = redis.pipeline(transaction=False)
        for key in names:
            pipe.dump(key)
        return dict(zip(names, await pipe.execute(), strict=True))


@dataclass(frozen=True)
class Try:
    """An attempt that a worker has made, or is making."""

    lane: Lane
    claimed: Claimed


class Lanes(RuleBasedStateMachine):
    """An account with three checks and five channels, its owner, and workers that know nothing of each other."""

    loop: asyncio.AbstractEventLoop
    server: RedisServer

    def __init__(self) -> None:
        super().__init__()
        self.stack = AsyncExitStack()
        store = self.run(self.stack.enter_async_context(self.server.open(connections=4)))
        self.run(store.redis.flushall())
        self.scripts = RepeatingScripts(store.redis)
        self.store = Store(store.redis, self.scripts)
        self.user = self.run(make_user(store))
        self.partition = self.user.partition
        self.oracle = Oracle(self.user.id)
        self.now = NOON
        self.made = 0
        self.down: set[int] = set()
        self.seen: list[Entry] = []
        self.stale: list[Entry] = []
        """What another dispatcher has read before this one dispatched it."""
        self.events: dict[str, int] = {}
        """Every event by its id: which check's."""
        self.told: dict[str, int] = {}
        """How many addresses each dispatched event was for."""
        self.leases: list[Lane] = []
        self.tries: list[Try] = []
        self.said: dict[str, tuple[object, ...]] = {}
        self.arrived: dict[str, list[str]] = {}
        """By lane: the events of each first success, in the order in which they were told."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        for position, address in enumerate((*ADDRESSES, OFF)):
            made = self.run(
                make_channel(
                    self.store, self.user, name=f"hook {position}", address=address, enabled=address != OFF
                )
            )
            self.oracle.hooks[made.id] = Hook(made.id, address, address != OFF)
        numbers = sorted(self.oracle.hooks)
        self.checks: list[Check] = []
        for position in range(CHECKS):
            used = data.draw(st.lists(st.sampled_from(numbers), unique=True, min_size=1))
            check = self.run(make_check(self.store, self.user, name=f"job {position}", channels=tuple(used)))
            self.checks.append(check)
            self.oracle.logs[check.id] = []

    def teardown(self) -> None:
        try:
            # Called also when a rule has failed; then that is the news.
            if sys.exc_info()[0] is None and hasattr(self, "checks"):
                self.compare()
                self.settle()
        finally:
            self.run(self.stack.aclose())

    # The outside

    @rule(positions=st.lists(st.integers(0, CHECKS - 1), min_size=1, max_size=3), at_once=MOSTLY)
    def checks_change(self, positions: list[int], at_once: bool) -> None:
        for position in positions:
            self._change(position)
        if at_once:
            self.outbox_is_dispatched(repeat=False)

    def _change(self, position: int) -> None:
        """An event in the outbox, written as the state's scripts write it."""
        if position >= len(self.checks):
            return
        check = self.checks[position]
        self.made += 1
        event, by_status = f"{check.id}-{self.made}-{self.now}", keys.by_status(self.partition, self.user.id)
        # What else is down changes from message to message; a message that was tried keeps what it said.
        if check.id in self.down:
            self.down.discard(check.id)
            self.run(self.store.redis.zadd(by_status, {f"{check.id:010}": 3 * 2**43 - 1 - self.now}))
        else:
            self.down.add(check.id)
            self.run(self.store.redis.zadd(by_status, {f"{check.id:010}": 2**43 - 1 - self.now}))
        used = self.run(checks.get_check(self.store, self.user, str(check.id))).channels
        self.events[event] = check.id
        row: dict[Any, Any] = dict.fromkeys(
            ["tags", "description", "reason", "reason_detail", "overdue_ms", "down_since", "last_ping"], ""
        )
        row |= {"id": event, "kind": "down" if check.id in self.down else "up", "at": self.now}
        row |= {"user_id": self.user.id, "check_id": check.id, "check_name": check.settings.name}
        row |= {"check_slug": "", "failure_count": 0, "channels": json.dumps(used)}
        self.run(self.store.redis.xadd(keys.outbox(self.partition), row))

    @rule(ms=st.sampled_from([1, 700, 5_000, LEASE_MS, HURRY_MS, HOUR]))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    @rule(ms=st.sampled_from([3, 2_000, LEASE_MS, HOUR]))
    def the_clock_steps_back(self, ms: int) -> None:
        self.now -= ms

    # Its owner

    @rule(position=st.integers(0, 14), address=st.sampled_from([*ADDRESSES, "new"]), on=MOSTLY)
    def channel_is_edited(self, position: int, address: str, on: bool) -> None:
        if position >= len(self.oracle.hooks):
            return
        hook = self.oracle.hooks[sorted(self.oracle.hooks)[position]]
        channel = self.run(channels.get_channel(self.store, self.user, hook.id))
        changed = draft(name=channel.name, address=address, enabled=on)
        assert self.run(channels.update_channel(self.store, self.user, channel, changed, now=self.now))
        hook.address, hook.on = address, on
        self.now += 1

    @rule(position=st.integers(0, 40))
    def channel_is_deleted(self, position: int) -> None:
        numbers = sorted(self.oracle.hooks)
        if position < len(numbers):
            self.run(channels.delete_channel(self.store, self.user, numbers[position]))
            del self.oracle.hooks[numbers[position]]

    @precondition(lambda self: len(getattr(self, "checks", [])) > 1)
    @rule(really=st.integers(0, 5))
    def check_is_deleted(self, really: int) -> None:
        """Its last event may still be in the outbox."""
        if really == 0:
            self._change(len(self.checks) - 1)
            check = self.checks.pop()
            self.run(checks.delete_check(self.store, self.user, str(check.id)))
            self.down.discard(check.id)
            del self.oracle.logs[check.id]

    @precondition(lambda self: self.oracle.messages)
    @rule(position=st.integers(0, 99), repeat=st.booleans())
    def delivery_is_sent_again(self, position: int, repeat: bool) -> None:
        ended = [m for m in self.oracle.messages.values() if m.state in ("failed", "dropped")]
        message = (ended or list(self.oracle.messages.values()))[
            position % len(ended or self.oracle.messages)
        ]
        queued = self.oracle.resend(message.id, self.now)
        self.scripts.repeat = repeat
        try:
            self.run(resend(self.store, self.user, message.id, now=self.now))
            assert queued
            assert not repeat
        except NotDead:
            assert repeat or not queued  # a repeat finds it queued
        self.scripts.repeat = False
        self.now += 1

    # Dispatchers

    @rule(repeat=st.booleans())
    def outbox_is_dispatched(self, repeat: bool) -> None:
        entries = self.run(read_outbox(self.store, self.partition, 100))
        for entry in self.stale:
            if entry.stream_id not in {waiting.stream_id for waiting in entries}:
                assert self._dispatch(entry) == (0, 0)
        self.stale = entries
        for entry in entries:
            event = entry.event
            told = self.oracle.dispatch(event.id, event.check_id, json.loads(entry.channels), self.now)
            self.told[event.id] = told
            assert self._dispatch(entry) == (told, 0)
            if repeat:
                # It goes through a pipeline, which `RepeatingScripts` does not see.
                before = self.run(self.scripts.state("dispatch"))
                assert self._dispatch(entry) == (0, 0)
                assert self.run(self.scripts.state("dispatch")) == before

    def _dispatch(self, entry: Entry) -> tuple[int, int]:
        return self.run(dispatch_entry(self.store, self.partition, entry, self.now, {"webhook": EVENTS_MAX}))

    # Workers

    @rule(most=st.integers(1, 4), at_once=MOSTLY, repeat=st.booleans())
    def worker_asks(self, most: int, at_once: bool, repeat: bool) -> None:
        self.scripts.repeat = repeat
        handed = self.run(hand_out(self.store, self.partition, now=self.now, most=most))
        self.scripts.repeat = False
        for lane in handed:
            row = self.oracle.rows[lane.name]
            assert row.due is not None
            assert row.due <= self.now, "somebody else holds it, or it waits"
            assert lane.failing == row.failing
        lease = handed[0].lease if handed else ""
        assert [lane.name for lane in handed] == self.oracle.hand_out(self.now, most, lease)
        self.leases += handed
        for lane in handed if at_once else []:
            self._claim(lane, repeat)

    @precondition(lambda self: self.leases)
    @rule(position=st.integers(0, 99), repeat=st.booleans())
    def worker_claims(self, position: int, repeat: bool) -> None:
        # The newest first: those are the ones that are still held.
        self._claim(self.leases[-1 - position % min(8, len(self.leases))], repeat)

    def _claim(self, lane: Lane, repeat: bool) -> Try | None:
        expected = self.oracle.claim(lane.name, lane.lease, self.now)
        self.scripts.repeat = repeat
        claimed = self.run(claim(self.store, lane, self.now))
        self.scripts.repeat = False
        if expected is None or claimed is None:
            assert expected is None
            assert claimed is None
            return None
        message, number = expected
        said = claimed.notification
        assert (said.id, said.channel_id) == (message.id, number)
        assert [event.id for event in said.events] == message.events
        content = (said.events, said.others, said.others_count)
        assert self.said.setdefault(said.id, content) == content, "it says something else than at first"
        found = Try(lane, claimed)
        self.tries.append(found)
        return found

    @precondition(lambda self: self.leases)
    @rule(position=st.integers(0, 99), wait=st.sampled_from([0, 500, 40_000]), repeat=st.booleans())
    def worker_waits_for_its_turn(self, position: int, wait: int, repeat: bool) -> None:
        lane = self.leases[-1 - position % min(8, len(self.leases))]
        message = self.oracle.messages.get((self.oracle.rows[lane.name].queue or [""])[0])
        if message and (message.state, message.claimed_by) == ("sending", lane.lease):
            return  # no worker gives back what it is sending
        self.oracle.defer(lane.name, lane.lease, self.now + wait)
        self.scripts.repeat = repeat
        self.run(defer(self.store, lane, self.now + wait))
        self.scripts.repeat = False

    @precondition(lambda self: self.leases)
    @rule()
    def leases_are_renewed(self) -> None:
        """Also those that were given back while the renewal was on its way."""
        self.run(renew(self.store, self.partition, self.leases, self.now))
        for lane in self.leases:
            self.oracle.renew(lane.name, lane.lease, self.now)

    @rule(
        position=st.integers(0, CHECKS - 1),
        outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=3, max_size=3),
        later=st.sampled_from([1, 1, 1, 700, LEASE_MS]),
    )
    def something_happens_and_is_sent(self, position: int, outcomes: list[str], later: int) -> None:
        """What is usual: an event, a worker that takes what is due, and answers; or one that dies, or is slow."""
        self.checks_change([position], at_once=True)
        before = len(self.tries)
        self.worker_asks(most=3, at_once=True, repeat=False)
        for made, outcome in zip(self.tries[before:], outcomes, strict=False):
            if outcome != "silence":
                again = AGAIN.get(outcome)
                self._report(
                    made,
                    delivered=outcome == "delivered",
                    again_at=None if again is None else self.now + again,
                    hold=HINT_MS if outcome == "hint" else None,
                    gone=outcome == "gone",
                )
            self.now += later

    @precondition(lambda self: self.tries)
    @rule(delivered=st.booleans(), again=st.sampled_from([None, 1_000, HOUR]))
    def slow_worker_is_overtaken(self, delivered: bool, again: int | None) -> None:
        """Its lease lapses, another one sends the same, and only then it hears what became of its own attempt."""
        self.now += LEASE_MS
        slow = self.tries[-1]
        self.worker_asks(most=4, at_once=True, repeat=False)
        again_at = None if delivered or again is None else self.now + again
        self._report(slow, delivered=delivered, again_at=again_at)
        self.now += 1

    @precondition(lambda self: self.tries)
    @rule(
        position=st.integers(0, 99),
        delivered=st.booleans(),
        again=st.sampled_from([None, 1_000, HURRY_MS, HOUR]),
        hold=st.sampled_from([None, None, HINT_MS]),
        gone=st.sampled_from([*[False] * 7, True]),
        repeat=st.booleans(),
    )
    def worker_reports(
        self,
        position: int,
        delivered: bool,
        again: int | None,
        hold: int | None,
        gone: bool,
        repeat: bool,
    ) -> None:
        """Of what it is sending, or late, or once more."""
        made = self.tries[-1 - position % min(8, len(self.tries))]
        gone = gone and not delivered
        again_at = None if delivered or gone or again is None else self.now + max(again, hold or 0)
        self._report(made, delivered=delivered, again_at=again_at, hold=hold, gone=gone, repeat=repeat)
        self.now += 1

    def _report(
        self,
        made: Try,
        *,
        delivered: bool = True,
        again_at: int | None = None,
        hold: int | None = None,
        gone: bool = False,
        repeat: bool = False,
    ) -> bool:
        said, lane = made.claimed.notification, made.lane
        hold_until = None if hold is None else self.now + hold
        message = self.oracle.messages[said.id]
        written, more = self.oracle.report(
            lane.name,
            lane.lease,
            said.id,
            self.now,
            delivered=delivered,
            again_at=again_at,
            hold=hold_until,
        )
        attempt = Attempt(self.now, "delivered" if delivered else "failed", "", 200, 5, "said so", again_at)
        self.scripts.repeat = repeat
        answer = self.run(
            report(self.store, lane, said.id, said.channel_id, attempt, hold_until=hold_until, gone=gone)
        )
        self.scripts.repeat = False
        if repeat and more:
            self.oracle.release(lane.name, self.now)
            more = False
        assert answer == more
        if written and delivered and not message.again:
            self.arrived.setdefault(message.lane, []).extend(message.events)
        if written and gone:
            told = self.oracle.gone(said.id, said.channel_id)
            if told is not None:
                newest = self.run(read_outbox(self.store, self.partition, 1_000))[-1]
                assert (newest.event.kind, json.loads(newest.channels)) == ("channel_off", [told])
                self.events[newest.event.id] = 0
        return answer

    # What always holds

    @invariant()
    def what_waits_is_counted(self) -> None:
        queued = int(self.run(self.store.redis.hget(keys.user(self.partition, self.user.id), "queued")) or 0)
        assert queued == self.oracle.queued >= 0

    def compare(self) -> None:
        """Everything that both know of."""
        redis, p = self.store.redis, self.partition
        due = {
            name.decode(): int(at)
            for name, at in self.run(redis.zrange(keys.lanes(p), 0, -1, withscores=True))
        }
        assert due == {name: row.due for name, row in self.oracle.rows.items() if row.due is not None}
        for name, row in self.oracle.rows.items():
            assert [i.decode() for i in self.run(redis.lrange(keys.lane_queue(p, name), 0, -1))] == row.queue
        for message in self.oracle.messages.values():
            stored = self.run(redis.hgetall(keys.delivery(p, message.id)))
            assert (stored[b"state"].decode(), int(stored[b"attempts"])) == (message.state, message.attempts)
            assert (int(stored[b"count"]), int(stored[b"since"])) == (len(message.events), message.since)
            events = self.run(redis.lrange(keys.delivery_events(p, message.id), 0, -1))
            assert [json.loads(event)["id"] for event in events] == message.events
            assert json.loads(b"[" + stored[b"channels"].strip(b",") + b"]") == message.channels
        for hook in self.oracle.hooks.values():
            channel = self.run(channels.get_channel(self.store, self.user, hook.id))
            assert (channel.enabled, channel.last_status or "") == (hook.on, hook.status)
        logs = {keys.user_deliveries(p, self.user.id): self.oracle.log}
        logs |= {keys.check_deliveries(p, check): ids for check, ids in self.oracle.logs.items()}
        for key, ids in logs.items():
            kept = ids[: ACCOUNT_LOG if ids is self.oracle.log else CHECK_LOG]
            assert [i.decode() for i in self.run(redis.lrange(key, 0, -1))] == kept

    def settle(self) -> None:
        """All leases lapse and every attempt succeeds: nothing stays, nothing was lost, and all came in order."""
        for _ in range(500):
            self.outbox_is_dispatched(repeat=False)
            waiting = [row.due for row in self.oracle.rows.values() if row.due is not None]
            if not waiting:
                break
            self.now = max(self.now, *waiting) + 1
            self.worker_asks(most=100, at_once=False, repeat=False)
            for lane in self.leases[-len(waiting) :]:
                more = True
                while more:
                    made = self._claim(lane, repeat=False)
                    more = made is not None and self._report(made)
        self.compare()
        self.what_waits_is_counted()
        assert self.oracle.queued == 0
        account = keys.user(self.partition, self.user.id)
        assert int(self.run(self.store.redis.hget(account, "queued_bytes")) or 0) == 0
        assert not any(row.queue or row.due for row in self.oracle.rows.values())
        self._nothing_is_left_behind()
        self._every_event_was_told_once()
        self._all_came_in_order()

    def _nothing_is_left_behind(self) -> None:
        """But logs, and what its owner made: each lane and each delivery has an end."""
        owners = {f"check:{check.id}" for check in self.checks}
        for raw in self.run(key_names(self.store, "ttr:{*")):
            name = raw.decode().split("}:", 1)[1]
            if name.startswith(("lane", "delivery:")):
                assert self.run(self.store.redis.pttl(raw)) > 0, name
            elif name.startswith("check:"):
                assert ":".join(name.split(":")[:2]) in owners, name
        assert self.run(self.store.redis.xlen(keys.outbox(self.partition))) == 0

    def _every_event_was_told_once(self) -> None:
        """Under one delivery for each address, which was delivered, given up, or dropped for its channels were off."""
        told = Counter((m.lane, event) for m in self.oracle.messages.values() for event in m.events)
        assert set(told.values()) <= {1}
        assert Counter(event for _, event in told) == +Counter(self.told)
        assert set(self.told) == set(self.events)
        assert {m.state for m in self.oracle.messages.values()} <= {"delivered", "failed", "dropped"}

    def _all_came_in_order(self) -> None:
        order = {event: position for position, event in enumerate(self.events)}
        for lane, events in self.arrived.items():
            for check in set(self.events.values()):
                positions = [order[event] for event in events if self.events[event] == check]
                assert positions == sorted(set(positions)), f"{lane} heard of check {check} out of order"


@pytest.fixture
def machine(redis_server: RedisServer) -> Iterator[type[Lanes]]:
    """The machine on this session's Redis."""
    loop = asyncio.new_event_loop()
    yield type("OnThisRedis", (Lanes,), {"server": redis_server, "loop": loop})
    loop.close()


ALWAYS = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
# Shrinking takes minutes, longer than a test may; the soak run does it.
BOUNDED = settings(ALWAYS, max_examples=80, stateful_step_count=50, derandomize=True, phases=[Phase.generate])
SOAK = settings(ALWAYS, max_examples=3_000, stateful_step_count=80)


# What a script touches lies in one partition, so in one slot, wherever that is: the tests of each script run on a
# cluster too, and so does the long run.
@pytest.mark.single_redis
def test_every_alert_arrives_once_and_in_order(machine: type[Lanes]) -> None:
    run_state_machine_as_test(machine, settings=BOUNDED)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_every_alert_arrives_once_and_in_order_for_long(machine: type[Lanes]) -> None:
    run_state_machine_as_test(machine, settings=SOAK)
