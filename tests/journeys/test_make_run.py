"""`make run` of the README, in a fresh copy of the checkout: it installs that, and its code reaches the main job."""

import os
import re
import shutil
import signal
import site
import subprocess
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.clean_folder import clean_environment, processes_of, watch_a_job
from tests.journeys.client import call
from tests.up.house import Up, alive, free_port
from tests.wheel.built import copy_checkout
from ttr import __version__

VERSION = f"{__version__}.post7"
"""Of the copy alone."""
_OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
"""pip finds what is needed in place, also what builds; 0 is its word for "none of it"."""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def folder() -> Iterator[Path]:
    """`code`, a copy without stamps; its `.venv` finds the packages of this one. The path is short, for sockets will
    lie in it."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as made:
        folder = Path(made).resolve()
        copy_checkout(folder / "code")
        version = folder / "code/ttr/__init__.py"
        version.write_text(version.read_text().replace(f'"{__version__}"', f'"{VERSION}"'))
        environment = folder / "code/.venv"
        venv.create(environment, with_pip=False)
        packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)}))
        # A .pth adds a folder, and not what the .pth files in it say: not this checkout, which is one of them.
        (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
        yield folder


@pytest.mark.timeout(240)
def test_make_run_installs_and_runs_the_code_of_its_folder(folder: Path) -> None:
    port, code, data = free_port(), folder / "code", folder / "data"
    before = {path.name for path in code.iterdir()}
    command = ["make", "run", f"PORT={port}", f"TTR_DATA_DIR={data}"]
    make = Up(code, clean_environment() | _OFFLINE, command)
    try:
        make.says(rf"ttr is running at http://127\.0\.0\.1:{port}", within=120)
        page = call(port, "GET", "/")[1].decode()
        assert VERSION in page
        told = subprocess.run(
            [code / ".venv/bin/ttr", "--version"], cwd=folder, capture_output=True, text=True
        )
        assert told.stdout == f"ttr {VERSION}\n"
        watch_a_job(port)
        processes = processes_of(folder)
        assert len(processes) >= 7  # make, ttr up, web, clock, worker, Redis, Postgres
        # As Ctrl-C does: to make and to all that it has started in the foreground.
        os.killpg(make.process.pid, signal.SIGINT)
        # make dies of it as well, when what it has started is gone.
        assert make.process.wait(30) == -signal.SIGINT, make.output
    finally:
        if make.process.poll() is None:
            os.killpg(make.process.pid, signal.SIGTERM)
            make.process.wait(30)
    assert "| stopped\n" in make.output
    assert [pid for pid in processes if alive(pid)] == []
    assert processes_of(folder) == []
    assert not re.search("Traceback|rror:", make.output)
    left = {path.name for path in code.iterdir()} - before
    assert left - {"ttr.egg-info"} == {make.log.name}
    assert {"redis", "postgres", "secrets"} <= {path.name for path in data.iterdir()}
