"""The clock process: finds what is overdue the moment it is, hands alerts out, finishes what was left half done,
keeps the archive, and pings another monitor. Several may run."""

import asyncio
import secrets
import signal
from dataclasses import dataclass
from functools import lru_cache

from ttr import logs
from ttr.archive.database import Database, open_archive
from ttr.archive.guard import refuse_lost_redis
from ttr.archive.keep import Rules, keep_archive
from ttr.chores import look_after_chores
from ttr.cleanup import keep_clean, keep_none
from ttr.dispatch import Dispatcher
from ttr.domain.flapping import FlapRules, flap_rules
from ttr.domain.metrics import OVERDUE_SECONDS
from ttr.domain.schedule import Schedule, next_due
from ttr.ending import end
from ttr.heartbeat import beating, turn
from ttr.meter import observe
from ttr.noted import set_origin
from ttr.now import now_ms
from ttr.self_ping import ping_another_monitor
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.archive_state import forget_archive
from ttr.store.deadlines import Swept, arm, read_ticks, sweep, tick_clock
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store, open_store, verify, wait_until_ready
from ttr.store.reindex import ensure_indexes

log = logs.get_logger(__name__)

# A deadline is at least 2 s away when it is made (1 s interval, 1 s grace), so looking twice a second meets
# every one of them in time, and reminders are a minute away; between looks the clock sleeps until the earliest.
_LOOK_MS = 500
_QUIET_MS = 5_000


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; trouble with Redis is logged and survived."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    logs.begin(settings, "clock")
    async with (
        open_store(settings.database, cluster=settings.redis_cluster) as store,
        open_archive(settings.database_url) as archive,
    ):
        await wait_until_ready(store)
        await refuse_lost_redis(store, settings.database_url)
        await verify(store)
        await ensure_indexes(store)
        await store.scripts.remove_others()
        async with beating(store, "clock"):
            await _work(store, archive, settings, stop)


async def _work(store: Store, archive: Database | None, settings: Settings, stop: asyncio.Event) -> None:
    with Dispatcher(store, settings.queue) as dispatcher:
        work = [
            asyncio.create_task(watch(store, dispatcher.wake, flap_rules(settings))),
            asyncio.create_task(dispatcher.run()),
            asyncio.create_task(look_after_chores(store)),
        ]
        if settings.cleanup_enabled:
            work.append(asyncio.create_task(keep_clean(store, settings)))
        else:
            await keep_none(store)
        if archive:
            work.append(asyncio.create_task(keep_archive(store, archive, _archive_rules(settings))))
        else:
            await forget_archive(store)
        if settings.self_ping_url:
            pinging = ping_another_monitor(store, settings.self_ping_url, settings.self_ping_interval_seconds)
            work.append(asyncio.create_task(pinging))
        stopping = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([*work, stopping], return_when=asyncio.FIRST_COMPLETED)
        await end(*work, stopping)
        for task in done - {stopping}:
            task.result()  # a loop that ended has failed: say how, and let the supervisor start it again


def _archive_rules(settings: Settings) -> Rules:
    return Rules(settings.snapshot_interval_seconds, settings.history_days, settings.history_pings_per_check)


async def watch(store: Store, wake: asyncio.Event, flap: FlapRules) -> None:
    """Sweep for ever: at once when more is waiting, else when the next deadline or reminder is due, at the latest in
    half a second."""
    sight = _Sight()
    while True:
        turn("watch")
        try:
            now = now_ms()
            set_origin(secrets.token_hex(8))
            swept = await sweep_all(store, now, flap)
            if not all(part.blind for part in swept):
                await tick_clock(store, now)
        except StoreUnavailable as error:
            log.warning("Redis is away", error=str(error))
            await asyncio.sleep(_LOOK_MS / 1000)
            continue
        if any(part.changed for part in swept):
            wake.set()
            late = [ms for part in swept for ms in part.delays]
            log.info(
                "deadlines looked at",
                changed=sum(part.changed for part in swept),
                late_ms=max(late, default=None),
            )
        sight.look(any(part.blind for part in swept), now)
        await asyncio.sleep(_pause(swept))


async def sweep_all(store: Store, now: int, flap: FlapRules) -> list[Swept]:
    """One look at every partition, all at once; checks that missed a run get their next due time."""
    web, _ = await read_ticks(store)
    partitions = range(keys.PARTITIONS)
    swept = await asyncio.gather(
        *(sweep(store, p, now=now, pings_accepted=web, flap=flap) for p in partitions)
    )
    for partition, part in zip(partitions, swept, strict=True):
        for delay in part.delays:
            observe(OVERDUE_SECONDS, delay / 1000)
        await asyncio.gather(
            *(
                arm(store, partition, check, _next_run(check.due or now, check.schedule), now=now)
                for check in part.unarmed
            )
        )
    return swept


@dataclass(slots=True)
class _Sight:
    """Logs when judging stops and when it goes on; a few seconds without web are every start's."""

    blind_since: int | None = None
    said: bool = False

    def look(self, blind: bool, now: int) -> None:
        if not blind:
            if self.said and self.blind_since is not None:
                log.warning("pings are taken again", ms=now - self.blind_since)
            self.blind_since, self.said = None, False
        elif self.blind_since is None:
            self.blind_since = now
        elif not self.said and now - self.blind_since > _QUIET_MS:
            log.warning("no web process takes pings: nothing is declared overdue until one does")
            self.said = True


@lru_cache(maxsize=10_000)
def _next_run(due: int, schedule: Schedule) -> int | None:
    """The run after the one that was missed, so that every missed run counts. Thousands share a cron time."""
    return next_due(schedule, due)


def _pause(swept: list[Swept]) -> float:
    """Seconds until the next look."""
    if any(part.more for part in swept):
        return 0
    now = now_ms()
    next_look = min((part.next_look for part in swept if part.next_look is not None), default=now + _LOOK_MS)
    return max(0, min(next_look - now, _LOOK_MS)) / 1000
