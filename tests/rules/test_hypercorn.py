"""The names of Hypercorn's that `ttr/connections.py` replaces or calls: they are not documented and may change."""

import inspect
from importlib.metadata import version
from typing import Any

import pytest
from hypercorn.asyncio import run
from hypercorn.asyncio.lifespan import Lifespan
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.utils import wrap_app

from ttr.connections import Connection


def test_another_version_of_hypercorn_is_read_before_it_is_used() -> None:
    """Compare its `asyncio/tcp_server.py` with ours, then name the version here."""
    assert version("hypercorn").startswith("0.18.")


def test_hypercorn_makes_its_connections_of_the_name_that_we_replace() -> None:
    assert "await TCPServer(app, loop, config, context, lifespan_state, reader, writer)" in inspect.getsource(
        run.worker_serve
    )


@pytest.mark.parametrize("name", ["run", "protocol_send", "_read_data", "_close", "_initiate_server_close"])
def test_hypercorn_has_and_calls_what_we_replace(name: str) -> None:
    assert inspect.iscoroutinefunction(TCPServer.__dict__[name])
    assert name in Connection.__dict__
    assert f"self.{name}" in inspect.getsource(TCPServer)


@pytest.mark.parametrize("name", ["loop", "writer", "reader", "send_lock", "idle_task"])
def test_hypercorn_has_what_we_use(name: str) -> None:
    assert f"self.{name} =" in inspect.getsource(TCPServer.__init__)


@pytest.mark.parametrize(
    ("called", "given"),
    [
        (TCPServer.__init__, ["self", "app", "loop", "config", "context", "state", "reader", "writer"]),
        (WorkerContext.__init__, ["self", "max_requests"]),
        (Lifespan.__init__, ["self", "app", "config", "loop", "lifespan_state"]),
        (Lifespan.handle_lifespan, ["self"]),
        (Lifespan.wait_for_startup, ["self"]),
        (Lifespan.wait_for_shutdown, ["self"]),
        (wrap_app, ["app", "wsgi_max_body_size", "mode"]),
    ],
)
def test_hypercorn_takes_what_a_handed_over_connection_gives_it(called: Any, given: list[str]) -> None:
    assert list(inspect.signature(called).parameters) == given
