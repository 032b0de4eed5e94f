"""The account's channels: made, changed, tested, turned off, deleted; secrets are never shown again."""

import json
import re

import pytest

from tests.web.conftest import Receiver, Visitor, text
from tests.web.sent import put_delivery
from ttr.channels import KINDS
from ttr.domain.alert import Event
from ttr.now import now_ms
from ttr.store.channels import Channel, get_channel, list_channels, turn_off
from ttr.store.checks import get_check
from ttr.store.redis import Store
from ttr.web import channels

SECRET = "https://hooks.example/t0p-s3cret"
_SIGNING = re.compile(r"whsec_[A-Za-z0-9+/=]{20,}")


async def stored(owner: Visitor, store: Store, number: int) -> Channel:
    assert owner.user
    return await get_channel(store, owner.user, number)


async def test_an_account_without_channels_is_shown_the_way_to_one(owner: Visitor) -> None:
    page = await owner.read("/channels")
    assert "Nobody is told yet" in page
    assert 'href="/channels/new"' in page


async def test_every_kind_can_be_chosen_or_says_what_is_missing(owner: Visitor) -> None:
    page = await owner.read("/channels/new")
    for name, kind in KINDS.items():
        assert kind.label in page
        assert (f'href="/channels/new?kind={name}"' in page) is not bool(name == "email")
        form = await owner.read(f"/channels/new?kind={name}")
        for field in kind.fields:
            assert f'name="{field.name}"' in form
    assert (await owner.get("/channels/new?kind=pigeon")).status_code == 404


async def test_a_new_channel_that_signs_shows_its_signing_secret_once(owner: Visitor, store: Store) -> None:
    fields = {"kind": "webhook", "name": "Ops room", "webhook_url": SECRET, "default": "on"}
    response = await owner.post("/channels", fields)
    page = await text(response)
    assert response.status_code == 201
    assert len(set(_SIGNING.findall(page))) == 1
    assert "s3cret" not in page
    assert owner.user
    (channel,) = await list_channels(store, owner.user)
    assert (channel.name, channel.enabled, channel.default, channel.has) == (
        "Ops room",
        True,
        True,
        frozenset({"webhook_url"}),
    )
    for path in ("/channels", f"/channels/{channel.id}"):
        page = await owner.read(path)
        assert "Ops room" in page
        assert "s3cret" not in page
        assert not _SIGNING.search(page)
    assert "One is saved." in page


async def test_by_htmx_the_signing_secret_takes_the_whole_page(owner: Visitor) -> None:
    response = await owner.post("/channels", htmx=True, kind="webhook", name="Ops room", webhook_url=SECRET)
    assert response.headers["HX-Retarget"] == "#page"
    page = await text(response)
    assert _SIGNING.search(page)
    assert "<html" not in page


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({"webhook_url": ""}, "webhook_url"),
        ({"webhook_url": "ftp://x.example"}, "webhook_url"),
        ({"webhook_url": 'https://"><script>alert(1)</script>'}, "webhook_url"),
        ({"webhook_url": SECRET, "name": "x" * 101}, "name"),
        ({"webhook_url": SECRET, "name": "a\x00b"}, "name"),
    ],
)
async def test_a_bad_channel_is_refused_beside_its_field(
    owner: Visitor, store: Store, fields: dict[str, str], beside: str
) -> None:
    for htmx in (False, True):
        response = await owner.post("/channels", {"kind": "webhook", **fields}, htmx=htmx)
        page = await text(response)
        assert response.status_code == 422
        assert f'id="{beside}-error"' in page
        assert ("<html" in page) is not htmx
        assert "s3cret" not in page
        assert "<script>alert" not in page
    assert owner.user
    assert await list_channels(store, owner.user) == []


async def test_an_empty_secret_keeps_the_saved_one_and_its_box_removes_it(
    owner: Visitor, store: Store
) -> None:
    number = await owner.make_channel()
    before = await stored(owner, store, number)
    response = await owner.post(f"/channels/{number}", name="War room", webhook_url="")
    assert response.headers["Location"] == f"/channels/{number}"
    kept = await stored(owner, store, number)
    assert (kept.name, kept.enabled, kept.has, kept.destination) == (
        "War room",
        True,
        before.has,
        before.destination,
    )
    page = await text(
        await owner.post(f"/channels/{number}", htmx=True, name="War room", clear_webhook_url="on")
    )
    assert "it lacks a setting" in page
    cleared = await stored(owner, store, number)
    assert (cleared.enabled, cleared.has) == (False, frozenset())
    response = await owner.post(f"/channels/{number}/on")
    assert response.status_code == 422
    assert 'id="webhook_url-error"' in await text(response)


