"""Checks with more of a past than Redis keeps."""

from tests.lua.parts import make_check, ping
from ttr.archive.database import Database
from ttr.archive.snapshot import snapshot
from ttr.domain.check import Check
from ttr.domain.flapping import FlapRules
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.users import User

WINDOW = 10
"""Pings that Redis keeps in these tests; of changes it keeps 200."""
KINDS = ("success", "success", "fail", "log")
_CAPS = (WINDOW, 10_000, 100_000)
_NEVER_FLAPS = FlapRules(window_ms=1, threshold=0, suppression_ms=1)


async def make_past(
    store: Store, database: Database, user: User, count: int, *, first: int, step: int = 60_000
) -> Check:
    """A check made at `first` (ms), and that many pings of KINDS in turn, each `step` after the one before. Postgres
    knows of the check alone."""
    check = await make_check(store, user, now=first)
    await snapshot(store, database)  # from the first one on, what leaves Redis waits for the next
    await go_on(store, user, check, range(1, count + 1), first=first, step=step)
    return check


async def go_on(
    store: Store, user: User, check: Check, numbers: range, *, first: int, step: int = 60_000
) -> None:
    """The pings with these numbers."""
    for number in numbers:
        kind = KINDS[number % len(KINDS)]
        await ping(
            store,
            user,
            check.id,
            kind,
            now=first + number * step,
            reason="fail" if kind == "fail" else "",
            due="",
            caps=_CAPS,
            flap=_NEVER_FLAPS,
        )


def with_archive(settings: Settings, url: str) -> Settings:
    """The same with a Postgres."""
    return settings.model_copy(update={"database_url": url})
