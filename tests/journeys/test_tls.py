"""All processes on a Redis behind TLS whose certificate signed itself, as a platform's does."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import start_redis
from tests.journeys.client import sign_up
from tests.journeys.receiver import Receiver
from tests.journeys.stack import Stack, environment
from tests.ports import free_port
from tests.starting import run
from tests.tls import TlsFront, make_certificate


@pytest.fixture(scope="module")
def front() -> Iterator[TlsFront]:
    """A Redis and what speaks TLS before it."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as name:
        folder = Path(name)
        server = start_redis(folder)
        try:
            with TlsFront(make_certificate(folder), folder / "redis.sock") as front:
                yield front
        finally:
            server.process.kill()
            server.process.wait(10)


def _settings(front: TlsFront) -> dict[str, str]:
    # The number of its database, as platforms write it or not.
    return {"REDIS_URL": f"rediss://:@127.0.0.1:{front.port}"}


def test_a_silence_is_told_by_processes_that_do_not_ask_who_signed(
    front: TlsFront, receiver: Receiver
) -> None:
    with Stack(REDIS_TLS_VERIFY="none", **_settings(front)) as stack:
        account = sign_up(stack.port)
        account.add("backup", receiver.url("/hook"))
        account.ping("backup")
        assert receiver.wait("/hook", 1)[0].body["status"] == "down"
        account.ping("backup")
        assert receiver.wait("/hook", 2)[1].body["status"] == "up"
        for name in ("web", "clock", "worker"):
            assert not stack.has_ended(name)


@pytest.mark.parametrize("command", ["up", "web", "clock", "worker", "doctor"])
def test_a_process_that_does_not_trust_it_ends_at_once_and_says_what_to_set(
    front: TlsFront, tmp_path: Path, command: str
) -> None:
    keys = {"SECRET_KEY": "tests only", "ENCRYPTION_KEY": "A" * 43 + "=", "EMBEDDED_POSTGRES": "off"}
    keys["PORT"] = str(free_port())
    env = environment(**_settings(front), **keys, TTR_DATA_DIR=str(tmp_path))
    ended = run(["-m", "ttr", command], env=env, cwd=tmp_path)
    assert ended.returncode == 1
    told = ended.stdout + ended.stderr
    assert "Redis's certificate is not trusted (self-signed certificate)" in told
    assert "REDIS_TLS_VERIFY=none" in told
    assert "Traceback" not in told
