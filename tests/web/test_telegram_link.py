"""Linking: in the session that asked for it and by a button, so that no stranger's Telegram opens an account."""

import re
from urllib.parse import urlencode

import pytest
from quart import Quart

from tests.conftest import MASTER_KEY
from tests.telegram import ADA, BOT, EVE, SET_UP, widget
from tests.web.conftest import Visitor, text
from tests.web.test_telegram_login import answer_of, hidden, log_in
from ttr.accounts import link_telegram, unlink_telegram
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.telegram import linked_telegram, user_by_telegram
from ttr.store.users import User, create_user, user_by_id

PAGE = "/account/telegram"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update=SET_UP)


async def asked(visitor: Visitor, fields: dict[str, str]) -> str:
    """The address that the widget of the account's page leads this browser to."""
    return f"{answer_of(await visitor.read(PAGE))}&{urlencode(fields)}"


async def link(visitor: Visitor, fields: dict[str, str]) -> int:
    """Follow the widget and press the button; the status of the answer to that."""
    page = await visitor.read(await asked(visitor, fields))
    return int((await visitor.client.post("/telegram/link", form=hidden(page))).status_code)


async def test_an_account_is_linked_shown_and_unlinked(owner: Visitor, store: Store) -> None:
    assert owner.user is not None
    page = await owner.read(PAGE)
    state = re.search(r'state=([^"&]+)', page)
    assert state
    assert f"https://t.me/{BOT}?start=link-{state[1]}" in page
    page = await owner.read(await asked(owner, widget()))
    assert "Link Ada Lovelace?" in page
    assert await user_by_telegram(store, ADA.id) is None
    assert await link(owner, widget()) == 303
    linked = await linked_telegram(store, owner.user)
    assert linked is not None
    assert linked.account == ADA
    page = await owner.read(PAGE)
    for told in ("Ada Lovelace", "@ada", str(ADA.id), "Unlink"):
        assert told in page
    assert "telegram.org" not in (await owner.get(PAGE)).headers["Content-Security-Policy"]
    assert (await owner.post("/account/telegram/unlink")).status_code == 303
    assert await linked_telegram(store, owner.user) is None
    assert await user_by_telegram(store, ADA.id) is None
    assert "data-telegram-login" in await owner.read(PAGE)


async def test_a_stranger_s_signed_address_links_nothing(owner: Visitor, app: Quart, store: Store) -> None:
    """An attacker who is logged in to an account of his own has a signed address with a state; the victim opens it."""
    user, auth_key = await create_user(store, now=now_ms(), master=MASTER_KEY)
    attacker = Visitor(app.test_client(), user=user)
    await attacker.post("/login", auth_key=auth_key)
    address = await asked(attacker, widget(EVE))
    for path in (address, re.sub(r"state=[^&]+&", "", address)):
        response = await owner.get(path)
        assert response.status_code == 403
        assert "another browser" in await text(response)
    form = {k: v for k, v in hidden(await attacker.read(address)).items() if k != "csrf_token"}
    assert (await owner.post("/telegram/link", form)).status_code == 403
    assert owner.user is not None
    assert await linked_telegram(store, owner.user) is None
    assert await user_by_telegram(store, EVE.id) is None


async def test_a_state_of_the_session_before_is_refused(
    owner: Visitor, account: tuple[User, str], store: Store
) -> None:
    address = await asked(owner, widget())
    await owner.post("/logout")
    assert (await owner.get(address)).headers["Location"] == "/"
    await owner.post("/login", auth_key=account[1])
    assert (await owner.get(address)).status_code == 403


async def test_a_state_for_logging_in_links_nothing(owner: Visitor, visitor: Visitor) -> None:
    address = answer_of(await visitor.read("/")).replace("/login", "/link")
    assert (await owner.get(f"{address}&{urlencode(widget())}")).status_code == 403


async def test_what_is_linked_elsewhere_is_a_409_on_both_steps(
    owner: Visitor, app: Quart, store: Store
) -> None:
    address = await asked(owner, widget())
    form = hidden(await owner.read(address))
    other, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    await link_telegram(store, other, ADA, now=now_ms())
    for response in (await owner.get(address), await owner.client.post("/telegram/link", form=form)):
        assert response.status_code == 409
        assert "linked to another account here" in await text(response)
    found = await user_by_telegram(store, ADA.id)
    assert found is not None
    assert found.id == other.id


async def test_an_account_has_one_telegram_account(owner: Visitor, store: Store) -> None:
    assert owner.user is not None
    address = await asked(owner, widget(EVE))
    form = hidden(await owner.read(address))
    await link_telegram(store, owner.user, ADA, now=now_ms())
    for response in (await owner.get(address), await owner.client.post("/telegram/link", form=form)):
        assert response.status_code == 409
        assert "linked to another Telegram account" in await text(response)
    assert await user_by_telegram(store, EVE.id) is None
    assert not await store.redis.exists(f"ttr:telegram:{EVE.id}")


async def test_linking_again_is_no_fault_and_the_same_signature_is(owner: Visitor, store: Store) -> None:
    page = await owner.read(await asked(owner, widget()))
    form = hidden(page)
    assert (await owner.client.post("/telegram/link", form=form)).status_code == 303
    assert (await owner.client.post("/telegram/link", form=form)).status_code == 403


async def test_a_signature_that_linked_logs_nobody_in_elsewhere(
    owner: Visitor, visitor: Visitor, store: Store
) -> None:
    fields = widget()
    assert await link(owner, fields) == 303
    assert await log_in(visitor, fields) == 403


async def test_who_unlinks_may_link_again(owner: Visitor, store: Store) -> None:
    for age in (60, 120):
        assert await link(owner, widget(age=age)) == 303
        assert (await owner.post("/account/telegram/unlink")).status_code == 303
    assert (await owner.post("/account/telegram/unlink")).status_code == 303  # nothing to do


async def test_without_a_key_nothing_is_unlinked(visitor: Visitor, store: Store) -> None:
    assert await log_in(visitor, widget()) == 303
    page = await visitor.read(PAGE)
    assert "no access key that may do everything opens this account" in page
    assert "telegram/unlink" not in page
    response = await visitor.post("/account/telegram/unlink")
    assert response.status_code == 409
    assert "Make one first" in await text(response)
    assert await user_by_telegram(store, ADA.id) is not None


async def test_unlinking_ends_the_sessions_that_telegram_has_opened(
    owner: Visitor, visitor: Visitor, account: tuple[User, str], store: Store
) -> None:
    user = account[0]
    await link_telegram(store, user, ADA, now=now_ms())
    assert await log_in(visitor, widget()) == 303
    assert (await visitor.get("/dashboard")).status_code == 200
    renewed = await user_by_id(store, user.id)
    assert renewed is not None
    await unlink_telegram(store, renewed)
    assert (await visitor.get("/dashboard")).status_code == 303
    assert (await owner.get("/dashboard")).status_code == 200


async def test_a_hostile_name_is_text_on_the_account_s_page(owner: Visitor, store: Store) -> None:
    assert owner.user is not None
    await link_telegram(store, owner.user, EVE, now=now_ms())
    page = await owner.read(PAGE)
    assert "<img src=x" not in page
    assert "Eve &lt;img" in page


@pytest.mark.parametrize("path", [PAGE, "/telegram/link"])
async def test_without_a_session_there_is_nothing_to_link(visitor: Visitor, path: str) -> None:
    response = await visitor.get(f"{path}?{urlencode(widget())}")
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    if path != PAGE:
        assert (await visitor.post(path, widget())).headers["Location"] == "/"
    assert (await visitor.post("/account/telegram/unlink")).headers["Location"] == "/"
