"""The question whether alerts may go to an address: its link, its page, and what the owner sees meanwhile."""

from collections.abc import AsyncIterator

import pytest
from quart import Quart

from tests.channels.post import Post, post_office
from tests.web.conftest import Visitor, text, typed_in
from ttr.domain.links import Links
from ttr.settings import Settings
from ttr.store.channels import Channel, get_channel
from ttr.store.redis import Store

ADDRESS = "ops@example.org"
WAITING = f"Waiting for {ADDRESS} to confirm"


@pytest.fixture
async def office() -> AsyncIterator[tuple[Post, int]]:
    """The operator's mail server."""
    async with post_office() as found:
        yield found


@pytest.fixture
def post(office: tuple[Post, int]) -> Post:
    return office[0]


@pytest.fixture
def settings(settings: Settings, office: tuple[Post, int]) -> Settings:
    """As a public installation has them."""
    mail = {"smtp_host": "127.0.0.1", "smtp_port": office[1], "smtp_security": "none"}
    more = {
        "smtp_from": "ttr <alerts@ttr.example>",
        "public_url": "http://ttr.example",
        "email_confirm": "on",
    }
    return settings.model_copy(update={**mail, **more})


async def stored(owner: Visitor, store: Store, number: int) -> Channel:
    assert owner.user
    return await get_channel(store, owner.user, number)


def link(settings: Settings, owner: Visitor, number: int, address: str = ADDRESS) -> str:
    assert owner.user
    links = Links("http://ttr.example", settings.signing_key)
    return links.confirm(owner.user.id, number, address).removeprefix("http://ttr.example")


def leave(settings: Settings, owner: Visitor, number: int) -> str:
    assert owner.user
    links = Links("http://ttr.example", settings.signing_key)
    return links.unsubscribe(owner.user.id, number, ADDRESS.lower()).removeprefix("http://ttr.example")


async def test_the_reader_agrees_by_a_button_without_a_login(
    app: Quart, owner: Visitor, visitor: Visitor, store: Store, settings: Settings
) -> None:
    number = await owner.make_channel("email", email_address=ADDRESS, name="You won! evil.example")
    for path in ("/channels", f"/channels/{number}"):
        page = await owner.read(path)
        assert WAITING in page
        assert '<span class="status__word">unconfirmed</span>' in page
    path = link(settings, owner, number)
    for _ in range(2):  # a mail scanner, and a person
        page = await visitor.read(path)
        assert f"Send alerts to {ADDRESS}?" in page
        assert "You won" not in page
    assert not (await stored(owner, store, number)).enabled
    for _ in range(2):
        response = await app.test_client().post(path, headers={"Sec-Fetch-Site": "cross-site"})
        assert response.status_code == 200
        assert f"{ADDRESS} is confirmed" in await text(response)
        channel = await stored(owner, store, number)
        assert (channel.enabled, channel.off_reason, channel.confirmed) == (True, None, ADDRESS)
    assert "is confirmed" in await visitor.read(path)
    assert WAITING not in await owner.read(f"/channels/{number}")


async def test_a_link_for_another_address_confirms_nothing(
    app: Quart, owner: Visitor, visitor: Visitor, store: Store, settings: Settings
) -> None:
    number = await owner.make_channel("email", email_address=ADDRESS)
    path = link(settings, owner, number, "dev@example.org")
    assert "Nothing to confirm" in await visitor.read(path)
    assert "Nothing to confirm" in await text(await app.test_client().post(path))
    assert (await stored(owner, store, number)).off_reason == "unconfirmed"


async def test_who_unsubscribes_is_not_signed_up_again_by_the_old_link(
    app: Quart, owner: Visitor, visitor: Visitor, store: Store, settings: Settings, post: Post
) -> None:
    number = await owner.make_channel("email", email_address=ADDRESS)
    agree = link(settings, owner, number)
    assert (await app.test_client().post(agree)).status_code == 200
    assert (await app.test_client().post(leave(settings, owner, number))).status_code == 200
    for response in (await visitor.get(agree), await app.test_client().post(agree)):
        assert "Nothing to confirm" in await text(response)
    channel = await stored(owner, store, number)
    assert (channel.enabled, channel.off_reason, channel.confirmed) == (False, "unsubscribed", "")
    # Only when the owner asks anew: then a mail goes out, and its link works.
    response = await owner.post(f"/channels/{number}/on", htmx=True)
    assert response.status_code == 200
    page = await text(response)
    assert "The mail was sent again." in page
    assert WAITING in page
    assert len(post.envelopes) == 2
    assert not (await stored(owner, store, number)).enabled
    assert (await app.test_client().post(agree)).status_code == 200
    assert (await stored(owner, store, number)).enabled


