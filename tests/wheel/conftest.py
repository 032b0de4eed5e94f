"""What these tests look at, made once for a worker of pytest."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wheel.built import Built, Installed, build, install


@pytest.fixture(scope="session")
def built() -> Iterator[Built]:
    """An sdist and the wheel of it: some 4 s."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        yield build(Path(folder).resolve())


@pytest.fixture(scope="session")
def installed(built: Built) -> Iterator[Installed]:
    """An environment with the wheel alone."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        yield install(built.wheel, Path(folder).resolve() / "env")
