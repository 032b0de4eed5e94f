"""The log of what was sent: states, attempts, paging, sending again."""

import re

import pytest

from tests.conftest import MASTER_KEY
from tests.web.conftest import Visitor, text
from tests.web.sent import put_delivery
from ttr.domain.alert import Event
from ttr.now import now_ms
from ttr.store.redis import Store
from ttr.store.users import create_user


def event(number: int, kind: str = "down", check_id: int = 0, name: str = "Nightly", **more: object) -> Event:
    return Event(f"e{number}", kind, now_ms(), check_id, name, reason="fail", **more)  # type: ignore[arg-type]  # mixed values


async def test_an_empty_log_says_what_will_be_there(owner: Visitor) -> None:
    number = await owner.make_check()
    for path in ("/deliveries", f"/checks/{number}/deliveries"):
        assert "Nothing has been sent yet" in await owner.read(path)


@pytest.mark.parametrize(
    ("state", "tried", "word"),
    [
        ("due", False, "waits"),
        ("due", True, "tries again"),
        ("sending", False, "sending"),
        ("delivered", True, "delivered"),
        ("failed", True, "failed"),
        ("dropped", False, "dropped"),
    ],
)
async def test_each_state_has_its_word(
    owner: Visitor, store: Store, state: str, tried: bool, word: str
) -> None:
    assert owner.user
    attempts = [[now_ms(), "failed", "server_error", 503, 84, "HTTP 503", None]] if tried else []
    await put_delivery(store, owner.user, "1-1", [event(1)], state=state, attempts=attempts)
    page = await owner.read("/deliveries")
    assert f'<span class="status__word">{word}</span>' in page
    assert ("Send again" in page) is (state in ("failed", "dropped"))


async def test_attempts_say_when_what_and_how_long(owner: Visitor, store: Store) -> None:
    assert owner.user
    now = now_ms()
    attempts = [
        [now - 60_000, "failed", "server_error", 503, 2_140, "HTTP 503: <b>upstream</b>", now - 30_000],
        [now - 30_000, "failed", "timeout", None, 10_000, "No answer within 10 s.", now + 125_000],
    ]
    await put_delivery(
        store, owner.user, "1-1", [event(1)], state="due", attempts=attempts, again_at=now + 125_000
    )
    page = await owner.read("/deliveries")
    assert "2 attempts, next" in page
    for words in ("503", "2.1 s", "HTTP 503: &lt;b&gt;upstream", "No answer within 10 s.", "in 2 min"):
        assert words in page


async def test_one_message_about_several_checks_counts_them(owner: Visitor, store: Store) -> None:
    assert owner.user
    events = [event(1, check_id=1, name="A"), event(2, check_id=2, name="B"), event(3, "up", 1, "A")]
    await put_delivery(store, owner.user, "1-1", events)
    page = await owner.read("/deliveries")
    assert "2 checks: 1 came back, 1 went down" in page
    await put_delivery(store, owner.user, "1-2", [event(1, check_id=1, name="A"), event(3, "up", 1, "A")])
    assert "A went down and came back" in await owner.read("/deliveries")
    await put_delivery(store, owner.user, "1-3", events, count=1_200)
    page = await owner.read("/deliveries")
    assert "1,200 events in one message" in page
    assert "and 1,197 more" in page


@pytest.mark.parametrize("kind", ["down", "up", "reminder", "flapping", "settled", "test", "channel_off"])
async def test_every_kind_of_event_is_worded(owner: Visitor, store: Store, kind: str) -> None:
    assert owner.user
    one = event(
        1,
        kind,
        0 if kind == "channel_off" else 7,
        "<i>Job</i>",
        channel_name="Old room",
        status="up",
        flips=7,
    )
    await put_delivery(store, owner.user, "1-1", [one])
    page = await owner.read("/deliveries")
    assert "<i>Job" not in page
    title = page[page.index("delivery__title") :][:200]
    assert ("Old room" if kind == "channel_off" else "&lt;i&gt;Job") in title


async def test_a_checks_log_has_its_own_only(owner: Visitor, store: Store) -> None:
    mine, other = await owner.make_check(name="Mine"), await owner.make_check(name="Other")
    assert owner.user
    await put_delivery(store, owner.user, "1-1", [event(1, check_id=mine, name="Mine")])
    await put_delivery(store, owner.user, "1-2", [event(2, check_id=other, name="Other")])
    page = await owner.read(f"/checks/{mine}/deliveries")
    assert "delivery-1-1" in page
    assert "delivery-1-2" not in page


async def test_the_log_is_paged(owner: Visitor, store: Store) -> None:
    assert owner.user
    for number in range(60):
        await put_delivery(store, owner.user, f"1-{number}", [event(number)])
    seen: list[str] = []
    path, page = "/deliveries", ""
    while path:
        page = await owner.read(path)
        seen += re.findall(r'id="delivery-(1-\d+)"', page)
        older = re.search(r'id="older" href="([^"]+)"', page)
        path = older[1] if older else ""
    assert seen == [f"1-{number}" for number in reversed(range(60))]
    newer = re.search(r'id="newer" href="([^"]+)"', page)
    assert newer
    assert newer[1] == "/deliveries?offset=25"
    assert 'href="/deliveries"' in await owner.read("/deliveries?offset=25")
    assert "nothing this far back" in await owner.read("/deliveries?offset=500")
    for nonsense in ("x", "-1", "%D9%A3", "9" * 40):
        assert "delivery-1-59" in await owner.read(f"/deliveries?offset={nonsense}")


async def test_the_list_is_new_only_when_something_changed(owner: Visitor, store: Store) -> None:
    assert owner.user
    await put_delivery(store, owner.user, "1-1", [event(1)])
    found = re.search(r'hx-get="(/deliveries/list\?shown=\w+)"', await owner.read("/deliveries"))
    assert found
    assert (await owner.get(found[1], htmx=True)).status_code == 204
    await put_delivery(store, owner.user, "1-2", [event(2)])
    page = await owner.read(found[1], htmx=True)
    assert "delivery-1-2" in page
    assert "<html" not in page


async def test_what_was_given_up_is_sent_again(owner: Visitor, store: Store) -> None:
    number = await owner.make_channel()
    assert owner.user
    await put_delivery(store, owner.user, f"{number}-1", [event(1)], channel=number, state="failed")
    page = await text(await owner.post(f"/deliveries/{number}-1/resend", htmx=True, back="/deliveries"))
    assert '<span class="status__word">waits</span>' in page
    assert "It is sent again." in page
    response = await owner.post(f"/deliveries/{number}-1/resend", htmx=True)
    assert response.status_code == 422
    assert "Only a delivery that was given up" in await text(response)


async def test_what_can_not_be_sent_again_says_why(owner: Visitor, store: Store) -> None:
    number = await owner.make_channel()
    await owner.post(f"/channels/{number}/off")
    assert owner.user
    await put_delivery(store, owner.user, f"{number}-1", [event(1)], channel=number, state="failed")
    for htmx in (False, True):
        response = await owner.post(f"/deliveries/{number}-1/resend", htmx=htmx, back="/deliveries")
        page = await text(response)
        assert response.status_code == 422
        assert "turn the channel on first" in page
        assert ("<html" in page) is not htmx
    assert (await owner.post("/deliveries/no-such/resend")).status_code == 404


async def test_another_accounts_delivery_is_not_there(owner: Visitor, store: Store) -> None:
    stranger, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    await put_delivery(store, stranger, "9-1", [event(1, name="Theirs")], state="failed")
    assert "Theirs" not in await owner.read("/deliveries")
    assert (await owner.post("/deliveries/9-1/resend")).status_code == 404
