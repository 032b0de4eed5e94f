"""What the other commands cost Redis, each as ttr calls it, one at a time beside an empty function.

Waking up for each call and what it finds out of the caches are in these: an empty function is some times what it is
with others in flight.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from tests.bench import population
from tests.bench.wire import Wire
from tests.lua.parts import FLAPS, draft
from ttr import meter
from ttr.domain.allowance import Limit
from ttr.domain.metrics import ALERTS, REDIS_SECONDS
from ttr.domain.rate import rules
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import (
    allowances,
    channels,
    checks,
    deadlines,
    deliveries,
    keys,
    metrics,
    outbox,
    rates,
    snapshots,
    users,
)
from ttr.store.check_list import Filter, list_checks
from ttr.store.redis import Store
from ttr.store.scripts import Arg, Library, Scripts, as_library, command_names

CHECKS, CALLS = 500, 60
_EMPTY = """#!lua name=ttr_empty
redis.register_function{function_name = "ttr_empty", callback = function(KEYS, ARGV) return 1 end}
"""


class _Measured(Scripts):
    """The commands, and what each call took Redis' main thread."""

    def __init__(self, redis: Any, wire: Wire) -> None:
        super().__init__(redis)
        self._wire = wire
        self._libraries["empty"] = as_library("empty", _EMPTY)
        self.spent: dict[str, list[float]] = defaultdict(list)
        self.items: dict[str, list[int]] = defaultdict(list)

    async def _call(self, library: Library, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        before = self._wire.worked()
        answer = await super()._call(library, keys, args)
        name = library.name.removeprefix("ttr_").rpartition("_")[0]
        self.spent[name].append((self._wire.worked() - before) / 1_000)
        if name == "overdue":
            self.items[name].append(int(answer[2]))
        elif name == "take_dirty":
            self.items[name].append(len(answer[2]))
        return answer


async def measure(opened: Store, url: str, pid: int) -> None:
    """Print µs a call, and an item where a call works off several."""
    wire = Wire(url, pid)
    scripts = _Measured(opened.redis, wire)
    store = Store(opened.redis, scripts)
    for name in ("empty", *command_names()):
        await scripts.load(name)
    await _life(store)
    wire.close()
    empty = median(scripts.spent["empty"])
    for name, spent in sorted(scripts.spent.items()):
        if len(spent) < 3:
            continue
        line = f"scripts: {name:14} {median(spent):7.1f} us a call, {median(spent) / empty:5.1f}x an empty function"
        worked = [
            (cost, many) for cost, many in zip(spent, scripts.items.get(name, []), strict=False) if many
        ]
        if worked:
            each = sum(cost for cost, _ in worked) / sum(many for _, many in worked)
            line += (
                f"; with work {each:.1f} us for each of {sum(many for _, many in worked) / len(worked):.0f}"
            )
        print(line)


async def _life(store: Store) -> None:
    user = await population.account(store)
    at = user.partition
    await channels.create_channel(store, user, draft(default=True), own_check=None, now=now_ms(), most=10)
    made = [
        await checks.create_check(store, user, population.settings(n, 3_600, 60), now=now_ms(), most=10_000)
        for n in range(CHECKS)
    ]
    for number in range(CALLS):
        await store.scripts.run_on("empty", keys.prefix(at), [])
        await users.note_seen(store, user.id, now_ms() + number * 90_000_000)
        await allowances.take(store, Limit("bench", 1_000, 60), "1", now=now_ms())
        await list_checks(store, user, size=50, now=now_ms())
        await list_checks(store, user, size=50, filter=Filter(words=("backup 7",)), now=now_ms())
        await list_checks(store, user, size=50, filter=Filter(statuses=("down",)), now=now_ms())
        await checks.update_check(
            store, user, str(made[number].id), lambda old: replace(old, name=old.name + "."), now=now_ms()
        )
        await checks.pause_check(store, user, str(made[number].id), now=now_ms())
        await checks.resume_check(store, user, str(made[number].id), now=now_ms())
        meter.count(ALERTS, "down")
        meter.observe(REDIS_SECONDS, 0.002)
        await metrics.flush(store, now_ms())
        await rates.take_token(store, rules(Settings()), f"slack-{number}", who=f"1:{number}", now=now_ms())
        await rates.report_send(
            *(store, rules(Settings()), f"slack-{number}"),
            outcome="delivered",
            retry_after_ms=None,
            hold_ms=None,
            send_id=f"1/{number}",
            now=now_ms(),
        )
        await deadlines.sweep(store, at, now=now_ms(), pings_accepted=now_ms(), flap=FLAPS)
    await _snapshot(store, at)
    await _overdue_and_told(store, at)
    for check in made[:CALLS]:
        await checks.delete_check(store, user, str(check.id))


async def _snapshot(store: Store, partition: int) -> None:
    begun = await snapshots.begin(store, partition, "bench")
    while not (await snapshots.take(store, begun, whole_logs=True)).complete:
        pass
    await snapshots.end(store, begun)


async def _overdue_and_told(store: Store, partition: int) -> None:
    """All checks are missed, and the alerts of some go out, joined in one delivery as they are for one address."""
    later = now_ms() + 10_000_000
    await store.redis.hset(keys.clock(partition), "tick", str(later))
    more = True
    while more:
        swept = await deadlines.sweep(store, partition, now=later, pings_accepted=later, flap=FLAPS)
        more = swept.more
    for event in await outbox.read_outbox(store, partition, CALLS):
        await outbox.dispatch_entry(store, partition, event, later, {"webhook": 1})
    for number in range(CALLS):
        now = later + number * 100_000
        for lane in await deliveries.hand_out(store, partition, now=now, most=10):
            while claimed := await deliveries.claim(store, lane, now):
                said = claimed.notification
                sent = deliveries.Attempt(now, "delivered", "ok", 200, 1, "", None)
                if not await deliveries.report(store, lane, said.id, said.channel_id, sent):
                    break
