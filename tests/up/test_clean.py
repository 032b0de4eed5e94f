"""`ttr cleanup` by hand: it says what it removes or would remove, whether the clock may do it or not."""

import pytest

from tests.conftest import MASTER_KEY, RedisServer
from tests.lua.parts import make_check, names
from tests.up.house import House
from ttr.cleanup import DAY_MS
from ttr.now import now_ms
from ttr.settings import SettingsError, load_settings
from ttr.store import keys
from ttr.store.cleanups import hold_lease
from ttr.store.redis import Store
from ttr.store.users import create_user


async def test_it_says_what_would_go_and_then_removes_it(
    store: Store, redis_server: RedisServer, house: House
) -> None:
    now = now_ms()
    for partition in range(keys.PARTITIONS):
        await store.redis.hset(keys.clock(partition), "tick", now)
    seen = house.ttr("cleanup", REDIS_URL=redis_server.url)
    assert (seen.returncode, seen.stderr) == (0, "")
    told = "Nothing was removed: each check and account was used within 180 days, or is kept for another reason.\n"
    assert seen.stdout == told

    old = now - 181 * DAY_MS
    user, _ = await create_user(store, now=old, master=MASTER_KEY)
    check = await make_check(store, user, now=old, name="Old\x1b[2J backup")
    before = await names(store)
    for partition in range(keys.PARTITIONS):
        await store.redis.hset(keys.clock(partition), "tick", now_ms())
    seen = house.ttr("cleanup", "--dry-run", REDIS_URL=redis_server.url)
    assert seen.returncode == 0
    first, *rest = seen.stdout.splitlines()
    assert first.startswith(f"check {check.id} of account {user.id}, last touched ")
    assert first.endswith(": Old?[2J backup")
    assert rest == [f"account {user.id}", "1 check and 1 account would be removed."]
    assert await names(store) == before
    # More days than it is old.
    seen = house.ttr("cleanup", REDIS_URL=redis_server.url, CLEANUP_INACTIVE_DAYS="182")
    assert "Nothing was removed" in seen.stdout
    assert await hold_lease(store, "another")
    seen = house.ttr("cleanup", REDIS_URL=redis_server.url)
    assert (seen.returncode, seen.stdout) == (1, "")
    assert "Another process is removing" in seen.stderr
    await store.redis.delete(keys.cleanup_lease())

    seen = house.ttr("cleanup", REDIS_URL=redis_server.url)
    assert seen.returncode == 0
    assert seen.stdout.endswith("1 check and 1 account were removed.\n")
    assert not await store.redis.exists(keys.check(user.partition, check.id))
    assert not await store.redis.exists(keys.user(user.partition, user.id))


@pytest.mark.parametrize(
    ("name", "least", "most"), [("CLEANUP_INACTIVE_DAYS", 30, 3_650), ("CLEANUP_INTERVAL_HOURS", 1, 720)]
)
def test_its_settings_have_bounds(name: str, least: int, most: int) -> None:
    for fits in (least, most):
        assert getattr(load_settings({name: str(fits)}), name.lower()) == fits
    for not_so in (least - 1, most + 1):
        with pytest.raises(SettingsError, match=name):
            load_settings({name: str(not_so)})
