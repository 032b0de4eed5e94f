"""An operator in an account: what he sees and may do there, and when it ends."""

from collections.abc import Iterator

import pytest
from quart import Quart

from tests.admins import make_admin
from tests.conftest import MASTER_KEY
from tests.web.admin.conftest import cookie, log_in, set_cookies
from tests.web.conftest import Visitor, text
from tests.web.test_transfer import CHECK, file, send, upload_of
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.admin_families import end_families
from ttr.store.admin_log import read_log
from ttr.store.admins import remove_admin
from ttr.store.checks import get_check
from ttr.store.redis import Store
from ttr.store.sessions import list_sessions
from ttr.store.users import User, create_user, user_by_id

NAME = "Nightly <b>backup</b>"


async def into(operator: Visitor, user: User | None, back: str = "/dashboard") -> None:
    """Open an account."""
    assert user
    response = await operator.post(f"/admin/accounts/{user.id}/open", back=back)
    assert (response.status_code, response.headers["Location"]) == (303, back)
    operator.token = ""


async def test_an_admin_sees_the_account_as_its_owner_does_under_a_strip(
    operator: Visitor, owner: Visitor, store: Store
) -> None:
    user = owner.user
    assert user
    check = await owner.make_check(name=NAME)
    response = await operator.post(f"/admin/accounts/{user.id}/open")
    assert response.headers["Location"] == "/dashboard"
    line = set_cookies(response)["ttr_operator"].lower()
    for word in ("httponly", "samesite=lax", "path=/"):
        assert word in line
    for word in ("max-age", "expires"):  # it goes with the browser
        assert word not in line
    page = await operator.read("/dashboard")
    assert "Nightly &lt;b&gt;backup&lt;/b&gt;" in page
    assert f'You are in <a href="/admin/accounts/{user.id}">account {user.id}</a>' in page
    assert "as operator <strong>ops</strong>" in page
    assert 'action="/operator/leave"' in page
    assert 'action="/logout"' not in page
    assert (await operator.get(f"/checks/{check}")).status_code == 200
    assert "as operator" not in await owner.read("/dashboard")
    assert "as operator" not in await operator.read("/admin/accounts")
    (deed,) = [deed for deed in await read_log(store) if "opened" in deed.what]
    assert (deed.admin, deed.what, deed.about) == (
        "ops",
        "opened the account as operator",
        f"account {user.id}",
    )


async def test_its_owner_sees_the_session_and_can_end_it(
    operator: Visitor, owner: Visitor, store: Store
) -> None:
    await into(operator, owner.user)
    assert owner.user
    opened = [session.opened_by for session in await list_sessions(store, owner.user)]
    assert [one.rpartition(":")[0] for one in opened if one.startswith("admin:")] == ["admin:ops"]
    page = await owner.read("/account/sessions")
    assert "the operator of this installation" in page
    (session,) = [one for one in await list_sessions(store, owner.user) if one.opened_by.startswith("admin:")]
    assert (await owner.post(f"/account/sessions/{session.id}/end")).status_code == 303
    assert (await operator.get("/dashboard")).headers["Location"] == "/"


async def test_its_owner_sees_none_that_has_ended_with_the_admins_login(
    operator: Visitor, owner: Visitor, store: Store
) -> None:
    await into(operator, owner.user)
    await operator.read("/dashboard")
    await remove_admin(store, "ops")
    assert owner.user
    (own,) = await list_sessions(store, owner.user)
    assert own.opened_by.startswith("key:")


async def test_openings_of_logins_that_have_ended_push_none_of_the_owners_out(
    app: Quart, operator: Visitor, owner: Visitor, store: Store
) -> None:
    user = owner.user
    assert user
    await into(operator, user)
    await end_families(store, "ops")
    elsewhere = Visitor(app.test_client())
    await log_in(elsewhere)
    await into(elsewhere, user)
    assert await store.redis.llen(keys.user_sessions(user.id)) == 2
    assert (await elsewhere.get("/dashboard")).status_code == 200
    assert (await owner.get("/dashboard")).status_code == 200


async def test_it_goes_before_the_browsers_own_account_until_it_is_left(
    app: Quart, store: Store, operator: Visitor, owner: Visitor
) -> None:
    own, auth_key = await create_user(store, now=now_ms(), master=MASTER_KEY)
    operator.token = ""
    assert (await operator.post("/login", auth_key=auth_key)).status_code == 303
    check = await owner.make_check()
    await into(operator, owner.user, f"/checks/{check}")
    assert (await operator.get(f"/checks/{check}")).status_code == 200
    kept = cookie(operator, "ttr_operator")
    response = await operator.post("/operator/leave")
    assert owner.user
    assert response.headers["Location"] == f"/admin/accounts/{owner.user.id}"
    assert cookie(operator, "ttr_operator") is None
    assert (await operator.get(f"/checks/{check}")).status_code == 404
    assert own.user_slug in await operator.read("/account/names")
    thief = Visitor(app.test_client())
    thief.client.set_cookie("localhost", "ttr_operator", kept)
    assert (await thief.get("/dashboard")).headers["Location"] == "/"


