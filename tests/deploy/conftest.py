"""A folder as the guide leaves it."""

from pathlib import Path

import pytest

from tests.deploy.compose import Project


@pytest.fixture(scope="session")
def dotenv(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the guide's line writes."""
    project = Project(tmp_path_factory.mktemp("compose"))
    assert project.write_secrets().returncode == 0
    return project.dotenv.read_text()


@pytest.fixture
def project(tmp_path: Path, dotenv: str) -> Project:
    """With its `.env`."""
    project = Project(tmp_path)
    project.dotenv.write_text(dotenv)
    return project
