"""Out again, also for who may not renew his login any more."""

from quart import Quart

from tests.admins import make_admin
from tests.web.admin.conftest import log_in
from tests.web.conftest import Visitor
from ttr.app import create_app
from ttr.domain.allowance import parse_limits
from ttr.settings import Settings
from ttr.store import admin_families, keys
from ttr.store.admin_log import read_log
from ttr.store.redis import Store


async def test_who_may_not_renew_may_still_log_out(store: Store, settings: Settings) -> None:
    await make_admin(store)
    rates = parse_limits("admin-refresh=1/3600")
    app = create_app(settings.model_copy(update={"rate_limits": rates}))
    async with app.test_app():
        someone = Visitor(app.test_client())
        await log_in(someone)
        for status in (200, 429):
            someone.client.delete_cookie("localhost", "admin_access", path="/admin")
            assert (await someone.get("/admin")).status_code == status
        family = (await store.redis.lindex(keys.admin_families("ops"), 0)).decode()
        assert (await someone.post("/admin/logout")).status_code == 303
        assert not await admin_families.family_lives(store, "ops", family)


async def test_cookies_of_a_login_that_has_ended_write_nothing_into_the_log(
    operator: Visitor, store: Store, app: Quart
) -> None:
    kept = {found.name: found.value for found in operator.client.cookie_jar if found.name.startswith("admin")}
    await operator.post("/admin/logout")
    before = await read_log(store)
    thief = Visitor(app.test_client())
    await thief.read("/")
    for name, value in kept.items():
        thief.client.set_cookie("localhost", name, value, path="/admin")
    assert (await thief.post("/admin/logout")).status_code == 303
    assert await read_log(store) == before
