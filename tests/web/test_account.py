"""The account's page: what it says, and what it never shows."""

from tests.web.conftest import Visitor
from ttr.store.redis import Store
from ttr.store.users import User


async def test_the_page_says_what_the_account_has(
    owner: Visitor, account: tuple[User, str], store: Store
) -> None:
    _, auth_key = account
    await owner.make_check(name="One", tags="a, b")
    await owner.make_channel(name="Ops room")
    page = await owner.read("/account")
    assert auth_key not in page
    for there in ("Ops room", "of 10,000"):
        assert there in page


async def test_a_choice_is_kept_and_leads_back(owner: Visitor) -> None:
    response = await owner.post(
        "/appearance", theme="retro", tz="Asia/Tokyo", page_size="50", back="/account"
    )
    assert response.headers["Location"] == "/account"
    page = await owner.read("/account")
    assert 'value="retro" data-look="theme" checked' in page
    assert "<option selected>Asia/Tokyo</option>" in page
    assert 'name="page_size" value="50" checked' in page


async def test_the_keys_are_listed_for_everybody(visitor: Visitor) -> None:
    page = await visitor.read("/docs/keyboard")
    assert "<kbd>?</kbd>" in page
