"""What `ttr up` says when it is ready: where it is, how to send the first ping, where the data are."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

_STEP = 0.1
_SHOWN_OF_ANSWER = 300


@dataclass(frozen=True, slots=True)
class Health:
    """One answer of `GET /health`; `status` is 0 if there was none."""

    status: int
    text: str


async def wait_until_healthy(host: str, port: int, within: float) -> Health:
    """Ask `/health` until it answers 200 or `within` seconds are over; the last answer."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while True:
        health = await _ask_health(reachable(host), port)
        if health.status == 200 or loop.time() >= until:
            return health
        await asyncio.sleep(_STEP)


def base_url(host: str, port: int) -> str:
    """The address to open on this machine."""
    near = reachable(host)
    return f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"


def reachable(host: str) -> str:
    """The address under which this machine reaches a server on `host`: loopback for "all addresses"."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104


def compose(health: Health, *, url: str, data_dir: Path, redis: str, postgres: str, telegram: str) -> str:
    """The banner: the first steps, or what is wrong if `/health` did not answer 200."""
    if health.status == 200:
        lines = ["", f"  ttr is running at {url}", "", *_first_steps(url), ""]
    else:
        lines = ["", f"  ttr at {url} is not ready: {_complaint(health)}", ""]
    lines += [f"  Data      {data_dir}", f"  Redis     {redis}", f"  Postgres  {postgres}"]
    lines += [f"  Telegram  {telegram}", ""]
    lines += ["  Ctrl-C stops everything.", ""]
    return "\n".join(lines)


def _first_steps(url: str) -> list[str]:
    return [
        f"  1. Get a key    curl -X POST {url}/api/v1/keys",
        f"  2. Add a check  curl -X POST {url}/api/v1/checks -H 'X-Auth-Key: AUTH_KEY' \\",
        "                    -H 'Content-Type: application/json' \\",
        '                    -d \'{"name": "backup", "interval_seconds": 3600, "grace_seconds": 300}\'',
        "  3. Ping it      curl PING_URL",
        "",
        "  AUTH_KEY and PING_URL are in the answers to the steps before.",
    ]


def _complaint(health: Health) -> str:
    if health.status == 0:
        return f"GET /health does not answer ({health.text}). The lines of `web` say why."
    try:
        text = json.dumps(json.loads(health.text), separators=(", ", ": "))
    except ValueError:
        text = " ".join(health.text.split())
    return f"GET /health answers {health.status} {text[:_SHOWN_OF_ANSWER]}"


async def _ask_health(host: str, port: int) -> Health:
    lines = (
        "GET /health HTTP/1.1",
        f"Host: localhost:{port}",
        "Accept: application/json",
        "Connection: close",
    )
    try:
        async with asyncio.timeout(3):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write("\r\n".join([*lines, "", ""]).encode())
                answer = await reader.read(100_000)
                while len(answer) < 100_000 and (more := await reader.read(100_000)):
                    answer += more
            finally:
                writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return Health(int(head.split(b" ", 2)[1]), body.decode(errors="replace"))
    except TimeoutError:
        return Health(0, "nothing within 3 s")
    except ConnectionRefusedError:
        return Health(0, "nothing listens there")
    except (OSError, IndexError, ValueError) as error:
        return Health(0, str(error))
