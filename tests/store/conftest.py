"""Each test of the store looks whether what changes is marked."""

from tests.marked import every_change_is_marked  # noqa: F401  # an autouse fixture
