"""What a scrape tells of the moment: how much there is, how far behind, whether the servers are well.

`ttr/domain/metrics.py` has what is counted and timed. Without a value a series is left out: what nobody knows is not 0.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Gauge:
    """A value as of the scrape. A `counter` is one that a server keeps and begins anew when it is started again."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter", "info"] = "gauge"


UP = Gauge("ttr_up", "Whether Redis answers and a clock has ticked within 10 s: 1 or 0, as /health says it.")
APP = Gauge("ttr_app_info", "The version that answers.", ("version",), "info")

CHECKS = Gauge("ttr_checks_total", "Checks of all accounts by status: up, down, new or paused.", ("status",))
LATE = Gauge("ttr_checks_late", "Checks past due and inside their grace; they are up or new.")
RUNNING = Gauge("ttr_checks_running", "Checks with a run that has started and not ended.")
ACCOUNTS = Gauge("ttr_accounts", "Accounts.")
ACTIVE = Gauge("ttr_active_users", "Accounts that have a check.")
CHANNELS = Gauge("ttr_channels", "Channels of all accounts.")
PAGES = Gauge("ttr_status_pages", "Status pages of all accounts.")
FIGURES_AGE = Gauge(
    "ttr_figures_age_seconds",
    "How old the counts over all accounts and of the job queue are: a few seconds, more where there are many accounts.",
)

QUEUE_UP = Gauge("ttr_queue_up", "Whether the Redis of the job queue answers: 1 or 0.")
QUEUE = Gauge("ttr_queue_size", "Jobs that wait for a worker, by name of the queue.", ("queue_name",))
FAILED_JOBS = Gauge(
    "ttr_failed_jobs", "Jobs that broke off and are kept for a look; no alert is lost with one."
)

WORKERS = Gauge("ttr_workers_online", "Workers that take jobs.")
PROCESSES = Gauge(
    "ttr_processes",
    "Processes by kind and state: well, stuck (one of its loops is) or silent (for 8 s; forgotten after a minute).",
    ("kind", "state"),
)
MISSING = Gauge(
    "ttr_work_missing",
    "1 for work that no process does: queue, partitions, worker, or a loop of clocks; else no value.",
    ("work",),
)
STARTED = Gauge(
    "ttr_process_start_time_seconds", "When the newest process of a kind was started, Unix time.", ("kind",)
)
HEARD = Gauge(
    "ttr_process_heard_seconds",
    "Since the process of a kind that is quiet longest said something.",
    ("kind",),
)
MEMORY = Gauge("ttr_process_resident_memory_bytes", "Memory of the largest process of a kind.", ("kind",))
LAG = Gauge(
    "ttr_process_loop_lag_seconds",
    "For how long the event loop of a kind was held up of late, at worst.",
    ("kind",),
)
LOOP_SILENT = Gauge(
    "ttr_loop_silent_seconds",
    "Since a loop last went round, in the process where that is longest ago.",
    ("kind", "loop"),
)
LOOPS_STUCK = Gauge(
    "ttr_loops_stuck",
    "Processes in which a loop has not gone round for longer than it may be quiet.",
    ("kind", "loop"),
)
STREAMS = Gauge("ttr_streams_open", "Pages that are open and told of changes.")
CONNECTIONS = Gauge("ttr_connections", "Connections of clients to the web processes.")


CLOCK_SILENT = Gauge(
    "ttr_clock_silent_seconds", "Since a clock last looked for overdue checks; +Inf for never."
)
OVERDUE_LAG = Gauge(
    "ttr_overdue_lag_seconds",
    "How far the deadline lies back that has waited longest to be judged, 0 when none waits; blind time counts.",
)
OUTBOX = Gauge("ttr_outbox_entries", "Alerts that were decided and not yet handed out.")
OUTBOX_AGE = Gauge("ttr_outbox_age_seconds", "How old the oldest of these is, 0 when there is none.")
WAITING = Gauge("ttr_deliveries_waiting", "Alerts that wait for a channel, retries among them.")
ADDRESSES = Gauge("ttr_addresses_waiting", "Addresses with unfinished deliveries.")
DELIVERY_LAG = Gauge(
    "ttr_delivery_lag_seconds",
    "For how long the address has waited that was due first, 0 when none is due; a planned retry is not due.",
)
GIVEN_UP = Gauge(
    "ttr_deliveries_given_up",
    "Deliveries of the last week that were given up; without Postgres nobody knows.",
)

