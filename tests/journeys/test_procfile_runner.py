"""What docs/deploy-platform.md says of a Procfile runner, typed as it stands there into a clean folder beside a Redis
and a Postgres: it reaches the main job."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import start_redis
from tests.docs.fences import fences
from tests.journeys.client import Account, healthy, until
from tests.journeys.receiver import Receiver
from tests.journeys.stack import ROOT, environment
from tests.ports import free_port
from tests.postgres import PostgresServer
from tests.wheel.built import copy_checkout

PAGE = ROOT / "docs/deploy-platform.md"
_START = "honcho start web clock worker"


@pytest.fixture
def folder() -> Iterator[Path]:
    """The code as somebody has fetched it, with an environment that has what `pip install -r requirements.txt` installs
    into one."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as name:
        folder = Path(name) / "code"
        copy_checkout(folder)
        (folder / ".venv").symlink_to(sys.prefix)
        yield folder


def commands(port: int) -> list[str]:
    """The page's commands that this test runs, in order, for the port of the test."""
    return [
        fence.text.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("PORT=8000", f"PORT={port}")
        for fence in fences(PAGE.read_text(), run_by="tests/journeys/test_procfile_runner.py")
    ]


def typed(text: str, folder: Path, env: dict[str, str]) -> None:
    """What a shell says to it; it must end well."""
    done = subprocess.run(
        ["bash", "-euc", text], cwd=folder, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, (text, done.stdout, done.stderr)


@pytest.mark.timeout(240)
def test_the_page_reaches_the_main_job(folder: Path, own_server: PostgresServer, receiver: Receiver) -> None:
    port = free_port()
    settings, start, use = commands(port)
    assert start.endswith(_START)
    redis = start_redis(folder.parent)
    env = environment(
        REDIS_URL=redis.url, DATABASE_URL=own_server.url(), EGRESS_ALLOW="127.0.0.0/8", RATE_LIMITS=""
    )
    del env["PYTHONPATH"]
    given = {name: env.pop(name) for name in ("REDIS_URL", "DATABASE_URL")}
    typed(settings, folder, {**env, **given})
    # The last line of the first fence, which the shells of the others have from it.
    env["PATH"] = f"{folder}/.venv/bin:{env['PATH']}"
    typed(start.removesuffix(_START), folder, env)
    log = folder.parent / "honcho.log"
    with log.open("wb") as output:
        runner = subprocess.Popen(
            ["bash", "-euc", f"exec {_START}"],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        until(lambda: runner.poll() is None and healthy(port), 60)
        typed(use, folder, env)
        made = json.loads((folder / "account.json").read_text())
        account = Account(port, made["auth_key"], made["user_slug"])
        assert account.show("backup")["status"] == "up"
        account.api("PUT", "/checks/backup/webhook", webhook_url=receiver.url("/hook"), webhook_enabled=True)
        account.ping("backup", "/fail")
        assert receiver.wait("/hook", 1, within=60)[0].body["status"] == "down"
        account.ping("backup")
        assert receiver.wait("/hook", 2, within=60)[1].body["status"] == "up"
        assert not (folder / ".ttr").exists()  # the servers and secrets are those of .env
        runner.send_signal(signal.SIGTERM)
        runner.wait(30)
    finally:
        if runner.poll() is None:
            runner.terminate()
            runner.wait(30)
        redis.process.kill()
        redis.process.wait(10)
        print(log.read_text(errors="replace")[-4_000:])
    assert not healthy(port)


def test_a_web_process_of_the_procfile_listens_where_a_router_finds_it_unless_it_is_told_otherwise() -> None:
    web = next(line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith("web:"))
    said = web.removeprefix("web: exec ").replace("python3 -m ttr", "echo")
    plain = {"PATH": os.environ["PATH"]}
    for env, host in (({}, "0.0.0.0"), ({"HOST": "127.0.0.1"}, "127.0.0.1")):
        told = subprocess.run(["sh", "-c", said], env={**plain, **env}, capture_output=True, text=True)
        assert told.stdout == f"web --host {host}\n"
