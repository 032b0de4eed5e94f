"""The pages of access keys and of logins: each key by itself, shown once; what is asked first; who may not."""

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from quart import Quart

from tests.conftest import MASTER_KEY
from tests.web.conftest import Visitor, as_operator, text
from ttr import accounts
from ttr.domain.access_key import AccessKey
from ttr.domain.limits import ACCESS_KEYS_MAX, NAME_MAX
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.access_keys import list_keys, user_by_key
from ttr.store.errors import KeyEnded
from ttr.store.redis import Store
from ttr.store.sessions import list_sessions, open_session, session_user
from ttr.store.users import User, create_user, digest

PAGE = "/account/keys"
_MADE = re.compile(r'class="key">.*?class="copy__value">([A-Za-z0-9_-]{32})<', re.DOTALL)


async def key_of(store: Store, user: User, **fields: Any) -> tuple[AccessKey, str]:
    """Another key of the account."""
    draft = replace(AccessKey("", "Another", "", 0), **fields)
    return await accounts.make_key(store, user, draft, now=now_ms())


def session_of(visitor: Visitor) -> str:
    """The id in the visitor's cookie, "" without one."""
    return next((c.value for c in visitor.client.cookie_jar if c.name == "ttr_session"), "") or ""


async def made(response: Any) -> str:
    """The key that an answer shows."""
    found = _MADE.search(await text(response))
    assert found
    return found[1]


def own(account: tuple[User, str]) -> str:
    """The path of the key that the owner has logged in with."""
    return f"{PAGE}/{digest(account[1])[:16]}"


async def test_a_key_is_made_and_shown_once(owner: Visitor, store: Store, account: tuple[User, str]) -> None:
    response = await owner.post(
        PAGE, name=" <b>Laptop</b> ", scope="read", addresses="10.0.0.0/8, ::1\n\n192.0.2.7", origins=""
    )
    assert (response.status_code, response.headers["Cache-Control"]) == (201, "no-store")
    auth_key = await made(response)
    found = await user_by_key(store, auth_key)
    assert found is not None
    assert found.key is not None
    assert (found.key.name, found.key.scope) == ("<b>Laptop</b>", "read")
    assert found.key.addresses == ("10.0.0.0/8", "::1/128", "192.0.2.7/32")
    page = await owner.read(PAGE)
    assert auth_key not in page
    assert "<b>Laptop" not in page
    assert "&lt;b&gt;Laptop" in page
    assert auth_key[-4:] in page
    assert account[1] not in page
    assert account[1][-4:] in page


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": ""}, "This can't be empty."),
        ({"name": "x" * (NAME_MAX + 1)}, "At most 100 characters."),
        ({"name": "a", "addresses": "10.0.0.1/8"}, "write 10.0.0.0/8"),
        ({"name": "a", "addresses": "\n".join(f"10.0.0.{n}" for n in range(21))}, "At most 20."),
        ({"name": "a", "origins": "app.example.com/path"}, "is no origin"),
        ({"name": "a", "scope": "admin"}, "is needed"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    owner: Visitor, store: Store, account: tuple[User, str], form: dict[str, str], said: str
) -> None:
    response = await owner.post(PAGE, {"origins": "https://kept.example"} | form)
    page = unescape(await text(response))
    assert response.status_code == 422
    assert said in page
    assert form.get("origins", "https://kept.example") in page
    assert len(await list_keys(store, account[0])) == 1


async def test_a_full_account_says_so(owner: Visitor, store: Store, account: tuple[User, str]) -> None:
    for _ in range(ACCESS_KEYS_MAX - 1):
        await key_of(store, account[0])
    page = await owner.read(PAGE)
    assert "as many as an account may have" in page
    assert 'id="make"' not in page
    response = await owner.post(PAGE, name="One more")
    assert response.status_code == 422
    assert "as many as it may have" in await text(response)


async def test_a_key_is_renamed_and_bound(owner: Visitor, store: Store, account: tuple[User, str]) -> None:
    key, _ = await key_of(store, account[0])
    path = f"{PAGE}/{key.id}"
    response = await owner.post(path, name="Ops", addresses="203.0.113.0/24", origins="https://a.example")
    assert (response.status_code, response.headers["Location"]) == (303, PAGE)
    page = await owner.read(path)
    for there in ('value="Ops"', "203.0.113.0/24", "https://a.example"):
        assert there in page
    await owner.post(path, name="Ops", addresses="", origins="")
    assert (await list_keys(store, account[0]))[1][0] == replace(key, name="Ops")


