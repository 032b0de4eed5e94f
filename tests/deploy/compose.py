"""docker-compose.yml as Compose itself reads it, with the `.env` that the guide has people write."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.deploy.programs import ROOT, ours, run
from tests.docs.fences import fences

GUIDE = ROOT / "docs" / "deploy-compose.md"


def secrets_line() -> str:
    """The first command of the guide: it writes `.env`."""
    [first] = fences(GUIDE.read_text(), run_by="tests/deploy/test_compose_file.py")
    return first.text


_read: dict[tuple[object, ...], Mapping[str, Any]] = {}
"""What Compose has said to the same question; each costs a fifth of a second."""


class Project:
    """A folder with docker-compose.yml, Caddyfile and, once `write_secrets` ran, `.env`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dotenv = folder / ".env"
        for name in ("docker-compose.yml", "Caddyfile"):
            shutil.copy(ROOT / name, folder)

    def write_secrets(self, *more: str, shell: str = "sh") -> "subprocess.CompletedProcess[str]":
        """Run the guide's line, and add lines to what it wrote."""
        wrote = run([shell, "-c", secrets_line()], self.folder)
        if more:
            with self.dotenv.open("a") as file:
                file.writelines(f"{line}\n" for line in more)
        return wrote

    def compose(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run `docker compose`."""
        return run([ours("docker-compose"), *arguments], self.folder, environment)

    def config(self, **environment: str) -> Mapping[str, Any]:
        """What it makes of the file, with all profiles."""
        files = sorted(self.folder.glob("*.yml"))
        asked = (*(file.read_text() for file in (self.dotenv, *files)), *sorted(environment.items()))
        if asked not in _read:
            ran = self.compose("--profile", "*", "config", "--format", "json", **environment)
            assert ran.returncode == 0, ran.stderr
            assert not ran.stderr
            _read[asked] = json.loads(ran.stdout)
        return _read[asked]
