"""Another monitor is pinged by real clocks, and not while a part is stopped."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.journeys.client import until
from tests.journeys.stack import Stack


@pytest.fixture
def pings() -> Iterator[tuple[str, list[str]]]:
    """The address of another monitor, and what it was asked."""
    asked: list[str] = []

    class Monitor(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Monitor) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/p/s3cr3t", asked
        server.shutdown()
        thread.join()


@pytest.mark.timeout(240)
def test_it_is_pinged_while_all_is_well_and_not_while_a_part_is_stopped(
    pings: tuple[str, list[str]],
) -> None:
    url, asked = pings
    with Stack(clocks=2, SELF_PING_URL=url, SELF_PING_INTERVAL_SECONDS="10") as stack:

        def log() -> str:
            return "".join((stack.folder / f"{name}.log").read_text() for name in ("clock", "clock2"))

        until(lambda: asked, 60)
        assert set(asked) == {"/p/s3cr3t"}
        stack.kill("worker")
        until(lambda: "withheld: no worker is online" in log(), 60)
        before = len(asked)
        stack.start("worker")
        until(lambda: len(asked) > before, 60)
        stack.kill("web")
        until(lambda: "withheld: no web process takes pings" in log(), 60)
        assert "s3cr3t" not in log()
        assert len(asked) == before + 1
