"""`python -m tests.bench [name ...]`: run the benchmarks, all of them unless some are named."""

import asyncio
import importlib
import os
import platform
import sys

NAMES = (
    "memory",
    "pings",
    "detection",
    "notifications",
    "lists",
    "fragments",
    "streams",
    "screen",
    "visitors",
    "snapshots",
)


def main(names: list[str]) -> int:
    """Run each benchmark's `run()` in turn."""
    if unknown := set(names) - set(NAMES):
        print(f"No such benchmark: {', '.join(sorted(unknown))}. There are {', '.join(NAMES)}.")
        return 2
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name in names or NAMES:
        asyncio.run(importlib.import_module(f"tests.bench.{name}").run())
    return 0


sys.exit(main(sys.argv[1:]))