async def test_an_emptied_open_field_is_refused_and_what_was_typed_stays(
    owner: Visitor, store: Store
) -> None:
    fields = {"telegram_bot_token": "1234:abcd", "telegram_chat_id": "123456789"}
    number = await owner.make_channel("telegram", **fields)
    page = await owner.read(f"/channels/{number}")
    assert 'value="123456789"' in page
    assert "1234:abcd" not in page
    response = await owner.post(f"/channels/{number}", name="Half typed", telegram_chat_id="")
    page = await text(response)
    assert response.status_code == 422
    assert 'id="telegram_chat_id-error"' in page
    assert 'value="Half typed"' in page
    assert (await stored(owner, store, number)).settings["telegram_chat_id"] == "123456789"


async def test_a_saved_secret_leaves_the_screen(owner: Visitor) -> None:
    number = await owner.make_channel()
    form = {"name": "Ops room", "webhook_url": SECRET}
    response = await owner.post(f"/channels/{number}", form, htmx=True)
    assert response.headers["HX-Reswap"] == "outerHTML"
    page = await text(response)
    assert page.lstrip().startswith('<div id="channel"')
    assert 'hx-swap-oob="innerHTML">Saved.</div>' in page
    assert "s3cret" not in page


async def test_a_channel_is_turned_off_and_on(owner: Visitor, store: Store) -> None:
    number = await owner.make_channel()
    for word, enabled in (("off", False), ("on", True)):
        response = await owner.post(f"/channels/{number}/{word}")
        assert (response.status_code, response.headers["Location"]) == (303, f"/channels/{number}")
        assert (await stored(owner, store, number)).enabled is enabled
        assert f'<span class="status__word">{word}</span>' in await owner.read("/channels")


async def test_why_we_turned_a_channel_off_stands_out(owner: Visitor, store: Store) -> None:
    number = await owner.make_channel()
    assert owner.user
    await turn_off(store, owner.user.id, number, "gone", now_ms())
    for path in ("/channels", f"/channels/{number}"):
        page = await owner.read(path)
        assert "Turned off by us because" in page
        assert '<span class="status__word">turned off</span>' in page
    await owner.post(f"/channels/{number}/on")
    assert "Turned off by us" not in await owner.read(f"/channels/{number}")


async def test_one_button_lets_all_checks_use_a_channel(owner: Visitor, store: Store) -> None:
    checks = [await owner.make_check(name=f"Job {i}") for i in range(3)]
    number = await owner.make_channel()
    page = await text(await owner.post(f"/channels/{number}/checks", htmx=True))
    assert "Added to 3 checks." in page
    assert "Used by 3 checks." in page
    assert owner.user
    for check in checks:
        assert (await get_check(store, owner.user, str(check))).channels == (number,)


async def test_deleting_says_how_many_checks_use_it_and_asks(owner: Visitor, store: Store) -> None:
    check = await owner.make_check()
    number = await owner.make_channel()
    await owner.post(f"/channels/{number}/checks")
    response = await owner.post(f"/channels/{number}/delete")
    assert response.headers["Location"] == f"/channels/{number}/delete"
    assert "1 check uses it" in await owner.read(f"/channels/{number}/delete")
    assert (await stored(owner, store, number)).checks == 1
    response = await owner.post(f"/channels/{number}/delete", sure="yes")
    assert response.headers["Location"] == "/channels"
    assert (await owner.get(f"/channels/{number}")).status_code == 404
    assert owner.user
    assert (await get_check(store, owner.user, str(check))).channels == ()


@pytest.mark.parametrize("htmx", [False, True])
async def test_a_test_shows_what_the_service_said(owner: Visitor, receiver: Receiver, htmx: bool) -> None:
    number = await owner.make_channel(webhook_url=receiver.url)
    page = await text(await owner.post(f"/channels/{number}/test", htmx=htmx, action="now"))
    assert '<span class="status__word">delivered</span>' in page
    assert ("<html" in page) is not htmx
    assert json.loads(receiver.came[0])["status"] == "test"
    receiver.status, receiver.body = 400, "no such <b>hook</b>"
    response = await owner.post(f"/channels/{number}/test", htmx=htmx, action="now")
    page = await text(response)
    assert response.status_code == 200
    assert '<span class="status__word">failed</span>' in page
    assert "HTTP 400" in page
    assert "<b>hook" not in page


