"""A real Postgres for tests, from the programs that `ttr up` uses, and databases in it."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.journeys.stack import children
from ttr.up.postgres_programs import find_programs, find_user

_ENV = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}
_numbers = count(1)


@dataclass
class PostgresServer:
    """A server on a unix socket of its own, whose databases vanish with it."""

    folder: Path
    process: "subprocess.Popen[bytes] | None" = None
    options: tuple[str, ...] = ("fsync=off", "shared_buffers=16MB")
    port: int | None = None
    """Where it listens on loopback as well."""

    def url(self, database: str = "postgres") -> str:
        """DATABASE_URL of a database."""
        port = f"&port={self.port}" if self.port else ""
        return f"postgresql://ttr@/{database}?host={self.folder}{port}"

    def start(self) -> None:
        """Start it on its files; it answers when this returns."""
        command = ["postgres", "-D", f"{self.folder}/data", "-k", str(self.folder)]
        listen = ("listen_addresses=127.0.0.1", f"port={self.port}") if self.port else ("listen_addresses=",)
        for option in (*listen, "max_connections=50", *self.options):
            command += ["-c", option]
        with (self.folder / "log").open("ab") as log:
            self.process = _run(command, self.folder, log.fileno())
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url()).close()
                return
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.02)

    def stop(self) -> None:
        """End it at once; its files stay."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT)  # its children go with it, and nothing is written
            self.process.wait(10)
            self.process = None

    def kill(self) -> None:
        """End it and whatever it has started by SIGKILL."""
        assert self.process
        for pid in (self.process.pid, *children(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        self.process = None

    def create(self, template: str = "template1") -> str:
        """A new database, a copy of `template`; its name."""
        name = f"test_{next(_numbers)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


def new_server(folder: Path | None = None, **fields: Any) -> PostgresServer:
    """A started server in a short folder, because a socket's path has at most 108 bytes; `remove` it."""
    folder = folder or Path(tempfile.mkdtemp(prefix="ttr-"))
    folder.mkdir(exist_ok=True)
    made = _run(
        f"initdb -D {folder}/data -U ttr --auth=trust --encoding=UTF8 --locale=C --no-sync --no-instructions".split(),
        folder,
        subprocess.DEVNULL,
    )
    assert made.wait(60) == 0
    server = PostgresServer(folder, **fields)
    server.start()
    return server


def remove(server: PostgresServer) -> None:
    """Stop it and remove its files."""
    server.stop()
    shutil.rmtree(server.folder)


def _run(command: list[str], folder: Path, output: int) -> "subprocess.Popen[bytes]":
    programs = find_programs()
    who = find_user(programs, folder)
    if who.ids:
        os.chown(folder, *who.ids)
    return subprocess.Popen(
        [*who.prefix, str(programs.folder / command[0]), *command[1:]],
        env=_ENV,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        user=who.ids[0] if who.ids else None,
        group=who.ids[1] if who.ids else None,
        start_new_session=True,
    )
