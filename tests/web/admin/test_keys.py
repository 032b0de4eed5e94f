"""Keys and sessions on the admin pages: ended, listed, lifted."""

import re
from dataclasses import replace

import pytest
from quart import Quart

from tests.conftest import MASTER_KEY
from tests.web.conftest import Visitor, text
from ttr.accounts import make_key, replace_key
from ttr.domain.access_key import AccessKey
from ttr.now import now_ms
from ttr.store.access_keys import list_ended, list_keys, user_by_key
from ttr.store.admin_log import read_log
from ttr.store.errors import KeyEnded
from ttr.store.redis import Store
from ttr.store.sessions import list_sessions
from ttr.store.users import User, create_user

HOSTILE = "<img src=x onerror=alert(1)>"


async def another_key(store: Store, user: User, name: str) -> tuple[AccessKey, str]:
    """One more key of the account."""
    ((first, _), *_) = await list_keys(store, user)
    return await make_key(store, user, replace(first, name=name), now=now_ms())


async def test_an_accounts_keys_and_sessions_are_shown_without_anything_that_opens(
    operator: Visitor, owner: Visitor, store: Store, account: tuple[User, str]
) -> None:
    user, auth_key = account
    key, secret = await another_key(store, user, HOSTILE)
    page = await operator.read(f"/admin/accounts/{user.id}")
    assert "First key" in page
    assert "&lt;img src=x" in page
    assert f"<code>{key.last4}</code>" in page
    assert "key First key" in page  # what opened the session
    for opens in (auth_key, secret, key.digest, user.user_slug, user.data_key):
        assert opens not in page


async def test_ending_a_key_asks_and_ends_its_sessions(
    operator: Visitor, owner: Visitor, store: Store, account: tuple[User, str]
) -> None:
    user, auth_key = account
    ((key, _),) = await list_keys(store, user)
    address = f"/admin/accounts/{user.id}/keys/{key.id}/end"
    assert "Nothing brings it back" in await operator.read(address)
    response = await operator.post(address)
    assert (response.status_code, response.headers["Location"]) == (303, f"/admin/accounts/{user.id}")
    with pytest.raises(KeyEnded):
        await user_by_key(store, auth_key)
    assert (await owner.get("/dashboard")).headers["Location"] == "/"
    assert (await operator.post(address)).status_code == 404
    deeds = [(deed.what, deed.about) for deed in await read_log(store) if "key" in deed.what]
    assert deeds == [("ended an access key", f"account {user.id}, key {key.last4}")]


async def test_a_session_is_ended(operator: Visitor, owner: Visitor, store: Store) -> None:
    user = owner.user
    assert user
    (session,) = await list_sessions(store, user)
    address = f"/admin/accounts/{user.id}/sessions/{session.id}/end"
    for _ in range(2):
        response = await operator.post(address)
        assert (response.status_code, response.headers["Location"]) == (303, f"/admin/accounts/{user.id}")
    assert (await owner.get("/dashboard")).headers["Location"] == "/"
    assert [deed.what for deed in await read_log(store)].count("ended a session") == 1


async def test_a_key_or_session_of_another_account_is_not_reached(
    operator: Visitor, owner: Visitor, store: Store
) -> None:
    user = owner.user
    assert user
    ((key, _),) = await list_keys(store, user)
    (session,) = await list_sessions(store, user)
    other, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    base = f"/admin/accounts/{other.id}"
    assert (await operator.post(f"{base}/keys/{key.id}/end")).status_code == 404
    await operator.post(f"{base}/sessions/{session.id}/end")
    assert (await owner.get("/dashboard")).status_code == 200
    assert len(await list_keys(store, user)) == 1


async def test_a_pasted_key_is_ended_listed_and_lifted(
    app: Quart, operator: Visitor, store: Store, account: tuple[User, str]
) -> None:
    user, auth_key = account
    assert "No key was ended" in await operator.read("/admin/keys")
    response = await operator.post("/admin/keys/end", key=f" {auth_key} ")
    assert (response.status_code, response.headers["Location"]) == (303, "/admin/keys")
    with pytest.raises(KeyEnded):
        await user_by_key(store, auth_key)
    page = await operator.read("/admin/keys")
    assert f"<code>{auth_key[-4:]}</code>" in page
    assert "ended by an admin" in page
    assert f'href="/admin/accounts/{user.id}"' in page
    assert auth_key not in page
    response = await operator.post("/admin/keys/end", key=auth_key)
    assert response.status_code == 422
    assert "No account has this key" in await text(response)
    (entry,) = await list_ended(store, now=now_ms(), limit=9)
    assert (await operator.post("/admin/keys/lift", digest=entry.digest)).status_code == 303
    assert await list_ended(store, now=now_ms(), limit=9) == []
    assert await user_by_key(store, auth_key) is None
    assert (await operator.post("/admin/keys/lift", digest=entry.digest)).status_code == 422


@pytest.mark.parametrize("pasted", ["", "short", "x" * 33, "é" * 32, HOSTILE, "a" * 32, "\0" * 32])
async def test_what_is_no_key_ends_nothing_and_is_not_shown_again(
    operator: Visitor, store: Store, account: tuple[User, str], pasted: str
) -> None:
    response = await operator.post("/admin/keys/end", key=pasted)
    assert response.status_code == 422
    page = await text(response)
    assert "This is no access key" in page or "No account has this key" in page
    assert len(pasted) < 6 or pasted not in page
    assert await user_by_key(store, account[1]) is not None


@pytest.mark.parametrize("name", ["", "x", "meta", "f" * 63, "F" * 64, "a" * 64])
async def test_only_an_ended_key_is_lifted(
    operator: Visitor, store: Store, account: tuple[User, str], name: str
) -> None:
    ((key, _),) = await list_keys(store, account[0])
    for digest in (name, key.digest):
        response = await operator.post("/admin/keys/lift", digest=digest)
        assert response.status_code == 422
        assert "not in the list any more" in await text(response)
    assert await user_by_key(store, account[1]) is not None


async def test_ended_keys_come_a_page_at_a_time(
    operator: Visitor, store: Store, account: tuple[User, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttr.web.admin.keys.SIZE", 2)
    user, _ = account
    for number in range(3):
        ((key, _),) = await list_keys(store, user)
        await replace_key(store, user, replace(key, name=f"key {number}"), now=now_ms() + number)
    pages = [await operator.read(f"/admin/keys{query}") for query in ("", "?offset=2")]
    assert [len(re.findall(r"replaced by its owner", page)) for page in pages] == [2, 1]
    assert 'href="/admin/keys?offset=2" rel="next"' in pages[0]
    assert 'href="/admin/keys" rel="prev"' in pages[1]


async def test_an_account_is_found_by_the_end_of_a_key(
    operator: Visitor, store: Store, account: tuple[User, str]
) -> None:
    user, auth_key = account
    await create_user(store, now=now_ms(), master=MASTER_KEY)
    response = await operator.post("/admin/accounts/find", q=auth_key[-4:])
    assert response.headers["Location"] == f"/admin/accounts?ending={auth_key[-4:]}"
    page = await operator.read(response.headers["Location"])
    assert re.findall(r">Account (\d+)</a>", page) == [str(user.id)]
    assert "No account has a key that ends in ____" in await operator.read("/admin/accounts?ending=____")
    assert "Account" in await operator.read("/admin/accounts?ending=%3Cb%3E")
