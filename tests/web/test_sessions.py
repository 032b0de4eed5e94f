"""In with a key, out again, and a new session id each time."""

import pytest

from tests.web.conftest import Visitor, text
from ttr.store.redis import Store
from ttr.store.users import User


def session_of(visitor: Visitor) -> str | None:
    return next((c.value for c in visitor.client.cookie_jar if c.name == "ttr_session"), None)


async def test_a_key_leads_to_the_dashboard(visitor: Visitor, account: tuple[User, str]) -> None:
    response = await visitor.post("/login", auth_key=f"  {account[1]} ")
    assert (response.status_code, response.headers["Location"]) == (303, "/dashboard")
    assert "Nothing is watched yet" in await visitor.read("/dashboard")


@pytest.mark.parametrize("key", ["", "x", "A" * 32, "A" * 10_000, "\x00", "' OR 1=1"])
async def test_an_unknown_key_is_refused_and_makes_no_account(
    visitor: Visitor, store: Store, key: str
) -> None:
    response = await visitor.post("/login", auth_key=key)
    page = await text(response)
    assert response.status_code == 422
    assert 'aria-invalid="true"' in page
    assert 'id="auth_key-error"' in page
    assert session_of(visitor) is None
    assert [key async for key in store.redis.scan_iter("ttr:access-key:*")] == []


async def test_each_login_has_a_new_session_and_ends_the_old_one(
    visitor: Visitor, account: tuple[User, str]
) -> None:
    await visitor.post("/login", auth_key=account[1])
    first = session_of(visitor)
    await visitor.post("/login", auth_key=account[1])
    assert first
    assert session_of(visitor) not in (None, first)
    visitor.client.set_cookie("localhost", "ttr_session", first)
    assert (await visitor.get("/dashboard")).status_code == 303


async def test_logging_out_ends_the_session_in_the_store_too(owner: Visitor) -> None:
    session = session_of(owner)
    assert session
    response = await owner.post("/logout")
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert session_of(owner) in (None, "")
    owner.client.set_cookie("localhost", "ttr_session", session)
    assert (await owner.get("/dashboard")).status_code == 303
