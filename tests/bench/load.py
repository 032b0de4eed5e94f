"""A load on ping URLs from raw sockets: `load <base> <user slug> <checks> <connections> <seconds>`.

Prints requests answered, p50 and p99 in ms. Bounded by its seconds; talks to loopback only.
"""

import asyncio
import sys
import time


async def main(base: str, slug: str, checks: int, connections: int, seconds: float) -> None:
    """Keep each connection busy with one ping after the other."""
    host, _, port = base.removeprefix("http://").partition(":")
    if host != "127.0.0.1":
        raise SystemExit("only this machine is ever loaded")
    until = time.perf_counter() + seconds
    times: list[float] = []

    async def connection(first: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        number = first
        while (began := time.perf_counter()) < until:
            number += connections
            writer.write(f"GET /p/{slug}/backup-{number % checks} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(head.decode())
            await reader.readexactly(2)
            times.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(connection(first) for first in range(connections)))
    times.sort()
    print(len(times), round(times[len(times) // 2] * 1e3, 1), round(times[int(len(times) * 0.99)] * 1e3, 1))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