async def test_the_key_in_use_is_not_bound_so_that_this_browser_is_locked_out(
    owner: Visitor, store: Store, account: tuple[User, str]
) -> None:
    for form, field in (
        ({"addresses": "203.0.113.0/24"}, "addresses-error"),
        ({"origins": "https://a.example"}, "origins-error"),
    ):
        response = await owner.post(own(account), {"name": "First key"} | form)
        page = await text(response)
        assert response.status_code == 422
        assert field in page
        assert "locked out" in page
    assert (await owner.get(PAGE)).status_code == 200
    assert (await list_keys(store, account[0]))[0][0].addresses == ()


async def test_a_key_is_replaced_after_a_question_and_this_browser_stays(
    app: Quart, owner: Visitor, store: Store, account: tuple[User, str]
) -> None:
    elsewhere = Visitor(app.test_client())
    await elsewhere.post("/login", auth_key=account[1])
    path, before = f"{own(account)}/replace", session_of(owner)
    assert "This browser stays logged in" in await owner.read(path)
    response = await owner.post(path)
    assert (response.status_code, response.headers["Location"]) == (303, path)
    assert await user_by_key(store, account[1]) is not None
    response = await owner.post(path, sure="yes")
    auth_key = await made(response)
    owner.token = ""
    assert session_of(owner) not in ("", before)
    assert await session_user(store, before) is None
    assert (await owner.get("/dashboard")).status_code == 200
    assert (await elsewhere.get("/dashboard")).status_code == 303
    with pytest.raises(KeyEnded, match="replaced"):
        await user_by_key(store, account[1])
    found = await session_user(store, session_of(owner))
    assert found is not None
    assert found.key is not None
    assert found.key.digest == digest(auth_key)


async def test_another_key_is_replaced_and_this_browser_is_left_alone(
    owner: Visitor, store: Store, account: tuple[User, str]
) -> None:
    key, auth_key = await key_of(store, account[0])
    before = session_of(owner)
    response = await owner.post(f"{PAGE}/{key.id}/replace", sure="yes")
    assert await made(response) != auth_key
    assert session_of(owner) == before
    assert (await owner.get(f"{PAGE}/{key.id}")).status_code == 404


async def test_a_key_is_revoked_after_a_question(
    owner: Visitor, store: Store, account: tuple[User, str]
) -> None:
    key, auth_key = await key_of(store, account[0])
    path = f"{PAGE}/{key.id}/revoke"
    await owner.read(path)
    assert (await owner.post(path)).headers["Location"] == path
    assert await user_by_key(store, auth_key) is not None
    response = await owner.post(path, sure="yes")
    assert response.headers["Location"] == PAGE
    with pytest.raises(KeyEnded, match="revoked"):
        await user_by_key(store, auth_key)


async def test_the_last_key_stays_and_the_page_says_why(
    owner: Visitor, store: Store, account: tuple[User, str]
) -> None:
    await key_of(store, account[0], scope="read")
    response = await owner.post(f"{own(account)}/revoke", sure="yes")
    assert response.status_code == 422
    assert "the last key that may do everything" in await text(response)
    assert await user_by_key(store, account[1]) is not None


async def test_who_revokes_the_key_of_this_browser_is_logged_out(
    owner: Visitor, store: Store, account: tuple[User, str]
) -> None:
    await key_of(store, account[0])
    assert "this one as well" in await owner.read(f"{own(account)}/revoke")
    response = await owner.post(f"{own(account)}/revoke", sure="yes")
    assert response.headers["Location"] == "/"
    assert session_of(owner) == ""


async def test_another_accounts_keys_and_logins_are_not_there(owner: Visitor, store: Store) -> None:
    stranger, auth_key = await create_user(store, now=now_ms(), master=MASTER_KEY)
    session = await open_session(store, stranger, now_ms())
    assert stranger.key is not None
    path = f"{PAGE}/{stranger.key.id}"
    for read in (path, f"{path}/replace", f"{path}/revoke"):
        assert (await owner.get(read)).status_code == 404
    for write in (path, f"{path}/replace", f"{path}/revoke", f"/account/sessions/{digest(session)[:16]}/end"):
        assert (await owner.post(write, name="Mine", sure="yes")).status_code == 404
    assert await user_by_key(store, auth_key) is not None
    assert await session_user(store, session) is not None


