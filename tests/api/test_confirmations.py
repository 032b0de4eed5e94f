"""Addresses that must agree before alerts go there: over the API, with a real mail server."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.conftest import Caller, problem
from tests.channels.post import Post, part, post_office
from tests.conftest import MASTER_KEY
from ttr.domain.allowance import Limit
from ttr.domain.rate import rules
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import channels as stored
from ttr.store import keys
from ttr.store.rates import take_token
from ttr.store.redis import Store
from ttr.store.users import create_user

OPS = {"kind": "email", "email_address": "Ops@example.org"}
WAITING = "Waiting for Ops@example.org to confirm"


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
        "public_url": "https://ttr.example",
        "email_confirm": "on",
    }
    return settings.model_copy(update={**mail, **more})


async def add(api: Caller, **fields: Any) -> Any:
    status, channel = await api.call("POST", "/channels", OPS | fields)
    assert status == 201, channel
    return channel


async def agree(api: Caller, post: Post, mail: int = -1) -> int:
    """Press the button behind the link of a mail."""
    words = part(post.mails[mail], "plain")
    link = next(word for word in words.split() if "/confirm/" in word)
    answer = await api.client.post(link.removeprefix("https://ttr.example"))
    return answer.status_code


async def see(api: Caller, channel: Any) -> tuple[bool, str | None]:
    _, found = await api.call("GET", f"/channels/{channel['id']}")
    return found["enabled"], found["off_reason"]


async def test_a_new_address_is_asked_and_on_once_it_agrees(api: Caller, post: Post) -> None:
    channel = await add(api, enabled=True)
    assert (channel["enabled"], channel["off_reason"]) == (False, "unconfirmed")
    assert channel["off_message"] == WAITING
    assert channel["off_at"]
    assert channel["last_notification_status"] == "ok"
    [envelope] = post.envelopes
    assert envelope.rcpt_tos == ["Ops@example.org"]
    for call in ("test", "test-queue"):
        answer = await api.raw("POST", f"/channels/{channel['id']}/{call}", b"{}")
        assert (await problem(answer))["enabled"].startswith(WAITING)
    assert await agree(api, post) == 200
    assert await see(api, channel) == (True, None)
    # Off and on is its owner's business.
    for enabled in (False, True):
        status, found = await api.call("PATCH", f"/channels/{channel['id']}", {"enabled": enabled})
        assert (status, found["enabled"], found["off_message"]) == (200, enabled, None)
    assert len(post.envelopes) == 1


async def test_to_turn_it_on_before_is_refused_and_asks_again(api: Caller, post: Post) -> None:
    channel = await add(api)
    path = f"/channels/{channel['id']}"
    answer = await api.raw("PATCH", path, b'{"enabled": true, "name": "Other"}')
    assert answer.status_code == 409
    assert await problem(answer) == {"enabled": f"{WAITING}: a mail with a link has been sent there again."}
    assert len(post.envelopes) == 2
    _, found = await api.call("GET", path)
    assert (found["name"], found["off_reason"]) == ("E-mail", "unconfirmed")
    # A change of something else asks nobody, and neither does "off", which ends the waiting.
    status, found = await api.call("PATCH", path, {"name": "Other"})
    assert (status, found["name"], found["off_reason"]) == (200, "Other", "unconfirmed")
    status, found = await api.call("PATCH", path, {"enabled": False})
    assert (status, found["off_reason"]) == (200, None)
    assert len(post.envelopes) == 2
    assert await agree(api, post) == 200
    assert await see(api, channel) == (False, None)


async def test_another_address_has_to_agree_itself(api: Caller, post: Post) -> None:
    channel = await add(api)
    path = f"/channels/{channel['id']}"
    assert await agree(api, post) == 200
    status, found = await api.call("PATCH", path, {"enabled": True, "email_address": "dev@example.org"})
    assert (status, found["enabled"], found["off_reason"]) == (200, False, "unconfirmed")
    assert post.envelopes[-1].rcpt_tos == ["dev@example.org"]
    # Links for the one before are worth nothing, and to go back to it needs none.
    assert await agree(api, post, 0) == 200
    assert await see(api, channel) == (False, "unconfirmed")
    _, found = await api.call("PATCH", path, {"email_address": "ops@example.org"})
    assert (found["enabled"], found["off_reason"]) == (True, None)
    assert await agree(api, post, 1) == 200
    _, found = await api.call("PATCH", path, {"email_address": "dev@example.org"})
    assert await agree(api, post) == 200
    assert await see(api, channel) == (True, None)
    assert len(post.envelopes) == 3
    # One that its owner has off asks nobody until it is to be on.
    await api.call("PATCH", path, {"enabled": False})
    _, found = await api.call("PATCH", path, {"email_address": "web@example.org"})
    assert (found["off_reason"], len(post.envelopes)) == (None, 3)
    assert (await api.raw("PATCH", path, b'{"enabled": true}')).status_code == 409
    assert len(post.envelopes) == 4


async def test_a_checks_own_address_is_asked_as_well(api: Caller, post: Post) -> None:
    check = await api.make()
    path = f"/checks/{check['id']}/email"
    fields = {"email_enabled": True, "email_address": "Ops@example.org"}
    status, found = await api.call("PUT", path, fields)
    assert (status, found["email_enabled"], found["email_off_reason"]) == (200, False, "unconfirmed")
    assert found["email_off_message"] == WAITING
    assert found["slack_off_reason"] is None
    answer = await api.raw("PUT", path, b'{"email_enabled": true}')
    assert set(await problem(answer)) == {"email_enabled"}
    assert len(post.envelopes) == 2
    assert await agree(api, post, 0) == 200
    status, found = await api.call("PUT", path, fields)
    assert (status, found["email_enabled"], found["email_off_reason"]) == (200, True, None)


async def test_a_question_that_cannot_be_sent_is_told_in_the_channel(
    api: Caller, office: tuple[Post, int], post: Post, store: Store, settings: Settings
) -> None:
    # Its own messages have used the destination up.
    destination = stored.identity("email", f"{api.user.id} ops@example.org")
    for _ in range(5):
        token = await take_token(store, rules(settings), destination, who="x", now=now_ms())
        assert token.granted
    channel = await add(api)
    assert (channel["off_reason"], channel["last_notification_status"]) == ("unconfirmed", "error")
    assert "our own rate control" in channel["last_notification_message"]
    answer = await api.raw("PATCH", f"/channels/{channel['id']}", b'{"enabled": true}')
    assert "our own rate control" in (await problem(answer))["enabled"]
    assert post.envelopes == []


async def test_a_refusal_of_the_mail_server_is_told_in_the_channel(
    api: Caller, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> str:
        return "452 4.3.1 No room"

    monkeypatch.setattr(post, "handle_DATA", full)
    channel = await add(api)
    assert (channel["enabled"], channel["last_notification_status"]) == (False, "error")
    assert "No room" in channel["last_notification_message"]


async def test_nobodys_mailbox_is_flooded_with_questions(api: Caller, post: Post, store: Store) -> None:
    master = {"now": now_ms(), "master": MASTER_KEY}
    other = Caller(api.client, *await create_user(store, **master))  # type: ignore[arg-type]  # mixed values
    made = [await add(one) for one in (api, other) * 3]
    last = made[-1]
    assert len(post.envelopes) == 5
    assert last["last_notification_status"] == "error"
    assert "several times lately" in last["last_notification_message"]
    # Asked in vain again, a channel still says that it was asked.
    path = f"/channels/{made[0]['id']}"
    answer = await api.raw("PATCH", path, b'{"enabled": true}')
    assert "several times lately" in (await problem(answer))["enabled"]
    _, first = await api.call("GET", path)
    assert (first["last_notification_status"], first["off_reason"]) == ("ok", "unconfirmed")
    await add(other, email_address="dev@example.org")
    assert len(post.envelopes) == 6


async def test_a_mailbox_is_one_whatever_follows_the_plus(api: Caller, post: Post) -> None:
    made = [await add(api, email_address=f"Ops+{n}@example.org") for n in range(6)]
    assert len(post.envelopes) == 5
    assert "several times lately" in made[-1]["last_notification_message"]
    assert made[-1]["off_reason"] == "unconfirmed"
    # An address that begins with one has nothing before it.
    await add(api, email_address="+1@example.org")
    await add(api, email_address="+2@example.org")
    assert len(post.envelopes) == 7


class TestWhereAnAccountAsksTooOften:
    """RATE_LIMITS with three questions an hour."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"rate_limits": (Limit("question", 3, 3_600),)})

    async def test_its_channels_wait_and_are_asked_later(self, api: Caller, post: Post, store: Store) -> None:
        made = [await add(api, email_address=f"ops{n}@example.org") for n in range(5)]
        assert len(post.envelopes) == 3
        assert [one["last_notification_status"] for one in made] == ["ok"] * 3 + ["error"] * 2
        last = made[-1]
        assert (last["enabled"], last["off_reason"]) == (False, "unconfirmed")
        assert last["off_message"] == "Waiting for ops4@example.org to confirm"
        said = "Not sent. Too many addresses asked to confirm by this account: 3 in 1 h are allowed; try again in"
        assert last["last_notification_message"].startswith(said)
        path = f"/channels/{last['id']}"
        answer = await api.raw("PATCH", path, b'{"enabled": true}')
        assert answer.status_code == 409
        assert said in (await problem(answer))["enabled"]
        assert len(post.envelopes) == 3
        # Another account asks the same address: the refusals took nothing of its bucket.
        master = {"now": now_ms(), "master": MASTER_KEY}
        other = Caller(api.client, *await create_user(store, **master))  # type: ignore[arg-type]  # mixed values
        await add(other, email_address="ops4@example.org")
        assert len(post.envelopes) == 4
        # When it is back, to turn the channel on asks.
        await store.redis.delete(keys.allowance("question", str(api.user.id)))
        assert (await api.raw("PATCH", path, b'{"enabled": true}')).status_code == 409
        assert len(post.envelopes) == 5
        assert await agree(api, post) == 200
        _, found = await api.call("GET", path)
        assert (found["enabled"], found["off_reason"]) == (True, None)

    async def test_imports_and_a_check_s_own_addresses_count_as_well(self, api: Caller, post: Post) -> None:
        channels = [
            {"ref": n, "kind": "email", "name": f"Mail {n}", "email_address": f"in{n}@example.org"}
            for n in range(2)
        ]
        status, _ = await api.call(
            "POST", "/checks/import", {"version": 1, "channels": channels, "checks": []}
        )
        assert (status, len(post.envelopes)) == (200, 2)
        check = await api.make()
        for number in range(3):
            fields = {"email_enabled": True, "email_address": f"own{number}@example.org"}
            status, _ = await api.call("PUT", f"/checks/{check['id']}/email", fields)
            assert status == 200
        assert len(post.envelopes) == 3


