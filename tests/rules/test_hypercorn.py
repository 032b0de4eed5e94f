"""The names of Hypercorn's that `ttr/connections.py` replaces: they are not documented and may change."""

import inspect
from importlib.metadata import version

import pytest
from hypercorn.asyncio import run
from hypercorn.asyncio.tcp_server import TCPServer

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
