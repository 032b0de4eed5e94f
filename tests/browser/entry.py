"""Into an account that a test has filled through the store: quicker than through forms."""

from tests.browser.conftest import Visit
from tests.conftest import MASTER_KEY
from tests.lua.parts import settings
from ttr.domain.check import Check
from ttr.now import now_ms
from ttr.store.checks import create_check
from ttr.store.redis import Store
from ttr.store.sessions import open_session
from ttr.store.users import User, create_user
from ttr.web.security import SESSION_COOKIE


async def log_in(visit: Visit, user: User) -> None:
    """Into the account, for every page of the visit; none is opened."""
    now, here = now_ms(), {"address": "127.0.0.1", "agent": "Chromium"}
    session = await open_session(visit.store, user, now, **here)
    await visit.context.add_cookies([{"name": SESSION_COOKIE, "value": session, "url": visit.base}])


async def enter(visit: Visit) -> User:
    """Into a new account."""
    user, _ = await create_user(visit.store, now=now_ms(), master=MASTER_KEY)
    await log_in(visit, user)
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
