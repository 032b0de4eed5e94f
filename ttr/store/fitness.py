"""Whether a Redis is fit to be the database: one reader, and one judgement for each thing that matters.

The judgements are pure, over the answers of INFO, CONFIG, FUNCTION and TIME. `verify` refuses by them when a process
starts, `ttr doctor` prints them.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import ClusterDownError, MovedError, RedisError

from ttr.domain.finding import Finding, Level
from ttr.now import now_ms
from ttr.store import keys

_OLDEST = (7, 0)
_FULL = 0.9
# Redis' own default of min-replicas-max-lag: a replica that was not heard of for longer counts for nothing.
_MOST_LAG_S = 10
_MOST_BEHIND = 10_000_000
_MOST_SKEW_MS = 1_000
_BAD_SKEW_MS = 5_000
_CONFIG = ("appendfsync", "min-replicas-to-write")
_SLOTS = 16_384
_UNNAMED = (
    "This Redis is a node of a cluster. Set REDIS_CLUSTER=true, and QUEUE_REDIS_URL to a Redis outside of it."
)
_NO_CLUSTER = (
    "REDIS_CLUSTER is true, and this Redis is no cluster. Remove it, or let REDIS_URL name a cluster's node."
)
_UNREAD = "can't be read here: this Redis does not answer CONFIG"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a Redis told of itself."""

    info: Mapping[str, Any]
    """The fields of INFO as redis-py reads them; empty where this user may not ask."""
    config: Mapping[str, str]
    """Some settings; those that can't be read are missing, all of them on many managed servers."""
    ahead_ms: float | None = None
    """How far its clock is ahead of ours, if it tells the time; behind when negative."""
    unsure_ms: float = 0
    """Half the round trip: `ahead_ms` may be wrong by this much."""
    partitions: int | None = None
    """How many partitions its data is laid out in; None when there is no data of ttr, or another node knows."""
    functions: bool = True
    """Whether it has functions and this user may look at them."""
    cluster: Mapping[str, str] = field(default_factory=dict)
    """The fields of CLUSTER INFO; empty of what is no cluster's node."""


async def read_answers(redis: Any) -> Answers:
    """Ask a Redis about itself, in one round trip. Raises what redis-py raises when it does not answer."""
    loop = asyncio.get_running_loop()
    pipeline = redis.pipeline(transaction=False)
    pipeline.time()  # first: the others take a while
    pipeline.info()
    pipeline.config_get(*_CONFIG)
    pipeline.hget(keys.meta(), "partitions")
    pipeline.function_list("ttr_none")
    pipeline.execute_command("CLUSTER INFO")
    began, asked = loop.time(), now_ms()
    moment, info, config, partitions, functions, cluster = await pipeline.execute(raise_on_error=False)
    took = (loop.time() - began) * 1000
    for answer in (moment, info, config, partitions, functions):
        elsewhere = isinstance(answer, MovedError | ClusterDownError)  # what `meta` says; see `slots`
        if isinstance(answer, RedisError) and not elsewhere and not _is_forbidden(answer):
            raise answer
    return Answers(
        info=_or_none(info) or {},
        config=_or_none(config) or {},
        ahead_ms=None
        if _or_none(moment) is None
        else moment[0] * 1000 + moment[1] / 1000 - (asked + took / 2),
        unsure_ms=took / 2,
        partitions=int(partitions) if _or_none(partitions) else None,
        functions=_or_none(functions) is not None,
        cluster=_or_none(cluster) or {},
    )


def judge(answers: Answers, *, appendfsync: str | None = None) -> list[Finding]:
    """A finding for each thing that matters of one Redis, in the order in which to read them.

    `appendfsync` is the mode that the settings ask for; None where they say nothing, as of a Redis of the owner's.
    """
    told = [] if not _is_node(answers.info) else [Finding("refusal", "cluster", _UNNAMED)]
    skew = clock(answers.ahead_ms, answers.unsure_ms)
    return [*_of_server(answers, appendfsync), *told, layout(answers.partitions), skew]


def judge_cluster(nodes: Mapping[str, Answers]) -> list[Finding]:
    """The same of the primaries of a cluster, by name. What is told of all alike is one finding."""
    found: dict[str, dict[tuple[Level, str], list[str]]] = {}
    for name, answers in nodes.items():
        for finding in (*_of_server(answers, None), clock(answers.ahead_ms, answers.unsure_ms)):
            found.setdefault(finding.subject, {}).setdefault((finding.level, finding.text), []).append(name)
    of_nodes = [
        Finding(level, subject, text if len(names) == len(nodes) else f"{', '.join(names)}: {text}")
        for subject, told in found.items()
        for (level, text), names in told.items()
    ]
    laid_out = next((one.partitions for one in nodes.values() if one.partitions is not None), None)
    return [*of_nodes, slots(nodes), layout(laid_out)]


