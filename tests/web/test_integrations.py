"""Who is told about a check: the account's channels it uses, and channels made for it alone."""

import re

import pytest

from tests.web.conftest import Receiver, Visitor, text
from ttr.domain.check import Check
from ttr.store.channels import Channel, read_channels
from ttr.store.checks import get_check
from ttr.store.redis import Store

SECRET = "https://hooks.example/t0p-s3cret"


async def stored(owner: Visitor, store: Store, number: int) -> Check:
    assert owner.user
    return await get_check(store, owner.user, str(number))


async def own(owner: Visitor, store: Store, number: int, kind: str = "webhook") -> Channel | None:
    check = await stored(owner, store, number)
    if kind not in check.own_channels:
        return None
    assert owner.user
    return (await read_channels(store, owner.user, [check.own_channels[kind]]))[check.own_channels[kind]]


async def test_a_check_without_channels_says_that_nobody_is_told(owner: Visitor) -> None:
    number = await owner.make_check()
    page = await owner.read(f"/checks/{number}")
    assert "its alerts go nowhere" in page
    assert f'href="/checks/{number}/integrations"' in page
    assert "Your account has no channels yet." in await owner.read(f"/checks/{number}/integrations")


async def test_ticked_channels_are_used_and_others_are_not(owner: Visitor, store: Store) -> None:
    one, two, three = [await owner.make_channel(name=f"Room {i}") for i in range(3)]
    number = await owner.make_check()
    address = f"/checks/{number}/integrations"
    shown = [one, two, three]
    for ticked in ([one, two], [three], [three, one], []):
        response = await owner.post(address, many={"shown": shown, "channel": ticked})
        assert (response.status_code, response.headers["Location"]) == (303, address)
        assert set((await stored(owner, store, number)).channels) == set(ticked)
        page = await owner.read(address)
        found = {int(value) for value in re.findall(r'name="channel" value="(\d+)" checked', page)}
        assert found == set(ticked)


async def test_a_channel_that_the_page_did_not_show_stays_as_it_is(owner: Visitor, store: Store) -> None:
    shown, added_since = await owner.make_channel(), await owner.make_channel(name="Later", default="on")
    number = await owner.make_check()
    await owner.post(f"/checks/{number}/integrations", shown=str(shown), channel=str(shown))
    assert set((await stored(owner, store, number)).channels) == {shown, added_since}


async def test_a_check_has_only_so_many_channels_and_says_so(owner: Visitor, store: Store) -> None:
    ids = [await owner.make_channel(name=f"Room {i}") for i in range(51)]
    number = await owner.make_check()
    form = {"shown": ids, "channel": ids}
    for htmx in (False, True):
        response = await owner.post(f"/checks/{number}/integrations", htmx=htmx, many=form)
        page = await text(response)
        assert response.status_code == 422
        assert "as many as it may have" in page
        assert ("<html" in page) is not htmx
    assert len((await stored(owner, store, number)).channels) == 50


async def test_a_checks_own_channel_is_saved_and_its_secret_never_shown(owner: Visitor, store: Store) -> None:
    number = await owner.make_check()
    address = f"/checks/{number}/integrations/webhook"
    response = await owner.post(address, webhook_url=SECRET, webhook_enabled="on")
    page = await text(response)
    assert response.status_code == 201
    assert "whsec_" in page  # it signs, so its secret is shown this once
    saved = await own(owner, store, number)
    assert saved
    assert (saved.enabled, saved.has, saved.own_check) == (True, frozenset({"webhook_url"}), number)
    for path in (f"/checks/{number}/integrations", f"/checks/{number}", f"/channels/{saved.id}", "/channels"):
        page = await owner.read(path)
        assert "s3cret" not in page
        assert "whsec_" not in page
    response = await owner.post(address, webhook_url="")
    assert response.headers["Location"] == f"/checks/{number}/integrations#own-webhook"
    kept = await own(owner, store, number)
    assert kept
    assert (kept.enabled, kept.has) == (False, frozenset({"webhook_url"}))


