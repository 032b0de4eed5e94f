"""docs/backup.md, run as it stands: what is copied at rest, dumped while it runs, and lost, comes back."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.fences import fences
from tests.journeys.client import Account, call, healthy, until
from tests.journeys.stack import environment
from tests.ports import free_port
from tests.postgres import PostgresServer, new_server, remove
from ttr.up.postgres_programs import find_programs

PAGE = (Path(__file__).parents[2] / "docs/backup.md").read_text()


def commands(heading: str) -> list[str]:
    """The commands of a section that this test runs."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [fence.text for fence in fences(section, run_by="tests/journeys/test_backup_page.py")]


class Machine:
    """A folder with ttr in `.venv/bin`, its data in `.ttr`, and Postgres's programs on the PATH."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ttr-"))
        self.port = free_port()
        (self.folder / ".venv/bin").mkdir(parents=True)
        program = self.folder / ".venv/bin/ttr"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ttr "$@"\n')
        program.chmod(0o755)
        self.env = environment(
            PATH=f"{find_programs().folder}:{os.environ['PATH']}", PORT=str(self.port), **settings
        )
        self._up: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """`ttr up`, until all is well."""
        with (self.folder / "up.log").open("ab") as log:
            self._up = subprocess.Popen(
                [".venv/bin/ttr", "up"],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until(lambda: healthy(self.port), 60)

    def stop(self) -> None:
        """As by Ctrl-C; it takes its servers along."""
        up, self._up = self._up, None
        if up:
            up.terminate()
            assert up.wait(60) == 0

    def run(self, lines: str, **more: str) -> str:
        """What the lines print; they must end well."""
        done = subprocess.run(
            ["bash", "-euc", lines],
            cwd=self.folder,
            env=self.env | more,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, (lines, done.stdout, done.stderr)
        return done.stdout

    def close(self) -> None:
        """End it and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """An installation with servers of its own."""
    machine = Machine()
    yield machine
    machine.close()


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    server = new_server()
    yield server
    remove(server)


def account(machine: Machine) -> Account:
    """An account with a check that has been pinged, and a channel with a secret."""
    _, answer = call(machine.port, "POST", "/api/v1/keys")
    made = json.loads(answer)
    owner = Account(machine.port, made["auth_key"], made["user_slug"])
    owner.add("backup", webhook="http://127.0.0.1:9/secret", interval_seconds=86_400)
    owner.ping("backup")
    return owner


@pytest.mark.timeout(300)  # it starts a dozen programs, some 30 s of a processor
def test_the_way_back_from_each_loss(machine: Machine, postgres: PostgresServer) -> None:
    copy, bring_back = commands("Everything, at rest")
    [dump] = commands("The archive, while it runs")
    [after_redis] = commands("Redis is gone, Postgres is there")
    [after_both] = commands("Both are gone")

    machine.start()
    owner = account(machine)
    counted = machine.run(
        dump, DATABASE_URL=f"postgresql://ttr@/postgres?host={machine.folder}/.ttr/postgres"
    )
    assert int(counted.splitlines()[-1]) > 5
    machine.stop()

    machine.run(copy)
    newer = machine.folder / ".ttr/redis/appendonlydir/newer"
    newer.touch()
    machine.run(bring_back)
    assert not newer.exists()
    assert list((machine.folder / ".ttr/redis/appendonlydir").iterdir())

    shutil.rmtree(machine.folder / ".ttr/redis")
    assert machine.run(after_redis).startswith("Restored 1 account with 1 check,")

    key = (machine.folder / ".ttr/secrets/encryption_key").read_text().strip()
    other = Machine(DATABASE_URL=postgres.url(postgres.create("template0")), ENCRYPTION_KEY=key)
    try:
        shutil.copy(machine.folder / "ttr.dump", other.folder)
        other.run(after_both)
        other.start()
        there = Account(other.port, owner.auth_key, owner.user_slug)
        assert there.show("backup")["status"] == "up"
        assert there.show("backup")["webhook_configured"] is True
        there.ping("backup")
    finally:
        other.close()