async def test_each_account_has_its_own_rate_at_an_address(api: Caller, store: Store) -> None:
    master = {"now": now_ms(), "master": MASTER_KEY}
    other = Caller(api.client, *await create_user(store, **master))  # type: ignore[arg-type]  # mixed values
    found = []
    for one in (api, other):
        for kind in ({}, {"kind": "webhook", "webhook_url": "https://hooks.example.com/T0K3N"}):
            made = await add(one, **kind)
            found.append((await stored.get_channel(store, one.user, made["id"])).destination)
    assert found[0] != found[2]
    # Whoever knows a secret has its destination's rate in common with others who do.
    assert found[1] == found[3]


async def test_what_was_on_before_the_operator_wanted_it_stays_on(
    api: Caller, post: Post, store: Store
) -> None:
    channel = await add(api)
    assert await agree(api, post) == 200
    await store.redis.hdel(keys.channel(api.user.partition, channel["id"]), "confirmed")
    status, found = await api.call("PATCH", f"/channels/{channel['id']}", {"name": "Old", "enabled": True})
    assert (status, found["enabled"]) == (200, True)
    assert len(post.envelopes) == 1


class TestWhereNobodyIsAsked:
    """EMAIL_CONFIRM=off."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"email_confirm": "off"})

    async def test_a_channel_is_on_at_once(self, api: Caller, post: Post) -> None:
        channel = await add(api)
        assert (channel["enabled"], channel["off_reason"], channel["off_message"]) == (True, None, None)
        assert post.envelopes == []
