"""The signed links of messages: asking changes nothing, doing needs no login, a changed token is nobody's."""

import pytest
from itsdangerous import URLSafeSerializer
from quart import Quart

from tests.lua.parts import NOON, draft
from tests.web.conftest import Visitor, text
from ttr.domain.check import Check
from ttr.domain.links import address_number
from ttr.settings import Settings
from ttr.store.channels import create_channel, get_channel
from ttr.store.checks import get_check
from ttr.store.outbox import read_outbox
from ttr.store.redis import Store

ADDRESS = "ops@ttr.example"


async def down(owner: Visitor, store: Store, app: Quart, **fields: str) -> Check:
    """A check that is down and told, with reminders."""
    assert owner.user
    number = await owner.make_check(remind="2", remind_unit="hours", **fields)
    check = await get_check(store, owner.user, str(number))
    response = await app.test_client().get(f"/p/{owner.user.user_slug}/{check.address}/3")
    assert response.status_code == 200
    return await get_check(store, owner.user, str(number))


def link(settings: Settings, purpose: str, *numbers: int) -> str:
    """A link with these numbers, signed as ours are."""
    return f"/{purpose}/{URLSafeSerializer(settings.signing_key, salt=f'ttr.{purpose}').dumps(list(numbers))}"


async def inbox(owner: Visitor, store: Store, name: str) -> int:
    """An e-mail channel that is on, whatever the operator has set up."""
    assert owner.user
    wanted = draft(
        kind="email",
        name=name,
        settings={"email_address": ADDRESS},
        sealed="",
        has=frozenset(),
        destination="email-1",
    )
    number = await create_channel(store, owner.user, wanted, own_check=None, now=NOON, most=10)
    assert number is not None
    return number


async def test_a_check_is_acknowledged_by_link_without_a_login(
    app: Quart, owner: Visitor, visitor: Visitor, store: Store, settings: Settings
) -> None:
    check = await down(owner, store, app, name="Nightly")
    assert owner.user
    path = link(settings, "acknowledge", owner.user.id, check.id, check.status_since)
    for _ in range(2):  # a mail scanner, and a person
        page = await visitor.read(path)
        assert "Nightly is down" in page
    assert not (await get_check(store, owner.user, str(check.id))).acknowledged
    response = await app.test_client().post(path)
    assert response.status_code == 200
    assert "Nightly is acknowledged" in await text(response)
    assert (await get_check(store, owner.user, str(check.id))).acknowledged
    assert "is acknowledged" in await visitor.read(path)
    assert "somebody knows" in await owner.read(f"/checks/{check.id}")


async def test_a_link_to_a_failure_that_is_over_does_nothing(
    app: Quart, owner: Visitor, visitor: Visitor, store: Store, settings: Settings
) -> None:
    check = await down(owner, store, app)
    assert owner.user
    path = link(settings, "acknowledge", owner.user.id, check.id, check.status_since - 1)
    assert "Nothing to acknowledge" in await visitor.read(path)
    assert "Nothing to acknowledge" in await text(await app.test_client().post(path))
    assert not (await get_check(store, owner.user, str(check.id))).acknowledged


async def test_a_check_is_acknowledged_on_its_page(app: Quart, owner: Visitor, store: Store) -> None:
    check = await down(owner, store, app)
    assert 'id="acknowledge"' in await owner.read(f"/checks/{check.id}")
    page = await text(
        await owner.post(f"/checks/{check.id}/acknowledge", htmx=True, back=f"/checks/{check.id}")
    )
    assert page.lstrip().startswith('<section id="live"')
    assert 'id="acknowledge"' not in page
    assert "No more reminders of" in page
    assert owner.user
    assert (await get_check(store, owner.user, str(check.id))).acknowledged
    response = await owner.post(f"/checks/{check.id}/acknowledge")
    assert response.headers["Location"] == f"/checks/{check.id}"


async def test_without_reminders_there_is_nothing_to_acknowledge(
    app: Quart, owner: Visitor, store: Store
) -> None:
    check = await down(owner, store, app, slug="nightly")
    form = {
        "name": "x",
        "schedule_type": "interval",
        "interval": "1",
        "interval_unit": "hours",
        "grace": "60",
    }
    await owner.post(f"/checks/{check.id}/settings", form)
    assert 'id="acknowledge"' not in await owner.read(f"/checks/{check.id}")


