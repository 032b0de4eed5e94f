"""promtool, of Debian's package `prometheus`: without it tests are skipped, but in CI they fail."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def promtool(*arguments: str | Path, given: str = "") -> tuple[int, str]:
    """Run it; its exit status and what it said."""
    program = shutil.which("promtool")
    if program is None:
        assert not os.environ.get("CI"), "promtool is missing: .ci/run installs it"
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    ran = subprocess.run(
        [program, *map(str, arguments)], input=given, capture_output=True, text=True, timeout=60, check=False
    )
    return ran.returncode, (ran.stdout + ran.stderr).strip()
