"""Links of the bot: each works once, for five minutes, and one that links only in the browser that asked."""

import asyncio
import re

import pytest
from quart import Quart

from tests.telegram import ADA, EVE, SET_UP
from tests.web.conftest import Visitor, text
from tests.web.test_telegram_link import PAGE
from tests.web.test_telegram_login import accounts_of, hidden
from ttr.accounts import link_telegram
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.telegram import linked_telegram, user_by_telegram
from ttr.store.telegram_tokens import TOKEN_SECONDS, Ticket, new_token, read_token
from ttr.store.users import User, digest


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update=SET_UP)


async def state_of(visitor: Visitor) -> str:
    """What the account's page gives to the bot."""
    found = re.search(r"start=link-([A-Za-z0-9_-]{40})", await visitor.read(PAGE))
    assert found
    return found[1]


async def press(visitor: Visitor, token: str) -> int:
    """Open the link and press its button; the status of the last answer."""
    response = await visitor.get(f"/telegram/open?token={token}")
    if response.status_code != 200:
        return int(response.status_code)
    form = hidden(await text(response))
    visitor.token = ""
    return int((await visitor.client.post("/telegram/open", form=form)).status_code)


async def test_a_link_logs_in_once(visitor: Visitor, app: Quart, store: Store) -> None:
    token = await new_token(store, Ticket(ADA, ""))
    for _ in range(3):  # a messenger looks as often as it likes
        page = await visitor.read(f"/telegram/open?token={token}")
        assert "Log in as Ada Lovelace?" in page
    assert await accounts_of(store) == 0
    response = await visitor.get(f"/telegram/open?token={token}")
    assert response.headers["Referrer-Policy"] == "strict-origin"
    assert await press(visitor, token) == 303
    assert "Log out" in await visitor.read("/dashboard")
    assert await user_by_telegram(store, ADA.id) is not None
    other = Visitor(app.test_client())
    response = await other.get(f"/telegram/open?token={token}")
    assert response.status_code == 403
    assert "was used" in await text(response)


async def test_of_two_who_press_at_once_one_gets_in(app: Quart, store: Store) -> None:
    token = await new_token(store, Ticket(ADA, ""))
    visitors = [Visitor(app.test_client()) for _ in range(4)]
    forms = [hidden(await one.read(f"/telegram/open?token={token}")) for one in visitors]
    answers = await asyncio.gather(
        *(one.client.post("/telegram/open", form=form) for one, form in zip(visitors, forms, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403]


async def test_a_token_is_kept_as_its_hash_and_for_five_minutes(store: Store) -> None:
    token = await new_token(store, Ticket(ADA, "s"))
    (key,) = await store.redis.keys("ttr:telegram-token:*")
    assert key.decode().endswith(digest(token))
    assert 0 < await store.redis.ttl(key) <= TOKEN_SECONDS
    assert len(token) == 32
    assert await read_token(store, token) == Ticket(ADA, "s")
    await store.redis.delete(key)
    assert await read_token(store, token) is None


@pytest.mark.parametrize(
    "token", ["", "x", "A" * 32, "A" * 31, "A" * 33, "é" * 32, "*" * 32, "A" * 31 + "\n"]
)
async def test_a_made_up_token_opens_nothing(visitor: Visitor, token: str) -> None:
    assert (await visitor.client.get("/telegram/open", query_string={"token": token})).status_code == 403
    assert (await visitor.post("/telegram/open", token=token)).status_code == 403


async def test_a_form_without_our_token_spends_nothing(visitor: Visitor, store: Store) -> None:
    token = await new_token(store, Ticket(ADA, ""))
    assert (await visitor.client.post("/telegram/open", form={"token": token})).status_code == 403
    assert await read_token(store, token) is not None


async def test_a_link_links_in_the_browser_that_asked(owner: Visitor, store: Store) -> None:
    token = await new_token(store, Ticket(ADA, await state_of(owner)))
    assert "Link Ada Lovelace?" in await owner.read(f"/telegram/open?token={token}")
    assert await press(owner, token) == 303
    assert owner.user is not None
    linked = await linked_telegram(store, owner.user)
    assert linked is not None
    assert linked.account == ADA
    assert await press(owner, token) == 403


async def test_a_link_of_somebody_else_links_nothing_and_is_not_used_up(
    owner: Visitor, visitor: Visitor, app: Quart, store: Store
) -> None:
    """An attacker asks the bot with the state of his own account's page, and sends the link to a victim."""
    attacker = Visitor(app.test_client())
    await attacker.post("/keys")
    attacker.token = ""
    token = await new_token(store, Ticket(EVE, await state_of(attacker)))
    for victim in (owner, visitor):
        response = await victim.get(f"/telegram/open?token={token}")
        assert response.status_code == 403
        assert (await victim.post("/telegram/open", token=token)).status_code == 403
    assert await user_by_telegram(store, EVE.id) is None
    assert await press(attacker, token) == 303


async def test_a_link_that_links_does_not_log_in(visitor: Visitor, owner: Visitor, store: Store) -> None:
    token = await new_token(store, Ticket(ADA, await state_of(owner)))
    response = await visitor.get(f"/telegram/open?token={token}")
    assert response.status_code == 403
    assert "only in the browser that you began in" in await text(response)
    assert (await visitor.post("/telegram/open", token=token)).status_code == 403
    assert await accounts_of(store) == 1


async def test_who_is_logged_in_elsewhere_is_told(
    owner: Visitor, account: tuple[User, str], store: Store
) -> None:
    token = await new_token(store, Ticket(ADA, ""))
    assert "takes its place" in await owner.read(f"/telegram/open?token={token}")
    await link_telegram(store, account[0], ADA, now=now_ms())
    page = await owner.read(f"/telegram/open?token={token}")
    assert "makes a new one" not in page
