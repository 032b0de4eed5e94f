"""What a failover of a Redis Cluster takes along: acknowledged writes against those that the replica has, and for how
long nobody served the slots. Of the server alone, as fast as it goes, for that is when most is on its way."""

import asyncio
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.cluster import Node, running_cluster

ROUNDS = 5
CONNECTIONS = 50
SECONDS = 2.0
TIMEOUT_MS = 3_000
_SLOT_OF_FIRST = "{afj}"  # slot 59, which the first primary serves


async def run() -> None:
    """Print a line for each round: killed, then stopped and let go again when its replica has taken over."""
    for number in range(2 * ROUNDS):
        await _round(kill=number < ROUNDS)


async def _round(*, kill: bool) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="ttr-") as folder,
        running_cluster(Path(folder), replicas=1, node_timeout_ms=TIMEOUT_MS) as cluster,
    ):
        primary, replica = cluster.primaries[0], cluster.replicas[0]
        taken = Counter[int]()
        waits: list[float] = []
        writers = [asyncio.create_task(_write(primary, number, taken)) for number in range(CONNECTIONS)]
        prober = asyncio.create_task(_wait(primary, waits))
        await asyncio.sleep(SECONDS)
        rate = taken.total() / SECONDS
        died = time.monotonic()
        if kill:
            primary.kill()
        else:
            primary.process.send_signal(signal.SIGSTOP)
        away = await asyncio.to_thread(_away, replica, died)
        if not kill:
            primary.process.send_signal(signal.SIGCONT)
        # A primary that is none any more answers MOVED, with which a writer ends.
        await asyncio.gather(*writers, prober)
        with Redis(port=replica.port) as client:
            there = {n: int(client.get(_key(n)) or 0) for n in range(CONNECTIONS)}
        lost = sum(max(0, taken[n] - there[n]) for n in range(CONNECTIONS))
        waits.sort()
        print(
            f"a primary {'killed' if kill else 'stopped and let go'}: {rate:,.0f} writes a second, {lost} "
            f"acknowledged ones lost, served again after {away:.1f} s (cluster-node-timeout "
            f"{TIMEOUT_MS / 1000:.0f} s); its replica had a write after {waits[len(waits) // 2]:.1f} ms, "
            f"p99 {waits[len(waits) * 99 // 100]:.1f} ms"
        )


async def _wait(primary: Node, waits: list[float]) -> None:
    """How long it takes until the replica says that it has a write, ms."""
    reader, writer = await asyncio.open_connection("127.0.0.1", primary.port)
    try:
        while True:
            began = time.perf_counter()
            writer.write(f"INCR {_key(CONNECTIONS)}\r\nWAIT 1 1000\r\n".encode())
            if not (await reader.readline()).startswith(b":"):
                return
            if await reader.readline() == b":1\r\n":
                waits.append((time.perf_counter() - began) * 1000)
    except OSError:
        return
    finally:
        writer.close()


def _key(number: int) -> str:
    return f"{_SLOT_OF_FIRST}{number}"


async def _write(primary: Node, number: int, taken: Counter[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", primary.port)
    command = f"INCR {_key(number)}\r\n".encode()
    try:
        while True:
            writer.write(command)
            answer = await reader.readline()
            if not answer.startswith(b":"):
                return
            taken[number] += 1
    except OSError:
        return
    finally:
        writer.close()


def _away(replica: Node, died: float) -> float:
    while True:
        with Redis(port=replica.port) as client:
            try:
                client.incr(f"{_SLOT_OF_FIRST}probe")
                return time.monotonic() - died
            except RedisError:
                time.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(run())
