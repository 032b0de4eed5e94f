"""In by Telegram's widget: only who Telegram says, in the browser that asked, once, and by a button."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from quart import Quart

from tests.lua.parts import dump
from tests.telegram import ADA, BOT, EVE, SET_UP, TOKEN, signed, widget
from tests.web.conftest import Visitor, text
from ttr.accounts import link_telegram
from ttr.app import create_app
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.redis import Store
from ttr.store.telegram import user_by_telegram
from ttr.store.users import User, digest, user_by_id


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update=SET_UP)


def answer_of(page: str) -> str:
    """Where the widget of a page leads to, without what Telegram adds."""
    found = re.search(r'data-auth-url="([^"]+)"', page)
    assert found
    parts = urlsplit(unescape(found[1]))
    return f"{parts.path}?{parts.query}"


def hidden(page: str) -> dict[str, str]:
    """The fields of the form in the page that sends what was proved."""
    inside = page[page.index('<form class="cluster"') :]
    found = re.findall(r'name="([^"]+)" value="([^"]*)"', inside[: inside.index("</form>")])
    return {name: unescape(value) for name, value in found}


async def asked(visitor: Visitor, fields: dict[str, str]) -> str:
    """The address that the widget leads this browser to."""
    return f"{answer_of(await visitor.read('/'))}&{urlencode(fields)}"


async def log_in(visitor: Visitor, fields: dict[str, str]) -> int:
    """Follow the widget and press the button; the status of the answer to that."""
    page = await visitor.read(await asked(visitor, fields))
    response = await visitor.client.post("/telegram/login", form=hidden(page))
    visitor.token = ""
    return int(response.status_code)


async def accounts_of(store: Store) -> int:
    return int(await store.redis.get(keys.sequence("user")) or 0)


async def test_the_front_page_offers_it_to_who_is_not_logged_in(visitor: Visitor, owner: Visitor) -> None:
    page = await visitor.read("/")
    assert f'data-telegram-login="{BOT}"' in page
    assert f"https://t.me/{BOT}?start=login" in page
    assert TOKEN not in page
    assert "telegram" not in (await owner.read("/")).lower()


async def test_only_pages_that_offer_it_let_its_script_in(visitor: Visitor, owner: Visitor) -> None:
    async def policy(one: Visitor, path: str) -> str:
        return str((await one.get(path)).headers["Content-Security-Policy"])

    for one, path in ((visitor, "/"), (owner, "/account/telegram")):
        assert (
            "script-src 'self' https://telegram.org; frame-src https://oauth.telegram.org;"
            in await policy(one, path)
        )
        assert (await one.get(path)).headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    for one, path in ((owner, "/"), (owner, "/account"), (owner, "/dashboard"), (visitor, "/telegram/login")):
        assert "telegram.org" not in await policy(one, path), path


async def test_a_new_person_gets_an_account_and_an_old_one_gets_in_again(
    visitor: Visitor, app: Quart, store: Store
) -> None:
    page = await visitor.read(await asked(visitor, widget()))
    assert "Log in as Ada Lovelace?" in page
    assert "Ada Lovelace (@ada)" in page
    assert "makes a new one" in page
    assert await accounts_of(store) == 0
    assert await log_in(visitor, widget(age=60)) == 303
    user = await user_by_telegram(store, ADA.id)
    assert user is not None
    assert "Log out" in await visitor.read("/dashboard")
    again = Visitor(app.test_client())
    assert "makes a new one" not in await again.read(await asked(again, widget(age=120)))
    assert await log_in(again, widget(age=120)) == 303
    assert f"{user.public_slug}" in await again.read("/account/names")
    assert await accounts_of(store) == 1


async def test_a_get_changes_nothing_and_tells_nobody_its_address(visitor: Visitor, store: Store) -> None:
    address = await asked(visitor, widget())
    before = await dump(store)
    response = await visitor.get(address)
    assert response.status_code == 200
    assert response.headers["Referrer-Policy"] == "strict-origin"
    assert response.headers["Cache-Control"] == "no-store"
    assert "Location" not in response.headers
    assert not [c for c in response.headers.getlist("Set-Cookie") if c.startswith("ttr_session")]
    assert await dump(store) == before
    refused = await visitor.get(address + "x")
    assert (refused.status_code, refused.headers["Referrer-Policy"]) == (403, "strict-origin")


async def test_a_login_counts_once(visitor: Visitor, app: Quart, store: Store) -> None:
    fields = widget()
    assert await log_in(visitor, fields) == 303
    again = Visitor(app.test_client())
    page = await again.read(await asked(again, fields))
    response = await again.client.post("/telegram/login", form=hidden(page))
    assert response.status_code == 403
    assert "used already" in await text(response)
    assert (await again.get("/dashboard")).status_code == 303
    (spent,) = await store.redis.keys("ttr:telegram-spent:*")
    assert fields["hash"] not in spent.decode()
    assert 0 < await store.redis.ttl(spent) <= 300 + 120


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: widget(token="1234:another-token-of-a-bot"), "not signed"),
        (lambda: widget() | {"id": str(EVE.id)}, "not signed"),
        (lambda: widget(age=301), "too old"),
        (lambda: widget(age=-120), "future"),
        (lambda: widget() | {"hash": "0" * 64}, "not signed"),
        (lambda: widget() | {"hash": ""}, "not signed"),
        (lambda: widget() | {"phone": "1"}, "changed on the way"),
        (lambda: widget(is_premium="1"), "changed on the way"),
        (lambda: widget(last_name="\nid=1"), "changed on the way"),
        (lambda: signed({"auth_date": str(now_ms() // 1_000)}), "not a number"),
        (dict, "not signed"),
    ],
)
async def test_forged_old_and_broken_logins_are_refused_by_get_and_post(
    visitor: Visitor, store: Store, made: Callable[[], dict[str, str]], why: str
) -> None:
    fields = made()
    address = await asked(visitor, fields)
    response = await visitor.get(address)
    assert response.status_code == 403
    page = await text(response)
    assert why in page
    assert fields.get("hash") is None or fields["hash"] == "" or fields["hash"] not in page
    state = parse_qs(urlsplit(address).query)["state"][0]
    response = await visitor.post("/telegram/login", {"state": state, **fields})
    assert response.status_code == 403
    assert why in await text(response)
    assert await accounts_of(store) == 0


async def test_a_field_that_comes_twice_is_refused(visitor: Visitor) -> None:
    address = await asked(visitor, widget())
    for more in (f"&id={ADA.id}", "&state=x", f"&auth_date={now_ms() // 1000}", "&hash=" + "0" * 64):
        assert (await visitor.get(address + more)).status_code == 403


async def test_the_state_of_another_browser_is_refused(visitor: Visitor, app: Quart, store: Store) -> None:
    """Login CSRF: nobody is logged in to an attacker's account by the attacker's own address."""
    attacker = Visitor(app.test_client())
    address = await asked(attacker, widget(EVE))
    await visitor.read("/")
    for path in (address, re.sub(r"state=[^&]+&", "", address), re.sub("state=[^&]+", "state=", address)):
        response = await visitor.get(path)
        assert response.status_code == 403
        assert "another browser" in await text(response)
    response = await visitor.post(
        "/telegram/login", hidden(await attacker.read(address)) | {"csrf_token": ""}
    )
    assert response.status_code == 403
    fields = {k: v for k, v in hidden(await attacker.read(address)).items() if k != "csrf_token"}
    response = await visitor.post("/telegram/login", fields)
    assert response.status_code == 403
    assert await accounts_of(store) == 0


async def test_a_state_for_linking_logs_nobody_in(owner: Visitor, store: Store) -> None:
    address = answer_of(await owner.read("/account/telegram")).replace("/link", "/login")
    assert (await owner.get(f"{address}&{urlencode(widget())}")).status_code == 403


async def test_another_site_s_form_logs_nobody_in(visitor: Visitor, store: Store) -> None:
    form = hidden(await visitor.read(await asked(visitor, widget())))
    response = await visitor.client.post(
        "/telegram/login", form=form, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert response.status_code == 403
    assert await accounts_of(store) == 0


async def test_a_hostile_name_is_text(visitor: Visitor) -> None:
    page = await visitor.read(await asked(visitor, widget(EVE)))
    assert "<img src=x" not in page
    assert "Eve &lt;img" in page


async def test_two_buttons_at_once_make_one_account(app: Quart, store: Store) -> None:
    visitors = [Visitor(app.test_client()) for _ in range(4)]
    answers = await asyncio.gather(
        *(log_in(one, widget(age=20 * number)) for number, one in enumerate(visitors))
    )
    assert answers == [303] * 4
    user = await user_by_telegram(store, ADA.id)
    assert user is not None
    for one in visitors:
        assert user.public_slug in await one.read("/account/names")
    left = [number for number in range(1, await accounts_of(store) + 1) if await user_by_id(store, number)]
    assert left == [user.id]


async def test_a_session_that_was_brought_along_is_worth_nothing(visitor: Visitor, store: Store) -> None:
    planted = "A" * 32
    visitor.client.set_cookie("localhost", "ttr_session", planted)
    assert await log_in(visitor, widget()) == 303
    (session,) = await store.redis.keys("ttr:session:*")
    assert session.decode() != keys.session(digest(planted))


async def test_a_linked_account_is_the_one_that_is_entered(
    visitor: Visitor, account: tuple[User, str], store: Store
) -> None:
    user, _ = account
    await link_telegram(store, user, ADA, now=now_ms())
    assert await log_in(visitor, widget()) == 303
    assert user.public_slug in await visitor.read("/account/names")


@pytest.fixture
async def counted(settings: Settings, store: Store) -> AsyncIterator[Quart]:
    """The app with limits."""
    limits = Settings(rate_limits="telegram=3/300,new-account=1/300").rate_limits  # type: ignore[arg-type]
    app = create_app(settings.model_copy(update={"rate_limits": limits}))
    async with app.test_app():
        yield app


async def test_logins_and_new_accounts_are_counted(counted: Quart, store: Store) -> None:
    assert await log_in(Visitor(counted.test_client()), widget()) == 303
    assert await log_in(Visitor(counted.test_client()), widget(EVE)) == 429  # a second new account
    assert await log_in(Visitor(counted.test_client()), widget(age=60)) == 303
    assert await log_in(Visitor(counted.test_client()), widget(age=120)) == 429  # a fourth login
    assert await user_by_telegram(store, EVE.id) is None


async def test_nothing_of_it_is_there_unless_it_is_set_up(settings: Settings, store: Store) -> None:
    off = create_app(settings.model_copy(update={"telegram_auth_enabled": False}))
    async with off.test_app():
        visitor = Visitor(off.test_client())
        page = await visitor.read("/")
        assert "telegram" not in page.lower()
        assert "telegram.org" not in (await visitor.get("/")).headers["Content-Security-Policy"]
        await visitor.post("/keys")
        paths = ("/telegram/login", "/telegram/link", "/telegram/open", "/account/telegram")
        for path in paths:
            assert (await visitor.get(f"{path}?{urlencode(widget())}")).status_code == 404
        for path in (*paths[:3], "/account/telegram/unlink"):
            assert (await visitor.post(path, widget())).status_code == 404
        assert "Telegram" not in await visitor.read("/account/names")
