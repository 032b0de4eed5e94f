"""Delivery errors and rates on the admin pages."""

import pytest

from tests.lua.parts import make_user
from tests.store.test_delivery_errors import fail
from tests.web.conftest import Visitor, text
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.admin_log import read_log
from ttr.store.deliveries import get_delivery
from ttr.store.redis import Store


async def test_nothing_has_failed(operator: Visitor) -> None:
    page = await operator.read("/admin/deliveries")
    assert "No delivery has failed" in page
    assert "Nothing waits to be sent" in page


async def test_errors_of_all_accounts_are_told_as_text(operator: Visitor, store: Store) -> None:
    now = now_ms()
    one, two = await make_user(store), await make_user(store)
    await fail(store, one, now=now, again_at=now + 60_000)
    await fail(store, two, now=now)
    page = await operator.read("/admin/deliveries")
    assert "the newest 2" in page
    assert "it said &#34;no&#34; &lt;i&gt;" in page
    assert "Ops &lt;b&gt;" in page
    assert "tries again" in page
    assert "given up" in page
    assert page.count("Send again</button>") == 1
    assert f'href="/admin/accounts/{one.id}"' in page
    assert "webhook-0" in page  # what messages wait for


async def test_a_dead_delivery_is_sent_again(operator: Visitor, store: Store) -> None:
    user = await make_user(store)
    delivery = await fail(store, user, now=now_ms())
    address = f"/admin/deliveries/{user.id}/{delivery}/resend"
    assert (await operator.post(address)).headers["Location"] == "/admin/deliveries"
    assert (await get_delivery(store, user, delivery)).state == "due"
    response = await operator.post(address)
    assert response.status_code == 422
    assert "Only a delivery that was given up" in await text(response)
    deeds = [(deed.what, deed.about) for deed in await read_log(store) if "delivery" in deed.what]
    assert deeds == [("sent a delivery again", f"account {user.id}, delivery {delivery}")]


async def test_a_delivery_is_not_reached_by_another_account_or_a_made_up_name(
    operator: Visitor, store: Store
) -> None:
    one, two = await make_user(store), await make_user(store)
    delivery = await fail(store, one, now=now_ms())
    for path in (f"{two.id}/{delivery}", f"{one.id}/nobody", f"{one.id}/a:b", f"{one.id}/%7B%7D"):
        response = await operator.post(f"/admin/deliveries/{path}/resend")
        assert response.status_code == 404, path
    assert (await operator.post(f"/admin/deliveries/999/{delivery}/resend")).status_code == 404
    assert (await get_delivery(store, one, delivery)).state == "failed"


async def test_errors_come_a_page_at_a_time(
    operator: Visitor, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttr.web.admin.deliveries.SIZE", 2)
    line = '1 d{n} [{n},"failed","","",1,"answer {n}",null]'
    await store.redis.rpush(keys.delivery_errors(1), *(line.format(n=n) for n in (30, 20, 10)))
    first, rest = [await operator.read(f"/admin/deliveries{query}") for query in ("", "?offset=2")]
    assert [f"answer {n}" in first for n in (30, 20, 10)] == [True, True, False]
    assert [f"answer {n}" in rest for n in (30, 20, 10)] == [False, False, True]
    assert "nothing this far back" in await operator.read("/admin/deliveries?offset=4")