@pytest.mark.parametrize(
    "form", [{}, {"List-Unsubscribe": "One-Click"}], ids=["the page's button", "a mail provider's one click"]
)
async def test_one_post_turns_the_channel_off(
    app: Quart, owner: Visitor, visitor: Visitor, store: Store, settings: Settings, form: dict[str, str]
) -> None:
    number = await inbox(owner, store, "Ops inbox")
    twin = await inbox(owner, store, "The same inbox")
    assert owner.user
    path = link(settings, "unsubscribe", owner.user.id, number, address_number(ADDRESS))
    assert "Unsubscribe from Ops inbox?" in await visitor.read(path)
    assert (await get_channel(store, owner.user, number)).enabled
    response = await app.test_client().post(path, form=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 200
    assert "No more messages come" in await text(response)
    channel = await get_channel(store, owner.user, number)
    assert (channel.enabled, channel.off_reason) == (False, "unsubscribed")
    assert not (await get_channel(store, owner.user, twin)).enabled  # it leads to the same person
    assert "unsubscribed" in await owner.read(f"/channels/{number}")
    assert (await app.test_client().post(path, form=form)).status_code == 200


async def test_the_owner_is_told_by_another_channel_who_unsubscribed(
    app: Quart, owner: Visitor, store: Store, settings: Settings
) -> None:
    number = await inbox(owner, store, "Ops inbox")
    other = await owner.make_channel()
    assert owner.user
    await app.test_client().post(
        link(settings, "unsubscribe", owner.user.id, number, address_number(ADDRESS))
    )
    (entry,) = await read_outbox(store, owner.user.partition, 5)
    assert (entry.event.kind, entry.event.channel_name) == ("channel_off", "Ops inbox")
    assert entry.channels == f"[{other}]"


async def test_a_link_sent_to_an_address_that_was_replaced_turns_nothing_off(
    app: Quart, owner: Visitor, store: Store, settings: Settings
) -> None:
    number = await inbox(owner, store, "Ops inbox")
    assert owner.user
    old = link(settings, "unsubscribe", owner.user.id, number, address_number("old@ttr.example"))
    for response in (await owner.get(old), await app.test_client().post(old)):
        assert response.status_code == 404
    assert (await get_channel(store, owner.user, number)).enabled


@pytest.mark.parametrize("purpose", ["acknowledge", "unsubscribe"])
async def test_a_link_that_is_not_ours_is_told_in_words(
    app: Quart, owner: Visitor, visitor: Visitor, store: Store, settings: Settings, purpose: str
) -> None:
    number = await inbox(owner, store, "Ops inbox")
    assert owner.user
    mine = (owner.user.id, number, address_number(ADDRESS))
    numbers = (owner.user.id, number, 5) if purpose == "acknowledge" else mine
    good = link(settings, purpose, *numbers).rpartition("/")[2]
    other = link(settings, "unsubscribe", *mine).rpartition("/")[2]
    foreign = link(settings.model_copy(update={"secret_key": "theirs"}), purpose, *numbers).rpartition("/")[2]
    tokens = [good[:-1], "A" + good[1:], "x", "x.y", "%00", "\u00e9", "a" * 5_000, foreign]
    for token in [*tokens, *([other] if purpose == "acknowledge" else [])]:
        for response in (
            await visitor.get(f"/{purpose}/{token}"),
            await app.test_client().post(f"/{purpose}/{token}"),
        ):
            assert response.status_code == 404, token
            assert "This link does not work" in await text(response), token
    assert (await get_channel(store, owner.user, number)).enabled


async def test_a_link_to_what_is_deleted_finds_nothing(
    app: Quart, owner: Visitor, visitor: Visitor, settings: Settings
) -> None:
    number = await owner.make_channel()
    await owner.post(f"/channels/{number}/delete", sure="yes")
    assert owner.user
    for path in (
        link(settings, "unsubscribe", owner.user.id, number, 5),
        link(settings, "unsubscribe", 10**9, number, 5),
        link(settings, "acknowledge", owner.user.id, 10**9, 5),
    ):
        assert (await visitor.get(path)).status_code == 404
        assert (await app.test_client().post(path)).status_code == 404