async def test_an_operator_does_what_its_owner_does(operator: Visitor, owner: Visitor, store: Store) -> None:
    check = await owner.make_check()
    await into(operator, owner.user, f"/checks/{check}/settings")
    assert (await operator.post(f"/checks/{check}/pause")).status_code == 303
    assert owner.user
    assert (await get_check(store, owner.user, str(check))).paused
    made = await operator.make_check(name="made for him")
    assert (await get_check(store, owner.user, str(made))).name == "made for him"
    assert (await operator.post("/account/export")).status_code == 200


async def test_what_only_the_owner_may_do_is_refused(
    app: Quart,
    operator: Visitor,
    owner: Visitor,
    store: Store,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on = {"telegram_auth_enabled": True, "telegram_bot_name": "a_bot", "telegram_bot_token": "1:a"}
    monkeypatch.setitem(app.extensions, "ttr_settings", settings.model_copy(update=on))
    user = owner.user
    assert user
    sessions = await list_sessions(store, user)
    await into(operator, user)
    allowed = {"/account/export", "/account/import", "/account/import/run"}
    refused = [path for path in owners_writes(app) if path not in allowed]
    assert {"/account/names", "/account/delete", "/account/keys", "/account/telegram/unlink"} <= set(refused)
    for path in refused:
        response = await operator.post(path, confirm="DELETE", word="DELETE", user_slug="taken", name="x")
        assert response.status_code == 403, path
    form = {
        "with_secrets": "on",
        "passphrase": "long enough for it",
        "passphrase_again": "long enough for it",
    }
    response = await operator.post("/account/export", form)
    assert response.status_code == 403
    assert "its owner" in await text(response)
    assert await user_by_id(store, user.id) is not None
    assert {one.digest for one in sessions} <= {one.digest for one in await list_sessions(store, user)}


async def test_an_import_leaves_the_slugs_to_the_owner(
    operator: Visitor, owner: Visitor, store: Store
) -> None:
    user = owner.user
    assert user
    await into(operator, user)
    page = await text(await send(operator, file(CHECK, user_slug="acme-jobs", public_slug="acme")))
    assert page.count("would be left out: Only the account") == 2
    done = await text(await operator.post("/account/import/run", upload=upload_of(page)))
    assert "1 check made" in done
    after = await user_by_id(store, user.id)
    assert after
    assert (after.user_slug, after.public_slug) == (user.user_slug, user.public_slug)


async def test_a_session_of_the_owners_kind_is_no_operators(operator: Visitor, owner: Visitor) -> None:
    """Planted by a neighbouring host it would put somebody, without a strip, into an account of theirs."""
    planted = cookie(owner, "ttr_session")
    owner.client.set_cookie("localhost", "ttr_operator", planted)
    assert (await owner.get("/dashboard")).headers["Location"] == "/"
    assert cookie(owner, "ttr_operator") is None
    assert (await owner.get("/dashboard")).status_code == 200


def owners_writes(app: Quart) -> Iterator[str]:
    """Every write of the account's own pages."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/account") and "POST" in (rule.methods or ()):
            yield rule.rule.replace("<slug>", "x").replace("<", "").replace(">", "")


async def test_it_reaches_no_other_account(
    operator: Visitor, owner: Visitor, store: Store, app: Quart
) -> None:
    other, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    check = await owner.make_check()
    await into(operator, other)
    assert (await operator.get(f"/checks/{check}")).status_code == 404
    assert (await operator.post(f"/checks/{check}/pause")).status_code == 404


@pytest.mark.parametrize("end", ["log out", "end families", "remove the admin"])
async def test_it_ends_with_the_admins_login(
    app: Quart, operator: Visitor, owner: Visitor, store: Store, end: str
) -> None:
    await into(operator, owner.user)
    kept = cookie(operator, "ttr_operator")
    elsewhere = Visitor(app.test_client())
    elsewhere.client.set_cookie("localhost", "ttr_operator", kept)
    assert (await elsewhere.get("/dashboard")).status_code == 200
    match end:
        case "log out":
            await operator.post("/admin/logout")
        case "end families":
            await end_families(store, "ops")
        case _:
            await remove_admin(store, "ops")
    response = await elsewhere.get("/dashboard")
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert cookie(elsewhere, "ttr_operator") is None


async def test_another_secret_key_ends_it(app: Quart, operator: Visitor, owner: Visitor) -> None:
    """Like the login that opened it, of which the database knows nothing new."""
    await into(operator, owner.user)
    kept = cookie(operator, "ttr_operator") or ""
    assert (await operator.get("/dashboard")).status_code == 200
    settings = app.extensions["ttr_settings"]
    app.extensions["ttr_settings"] = settings.model_copy(update={"secret_key": "another " * 8})
    assert (await operator.get("/dashboard")).headers["Location"] == "/"
    assert cookie(operator, "ttr_operator") is None
    for name in ("ttr_operator", "ttr_session"):  # not without its signature either
        operator.client.set_cookie("localhost", name, kept.partition(".")[0])
        assert (await operator.get("/dashboard")).headers["Location"] == "/"


async def test_a_form_that_meets_the_end_is_not_done_in_the_browsers_own_account(
    store: Store, operator: Visitor, owner: Visitor
) -> None:
    own, auth_key = await create_user(store, now=now_ms(), master=MASTER_KEY)
    operator.token = ""
    await operator.post("/login", auth_key=auth_key)
    await into(operator, owner.user)
    await operator.read("/dashboard")
    await operator.post("/appearance")  # has the token of this session
    await end_families(store, "ops")
    response = await operator.post("/status-pages/arrange", name="x")
    assert response.headers["Location"] == "/"
    response = await operator.client.post("/checks", form={"name": "x", "csrf_token": operator.token})
    assert response.status_code == 403
    assert (await operator.get("/dashboard")).status_code == 200
    assert own.user_slug in await operator.read("/account/names")


@pytest.mark.parametrize("planted", ["x", "a" * 32, "a" * 4_000, '"><b>'])
async def test_a_cookie_that_somebody_planted_keeps_nobody_out_for_long(owner: Visitor, planted: str) -> None:
    owner.client.set_cookie("localhost", "ttr_operator", planted)
    response = await owner.get("/dashboard")
    assert response.headers["Location"] == "/"
    assert cookie(owner, "ttr_operator") is None
    assert (await owner.get("/dashboard")).status_code == 200


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example", ""]
)
async def test_it_leads_to_our_own_pages_alone(operator: Visitor, owner: Visitor, back: str) -> None:
    assert owner.user
    response = await operator.post(f"/admin/accounts/{owner.user.id}/open", back=back)
    assert response.headers["Location"] == "/dashboard"


async def test_an_account_that_is_gone_is_not_opened(operator: Visitor) -> None:
    response = await operator.post("/admin/accounts/999/open")
    assert response.status_code == 404
    assert cookie(operator, "ttr_operator") is None


async def test_its_look_stays_the_owners(operator: Visitor, owner: Visitor, store: Store) -> None:
    user = owner.user
    assert user
    await owner.post("/appearance", theme="retro", scheme="light")
    await into(operator, user)
    assert (await operator.post("/appearance", theme="arcade")).status_code == 303
    kept = await user_by_id(store, user.id)
    assert kept
    assert kept.preferences
    assert kept.preferences.theme == "retro"


async def test_another_opening_and_a_login_end_the_one_before(
    app: Quart, operator: Visitor, owner: Visitor, store: Store
) -> None:
    other, auth_key = await create_user(store, now=now_ms(), master=MASTER_KEY)
    await into(operator, owner.user)
    await into(operator, other)
    assert owner.user
    assert not [one for one in await list_sessions(store, owner.user) if one.opened_by.startswith("admin:")]
    assert (await operator.post("/login", auth_key=auth_key)).status_code == 303
    assert cookie(operator, "ttr_operator") is None
    assert not [one for one in await list_sessions(store, other) if one.opened_by.startswith("admin:")]


async def test_leaving_without_being_anywhere_does_nothing(owner: Visitor) -> None:
    assert (await owner.post("/operator/leave")).headers["Location"] == "/"
    assert (await owner.get("/dashboard")).status_code == 200


async def test_two_admins_are_in_one_account_each_by_his_own_name(
    app: Quart, store: Store, operator: Visitor, owner: Visitor
) -> None:
    await make_admin(store, "second")
    second = Visitor(app.test_client())
    await log_in(second, "second")
    second.token = ""
    await into(operator, owner.user)
    await into(second, owner.user)
    await end_families(store, "ops")
    assert (await operator.get("/dashboard")).headers["Location"] == "/"
    assert "<strong>second</strong>" in await second.read("/dashboard")