def slots(nodes: Mapping[str, Answers]) -> Finding:
    """Whether it is a cluster, and each slot has its node."""
    if not all(_is_node(one.info) for one in nodes.values() if one.info):
        return Finding("refusal", "cluster", _NO_CLUSTER)
    states = {one.cluster.get("cluster_state", "ok") for one in nodes.values()}
    missing = max(_SLOTS - int(one.cluster.get("cluster_slots_ok", _SLOTS)) for one in nodes.values())
    if states != {"ok"} or missing:
        return Finding(
            "bad",
            "cluster",
            f"{missing:,} of {_SLOTS:,} slots are served by no node, so pings of some accounts get 503, or all do. "
            "Look at CLUSTER NODES for the node that is gone.",
        )
    primaries = f"{len(nodes)} primaries" if len(nodes) > 1 else "One primary"
    return Finding("ok", "cluster", f"{primaries} serve{'s' if len(nodes) == 1 else ''} all slots.")


def _of_server(answers: Answers, appendfsync: str | None) -> list[Finding]:
    info, config = answers.info, answers.config
    if not info:
        text = "This Redis does not answer INFO to this user, so most can't be looked at. Allow it by an ACL (+info)."
        return [Finding("warning", "server", text), functions(answers.functions)]
    return [
        version(info),
        role(info),
        eviction(info),
        memory(info),
        append_only_file(info, config, wanted=appendfsync),
        *disk_writes(info),
        replicas(info, config),
        functions(answers.functions),
    ]


def _is_node(info: Mapping[str, Any]) -> bool:
    return bool(int(info.get("cluster_enabled", 0)))


def version(info: Mapping[str, Any]) -> Finding:
    """7.0 or newer."""
    told = str(info.get("redis_version", "0"))
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {told}"
    if _numbers(told) < _OLDEST:
        return Finding("refusal", "version", f"{name} is too old: ttr needs Redis 7.0 or newer.")
    return Finding("ok", "version", f"{name}.")


def role(info: Mapping[str, Any]) -> Finding:
    """A replica takes no writes, or loses them."""
    if info.get("role") != "slave":
        return Finding("ok", "role", "It is a primary.")
    primary = f"{info.get('master_host')}:{info.get('master_port')}"
    return Finding(
        "refusal",
        "role",
        f"This Redis is a replica of {primary}: what is written to it is refused or lost. "
        "Set REDIS_URL to the primary.",
    )


def eviction(info: Mapping[str, Any]) -> Finding:
    """Nothing may be thrown away."""
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy == "noeviction":
        return Finding("ok", "eviction", "It throws nothing away (noeviction).")
    return Finding(
        "refusal",
        "eviction",
        f"This Redis may throw checks away (maxmemory-policy {policy}). Set maxmemory-policy noeviction.",
    )


def memory(info: Mapping[str, Any]) -> Finding:
    """Writes are refused when `maxmemory` is reached."""
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not most:
        machine = int(info.get("total_system_memory", 0))
        of = f" of the machine's {_size(machine)}" if machine else ""
        return Finding("ok", "memory", f"It uses {_size(used)}{of} and has no limit (maxmemory 0).")
    told = f"It uses {_size(used)} of {_size(most)} (maxmemory), {100 * used // most} %"
    if used >= most:
        return Finding("bad", "memory", f"{told}: writes are refused, pings get 503. Raise maxmemory.")
    if used >= _FULL * most:
        return Finding("warning", "memory", f"{told}; when it is full, pings get 503. Raise maxmemory.")
    return Finding("ok", "memory", f"{told}.")


def append_only_file(
    info: Mapping[str, Any], config: Mapping[str, str], *, wanted: str | None = None
) -> Finding:
    """What a crash takes along."""
    subject = "append-only file"
    if not int(info.get("aof_enabled", 0)):
        return Finding(
            "warning",
            subject,
            "Redis keeps no append-only file: a crash loses pings. Set appendonly yes.",
        )
    mode = config.get("appendfsync")
    if wanted and mode and mode != wanted:
        return Finding(
            "warning",
            subject,
            f"It is on, but appendfsync {mode}, and REDIS_APPENDFSYNC says {wanted}. Restart `ttr up`.",
        )
    match mode:
        case "always":
            return Finding(
                "ok", subject, "It is on, appendfsync always: what is answered is on the disk already."
            )
        case "everysec":
            return Finding(
                "ok",
                subject,
                "It is on, appendfsync everysec: a machine that dies takes the last second's pings along, "
                "two seconds' while its disk is slow.",
            )
        case "no":
            return Finding(
                "warning",
                subject,
                "It is on, but appendfsync no: a machine that dies takes along what the system had not written yet, "
                "often 30 seconds. Set appendfsync everysec or always.",
            )
        case _:
            return Finding("ok", subject, f"It is on; appendfsync {_UNREAD}.")


