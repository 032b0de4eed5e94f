"""Mixed kinds: runs with start and end, run ids, exit statuses, logs, HEAD, content in a query; one in twelve fails."""

from functools import partial

from tests.bench import doors, requests

SERVERS = ("asgi", "fast")


async def run() -> None:
    """The mixture and plain GETs through either door, in turns; with a connection for each ping as well."""
    async with doors.stand(*SERVERS) as stand:
        runs = {}
        for server in SERVERS:
            runs["get", server] = partial(stand.ping, server, seconds=doors.SECONDS / 2)
            runs["mixed", server] = partial(stand.ping, server, requests.mixed, seconds=doors.SECONDS / 2)
            runs["mixed, a connection each", server] = partial(
                stand.ping, server, requests.mixed, seconds=doors.SECONDS / 2, close=True
            )
        found = await doors.in_turns(runs)
        for (what, server), one in found.items():
            if what == "get":
                continue
            ratios = f"{doors.ratio(one, found['get', server])} its plain GETs"
            if server == "fast":
                ratios += f", {doors.ratio(one, found[what, 'asgi'])} asgi"
            print(f"kinds: {what}, {server}: {one.rate:,.0f}/s = {ratios}; {doors.told(one)}")
