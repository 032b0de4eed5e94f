"""The programs that read the files of a deployment: of wheels that the tests install, and of Debian's packages."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_OURS = Path(sys.executable).parent


def ours(name: str) -> str:
    """A program of a wheel, beside Python."""
    program = _OURS / name
    assert program.exists(), f"{name} is missing: requirements-test.txt has its wheel"
    return str(program)


CADDIES = ("newest", "debian")
"""The Caddys that the file is tried with: the one of docker-compose.yml, and the oldest that it is for."""


def caddy(name: str) -> str:
    """A Caddy by its name. Debian's, which .ci/run installs, is missing on many machines: its tests are skipped."""
    if name == "newest":
        return ours("caddy")
    path = os.pathsep.join(part for part in os.get_exec_path() if Path(part).resolve() != _OURS.resolve())
    program = shutil.which("caddy", path=path)
    if program is None:
        assert not os.environ.get("CI"), "Debian's caddy is missing: .ci/run installs it"
        pytest.skip("caddy is not installed (Debian's package caddy)")
    return program


def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a program that reads files and ends, with nothing of this process's environment but `environment`."""
    plain = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(
        command,
        cwd=folder,
        env=plain | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