def disk_writes(info: Mapping[str, Any]) -> list[Finding]:
    """Whether the last writes to the disk went well; one finding when all did."""
    found = []
    if info.get("aof_last_write_status", "ok") != "ok":
        found.append(
            Finding(
                "bad",
                "writing",
                "Redis could not write its append-only file: it refuses writes and pings get 503, until there is room "
                "on its disk again. Make room; its log says more.",
            )
        )
    if info.get("aof_last_bgrewrite_status", "ok") != "ok":
        found.append(
            Finding(
                "warning",
                "rewriting",
                "The last rewrite of the append-only file failed, so the file grows. Look at Redis' log, and for room "
                "on its disk; then BGREWRITEAOF.",
            )
        )
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        found.append(
            Finding(
                "warning",
                "saving",
                "The last background save failed. With save points Redis refuses writes until one works "
                "(stop-writes-on-bgsave-error), and pings get 503. Look at Redis' log, and for room on its disk; "
                "then BGSAVE.",
            )
        )
    return found or [Finding("ok", "writing", "Its last writes to the disk went well.")]


def replicas(info: Mapping[str, Any], config: Mapping[str, str]) -> Finding:
    """How far its replicas are behind, and how many it insists on."""
    subject = "replicas"
    needed = int(config.get("min-replicas-to-write", 0))
    known = [info[f"slave{n}"] for n in range(int(info.get("connected_slaves", 0))) if f"slave{n}" in info]
    here = int(info.get("master_repl_offset", 0))
    told, late, good = [], False, 0
    for replica in known:
        lag, behind = int(replica.get("lag", 0)), max(here - int(replica.get("offset", 0)), 0)
        online = replica.get("state") == "online"
        step = f"{lag} s and {_size(behind)} behind" if online else "not in step yet"
        told.append(f"{replica.get('ip')}:{replica.get('port')} is {step}")
        good += online and lag <= _MOST_LAG_S
        late |= not online or lag > _MOST_LAG_S or behind > _MOST_BEHIND
    summary = f"{len(known)}: {'; '.join(told)}." if known else "It has none."
    if good < needed:
        return Finding(
            "bad",
            subject,
            f"{summary} min-replicas-to-write is {needed}, so writes are refused and pings get 503. "
            "Start the replicas, or lower min-replicas-to-write.",
        )
    if late:
        return Finding(
            "warning", subject, f"{summary} A failover loses what has not arrived. Look at the replica's log."
        )
    if known and not needed:
        summary += " Redis answers without waiting for them (min-replicas-to-write 0)."
    return Finding("ok", subject, summary)


def functions(answered: bool) -> Finding:
    """Every change is made by a function, and processes load them."""
    if answered:
        return Finding("ok", "functions", "They can be loaded.")
    return Finding(
        "refusal",
        "functions",
        "This Redis has no functions, or this user may not use them: ttr keeps its commands there. "
        "Allow them by an ACL (+fcall +function|load +function|list +function|delete).",
    )


def layout(partitions: int | None) -> Finding:
    """The number of partitions is fixed when a database is made."""
    if partitions is None:
        return Finding("ok", "layout", "There is no data of ttr yet.")
    if partitions == keys.PARTITIONS:
        return Finding("ok", "layout", f"{partitions} partitions, as this version has them.")
    return Finding(
        "refusal",
        "layout",
        f"This Redis's data is laid out in {partitions} partitions; this version uses {keys.PARTITIONS}.",
    )


def clock(ahead_ms: float | None, unsure_ms: float, of: str = "Redis'") -> Finding:
    """Two machines that disagree about the time; only what the round trip can't explain counts. `of` is whose."""
    if ahead_ms is None:
        return Finding("ok", "clock", "Can't be read here: this Redis does not answer TIME.")
    beyond = abs(ahead_ms) - unsure_ms
    level: Level = "bad" if beyond > _BAD_SKEW_MS else "warning" if beyond > _MOST_SKEW_MS else "ok"
    side = "ahead of" if ahead_ms >= 0 else "behind"
    told = f"{of} clock is {abs(ahead_ms):,.0f} ms {side} ours, give or take {unsure_ms:,.0f} ms."
    if level != "ok":
        told += " Set both by NTP: machines of ttr that differ by two seconds judge nothing."
    return Finding(level, "clock", told)


def _or_none(answer: Any) -> Any:
    return None if isinstance(answer, RedisError) else answer


def _is_forbidden(error: RedisError) -> bool:
    """Whether Redis is there but does not allow the command, or does not have it, or knows of no cluster."""
    text = str(error).lower()
    return any(words in text for words in ("permissions", "noperm", "unknown command", "cluster support"))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def _size(count: int) -> str:
    """A number of bytes for people, in powers of 1,000 as everywhere in ttr."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return f"{count} bytes"
