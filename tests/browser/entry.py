"""Into an account that a test has filled through the store: quicker than through forms."""

from playwright.async_api import Page

from tests.conftest import MASTER_KEY
from tests.lua.parts import settings
from ttr.domain.check import Check
from ttr.now import now_ms
from ttr.store.checks import create_check
from ttr.store.redis import Store
from ttr.store.users import User, create_user


async def log_in(page: Page, auth_key: str) -> None:
    """From the front page to the dashboard."""
    await page.goto("/")
    await page.get_by_label("Access key").fill(auth_key)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url("**/dashboard*")


async def enter(page: Page, store: Store) -> User:
    """To the dashboard of a new account."""
    user, auth_key = await create_user(store, now=now_ms(), master=MASTER_KEY)
    await log_in(page, auth_key)
    return user


async def add_checks(store: Store, user: User, *names: str, age_ms: int = 0) -> list[Check]:
    """Checks every minute that never had a ping, each tagged and addressed by its name in small letters."""
    return [
        await create_check(
            store,
            user,
            settings(name=name, slug=_word(name), tags=(_word(name),)),
            now=now_ms() - age_ms,
            most=2_000,
        )
        for name in names
    ]


def ping_url(base: str, user: User, check: Check) -> str:
    """Where the check's job reports."""
    return f"{base}/p/{user.user_slug}/{check.address}"


def _word(name: str) -> str:
    return name.lower().replace(" ", "-")