async def test_an_operator_changes_no_key_and_ends_no_login(
    owner: Visitor, store: Store, account: tuple[User, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await owner.read("/")
    as_operator(monkeypatch)
    before = await list_keys(store, account[0])
    (session,) = await list_sessions(store, account[0])
    for path in (PAGE, own(account), f"{own(account)}/replace", f"{own(account)}/revoke"):
        assert (await owner.post(path, name="Mine", sure="yes")).status_code == 403, path
    for path in (f"/account/sessions/{session.id}/end", "/account/sessions/others/end"):
        assert (await owner.post(path)).status_code == 403
    assert await list_keys(store, account[0]) == before
    assert "Only the owner" in await owner.read(PAGE)
    assert "Only the owner" in await owner.read("/account/sessions")


async def test_where_bindings_are_turned_off_the_page_has_no_field_for_them(
    app: Quart, owner: Visitor, settings: Settings, account: tuple[User, str]
) -> None:
    off = {"xauth_enforce_ip": False, "xauth_enforce_origin": False}
    app.extensions["ttr_settings"] = settings.model_copy(update=off)
    for path in (PAGE, own(account)):
        page = await owner.read(path)
        assert 'name="addresses"' not in page
        assert 'name="origins"' not in page
    response = await owner.post(PAGE, name="a", addresses="10.0.0.0/8")
    assert response.status_code == 422


async def test_browsers_are_listed_and_logged_out(
    app: Quart, owner: Visitor, store: Store, account: tuple[User, str]
) -> None:
    agent = "Mozilla/5.0 <script>alert(1)</script> Firefox/140.0"
    other = await open_session(store, account[0], now_ms(), address="203.0.113.9", agent=agent)
    third = await open_session(store, account[0], now_ms())
    page = await owner.read("/account/sessions")
    for there in ("this browser", "Firefox", "203.0.113.9", "with First key", "Log out all others"):
        assert there in page
    assert "<script>alert" not in page
    assert other not in page
    response = await owner.post(f"/account/sessions/{digest(other)[:16]}/end")
    assert response.headers["Location"] == "/account/sessions"
    assert await session_user(store, other) is None
    await owner.post("/account/sessions/others/end")
    assert await session_user(store, third) is None
    page = await owner.read("/account/sessions")
    assert "Log out all others" not in page
    response = await owner.post(f"/account/sessions/{digest(session_of(owner))[:16]}/end")
    assert response.headers["Location"] == "/"
    assert (await owner.get("/dashboard")).status_code == 303


async def test_a_get_of_a_forms_address_leads_to_its_page_and_ends_nothing(
    owner: Visitor, store: Store, account: tuple[User, str]
) -> None:
    other = await open_session(store, account[0], now_ms())
    for path in (f"/account/sessions/{digest(other)[:16]}/end", "/account/sessions/others/end"):
        assert (await owner.get(path)).headers["Location"] == "/account/sessions"
    assert await session_user(store, other) is not None


async def test_a_key_that_only_reads_does_not_log_in(
    visitor: Visitor, account: tuple[User, str], store: Store
) -> None:
    _, auth_key = await key_of(store, account[0], scope="read")
    response = await visitor.post("/login", auth_key=auth_key)
    assert response.status_code == 422
    assert "only reads" in await text(response)
    assert session_of(visitor) == ""


@pytest.mark.parametrize("bound", [{"addresses": ("203.0.113.0/24",)}, {"origins": ("https://app.example",)}])
async def test_a_key_that_is_bound_elsewhere_does_not_log_in(
    visitor: Visitor, account: tuple[User, str], store: Store, bound: dict[str, tuple[str, ...]]
) -> None:
    _, auth_key = await key_of(store, account[0], **bound)
    response = await visitor.post("/login", auth_key=auth_key)
    assert response.status_code == 422
    assert session_of(visitor) == ""


async def test_a_session_works_only_where_its_key_does(
    app: Quart, account: tuple[User, str], store: Store
) -> None:
    key, _ = await key_of(store, account[0], addresses=("203.0.113.0/24",))
    session = await open_session(store, replace(account[0], key=key), now_ms())
    client = app.test_client()
    client.set_cookie("localhost", "ttr_session", session)
    inside, outside = {"client": ("203.0.113.9", 1)}, {"client": ("198.51.100.9", 1)}
    forged = {"X-Forwarded-For": "203.0.113.9"}
    assert (await client.get("/dashboard", scope_base=inside)).status_code == 200
    assert (await client.get("/dashboard", scope_base=outside)).status_code == 303
    assert (await client.get("/dashboard", scope_base=outside, headers=forged)).status_code == 303
    assert (await client.get("/events", scope_base=outside)).status_code in (303, 401, 403)
    assert (await client.get("/dashboard", scope_base=inside)).status_code == 200
