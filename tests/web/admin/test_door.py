"""Who comes in by the admin pages' door, stays and goes."""

from quart import Quart

from tests.admins import make_admin
from tests.web.admin.conftest import cookie, log_in
from tests.web.conftest import Visitor, text
from ttr.store.redis import Store


async def test_without_a_login_a_page_leads_to_the_form(visitor: Visitor) -> None:
    response = await visitor.get("/admin")
    assert (response.status_code, response.headers["Location"]) == (303, "/admin/login")
    response = await visitor.get("/admin", htmx=True)
    assert (response.status_code, response.headers["HX-Redirect"]) == (200, "/admin/login")


async def test_a_first_visit_says_which_command_makes_an_admin(visitor: Visitor, store: Store) -> None:
    assert "ttr admin create --username" in await visitor.read("/admin/login")
    await make_admin(store)
    assert "ttr admin create" not in await visitor.read("/admin/login")


async def test_a_name_may_be_typed_with_a_capital(visitor: Visitor, store: Store) -> None:
    await make_admin(store)
    response = await log_in(visitor, " Ops ")
    assert (response.status_code, response.headers["Location"]) == (303, "/admin")


async def test_in_and_out(operator: Visitor) -> None:
    page = await operator.read("/admin")
    assert "<h1>Overview</h1>" in page
    assert 'href="/admin/accounts"' in page
    response = await operator.post("/admin/logout")
    assert (response.status_code, response.headers["Location"]) == (303, "/admin/login")
    assert cookie(operator, "admin_access") is None
    assert cookie(operator, "admin_refresh") is None
    assert (await operator.get("/admin")).status_code == 303


async def test_a_wrong_password_and_an_unknown_name_are_refused_alike(app: Quart, store: Store) -> None:
    await make_admin(store)
    pages = []
    for username, password in (("ops", "not the right one"), ("nobody", "not the right one")):
        visitor = Visitor(app.test_client())
        response = await log_in(visitor, username, password)
        assert response.status_code == 422
        pages.append((await text(response)).replace(f'value="{username}"', "").replace(visitor.token, ""))
        assert cookie(visitor, "admin_access") is None
    first, second = ("\n".join(line for line in page.splitlines() if "ttr-now" not in line) for page in pages)
    assert first == second
