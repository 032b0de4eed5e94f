"""A deploy: another version's processes come beside the running ones and take their places, one by one, under load."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from cryptography.fernet import Fernet

from tests.conftest import start_redis
from tests.journeys.client import healthy, sign_up, until
from tests.journeys.kept import KeptPings
from tests.journeys.receiver import Receiver
from tests.journeys.router import Router
from tests.journeys.stack import ROOT, Stack, environment
from tests.postgres import PostgresServer
from ttr import __version__
from ttr.store import keys
from ttr.store.processes import unpack_processes

JOBS = 20
FAILING = 12
# What platforms give a process between SIGTERM and SIGKILL, less what a busy machine takes for itself.
_WITHIN_SECONDS = 25.0
_NEW = "99.0.0"


@pytest.fixture
def shared(own_server: PostgresServer) -> Iterator[dict[str, str]]:
    """What both versions are told."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        server = start_redis(Path(folder))
        try:
            yield {
                "REDIS_URL": server.url,
                "DATABASE_URL": own_server.url(),
                "ENCRYPTION_KEY": Fernet.generate_key().decode(),
                "SNAPSHOT_INTERVAL_SECONDS": "1",
            }
        finally:
            server.process.kill()
            server.process.wait(10)


@pytest.fixture
def new_tree(tmp_path: Path) -> Path:
    """The same program as another version, whose commands are other libraries to Redis."""
    tree = tmp_path / "new"
    for name in ("ttr", "rq_jobs", "templates", "static", "scripts"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    package = tree / "ttr/__init__.py"
    package.write_text(package.read_text().replace(__version__, _NEW))
    for path in (tree / "scripts/lua").rglob("*.lua"):
        path.write_text(path.read_text() + "-- of another version\n")
    return tree


def libraries(url: str) -> set[str]:
    """The names under which Redis has the command of a ping: one for each version that has used it."""
    with redis.Redis.from_url(url) as client:
        return {told[1].decode() for told in client.function_list("ttr_ping_*")}


@pytest.mark.timeout(300)
def test_a_deploy_under_load_loses_no_ping_counts_none_twice_and_tells_each_alert_once(
    shared: dict[str, str], new_tree: Path, receiver: Receiver
) -> None:
    _release(shared, ROOT)
    with Stack(webs=2, **shared) as old:
        new = Stack(webs=2, **shared, SECRET_KEY="tests only", PYTHONPATH=str(new_tree))
        try:
            with Router(*old.ports, *new.ports) as router:
                _deploy(old, new, router, receiver, shared, new_tree)
        finally:
            new.close()


def _deploy(
    old: Stack, new: Stack, router: Router, receiver: Receiver, shared: dict[str, str], new_tree: Path
) -> None:
    account = sign_up(router.port)
    slugs = [f"job-{number}" for number in range(JOBS)]
    for slug in slugs:
        account.add(slug, interval_seconds=3_600)
    failing = [f"fail-{number}" for number in range(FAILING)]
    for slug in failing:
        account.add(slug, receiver.url(f"/{slug}"), interval_seconds=3_600)
    account.add("silent", receiver.url("/silent"), interval_seconds=5, grace_seconds=3)
    fails = iter(failing)

    def fail() -> None:
        account.ping(next(fails), "/fail")

    paths = [f"/p/{account.user_slug}/{slug}" for slug in slugs]
    with KeptPings(router.port, paths, clients=20, rate=500) as pings:
        until(lambda: sum(pings.taken.values()) > 200)
        fail()
        _release(shared, new_tree)
        mine = libraries(shared["REDIS_URL"])
        assert len(mine) == 1

        fail()
        _replace(old, new, "web", fail)
        # Its clock removes what is not its version's while the other old web process takes pings.
        _replace(old, new, "clock", fail)
        until(lambda: libraries(shared["REDIS_URL"]) > mine)
        _replace(old, new, "worker", fail)
        _replace(old, new, "web2", fail)
        assert not old.running()

        before = sum(pings.taken.values())
        until(lambda: sum(pings.taken.values()) > before + 200)
        while (slug := next(fails, None)) is not None:
            account.ping(slug, "/fail")
        pings.stop()

    print(f"{sum(pings.taken.values())} pings taken, {len(pings.lost)} lost, {pings.goodbyes} goodbyes")
    assert pings.lost == []
    assert pings.goodbyes > 0
    for slug, path in zip(slugs, paths, strict=True):
        assert account.show(slug)["ping_count"] == pings.taken[path], slug
    for slug in [*failing, "silent"]:
        receiver.wait(f"/{slug}", 1, within=60)
    # A second alert of the same failure would be on its way by now; nothing else tells that there is none.
    time.sleep(1.5)
    told = {arrival.path for arrival in receiver.arrivals()}
    assert len(receiver.arrivals()) == len(told) == FAILING + 1
    assert {arrival.body["status"] for arrival in receiver.arrivals()} == {"down"}


def _release(shared: dict[str, str], tree: Path) -> None:
    """What a platform runs before it starts the processes of a version."""
    env = environment(**shared, PYTHONPATH=str(tree))
    subprocess.run([sys.executable, "-m", "ttr", "migrate"], env=env, cwd="/", check=True, timeout=60)


def _is_at_work(redis_url: str, name: str) -> bool:
    """Whether a process of this kind and the new version says that it lives."""
    with redis.Redis.from_url(redis_url) as client:
        found = unpack_processes(client.hgetall(keys.processes()))
    return any((process.kind, process.version) == (name.rstrip("2"), _NEW) for process in found)


def _replace(old: Stack, new: Stack, name: str, meanwhile: Callable[[], None]) -> None:
    """Start the new one; when it is well, tell the old one to stop."""
    new.start(name)
    if name.startswith("web"):
        until(lambda: healthy(new.ports[name == "web2"]), 60)
    until(lambda: _is_at_work(new.redis_url, name), 60)
    meanwhile()
    began = time.monotonic()
    old.stop(name)
    took = time.monotonic() - began
    print(f"{name} took {took:.2f} s to stop")
    assert took < _WITHIN_SECONDS
    meanwhile()