REDIS_UP = Gauge("ttr_redis_up", "Whether Redis answers in time: 1 or 0.")
REDIS_TRIP = Gauge("ttr_redis_round_trip_seconds", "Time of this scrape's own round trip to Redis.")
REDIS_MEMORY = Gauge("ttr_redis_memory_used_bytes", "Memory that Redis uses.")
REDIS_MEMORY_MAX = Gauge("ttr_redis_memory_max_bytes", "Its limit (maxmemory), 0 for none.")
REDIS_CLIENTS = Gauge("ttr_redis_connected_clients", "Connections to Redis.")
REDIS_AOF = Gauge("ttr_redis_aof_enabled", "Whether Redis keeps an append-only file: 1 or 0.")
REDIS_WRITTEN = Gauge("ttr_redis_last_write_ok", "Whether its last write of that file went well: 1 or 0.")
REDIS_SAVED = Gauge(
    "ttr_redis_last_save_ok", "Whether its last rewrite and its last background save went well: 1 or 0."
)
REDIS_COMMANDS = Gauge(
    "ttr_redis_commands_processed_total", "Commands since Redis was started.", (), "counter"
)
REDIS_REJECTED = Gauge(
    "ttr_redis_rejected_connections_total", "Connections that Redis had no room for.", (), "counter"
)
REDIS_EVICTED = Gauge(
    "ttr_redis_evicted_keys_total", "Keys that Redis threw away for want of memory: always 0.", (), "counter"
)

POSTGRES_UP = Gauge(
    "ttr_postgres_up",
    "Whether Postgres took the last snapshot: 1 or 0; without an archive there is no value.",
)
SNAPSHOT_LAG = Gauge(
    "ttr_snapshot_lag_seconds", "How far Postgres is behind Redis; no value before the first."
)

GAPS = Gauge("ttr_gaps", "Times in which this installation was blind, of the last 100 days.")
GAP_SECONDS = Gauge("ttr_gap_seconds", "How long it was blind, of the last `1d` and `100d`.", ("window",))

GAUGES: dict[str, Gauge] = {
    gauge.name: gauge
    for gauge in (
        UP,
        APP,
        CHECKS,
        LATE,
        RUNNING,
        ACCOUNTS,
        ACTIVE,
        CHANNELS,
        PAGES,
        FIGURES_AGE,
        QUEUE_UP,
        QUEUE,
        FAILED_JOBS,
        WORKERS,
        PROCESSES,
        MISSING,
        STARTED,
        HEARD,
        MEMORY,
        LAG,
        LOOP_SILENT,
        LOOPS_STUCK,
        STREAMS,
        CONNECTIONS,
        CLOCK_SILENT,
        OVERDUE_LAG,
        OUTBOX,
        OUTBOX_AGE,
        WAITING,
        ADDRESSES,
        DELIVERY_LAG,
        GIVEN_UP,
        REDIS_UP,
        REDIS_TRIP,
        REDIS_MEMORY,
        REDIS_MEMORY_MAX,
        REDIS_CLIENTS,
        REDIS_AOF,
        REDIS_WRITTEN,
        REDIS_SAVED,
        REDIS_COMMANDS,
        REDIS_REJECTED,
        REDIS_EVICTED,
        POSTGRES_UP,
        SNAPSHOT_LAG,
        GAPS,
        GAP_SECONDS,
    )
}
"""By name."""
