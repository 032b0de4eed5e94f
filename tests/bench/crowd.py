"""Visitors of a page from raw sockets: `crowd <base> <path> <connections> <requests a second> <seconds>`.

With 0 requests a second each connection asks again as soon as it is answered.

Prints how many were answered with 200, 304 and 503. Bounded by its seconds; talks to loopback only.
"""

import asyncio
import sys
import time
from collections import Counter


async def main(base: str, path: str, connections: int, rate: float, seconds: float) -> None:
    """Keep each connection busy; every second request names the version that the one before got."""
    host, _, port = base.removeprefix("http://").partition(":")
    if host != "127.0.0.1":
        raise SystemExit("only this machine is ever loaded")
    began = time.perf_counter()
    answered: Counter[str] = Counter()

    async def connection(first: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        number, tag = first, ""
        while time.perf_counter() - began < seconds:
            if rate:
                await asyncio.sleep(max(0, began + number / rate - time.perf_counter()))
            number += connections
            asks = f"If-None-Match: {tag}\r\n" if tag and number % 2 else ""
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n{asks}\r\n".encode()
            )
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            answered[head[9:12]] += 1
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            tag = fields.get("etag", tag).replace('w/"', 'W/"')
            if head[9:12] != "304":
                await reader.readexactly(int(fields["content-length"]))
        writer.close()

    await asyncio.gather(*(connection(first) for first in range(connections)))
    print(*(answered[status] for status in ("200", "304", "503")))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])))
