"""Every address below /admin, walked by the app's own map: who may not come in, and what a foreign form gets."""

import re
from collections.abc import Iterator

import pytest
from quart import Quart

from tests.admins import make_admin
from tests.conftest import MASTER_KEY
from tests.store.test_deletion import contents
from tests.web.admin.conftest import log_in
from tests.web.conftest import Visitor, text
from ttr.now import now_ms
from ttr.security_headers import PAGES
from ttr.store.redis import Store
from ttr.store.users import create_user

OPEN = {"/admin/login", "/admin/logout"}
"""What is there for those who are not logged in."""
RENEWAL = "/admin/token/refresh"
"""Of the API: programs are told, and not led anywhere."""


def paths(app: Quart, method: str, user_id: int = 1, check_id: int = 1) -> Iterator[str]:
    """Every address below /admin that answers to a method."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/admin") and method in (rule.methods or ()) and rule.rule not in OPEN:
            path = rule.rule.replace("<int:user_id>", str(user_id)).replace("<int:check_id>", str(check_id))
            yield re.sub(r"<[^>]+>", "x", path)


async def refused(visitor: Visitor, app: Quart, user_id: int, check_id: int) -> None:
    """Every page and every write leads this visitor to the door."""
    gets, posts = (list(paths(app, method, user_id, check_id)) for method in ("GET", "POST"))
    assert len(gets) > 15
    assert len(posts) > 8
    for path in gets:
        response = await visitor.get(path)
        assert (response.status_code, response.headers.get("Location")) == (303, "/admin/login"), path
    for path in posts:
        response = await visitor.post(path, number=str(user_id), sure="yes", all="yes", q=str(user_id))
        refusal = (401, None) if path == RENEWAL else (303, "/admin/login")
        assert (response.status_code, response.headers.get("Location")) == refusal, path


async def test_nobody_and_no_owner_comes_in_and_nothing_is_changed(
    app: Quart, store: Store, visitor: Visitor, owner: Visitor
) -> None:
    check, user = await owner.make_check(), owner.user
    assert user
    await visitor.read("/")
    before = await contents(store)
    await refused(visitor, app, user.id, check)
    await refused(owner, app, user.id, check)
    after = await contents(store)
    assert {name for name in after if name.startswith("ttr:{") and after[name] != before.get(name)} == set()


async def test_an_admin_who_has_logged_out_does_not_come_in_with_the_cookies_he_had(
    app: Quart, operator: Visitor, owner: Visitor
) -> None:
    check, user = await owner.make_check(), owner.user
    assert user
    kept = [(cookie.name, cookie.value) for cookie in operator.client.cookie_jar]
    await operator.post("/admin/logout")
    thief = Visitor(app.test_client())
    for name, value in kept:
        if name.startswith("admin_"):
            thief.client.set_cookie("localhost", name, value, path="/admin")
    await refused(thief, app, user.id, check)


async def test_an_admins_cookies_open_no_account(operator: Visitor) -> None:
    for path in ("/dashboard", "/account", "/channels"):
        response = await operator.get(path)
        assert (response.status_code, response.headers["Location"]) == (303, "/")


async def test_every_write_wants_our_token_and_our_own_site(
    app: Quart, store: Store, operator: Visitor, owner: Visitor
) -> None:
    check, user = await owner.make_check(), owner.user
    assert user
    await operator.read("/admin/accounts")
    stranger = Visitor(app.test_client())
    await stranger.post("/appearance")
    before = await contents(store)
    for path in paths(app, "POST", user.id, check):
        form = {"number": str(user.id), "sure": "yes", "all": "yes"}
        for token in ({}, {"csrf_token": ""}, {"csrf_token": stranger.token}, {"csrf_token": owner.token}):
            response = await operator.client.post(path, form=form | token)
            assert response.status_code == 403, path
        for headers in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
        ):
            response = await operator.client.post(
                path, form=form | {"csrf_token": operator.token}, headers=headers
            )
            assert response.status_code == 403, (path, headers)
    after = await contents(store)
    assert {name for name in after if name.startswith("ttr:{") and after[name] != before.get(name)} == set()


async def test_what_is_not_there_is_not_found(app: Quart, operator: Visitor, owner: Visitor) -> None:
    check, user = await owner.make_check(), owner.user
    assert user
    stranger, _ = await create_user(app.extensions["ttr_store"], now=now_ms(), master=MASTER_KEY)
    for path in (
        "/admin/accounts/999",
        "/admin/accounts/999/delete",
        f"/admin/accounts/{2**63}",
        "/admin/checks/999/1",
        f"/admin/checks/{stranger.id}/{check}",
        f"/admin/checks/{stranger.id}/{check}/delete",
        f"/admin/checks/{user.id}/{2**63}",
    ):
        response = await operator.get(path)
        assert response.status_code == 404, path
        assert "nothing at this address" in await text(response)
    for write in ("pause", "resume", "delete"):
        path = f"/admin/checks/{stranger.id}/{check}/{write}"
        assert (await operator.post(path, sure="yes")).status_code == 404
    assert (await owner.get(f"/checks/{check}")).status_code == 200


@pytest.mark.parametrize("query", ["?below=x", "?below=-1", "?below=" + "9" * 30, "?below=%00", "?below=0"])
async def test_an_address_that_was_edited_shows_a_page(operator: Visitor, query: str) -> None:
    for path in ("accounts", "checks", "queues", "deliveries", "system"):
        for name in ("below", "offset", "onward", "status", "q"):
            await operator.read(f"/admin/{path}{query.replace('below', name)}")


async def test_every_page_carries_the_headers_of_pages(app: Quart, operator: Visitor, owner: Visitor) -> None:
    check, user = await owner.make_check(), owner.user
    assert user
    for path in paths(app, "GET", user.id, check):
        response = await operator.get(path)
        for name, value in PAGES.items():
            assert response.headers[name] == value, path


async def test_a_second_admin_is_his_own(app: Quart, store: Store, operator: Visitor) -> None:
    await make_admin(store, "second")
    second = Visitor(app.test_client())
    assert (await log_in(second, "second")).status_code == 303
    await operator.post("/admin/logout")
    assert (await second.get("/admin/accounts")).status_code == 200
    assert (await operator.get("/admin/accounts")).status_code == 303


async def test_a_reloaded_answer_leads_to_the_page(app: Quart, operator: Visitor) -> None:
    for path, to in (
        ("/admin/accounts/find", "/admin/accounts"),
        ("/admin/accounts/3/open", "/admin/accounts/3"),
        ("/admin/accounts/3/sessions/x/end", "/admin/accounts/3"),
        ("/admin/keys/end", "/admin/keys"),
        ("/admin/keys/lift", "/admin/keys"),
        ("/admin/checks/find", "/admin/checks"),
        ("/admin/checks/3/4/pause", "/admin/checks/3/4"),
        ("/admin/checks/3/4/resume", "/admin/checks/3/4"),
        ("/admin/queues/retry", "/admin/queues"),
        ("/admin/queues/drop", "/admin/queues"),
        ("/admin/deliveries/3/d4/resend", "/admin/deliveries"),
    ):
        assert (await operator.get(path)).headers["Location"] == to
