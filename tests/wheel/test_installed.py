"""The wheel alone, in an empty folder: a check falls silent and is found, and nothing of the checkout is read."""

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.client import call, sign_up, until
from tests.up.house import SETTINGS, Up, alive, free_port
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


def environment(**settings: str) -> dict[str, str]:
    """The machine's, without what leads to the checkout or sets anything of ttr."""
    without = (*SETTINGS, "PYTHON", "VIRTUAL_ENV")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(without)}
    return {**plain, "PATH": os.defpath, **settings}


def run(installed: Installed, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A program of the environment, in a folder."""
    program, *arguments = command
    return subprocess.run(
        [installed.programs / program, *arguments],
        cwd=folder,
        env=environment(),
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
    up = Up(folder, environment(), [str(installed.programs / "ttr"), "up", "--port", str(port)])
    try:
        up.says(rf"http://127\.0\.0\.1:{port}", within=60)
        _watch_a_job(port)
        assert _status(port, "/docs/api") == 200
        page = call(port, "GET", "/")[1].decode()
        linked = re.findall(r'(?:href|src)="(/assets/[^"#]+)', page)
        assert len(linked) > 10
        assert {path: _status(port, path) for path in linked} == dict.fromkeys(linked, 200)
        assert json.loads(call(port, "GET", "/health")[1])["parts"]["postgres"] == "ok"
        processes = _of(folder)
        assert len(processes) >= 5  # web, clock, worker, Redis, Postgres
        assert up.stop(signal.SIGINT, within=20) == 0, up.output
    finally:
        if up.process.poll() is None:
            up.stop(within=20)
    assert [pid for pid in processes if alive(pid)] == []
    assert {path.name for path in folder.iterdir()} == {".ttr", up.log.name}
    assert installed.opened() == []


def _watch_a_job(port: int) -> None:
    account = sign_up(port)
    account.add("backup")
    account.ping("backup")
    assert account.show("backup")["status"] == "up"
    until(lambda: account.show("backup")["status"] == "down", 30)
    assert account.show("backup")["reason"] == "overdue"


def _status(port: int, path: str) -> int:
    return call(port, "GET", path)[0]


def _of(folder: Path) -> list[int]:
    """The processes that work in a folder or keep their files there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cwd").readlink().as_posix() + (process / "cmdline").read_text(errors="replace")
        except OSError:
            continue
        if folder.as_posix() in told:
            found.append(int(process.name))
    return found
