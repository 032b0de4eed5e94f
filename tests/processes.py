"""Processes as they say themselves."""

from collections.abc import Mapping
from typing import Any

from ttr.domain.liveness import Kind, Process

NOW = 1_764_000_000_000


def process(
    kind: Kind, *, beat_at: int = NOW, loops: Mapping[str, int] | None = None, **more: Any
) -> Process:
    """One that is well unless told otherwise; its loops may be quiet for 8 s."""
    fields: dict[str, Any] = {
        "id": f"{kind}-1",
        "host": "here",
        "pid": 100,
        "version": "1.0",
        "started_at": beat_at - 60_000,
        "patience": dict.fromkeys(loops or (), 8_000),
        "gauges": {},
        **more,
    }
    return Process(kind=kind, beat_at=beat_at, loops=loops or {}, **fields)
