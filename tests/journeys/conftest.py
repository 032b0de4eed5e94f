"""The fixtures of these tests: the running product, somebody's receiver, and an account."""

from collections.abc import Iterator

import pytest

from tests.journeys.client import Account, sign_up
from tests.journeys.receiver import Receiver
from tests.journeys.stack import Stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """One of each process, shared by the tests of a file; who kills one starts it again."""
    with Stack() as stack:
        yield stack


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def account(stack: Stack) -> Account:
    """An account of its own for each test."""
    return sign_up(stack.port)
