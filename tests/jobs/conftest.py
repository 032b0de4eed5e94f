"""The fixtures of these tests."""

from collections.abc import Iterator

import pytest

from tests.journeys.receiver import Receiver
from ttr.store.users import User


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def user(account: tuple[User, str]) -> User:
    """An account."""
    return account[0]
