"""The clock process: finds what is overdue the moment it is, hands alerts out, finishes what was left half done,
keeps the archive, and pings another monitor. Several may run."""

import asyncio
import signal

from ttr import logs
from ttr.archive.database import Database, open_archive
from ttr.archive.guard import refuse_lost_redis
from ttr.archive.keep import Rules, keep_archive
from ttr.chores import look_after_chores
from ttr.cleanup import keep_clean, keep_none
from ttr.dispatch import Dispatcher
from ttr.domain.flapping import flap_rules
from ttr.domain.liveness import PARTITIONS_AWAY, QUEUE_AWAY
from ttr.ending import end
from ttr.heartbeat import beating
from ttr.self_ping import ping_another_monitor
from ttr.settings import Settings
from ttr.store.archive_state import forget_archive
from ttr.store.redis import Store, open_store, verify, wait_until_ready
from ttr.store.reindex import ensure_indexes
from ttr.waker import Waker
from ttr.watch import watch


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
        with Waker(settings.queue) as waker:
            unreachable = set[int]()

            def gauges() -> dict[str, int]:
                return {QUEUE_AWAY: int(waker.away), PARTITIONS_AWAY: len(unreachable)}

            async with beating(store, "clock", gauges):
                await _work(store, archive, waker, unreachable, settings, stop)


async def _work(
    store: Store,
    archive: Database | None,
    waker: Waker,
    unreachable: set[int],
    settings: Settings,
    stop: asyncio.Event,
) -> None:
    dispatcher = Dispatcher(store, waker)
    work = [
        asyncio.create_task(watch(store, dispatcher.wake, flap_rules(settings), unreachable)),
        asyncio.create_task(dispatcher.run()),
        asyncio.create_task(waker.run()),
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
