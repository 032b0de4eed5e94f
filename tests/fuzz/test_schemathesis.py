"""Schemathesis against the running server: what the OpenAPI document says holds, in all that it thinks of."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.admins import PASSWORD, make_admin
from tests.journeys.stack import ROOT, Stack
from ttr.store.redis import open_store

CONFIG = Path(__file__).with_name("schemathesis.toml")
SEED = 20261122


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a web process with a clock; what it would send to services stays on this machine."""
    monkeypatch.setenv("TELEGRAM_API_URL", "http://127.0.0.1:9")
    # The tokens of a run last for all of it.
    with Stack(workers=0, ACCESS_TOKEN_EXPIRE_MINUTES="60") as stack:
        asyncio.run(an_admin(stack.redis_url))
        yield f"http://127.0.0.1:{stack.port}"


@pytest.mark.timeout(300)
def test_schemathesis_finds_nothing(base: str, tmp_path: Path) -> None:
    run(base, tmp_path, "--generation-deterministic", examples=6, seed=SEED, seconds=280)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", range(3))
def test_schemathesis_finds_nothing_in_a_long_run(base: str, tmp_path: Path, seed: int) -> None:
    run(base, tmp_path, examples=60, seed=seed, seconds=1_700)


async def an_admin(redis_url: str) -> None:
    async with open_store(redis_url) as store:
        await make_admin(store)


def run(base: str, folder: Path, *options: str, examples: int, seed: int, seconds: float) -> None:
    """Run every phase with every check against `base`; what was found is the failure's message."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
    # One worker: with two, CPython 3.11.7's `ast`, which Hypothesis uses, now and then fails with a SystemError.
    command += [f"{base}/api/v1/openapi.json", "--checks", "all", "--workers", "1", "--no-color"]
    command += ["--phases", "examples,coverage,fuzzing,stateful", "--continue-on-failure"]
    command += ["--max-examples", str(examples), "--seed", str(seed), *options]
    command += ["--request-timeout", "20"]
    more = {
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "TTR_FUZZ_BASE": base,
        "TTR_FUZZ_PASSWORD": PASSWORD,
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | more,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-4_000:]
    # A run that tested nothing would find nothing either.
    tested = re.search(r"Tested: (\d+)", done.stdout)
    assert tested is not None, done.stdout
    assert int(tested[1]) > 40, done.stdout
