"""How many connections a running system has to its databases: what docs/scaling.md says, counted."""

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tests.conftest import RedisServer, start_redis
from tests.journeys.client import Account, sign_up, until
from tests.journeys.receiver import Receiver
from tests.journeys.stack import Stack, children
from tests.ports import free_port
from tests.postgres import PostgresServer

DOCUMENT = Path(__file__).parents[2] / "docs/scaling.md"
_SETTLED_SECONDS = 30
_PAUSE_MS = 4_000
_ESTABLISHED = "01"


@dataclass(frozen=True, slots=True)
class Row:
    """Of the table: connections of a process, at most."""

    database: int
    queue: int
    postgres: int


def table() -> dict[str, Row]:
    """The rows of the table of connections."""
    found = {}
    row = r"^\| (?:`ttr (\w+)`|a worker's (\w+))[^|]*\|[^|]*\| (\d+) \| (\d+) \| (\d+) \|$"
    for command, part, *numbers in re.findall(row, DOCUMENT.read_text(), re.MULTILINE):
        found[command or part] = Row(*map(int, numbers))
    return found


@contextmanager
def server(folder: str) -> Iterator[tuple[RedisServer, int]]:
    """A Redis that listens on a port as well, by which its connections are told."""
    port = free_port()
    running = start_redis(Path(folder), "--port", str(port), "--bind", "127.0.0.1")
    try:
        yield running, port
    finally:
        running.process.kill()
        running.process.wait()


def connections(pid: int, port: int) -> int:
    """The TCP connections of a process to a port of this machine."""
    inodes = set()
    with suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                inodes.add(os.readlink(entry.path))  # noqa: PTH115  # "socket:[123]" is no path
    found = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        remote, state, inode = int(fields[2].rsplit(":", 1)[1], 16), fields[3], fields[9]
        found += remote == port and state == _ESTABLISHED and f"socket:[{inode}]" in inodes
    return found


def known(port: int) -> int:
    """The connections that Redis itself knows, without the one that asks."""
    with redis.Redis(port=port) as client:
        return len(client.client_list()) - 1


@pytest.mark.timeout(240)
def test_no_process_has_more_connections_than_the_table_says(
    receiver: Receiver, postgres_server: PostgresServer, migrated_template: str
) -> None:
    name = postgres_server.create(migrated_template)
    with (
        tempfile.TemporaryDirectory(prefix="ttr-") as one,
        tempfile.TemporaryDirectory(prefix="ttr-") as other,
        server(one) as (_, database),
        server(other) as (_, queue),
        Stack(
            REDIS_URL=f"redis://127.0.0.1:{database}",
            QUEUE_REDIS_URL=f"redis://127.0.0.1:{queue}",
            DATABASE_URL=postgres_server.url(name),
        ) as stack,
    ):
        account = sign_up(stack.port)
        for number in range(40):
            account.add(f"job-{number}", receiver.url(f"/{number}"), interval_seconds=3_600)
        rows = table()
        assert set(rows) == {"web", "clock", "worker", "job", "bot"}
        most = dict.fromkeys(rows, 0)

        def look() -> None:
            for kind in ("web", "clock", "worker"):
                most[kind] = max(most[kind], connections(stack.pid(kind), database))
            for horse in children(stack.pid("worker")):
                most["job"] = max(most["job"], connections(horse, database))

        # Every connection there is is one of ours.
        until(lambda: known(database) == total(stack, database), _SETTLED_SECONDS)
        until(lambda: known(queue) == total(stack, queue), _SETTLED_SECONDS)
        look()
        print(
            "at rest",
            most,
            {kind: connections(stack.pid(kind), queue) for kind in ("web", "clock", "worker")},
        )
        for kind in ("web", "clock", "worker"):
            assert connections(stack.pid(kind), queue) <= rows[kind].queue

        # Redis stops for a while, and whoever wants something of it asks: pools fill up, and no further.
        receiver.delay = 1.0
        for number in range(40):
            account.ping(f"job-{number}", "/fail")
        until(lambda: len(receiver.arrivals()) >= 30, _SETTLED_SECONDS)
        with redis.Redis(port=database) as client:
            client.execute_command("CLIENT PAUSE", _PAUSE_MS, "ALL")
        crowd = [threading.Thread(target=look_and_ping, args=(account, number)) for number in range(60)]
        for thread in crowd:
            thread.start()
        while any(thread.is_alive() for thread in crowd):
            look()
            for thread in crowd:
                thread.join(0.01)
        print("at most", most)
        for kind, found in most.items():
            assert found <= rows[kind].database, kind
        assert most["web"] == rows["web"].database
        assert most["job"] > 1
        assert backends(postgres_server, name) <= rows["web"].postgres + rows["clock"].postgres
    postgres_server.drop(name)


def total(stack: Stack, port: int) -> int:
    """The connections of all processes to a port."""
    pids = [stack.pid(name) for name in stack.running()]
    pids += [horse for pid in pids for horse in children(pid)]
    return sum(connections(pid, port) for pid in pids)


def look_and_ping(account: Account, number: int) -> None:
    """One of a crowd; while Redis stops it may get no answer."""
    with suppress(AssertionError, OSError):
        account.api("GET", "/checks")
    with suppress(AssertionError, OSError):
        account.ping(f"job-{number % 40}")


def backends(server: PostgresServer, name: str) -> int:
    """Connections to a database, as Postgres knows them."""
    import psycopg

    with psycopg.connect(server.url(name), autocommit=True) as connection:
        row = connection.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        ).fetchone()
        assert row
        return int(row[0])