async def test_who_is_asked_may_refuse(
    app: Quart, owner: Visitor, visitor: Visitor, store: Store, settings: Settings
) -> None:
    number = await owner.make_channel("email", email_address=ADDRESS, name="You won!")
    path = leave(settings, owner, number)
    page = await visitor.read(path)
    assert "No alerts to this address?" in page
    assert "You won" not in page
    assert (await app.test_client().post(path)).status_code == 200
    assert (await stored(owner, store, number)).off_reason == "unsubscribed"
    assert "Nothing to confirm" in await text(await app.test_client().post(link(settings, owner, number)))
    assert not (await stored(owner, store, number)).enabled


async def test_an_agreement_can_be_taken_back_while_the_channel_is_off(
    app: Quart, owner: Visitor, visitor: Visitor, store: Store, settings: Settings, post: Post
) -> None:
    number = await owner.make_channel("email", email_address=ADDRESS)
    assert (await app.test_client().post(link(settings, owner, number))).status_code == 200
    await owner.post(f"/channels/{number}/off")
    path = leave(settings, owner, number)
    assert "<button" in (await visitor.read(path)).partition("<h1>")[2]
    await app.test_client().post(path)
    await owner.post(f"/channels/{number}/on")
    assert not (await stored(owner, store, number)).enabled
    assert len(post.envelopes) == 2


@pytest.mark.parametrize("htmx", [False, True])
async def test_the_form_of_one_that_waits_asks_only_a_new_address(
    owner: Visitor, store: Store, post: Post, htmx: bool
) -> None:
    number = await owner.make_channel("email", email_address=ADDRESS)
    form = typed_in(await owner.read(f"/channels/{number}"), "channel-form")
    await owner.post(f"/channels/{number}", form | {"name": "Renamed"}, htmx=htmx)
    channel = await stored(owner, store, number)
    assert (channel.name, channel.off_reason, len(post.envelopes)) == ("Renamed", "unconfirmed", 1)
    await owner.post(f"/channels/{number}", form | {"email_address": "dev@example.org"}, htmx=htmx)
    assert post.envelopes[-1].rcpt_tos == ["dev@example.org"]
    assert (await stored(owner, store, number)).off_reason == "unconfirmed"


@pytest.mark.parametrize("htmx", [False, True])
async def test_one_that_is_on_says_that_its_new_address_must_agree(
    app: Quart, owner: Visitor, settings: Settings, htmx: bool
) -> None:
    number = await owner.make_channel("email", email_address="old@example.org")
    await app.test_client().post(link(settings, owner, number, "old@example.org"))
    form = typed_in(await owner.read(f"/channels/{number}"), "channel-form")
    response = await owner.post(f"/channels/{number}", form | {"email_address": ADDRESS}, htmx=htmx)
    page = await text(response) if htmx else await owner.read(f"/channels/{number}")
    assert WAITING in page
    assert not htmx or "off until its new address has agreed" in page


async def test_the_form_on_a_checks_page_can_be_saved_while_it_waits(
    owner: Visitor, store: Store, post: Post
) -> None:
    check = await owner.make_check()
    path = f"/checks/{check}/integrations"
    form = {"email_address": ADDRESS, "email_enabled": "on", "action": "save"}
    page = await text(await owner.post(f"{path}/email", form, htmx=True))
    assert f"Saved. {WAITING}." in page
    again = typed_in(await owner.read(path), "own-email-form")
    assert again["email_enabled"] == "on"
    page = await text(await owner.post(f"{path}/email", again | {"action": "save"}, htmx=True))
    assert "Saved." in page
    assert len(post.envelopes) == 1
    await owner.post(f"{path}/email", {"email_address": ADDRESS, "action": "save"})
    assert WAITING not in await owner.read(path)


@pytest.mark.parametrize("htmx", [False, True])
async def test_a_question_that_could_not_be_sent_is_no_success(
    owner: Visitor, post: Post, monkeypatch: pytest.MonkeyPatch, htmx: bool
) -> None:
    number = await owner.make_channel("email", email_address=ADDRESS)

    async def full(*_: object) -> str:
        return "452 4.3.1 No room"

    monkeypatch.setattr(post, "handle_DATA", full)
    response = await owner.post(f"/channels/{number}/on", htmx=htmx)
    assert response.status_code == 422
    assert "No room" in await text(response)
    assert "The mail could not be sent" in await owner.read(f"/channels/{number}")


async def test_a_link_that_is_not_ours_or_leads_to_what_is_deleted_finds_nothing(
    app: Quart, owner: Visitor, visitor: Visitor, settings: Settings
) -> None:
    number = await owner.make_channel("email", email_address=ADDRESS)
    good = link(settings, owner, number)
    theirs = link(settings.model_copy(update={"secret_key": "theirs"}), owner, number)
    other = "/confirm/" + leave(settings, owner, number).rpartition("/")[2]
    for path in (good[:-1], theirs, other, "/confirm/x"):
        assert (await visitor.get(path)).status_code == 404
        assert (await app.test_client().post(path)).status_code == 404
    await owner.post(f"/channels/{number}/delete", sure="yes")
    assert (await visitor.get(good)).status_code == 404
    assert (await app.test_client().post(good)).status_code == 404
