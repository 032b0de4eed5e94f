"""Two accounts full of hostile text, and how many attacks were tried on them."""

from collections.abc import Callable
from typing import Any

import pytest
from quart import Quart

from tests.attacks import count
from tests.attacks.poison import Poison
from tests.attacks.world import Account, make_account
from tests.browser.conftest import base as base  # the app on a real port
from tests.browser.conftest import chromium as chromium
from tests.browser.conftest import listener as listener
from ttr.settings import Settings
from ttr.store.redis import Store

Tried = Callable[[int], None]


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Tried:
    """Adds to the number of attacks that this test has tried."""

    def add(number: int) -> None:
        request.node.user_properties.append((count.TRIED, number))

    return add


@pytest.fixture
def poison() -> Poison:
    """The hostile texts, and where each of them stands."""
    return Poison()


@pytest.fixture
async def victim(app: Quart, store: Store, settings: Settings, poison: Poison) -> Account:
    """Whom the attacks are aimed at."""
    return await make_account(app, store, settings, poison)


@pytest.fixture
async def stranger(app: Quart, store: Store, settings: Settings) -> Account:
    """Somebody else with an account here, and little of everything: such pages are quickly made."""
    return await make_account(app, store, settings, Poison(), checks=1)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The number by class, below what failed."""
    found = count.by_class(terminalreporter.stats.get("passed", []))
    if found:
        terminalreporter.write_line(count.told(found))