async def test_a_channel_that_is_off_can_not_be_tested_and_says_so(
    owner: Visitor, receiver: Receiver
) -> None:
    number = await owner.make_channel(webhook_url=receiver.url)
    await owner.post(f"/channels/{number}/off")
    for action in ("now", "queue"):
        page = await text(await owner.post(f"/channels/{number}/test", action=action))
        assert '<span class="status__word">not sent</span>' in page
        assert "turn it on" in page
    assert receiver.came == []


async def test_more_tests_than_the_rate_allows_are_told_to_wait(owner: Visitor, receiver: Receiver) -> None:
    number = await owner.make_channel(webhook_url=receiver.url)
    pages = [await text(await owner.post(f"/channels/{number}/test", htmx=True)) for _ in range(8)]
    assert "Try again in" in pages[-1]
    assert 0 < len(receiver.came) < 8


async def test_a_test_through_the_queue_is_queued(owner: Visitor, receiver: Receiver) -> None:
    number = await owner.make_channel(webhook_url=receiver.url)
    page = await text(await owner.post(f"/channels/{number}/test", action="queue"))
    assert '<span class="status__word">queued</span>' in page
    assert receiver.came == []


async def test_the_rate_line_is_new_only_when_something_changed(owner: Visitor, receiver: Receiver) -> None:
    number = await owner.make_channel(webhook_url=receiver.url)
    page = await owner.read(f"/channels/{number}")
    found = re.search(rf'hx-get="(/channels/{number}/rate\?shown=\w+)"', page)
    assert found
    assert "data-live" in page[page.index(f'id="rate-{number}"') :][:40]
    assert (await owner.get(found[1], htmx=True)).status_code == 204
    await owner.post(f"/channels/{number}/test")
    line = await owner.read(found[1], htmx=True)
    assert "1 sent in the last minute" in line
    await owner.post(f"/channels/{number}/off")
    assert "it is off" in await owner.read(found[1], htmx=True)


async def test_a_new_signing_secret_is_shown_once(owner: Visitor) -> None:
    number = await owner.make_channel()
    one, two = [
        _SIGNING.findall(await text(await owner.post(f"/channels/{number}/signing", htmx=htmx)))[0]
        for htmx in (False, True)
    ]
    assert one != two
    assert not _SIGNING.search(await owner.read(f"/channels/{number}"))


async def test_a_kind_that_signs_nothing_has_no_signing_secret(owner: Visitor) -> None:
    number = await owner.make_channel("telegram", telegram_bot_token="1:a", telegram_chat_id="1")
    assert "igning secret" not in await owner.read(f"/channels/{number}")
    assert (await owner.post(f"/channels/{number}/signing")).status_code == 422


async def test_what_went_to_a_channel_stands_on_its_page(owner: Visitor, store: Store) -> None:
    number, other = await owner.make_channel(), await owner.make_channel(name="Other")
    assert owner.user
    for channel, name in ((number, "Mine"), (other, "Theirs")):
        event = Event(f"e{channel}", "down", now_ms(), 0, name, reason="fail")
        await put_delivery(store, owner.user, f"1-{channel}", [event], channel=channel)
    page = await owner.read(f"/channels/{number}")
    assert "Mine" in page
    assert "Theirs" not in page


async def test_hostile_names_are_text(owner: Visitor) -> None:
    number = await owner.make_channel(name="<script>alert(1)</script>")
    for path in ("/channels", f"/channels/{number}", f"/channels/{number}/delete"):
        page = await owner.read(path)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


async def test_what_breaks_is_said_calmly_and_in_sight(
    owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("no such key")

    number = await owner.make_channel()
    monkeypatch.setattr(channels, "change_channel", broken)
    response = await owner.post(f"/channels/{number}", htmx=True, name="x", webhook_url=SECRET)
    assert (response.status_code, response.headers["HX-Retarget"]) == (500, "#notice")
    assert "s3cret" not in await text(response)
