"""What platforms read: the Procfile, app.json, the pinned requirements, the version of Python."""

import ast
import json
import re
import sys
import tomllib
from configparser import ConfigParser
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docs.fences import fences
from ttr.masterkey import read_master_keys
from ttr.paths import ROOT
from ttr.settings import OBSOLETE, Settings, load_settings
from ttr.up.procfile import read_procfile

APP: dict[str, Any] = json.loads((ROOT / "app.json").read_text())
# Of the platform's description of the file: what it knows, and how long a text may be.
_FIELDS = {"name", "description", "keywords", "buildpacks", "addons", "formation", "env"}
_ENTRY = {"description", "value", "generator", "required"}


def test_app_json_holds_what_platforms_know() -> None:
    assert APP.keys() == _FIELDS
    assert len(APP["name"]) <= 30
    assert len(APP["description"]) <= 140
    assert all(isinstance(plan, str) and ":" in plan for plan in APP["addons"])


def test_app_json_sets_what_is_a_setting_and_explains_it() -> None:
    for name, entry in APP["env"].items():
        assert name.lower() in Settings.model_fields, name
        assert name not in OBSOLETE
        assert entry.keys() <= _ENTRY
        assert entry["description"].endswith(".")
        assert sum(key in entry for key in ("value", "generator", "required")) == 1
        assert entry.get("required", False) is False


def test_its_secrets_are_generated_and_what_is_generated_can_be_used() -> None:
    generated = {name for name, entry in APP["env"].items() if "generator" in entry}
    assert generated == {"SECRET_KEY", "ENCRYPTION_KEY"}
    assert {APP["env"][name]["generator"] for name in generated} == {"secret"}
    assert read_master_keys("0123456789abcdef" * 4) == ["ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8="]


def test_its_values_are_taken() -> None:
    values = {name: entry["value"] for name, entry in APP["env"].items() if "value" in entry}
    settings = load_settings({**values, "REDIS_URL": "rediss://redis:6380"})
    assert settings.production
    assert settings.database.endswith("ssl_cert_reqs=none")
    assert settings.trusted_proxies


def test_its_formation_has_each_process_and_starts_no_bot() -> None:
    processes = [process.name for process in read_procfile().processes]
    assert list(APP["formation"]) == processes
    assert {name: size["quantity"] for name, size in APP["formation"].items() if size["quantity"] != 1} == {
        "bot": 0
    }


def test_python_is_of_a_version_that_is_supported() -> None:
    wanted = tuple(int(part) for part in (ROOT / ".python-version").read_text().split("."))
    assert len(wanted) == 2  # the newest patch
    needed = re.search(r'requires-python = ">=(\d+)\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert needed
    assert wanted >= tuple(map(int, needed.groups()))


def pinned(name: str) -> dict[str, Requirement]:
    """The lines of a file of requirements, by the name of what they pin."""
    found: dict[str, Requirement] = {}
    for line in (ROOT / name).read_text().splitlines():
        if not line or line.startswith(("#", "-r ")):
            continue
        assert not line.startswith("-"), f"{name} says to pip where or how: {line}"
        requirement = Requirement(line)
        pin = [str(part) for part in requirement.specifier]
        assert len(pin) == 1, line
        assert re.fullmatch(r"==[\w.]+", pin[0]), line
        assert requirement.url is None, line
        key = canonicalize_name(requirement.name)
        assert key not in found, f"{name} has {key} twice"
        found[key] = requirement
    return found


RUNS = pinned("requirements.txt")
TESTS = pinned("requirements-test.txt")


def test_what_the_tests_need_is_pinned_apart() -> None:
    assert not RUNS.keys() & TESTS.keys()


def test_everything_that_is_imported_is_pinned() -> None:
    owners = packages_distributions()
    for path in [*(ROOT / "ttr").rglob("*.py"), *(ROOT / "rq_jobs").rglob("*.py")]:
        for module in imported(path):
            if module in sys.stdlib_module_names or module in ("ttr", "rq_jobs"):
                continue
            names = {canonicalize_name(owner) for owner in owners[module]}
            assert names & RUNS.keys(), f"{path} imports {module}, which requirements.txt does not pin"


def imported(path: Path) -> set[str]:
    """The first names of what a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_what_is_pinned_needs_nothing_that_is_not_and_fits_together() -> None:
    """As `pip install --no-deps` leaves it: whatever a package needs is there, in a version that it takes."""
    asked = [Requirement(line) for line in _asked_for()]
    for name, requirement in RUNS.items():
        if requirement.marker and not requirement.marker.evaluate():
            continue
        extras = requirement.extras or {""}
        needs = [Requirement(line) for line in requires(name) or []]
        asked += [
            need
            for need in needs
            if not need.marker or any(need.marker.evaluate({"extra": extra}) for extra in extras)
        ]
    for need in asked:
        if need.marker and not need.marker.evaluate({"extra": ""}) and "extra" not in str(need.marker):
            continue
        pin = RUNS.get(canonicalize_name(need.name))
        assert pin, f"requirements.txt lacks {need}"
        assert need.specifier.contains(next(iter(pin.specifier)).version, prereleases=True), f"{need}: {pin}"


def _asked_for() -> list[str]:
    asked: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return asked


@pytest.mark.parametrize("name", ["deploy-platform", "install-wheel"])
def test_commands_beside_the_units_of_the_documentation_have_their_surroundings(name: str) -> None:
    page = (ROOT / f"docs/{name}.md").read_text()
    unit = re.findall(r"```ini\n(.*?)```", page, re.DOTALL)[0]
    runs = [
        re.findall(r"-p (\S+=\S+)", line)
        for line in re.findall(r"systemd-run .*", page.replace("\\\n", ""))
        if "User=" in line
    ]
    assert len(runs) == 2, "once at the beginning, once for a new version"
    for given in runs:
        assert {said.partition("=")[0] for said in given} >= {"User", "WorkingDirectory", "EnvironmentFile"}
        assert [said for said in given if f"\n{said}\n" not in unit] == []


def test_the_unit_of_the_documentation_starts_what_the_procfile_starts() -> None:
    page = (ROOT / "docs/deploy-platform.md").read_text()
    text = next(fence.text for fence in fences(page) if fence.language == "ini")
    unit = ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(text)
    assert unit["Service"]["ExecStart"].endswith("/python3 -m ttr %i")
    assert unit["Service"]["KillMode"] == "mixed"
    started = re.findall(r"ttr@(\w+)", re.findall(r"^systemctl enable .*$", page, re.MULTILINE)[0])
    commands = {process.name: process.command for process in read_procfile().processes}
    assert started == ["web", "clock", "worker"]
    assert all(commands[name].startswith(f"exec python3 -m ttr {name}") for name in started)
