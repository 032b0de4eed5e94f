"""What bodies cost: POSTs of 100 bytes to 1 MB, of which 100 kB are kept, beside a GET of the same run."""

from functools import partial

from tests.bench import doors, requests

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
SERVERS = ("asgi", "fast")


async def run() -> None:
    """Each size through either door, all in turns."""
    async with doors.stand(*SERVERS) as stand:
        runs = {("get", server): partial(stand.ping, server, seconds=doors.SECONDS / 2) for server in SERVERS}
        for size in SIZES:
            for server in SERVERS:
                runs[f"{size:,} bytes", server] = partial(
                    stand.ping, server, requests.post(size), seconds=doors.SECONDS / 2
                )
        found = await doors.in_turns(runs)
        for (what, server), one in found.items():
            if what == "get":
                continue
            ratios = f"{doors.ratio(one, found['get', server])} its GETs"
            if server == "fast":
                ratios += f", {doors.ratio(one, found[what, 'asgi'])} asgi"
            print(f"bodies: {what}, {server}: {one.rate:,.0f}/s = {ratios}; {doors.told(one)}")
