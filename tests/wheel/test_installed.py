"""The wheel alone, in an empty folder: a check falls silent, people are told, and nothing of the checkout is read."""

import json
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.clean_folder import clean_environment, processes_of, watch_a_job
from tests.journeys.client import call
from tests.up.house import Up, alive, free_port
from tests.wheel.built import ROOT, Built, Installed, install
from ttr import __version__

# Each module of the wheel, where it came from, and the folders of its data.
_IMPORT_ALL = """
import importlib, json, pkgutil, sys
from ttr import paths
# Of Alembic's: this one runs only as a part of a migration.
skipped = {"ttr.archive.migrations.env", "ttr.__main__"}
for package in ("ttr", "rq_jobs"):
    home = importlib.import_module(package)
    for module in pkgutil.walk_packages(home.__path__, package + "."):
        if module.name not in skipped:
            importlib.import_module(module.name)
ours = {name: module.__file__ for name, module in sys.modules.items() if name.split(".")[0] in ("ttr", "rq_jobs")}
data = {name: str(path) for name, path in vars(paths).items() if name[0].isupper() and name.isupper()}
print(json.dumps({"modules": ours, "data": data}))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty one; its path is short, for sockets will lie in it."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as made:
        yield Path(made).resolve()


def run(installed: Installed, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A program of the environment, in a folder."""
    program, *arguments = command
    return subprocess.run(
        [installed.programs / program, *arguments],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_every_module_and_folder_is_the_wheel_s(installed: Installed, folder: Path) -> None:
    looked = run(installed, folder, "python", "-c", _IMPORT_ALL)
    assert looked.returncode == 0, looked.stderr
    found = json.loads(looked.stdout)
    assert len(found["modules"]) > 300
    assert found["data"].keys() == {"ROOT", "TEMPLATES", "STATIC", "LUA", "DOCS"}
    home = f"{installed.packages}/"
    for name, path in (found["modules"] | found["data"]).items():
        assert path.startswith(home), name
    assert installed.opened() == []


@pytest.mark.parametrize("command", [("ttr",), ("python", "-m", "ttr")])
def test_both_names_of_the_command_tell_the_version(
    installed: Installed, folder: Path, command: tuple[str, ...]
) -> None:
    told = run(installed, folder, *command, "--version")
    assert (told.returncode, told.stdout) == (0, f"ttr {__version__}\n")
    assert list(folder.iterdir()) == []


def test_a_look_into_the_checkout_would_be_noticed(built: Built, folder: Path) -> None:
    spied = install(built.wheel, folder / "env")
    run(spied, folder, "python", "-c", f"open({str(ROOT / 'Procfile')!r}); import jinja2")
    assert spied.opened() == [str(ROOT / "Procfile")]


def test_ttr_up_in_an_empty_folder_watches_a_job(installed: Installed, folder: Path) -> None:
    port = free_port()
    up = Up(folder, clean_environment(), [str(installed.programs / "ttr"), "up", "--port", str(port)])
    try:
        up.says(rf"http://127\.0\.0\.1:{port}", within=60)
        watch_a_job(port)
        assert _status(port, "/docs/api") == 200
        page = call(port, "GET", "/")[1].decode()
        linked = re.findall(r'(?:href|src)="(/assets/[^"#]+)', page)
        assert len(linked) > 10
        assert {path: _status(port, path) for path in linked} == dict.fromkeys(linked, 200)
        assert json.loads(call(port, "GET", "/health")[1])["parts"]["postgres"] == "ok"
        processes = processes_of(folder)
        assert len(processes) >= 5  # web, clock, worker, Redis, Postgres
        assert up.stop(signal.SIGINT, within=20) == 0, up.output
    finally:
        if up.process.poll() is None:
            up.stop(within=20)
    assert [pid for pid in processes if alive(pid)] == []
    assert {path.name for path in folder.iterdir()} == {".ttr", up.log.name}
    assert installed.opened() == []


def _status(port: int, path: str) -> int:
    return call(port, "GET", path)[0]
