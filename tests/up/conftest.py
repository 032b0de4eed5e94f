"""The fixture of these tests: a folder in which `ttr up` is started as often as wanted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.up.house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Nothing of it runs on after the test."""
    house = House(tmp_path)
    yield house
    house.close()
