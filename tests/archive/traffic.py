"""What jobs and owners do all the while, straight into Redis, and a note of every ping that was acknowledged."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field, replace

from tests.lua.parts import FLAPS, make_channel, settings
from ttr.now import now_ms
from ttr.store import checks, pings
from ttr.store.errors import NotFound, StoreUnavailable
from ttr.store.ping_log import PingEntry
from ttr.store.redis import Store
from ttr.store.users import User

_KEPT = pings.Kept(20, 2_000, 100_000)
_WORKERS = 8
_PAUSE = 0.02


@dataclass
class Traffic:
    """Some accounts whose jobs ping, and whose owners make, pause, edit and delete checks."""

    store: Store
    chance: random.Random
    owners: list[User]
    acknowledged: dict[int, dict[int, int]] = field(default_factory=dict)
    """Of each check that is there: the number of a ping -> when (ms)."""
    taken: int = 0
    """How many pings were acknowledged."""
    _targets: dict[int, tuple[User, pings.Target]] = field(default_factory=dict)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    async def settle_in(self, checks_each: int) -> None:
        """Give each account a webhook that nobody answers, and some checks."""
        for owner in self.owners:
            await make_channel(self.store, owner, default=True)
            for _ in range(checks_each):
                await self._make(owner)

    def start(self) -> None:
        """Begin, or go on."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(_WORKERS)]

    async def stop(self) -> None:
        """What is under way ends first."""
        tasks, self._tasks = self._tasks, []
        await asyncio.gather(*tasks)

    def owner_of(self, check_id: int) -> User:
        """Whose check it is."""
        return self._targets[check_id][0]

    def forget(self, check_id: int, beyond: int) -> list[int]:
        """Redis does not know the pings of a check with a number above `beyond`; when those were, ms."""
        lost = [number for number in self.acknowledged[check_id] if number > beyond]
        return [self.acknowledged[check_id].pop(number) for number in lost]

    async def _work(self) -> None:
        me = asyncio.current_task()
        while me in self._tasks:
            with suppress(StoreUnavailable, NotFound):
                await self._act()
            await asyncio.sleep(self.chance.uniform(0, 2 * _PAUSE))

    async def _act(self) -> None:
        check_id = self.chance.choice(list(self._targets))
        owner, _ = self._targets[check_id]
        match self.chance.randrange(100):
            case 0:
                await self._make(owner)
            case 1 if len(self._targets) > 50:
                self._targets.pop(check_id)
                self.acknowledged.pop(check_id)
                await checks.delete_check(self.store, owner, str(check_id))
            case 2:
                await checks.pause_check(self.store, owner, str(check_id), now=now_ms())
            case 3:
                await checks.resume_check(self.store, owner, str(check_id), now=now_ms())
            case 4:
                tags = tuple(self.chance.sample(("db", "web", "nightly"), 2))
                await checks.update_check(
                    self.store, owner, str(check_id), lambda old: replace(old, tags=tags), now=now_ms()
                )
            case _:
                await self._ping(check_id)

    async def _make(self, owner: User) -> None:
        wanted = settings(grace_seconds=1, notify_after_failures=1, channels=None)
        made = await checks.create_check(self.store, owner, wanted, now=now_ms(), most=1_000)
        self.acknowledged[made.id] = {}
        self._targets[made.id] = (owner, pings.Target(owner.id, owner.user_slug, made.id, ""))

    async def _ping(self, check_id: int) -> None:
        owner, target = self._targets[check_id]
        now = now_ms()
        kind = self.chance.choice(("success", "success", "success", "fail", "start", "log"))
        body = self.chance.randbytes(self.chance.choice((0, 0, 20, 400)))
        entry = PingEntry(
            at=now, kind=kind, method="POST", reason="fail" if kind == "fail" else "", size=len(body)
        )
        for _ in range(3):
            answer = await pings.record_ping(
                self.store,
                target,
                entry,
                request_id=f"{self.chance.randrange(10**9)}",
                due=now + self.chance.choice((1_000, 60_000)),
                body=body,
                kept=_KEPT,
                flap=FLAPS,
            )
            if isinstance(answer, pings.Plan):
                target = replace(target, plan=answer)
                continue
            if isinstance(answer, pings.Recorded) and check_id in self.acknowledged:
                self.taken += 1
                self.acknowledged[check_id][answer.number] = now
                self._targets[check_id] = (owner, target)
            return
