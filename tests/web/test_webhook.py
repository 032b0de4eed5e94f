"""A check's webhook: saved, kept, refused, removed, and never shown again."""

import pytest

from tests.web.conftest import Visitor, text
from ttr.store.channels import Channel, read_channels
from ttr.store.checks import get_check
from ttr.store.redis import Store
from ttr.web import webhook

SECRET = "https://hooks.example/t0p-s3cret"


async def channel(owner: Visitor, store: Store, number: int) -> Channel | None:
    assert owner.user
    check = await get_check(store, owner.user, str(number))
    if check.own_webhook is None:
        return None
    return (await read_channels(store, owner.user, [check.own_webhook]))[check.own_webhook]


async def test_a_url_is_saved_and_never_shown_again(owner: Visitor, store: Store) -> None:
    number = await owner.make_check()
    response = await owner.post(f"/checks/{number}/webhook", webhook_url=SECRET, webhook_enabled="on")
    assert (response.status_code, response.headers["Location"]) == (303, f"/checks/{number}")
    saved = await channel(owner, store, number)
    assert saved
    assert (saved.has_secret, saved.enabled) == (True, True)
    page = await owner.read(f"/checks/{number}")
    assert "s3cret" not in page
    assert "A URL is saved." in page


async def test_an_empty_url_keeps_the_saved_one_and_a_button_removes_it(owner: Visitor, store: Store) -> None:
    number = await owner.make_check()
    await owner.post(f"/checks/{number}/webhook", webhook_url=SECRET, webhook_enabled="on")
    response = await owner.post(f"/checks/{number}/webhook", htmx=True, webhook_url="", action="save")
    assert "The webhook is saved." in await text(response)
    saved = await channel(owner, store, number)
    assert saved
    assert (saved.has_secret, saved.enabled) == (True, False)
    await owner.post(f"/checks/{number}/webhook", action="remove")
    saved = await channel(owner, store, number)
    assert saved
    assert (saved.has_secret, saved.enabled) == (False, False)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "Give the URL"),
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
            f"/checks/{number}/webhook", htmx=htmx, webhook_url=url, webhook_enabled="on"
        )
        page = await text(response)
        assert response.status_code == 422
        assert sentence in page[page.index('id="webhook_url-error"') :]
        assert "<script>alert" not in page
        assert ("<html" in page) is not htmx
    saved = await channel(owner, store, number)
    assert saved is None or not saved.has_secret


async def test_what_was_saved_is_said_for_all_to_see(owner: Visitor) -> None:
    address = f"/checks/{await owner.make_check()}/webhook"
    for fields, words in (
        ({"webhook_url": SECRET, "webhook_enabled": "on"}, "The webhook is saved."),
        ({"action": "remove"}, "The URL is removed."),
    ):
        page = await text(await owner.post(address, fields, htmx=True))
        assert f'<p class="notice">{words}</p>' in page
        assert f'hx-swap-oob="innerHTML">{words}</div>' in page
        assert "s3cret" not in page


async def test_what_breaks_is_said_calmly_and_in_sight(
    owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("no such key")

    monkeypatch.setattr(webhook, "change_webhook", broken)
    address = f"/checks/{await owner.make_check()}/webhook"
    response = await owner.post(address, htmx=True, webhook_url=SECRET, webhook_enabled="on")
    assert (response.status_code, response.headers["HX-Retarget"]) == (500, "#notice")
    assert response.headers["HX-Reswap"] == "innerHTML show:top"
    assert "Something broke" in await text(response)


async def test_the_last_result_is_shown(owner: Visitor, store: Store) -> None:
    assert owner.user
    number = await owner.make_check()
    await owner.post(f"/checks/{number}/webhook", webhook_url=SECRET, webhook_enabled="on")
    saved = await channel(owner, store, number)
    assert saved
    key = f"ttr:{{{owner.user.partition}}}:channel:{saved.id}"
    result = {"last_status": "error", "last_message": "HTTP 500 <b>", "last_at": "1700000000000"}
    await store.redis.hset(key, mapping=result)
    page = await owner.read(f"/checks/{number}")
    assert "Last failed" in page
    assert "HTTP 500 &lt;b&gt;" in page