async def test_a_box_clears_the_secret_and_a_button_removes_all(owner: Visitor, store: Store) -> None:
    number = await owner.make_check()
    address = f"/checks/{number}/integrations/webhook"
    await owner.post(address, webhook_url=SECRET, webhook_enabled="on")
    page = await text(await owner.post(address, htmx=True, clear_webhook_url="on", webhook_enabled="on"))
    assert "it lacks a setting" in page
    cleared = await own(owner, store, number)
    assert cleared
    assert (cleared.enabled, cleared.has) == (False, frozenset())
    page = await text(await owner.post(address, htmx=True, action="remove"))
    assert "Removed." in page
    assert await own(owner, store, number) is None
    assert (await stored(owner, store, number)).channels == ()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "needed before the channel can be on"),
        ("ftp://x.example", "must begin with http"),
        ("https://user:pw@x.example", "user name or password"),
        ("https://x.example/#a", "fragment"),
        ("https://x.example/" + "a" * 3000, "longer than"),
        ('https://"><script>alert(1)</script>', "."),
    ],
)
async def test_a_bad_url_is_refused_beside_its_field(
    owner: Visitor, store: Store, url: str, sentence: str
) -> None:
    number = await owner.make_check()
    for htmx in (False, True):
        response = await owner.post(
            f"/checks/{number}/integrations/webhook", htmx=htmx, webhook_url=url, webhook_enabled="on"
        )
        page = await text(response)
        assert response.status_code == 422
        assert sentence in page[page.index('id="webhook_url-error"') :]
        assert "<script>alert" not in page
        assert ("<html" in page) is not htmx
    assert await own(owner, store, number) is None


async def test_a_partial_change_leaves_the_rest(owner: Visitor, store: Store) -> None:
    number = await owner.make_check()
    address = f"/checks/{number}/integrations/telegram"
    fields = {"telegram_bot_token": "1234:abcd", "telegram_chat_id": "123456789", "telegram_enabled": "on"}
    assert (await owner.post(address, fields)).status_code == 303
    page = await text(await owner.post(address, htmx=True, telegram_chat_id="42", telegram_enabled="on"))
    assert '<p class="notice notice--good">Saved.</p>' in page
    assert 'hx-swap-oob="innerHTML">Saved.</div>' in page
    assert 'value="42"' in page
    assert "1234:abcd" not in page
    saved = await own(owner, store, number, "telegram")
    assert saved
    assert (saved.enabled, saved.has, saved.settings["telegram_chat_id"]) == (
        True,
        frozenset({"telegram_bot_token"}),
        "42",
    )


async def test_an_own_channel_is_tested_from_its_form(owner: Visitor, receiver: Receiver) -> None:
    number = await owner.make_check(name="Nightly")
    address = f"/checks/{number}/integrations/webhook"
    assert "Save its settings first." in await text(await owner.post(f"{address}/test", htmx=True))
    await owner.post(address, webhook_url=receiver.url, webhook_enabled="on")
    for htmx in (False, True):
        page = await text(await owner.post(f"{address}/test", htmx=htmx, action="now"))
        assert '<span class="status__word">delivered</span>' in page
        assert ("<html" in page) is not htmx
    assert b"Nightly" in receiver.came[0]
    page = await text(await owner.post(f"{address}/test", htmx=True, action="queue"))
    assert '<span class="status__word">queued</span>' in page


async def test_a_kind_that_is_not_set_up_is_shown_with_the_reason(owner: Visitor) -> None:
    number = await owner.make_check()
    page = await owner.read(f"/checks/{number}/integrations")
    form = page[page.index('id="own-email"') :]
    form = form[: form.index("</details>")]
    assert "Not available here." in form
    assert '<fieldset class="stack" disabled>' in form


async def test_a_kind_that_there_is_not_is_not_found(owner: Visitor) -> None:
    number = await owner.make_check()
    assert (await owner.post(f"/checks/{number}/integrations/pigeon")).status_code == 404
    assert (await owner.post(f"/checks/{number}/integrations/pigeon/test")).status_code == 404
