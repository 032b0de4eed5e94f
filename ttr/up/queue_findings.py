"""What `ttr doctor` says of the job queue, and of the processes that are at work."""

from collections.abc import Mapping, Sequence
from typing import Any

import redis.asyncio

from ttr.domain.finding import Finding
from ttr.domain.liveness import Liveness, judge
from ttr.domain.text import counted
from ttr.job_queue import JobCounts, QueueAway, count_jobs
from ttr.now import now_ms
from ttr.queue_redis import NO_URL
from ttr.redis_tls import tls_fault
from ttr.settings import Settings
from ttr.store import fitness
from ttr.store.processes import read_processes
from ttr.store.redis import UNAVAILABLE, open_store, wait_until_ready
from ttr.up.borrowed import borrowed

_WITHIN = 5.0
_KEEPS = "It need not keep anything on a disk: a job only wakes a worker."
_MANY = 1_000
"""Jobs that wait: one wakes a sender for an address, so there are rarely more than addresses."""


async def look_at_queue(settings: Settings) -> list[Finding]:
    """The Redis of QUEUE_REDIS_URL, else the database's. Raises Refusal and StoreUnavailable."""
    async with borrowed(settings) as servers:
        database = await servers.redis()
        async with open_store(database, cluster=settings.redis_cluster) as store:
            await wait_until_ready(store, _WITHIN)
            at_work = judge(await read_processes(store), now_ms())
    found = await _own_redis(settings.queue) if settings.queue_redis_url else []
    if any(finding.is_bad for finding in found):
        return [*found, *judge_processes(at_work)]
    try:
        jobs = await count_jobs(settings.queue if settings.queue_redis_url else database)
    except QueueAway as error:
        return [*found, Finding("bad", "jobs", f"They can't be counted: {error}"), *judge_processes(at_work)]
    return [*found, *judge_jobs(jobs, at_work.workers_online), *judge_processes(at_work)]


def judge_jobs(jobs: JobCounts, workers: int) -> list[Finding]:
    """What waits and who takes it. Jobs only wake senders: the alerts themselves are in the database."""
    waiting = f"{counted(jobs.waiting, 'job')} wait{'s' if jobs.waiting == 1 else ''}"
    told = f"{waiting}, {jobs.started + jobs.taken:,} are worked on, {counted(workers, 'worker')} online."
    if not workers:
        level, todo = "warning", " Alerts wait. Start `ttr worker`."
        first = Finding("bad" if jobs.waiting else level, "workers", told + todo)  # type: ignore[arg-type]
    elif jobs.waiting > _MANY:
        first = Finding("warning", "workers", f"{told} Start more of `ttr worker`.")
    else:
        first = Finding("ok", "workers", told)
    if not jobs.failed:
        return [first]
    return [
        first,
        Finding(
            "warning",
            "failed jobs",
            f"{counted(jobs.failed, 'job')} ended with an error. /admin/queues says which, and retries or drops them.",
        ),
    ]


def judge_processes(at_work: Liveness) -> list[Finding]:
    """Who has fallen silent, and which loops are stuck."""
    found = []
    for one in at_work.processes:
        process = one.process
        name = f"{process.kind} {process.pid} on {process.host}"
        if one.state == "silent":
            text = f"{name} is not heard of any more. If it was not stopped by hand, look at its log."
            found.append(Finding("warning", "process", text))
        elif one.stuck:
            text = f"{name} is stuck: {', '.join(one.stuck)}. Look at its log, and start it anew."
            found.append(Finding("bad", "process", text))
    versions = {one.process.version for one in at_work.processes if one.state != "silent"}
    if len(versions) > 1:
        text = f"Processes of different versions are at work: {', '.join(sorted(versions))}. Start the older ones anew."
        found.append(Finding("warning", "process", text))
    return found


async def _own_redis(url: str) -> Sequence[Finding]:
    """Whether a Redis of the queue's own answers and takes writes; its words may hold a part of its password."""
    try:
        client = redis.asyncio.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)
    except ValueError:
        return [Finding("bad", "reachable", NO_URL)]
    try:
        answers = await fitness.read_answers(client)
    except (*UNAVAILABLE, redis.RedisError) as error:
        text = tls_fault(error) or (
            f"The Redis of QUEUE_REDIS_URL does not answer ({type(error).__name__}): alerts wait. Start it."
        )
        return [Finding("bad", "reachable", text)]
    finally:
        await client.aclose()
    info = answers.info
    if not info:
        return [Finding("ok", "reachable", "The Redis of QUEUE_REDIS_URL answers, and does not tell more.")]
    return judge_own_redis(info)


def judge_own_redis(info: Mapping[str, Any]) -> list[Finding]:
    """What matters of a Redis that carries wake-ups alone: that it takes them. It may forget everything at any time, so
    it needs no disk and no backup."""
    if info.get("redis_mode") == "cluster":
        text = "QUEUE_REDIS_URL names a node of a Redis Cluster, on which the queue does not run. Name another Redis."
        return [Finding("bad", "cluster", text)]
    if fitness.role(info).is_bad:
        text = "The Redis of QUEUE_REDIS_URL is a replica: it takes no jobs. Name its primary."
        return [Finding("bad", "role", text)]
    version = fitness.version(info)
    found = (
        [Finding("bad", "version", f"The Redis of QUEUE_REDIS_URL: {version.text}")] if version.is_bad else []
    )
    found += [one for one in (fitness.memory(info), *fitness.disk_writes(info)) if one.level != "ok"]
    if fitness.eviction(info).is_bad:
        text = (
            f"The Redis of QUEUE_REDIS_URL may throw jobs away (maxmemory-policy {info['maxmemory_policy']}). No alert "
            "is lost with one, but what failed may vanish from /admin/queues. Set maxmemory-policy noeviction."
        )
        found.append(Finding("warning", "eviction", text))
    return found or [
        Finding("ok", "reachable", f"The Redis of QUEUE_REDIS_URL takes jobs: {version.text} {_KEEPS}")
    ]
