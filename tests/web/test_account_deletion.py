"""The page that deletes the account: what it says, and what it takes."""

from html import unescape

import pytest
from quart import Quart

from tests.web.conftest import Visitor, as_operator, text
from ttr.store.redis import Store
from ttr.store.users import User, user_by_id

PAGE = "/account/delete"


async def test_the_page_says_what_goes(owner: Visitor) -> None:
    await owner.make_check(name="One")
    await owner.make_check(name="Two")
    await owner.make_channel()
    page = unescape(await owner.read(PAGE))
    for said in ("2 checks", "1 channel with", "0 status pages", "Nothing brings it back", "Type DELETE"):
        assert said in page


@pytest.mark.parametrize("word", ["", "delete", "Delete", "DELETE IT", "yes", "DELETED"])
async def test_another_word_deletes_nothing(
    owner: Visitor, account: tuple[User, str], store: Store, word: str
) -> None:
    response = await owner.post(PAGE, word=word)
    assert response.status_code == 422
    assert "Nothing was deleted." in await text(response)
    assert await user_by_id(store, account[0].id)


async def test_the_word_ends_the_account_and_the_session(
    app: Quart, owner: Visitor, account: tuple[User, str], store: Store
) -> None:
    user, auth_key = account
    await owner.make_check(name="One", slug="one")
    response = await owner.post(PAGE, word=" DELETE ")
    assert (response.status_code, response.headers["Location"]) == (303, "/?deleted")
    (cookie,) = (one for one in response.headers.getlist("Set-Cookie") if one.startswith("ttr_session="))
    assert "Max-Age=0" in cookie
    assert await user_by_id(store, user.id) is None
    front = await owner.read("/?deleted")
    assert "The account is deleted." in front
    assert "Log in" in front
    assert (await owner.get("/dashboard")).headers["Location"] == "/"
    assert (await app.test_client().get(f"/p/{user.user_slug}/one")).status_code == 404
    refused = await Visitor(app.test_client()).post("/login", auth_key=auth_key)
    assert "its account was deleted" in await text(refused)


async def test_nobody_who_is_logged_in_reads_that_an_account_is_deleted(owner: Visitor) -> None:
    assert "is deleted" not in await owner.read("/?deleted")


async def test_an_operator_deletes_no_account(
    owner: Visitor, account: tuple[User, str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_operator(monkeypatch)
    assert (await owner.post(PAGE, word="DELETE")).status_code == 403
    assert 'name="word"' not in await owner.read(PAGE)
    assert await user_by_id(store, account[0].id)
