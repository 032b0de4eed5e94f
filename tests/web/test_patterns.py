"""The page of all parts: every icon and swatch, in the look of its address, and not in production."""

import re

import pytest
from quart import Quart

from tests.web.conftest import Visitor
from tests.web.test_icons import ICONS
from ttr.app import create_app
from ttr.domain.preferences import THEMES
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.web.theme_colours import bar_colours


@pytest.fixture
def strict(store: Store, settings: Settings) -> Quart:
    """The app as it runs in production."""
    return create_app(settings.model_copy(update={"ttr_env": "production"}))


async def test_it_shows_every_theme_and_icon(visitor: Visitor) -> None:
    page = await visitor.read("/patterns?theme=arcade&scheme=light")
    assert '<html lang="en" data-theme="arcade" data-scheme="light">' in page
    for theme in THEMES:
        assert f'class="swatch" data-theme="{theme}" data-scheme="dark"' in page
    for name in ICONS:
        assert f"icons.svg#{name}" in page, name


async def test_a_look_that_is_none_changes_nothing(visitor: Visitor) -> None:
    assert 'data-theme="cyberpunk" data-scheme="dark"' in await visitor.read(
        "/patterns?theme=%22%3E&scheme=x"
    )


async def test_it_is_not_there_in_production(strict: Quart) -> None:
    async with strict.test_app():
        assert (await strict.test_client().get("/patterns")).status_code == 404


async def test_the_browsers_own_bars_take_the_colour_of_the_header(visitor: Visitor) -> None:
    page = await visitor.read("/patterns?theme=terminal&scheme=light")
    assert re.findall(r'name="theme-color" content="([^"]+)"', page) == [bar_colours("terminal")[0]]
    page = await visitor.read("/patterns?theme=terminal&scheme=system")
    assert tuple(re.findall(r'name="theme-color" content="([^"]+)"', page)) == bar_colours("terminal")
