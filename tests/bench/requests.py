"""Pings as bytes, made before a load begins."""

from collections.abc import Callable, Sequence
from functools import cache
from uuid import UUID

from tests.bench.load import Turn
from ttr.domain.check import Check

Make = Callable[[str, int, str], list[Turn]]
"""From the path of a check, the number of a turn and more header lines, what is asked in this turn."""


def turns(
    slug: str, checks: Sequence[Check], connections: int, make: Make, *, close: bool = False, times: int = 1
) -> list[list[Turn]]:
    """What each connection asks: `times` turns over the checks that are its own, so each check's pings are in order."""
    also = "Connection: close\r\n" if close else ""
    return [
        [
            asked
            for turn in range(times)
            for check in checks[first::connections]
            for asked in make(f"/p/{slug}/{check.address}", turn, also)
        ]
        for first in range(min(connections, len(checks)))
    ]


def get(path: str, turn: int, also: str) -> list[Turn]:
    """What `curl -fsS URL` sends."""
    return [_request("GET", path, also)]


def post(size: int) -> Make:
    """A POST with a body of so many bytes."""
    return lambda path, turn, also: [_request("POST", path, also, _body(size))]


def mixed(path: str, turn: int, also: str) -> list[Turn]:
    """What the jobs of a day send: runs with a start and an end, with and without output, exit statuses, notes; of
    twelve pings one tells of a failure, which the next one ends.
    """
    rid = str(UUID(int=turn + 1, version=4))
    return [
        _request("GET", f"{path}/start?rid={rid}", also),
        _request("POST", f"{path}?rid={rid}", also, _body(300)),
        _request("GET", path, also),
        _request("GET", f"{path}/0", also),
        _request("POST", f"{path}/log", also, _body(100)),
        _request("HEAD", path, also),
        _request("GET", f"{path}/start", also),
        _request("POST", f"{path}/3", also, _body(1_000)),
        _request("GET", f"{path}/start", also),
        _request("POST", f"{path}/0", also, _body(1_000)),
        _request("GET", f"{path}?host=db1&took=12", also),
        _request("GET", path, also),
    ]


def _request(method: str, path: str, also: str, body: bytes = b"") -> Turn:
    length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n"
        f"{length}{also}\r\n"
    )
    return head.encode(), body


@cache
def _body(size: int) -> bytes:
    """Output of a job."""
    line = b"2026-11-22T03:00:01Z /srv/data/accounts.sqlite: 18,234 pages copied\n"
    return (line * (size // len(line) + 1))[:size]
