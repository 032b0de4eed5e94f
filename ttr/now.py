"""The only reader of clocks: everything else is handed `now` as integer milliseconds UTC."""

import time


def now_ms() -> int:
    """Milliseconds since 1970-01-01 UTC, by this machine's clock."""
    return time.time_ns() // 1_000_000


def worked_ms() -> int:
    """Milliseconds of a processor that the calling thread has used."""
    return time.thread_time_ns() // 1_000_000
