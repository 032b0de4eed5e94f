"""Channels over the API: made, changed, assigned, tried and deleted; a secret that goes in never comes out."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from quart.typing import TestClientProtocol as Client

from tests.api.conftest import NEW, Caller, problem
from tests.channels.services import Seen, Service, saying, serving
from tests.conftest import MASTER_KEY
from tests.lua.parts import make_channel
from tests.store.test_users import everything
from ttr.channels import KINDS
from ttr.domain import limits
from ttr.now import now_ms
from ttr.store import channels as stored
from ttr.store import keys
from ttr.store.outbox import read_outbox
from ttr.store.redis import Store
from ttr.store.sealed import unseal
from ttr.store.users import create_user

HOOK = "https://hooks.example.com/T0K3N"
WEBHOOK = {"kind": "webhook", "webhook_url": HOOK}
SLACK = {"kind": "slack", "slack_webhook_url": HOOK}
TELEGRAM = {"kind": "telegram", "telegram_bot_token": "1234:abcd", "telegram_chat_id": "123456789"}


@pytest.fixture
async def receiver() -> AsyncIterator[Service]:
    """A receiver of webhooks that says yes."""

    def yes(service: Service, seen: Seen) -> web.Response:
        return web.Response(text="thanks")

    async with serving(yes) as service:
        yield service


async def add(api: Caller, **fields: Any) -> Any:
    status, channel = await api.call("POST", "/channels", fields)
    assert status == 201, channel
    return channel


async def other_account(api: Caller, store: Store) -> Caller:
    return Caller(
        api.client,
        *await create_user(store, now=now_ms(), master=MASTER_KEY),
    )


async def test_a_channel_is_made_listed_changed_and_deleted(api: Caller) -> None:
    made = await add(api, **TELEGRAM, name="Ops", default=True)
    assert {name: made[name] for name in ("kind", "name", "enabled", "default", "check_id", "checks")} == {
        "kind": "telegram",
        "name": "Ops",
        "enabled": True,
        "default": True,
        "check_id": None,
        "checks": 0,
    }
    assert (made["telegram_bot_token_set"], made["telegram_chat_id"]) == (True, "123456789")
    assert (made["last_notification_status"], made["off_reason"], made["off_at"]) == (None, None, None)
    path = f"/channels/{made['id']}"
    answer = await api.raw("GET", path)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert await answer.get_json() == made
    assert (await api.call("GET", "/channels"))[1] == {"items": [made]}
    # What was answered can be sent back: nothing changes.
    assert await api.call("PATCH", path, made) == (200, made)
    status, changed = await api.call(
        "PATCH", path, {"name": " New ", "telegram_chat_id": -1001, "default": False}
    )
    assert (status, changed) == (200, made | {"name": "New", "telegram_chat_id": "-1001", "default": False})
    assert await api.call("DELETE", path) == (204, None)
    assert (await api.call("GET", path))[0] == 404
    assert (await api.call("GET", "/channels"))[1] == {"items": []}


async def test_without_a_name_it_bears_its_kinds(api: Caller) -> None:
    for name in ({}, {"name": None}, {"name": ""}):
        assert (await add(api, **WEBHOOK, **name))["name"] == KINDS["webhook"].label


async def test_a_cleared_setting_turns_it_off_and_keeps_the_others(api: Caller) -> None:
    made = await add(api, **TELEGRAM)
    path = f"/channels/{made['id']}"
    for cleared in (None, "", "  "):
        _, seen = await api.call("PATCH", path, {"telegram_bot_token": cleared})
        assert (seen["telegram_bot_token_set"], seen["telegram_chat_id"], seen["enabled"]) == (
            False,
            "123456789",
            False,
        )
        answer = await api.raw("PATCH", path, b'{"enabled": true}')
        assert (await problem(answer)).keys() == {"telegram_bot_token"}
        answer = await api.raw("PATCH", path, b'{"enabled": true, "telegram_chat_id": ""}')
        assert (await problem(answer)).keys() == {"telegram_bot_token", "telegram_chat_id"}
        _, seen = await api.call("PATCH", path, {"telegram_bot_token": "5:x", "enabled": True})
        assert (seen["telegram_bot_token_set"], seen["enabled"]) == (True, True)


async def test_one_that_lacks_a_setting_can_be_saved_but_not_be_on(api: Caller) -> None:
    answer = await api.raw("POST", "/channels", b'{"kind": "telegram"}')
    assert answer.status_code == 400
    assert (await problem(answer)).keys() == {"telegram_bot_token", "telegram_chat_id"}
    assert (await api.call("GET", "/channels"))[1] == {"items": []}
    made = await add(api, kind="telegram", enabled=False)
    assert (made["enabled"], made["telegram_bot_token_set"], made["telegram_chat_id"]) == (False, False, None)


BAD_FIELDS: list[tuple[str, Any]] = [
    ("kind", None),
    ("kind", ""),
    ("kind", "pigeon"),
    ("kind", "__class__"),
    ("kind", 5),
    ("kind", ["webhook"]),
    ("kind", {}),
    ("kind", "WEBHOOK"),
    ("kind", "x" * 100_000),
    ("name", 5),
    ("name", True),
    ("name", ["x"]),
    ("name", "   "),
    ("name", "x" * (limits.NAME_MAX + 1)),
    ("name", "a\nb"),
    ("name", "a\x00"),
    ("name", "\u2028"),
    ("enabled", "true"),
    ("enabled", 1),
    ("enabled", []),
    ("default", "on"),
    ("default", 0),
    ("webhook_url", 5),
    ("webhook_url", True),
    ("webhook_url", 1.5),
    ("webhook_url", [HOOK]),
    ("webhook_url", {"url": HOOK}),
    ("webhook_url", "ftp://example.com"),
    ("webhook_url", "http://a b/"),
    ("webhook_url", "https://example.com/" + "x" * 10_000),
]


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=lambda v: ascii(v)[:30])
async def test_a_bad_field_is_named_and_nothing_changes(api: Caller, field: str, value: Any) -> None:
    made = await add(api, **WEBHOOK)
    body = json.dumps(WEBHOOK | {field: value}).encode()
    for method, path in (("POST", "/channels"), ("PATCH", f"/channels/{made['id']}")):
        answer = await api.raw(method, path, body)
        assert answer.status_code == 400
        assert (await problem(answer)).keys() == {field}
    made.pop("signing_secret")
    assert (await api.call("GET", "/channels"))[1] == {"items": [made]}


async def test_every_bad_field_is_told_at_once_and_no_refusal_repeats_a_secret(api: Caller) -> None:
    body = TELEGRAM | {
        "telegram_bot_token": "s3cr3t token",
        "telegram_chat_id": "no chat",
        "name": 5,
        "enabled": 5,
    }
    answer = await api.raw("POST", "/channels", json.dumps(body).encode())
    assert (await problem(answer)).keys() == {"telegram_bot_token", "telegram_chat_id", "name", "enabled"}
    assert "s3cr3t" not in await answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"name": "\\ud800"}',
    ],
)
async def test_a_body_that_is_no_object_is_a_400(api: Caller, body: bytes) -> None:
    made = await add(api, **WEBHOOK)
    check = await api.make()
    for method, path in (
        ("POST", "/channels"),
        ("PATCH", f"/channels/{made['id']}"),
        ("PUT", f"/checks/{check['id']}/webhook"),
    ):
        answer = await api.raw(method, path, body)
        assert answer.status_code == 400
        assert await problem(answer)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(
        st.sampled_from(["kind", "name", "enabled", "default", "webhook_url", "slack_webhook_url", "x"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False)
            | st.text(max_size=20)
            | st.sampled_from(["webhook", "slack", "telegram", HOOK]),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=5,
        ),
    )
)
async def test_no_body_is_ever_a_fault_of_ours(api: Caller, body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode("utf-8", "replace")
    answer = await api.raw("POST", "/channels", raw)
    assert answer.status_code in (201, 400)
    made = await add(api, **SLACK)
    answer = await api.raw("PATCH", f"/channels/{made['id']}", raw)
    assert answer.status_code in (200, 400)
    assert "T0K3N" not in await answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "reference",
    [
        "0",
        "-1",
        "1.5",
        "x",
        "9" * 15,
        "9" * 16,
        "9" * 5_000,
        "\u0661",
        "1%2f2",
        "1:checks",
        "%00",
        "1e3",
        " 1",
    ],
)
async def test_a_reference_that_is_no_channels_is_a_404(api: Caller, reference: str) -> None:
    check = await api.make()
    for method, path in (
        ("GET", f"/channels/{reference}"),
        ("PATCH", f"/channels/{reference}"),
        ("DELETE", f"/channels/{reference}"),
        ("POST", f"/channels/{reference}/test"),
        ("POST", f"/channels/{reference}/test-queue"),
        ("GET", f"/channels/{reference}/rate"),
        ("POST", f"/channels/{reference}/rotate-secret"),
        ("POST", f"/channels/{reference}/assign-all"),
        ("PUT", f"/checks/{check['id']}/channels/{reference}"),
        ("DELETE", f"/checks/{check['id']}/channels/{reference}"),
    ):
        answer = await api.raw(method, path, b"{}")
        assert answer.status_code == 404, (method, path)
        await problem(answer)


async def test_another_accounts_channel_is_a_404_and_stays_as_it_is(api: Caller, store: Store) -> None:
    made = await add(api, **WEBHOOK)
    made.pop("signing_secret")
    other = await other_account(api, store)
    while other.user.partition != api.user.partition:
        other = await other_account(api, store)
    check = await other.make()
    for method, below in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/test-queue"),
        ("GET", "/rate"),
        ("POST", "/rotate-secret"),
        ("POST", "/assign-all"),
    ):
        answer = await other.raw(method, f"/channels/{made['id']}{below}", b'{"name": "mine"}')
        assert answer.status_code == 404
        assert "channel" in (await answer.get_json())["detail"]
    for method in ("PUT", "DELETE"):
        assert (await other.raw(method, f"/checks/{check['id']}/channels/{made['id']}")).status_code == 404
    mine = await api.make()
    assert (await other.raw("PUT", f"/checks/{mine['id']}/channels/1")).status_code == 404
    answer = await other.raw(
        "PUT", f"/checks/{check['id']}", json.dumps(NEW | {"channels": [made["id"]]}).encode()
    )
    assert (await problem(answer)).keys() == {"channels"}
    assert (await other.call("GET", "/channels"))[1] == {"items": []}
    assert (await api.call("GET", f"/channels/{made['id']}"))[1] == made


async def test_without_a_key_every_door_is_shut(api: Caller, client: Client) -> None:
    for method, path in (
        ("GET", "/channels"),
        ("POST", "/channels"),
        ("GET", "/channels/1"),
        ("POST", "/channels/1/test"),
        ("GET", "/deliveries"),
        ("PUT", "/checks/1/webhook"),
        ("PUT", "/checks/1/channels/1"),
    ):
        answer = await Caller(client, api.user, "A" * 32).raw(method, path, b"{}")
        assert answer.status_code == 401
        await problem(answer)


async def test_no_secret_is_kept_in_the_clear_or_answered_again(api: Caller, store: Store) -> None:
    made = await add(api, **WEBHOOK)
    signing = made["signing_secret"]
    assert signing.startswith("whsec_")
    check = await api.make(channels=[made["id"]])
    path = f"/channels/{made['id']}"
    _, rotated = await api.call("POST", f"{path}/rotate-secret")
    seen = [
        (await api.call(method, at, body))[1]
        for method, at, body in (
            ("GET", path, None),
            ("PATCH", path, {"name": "x"}),
            ("GET", "/channels", None),
            ("GET", f"/checks/{check['id']}", None),
            ("GET", f"{path}/rate", None),
            ("POST", f"{path}/test-queue", None),
        )
    ]
    held = await everything(store)
    for secret in ("T0K3N", HOOK, signing, rotated["signing_secret"]):
        assert secret not in json.dumps(seen)
        assert secret.encode() not in held
    destination = stored.identity("webhook", HOOK)
    assert destination.encode() in held
    assert destination not in json.dumps(seen)


async def test_channels_with_one_url_share_its_signing_secret_whenever_the_url_comes(
    api: Caller, store: Store
) -> None:
    async def signing(number: int) -> str:
        channel = await stored.get_channel(store, api.user, number)
        return str(json.loads(unseal(MASTER_KEY, api.user.data_key, channel.sealed))["signing"])

    first = await add(api, **WEBHOOK)
    assert "signing_secret" not in await add(api, **WEBHOOK)
    other = await add(api, **{**WEBHOOK, "webhook_url": HOOK + "/other"})
    assert await signing(other["id"]) == other["signing_secret"] != first["signing_secret"]
    _, moved = await api.call("PATCH", f"/channels/{other['id']}", {"webhook_url": HOOK})
    assert "signing_secret" not in moved
    assert await signing(other["id"]) == first["signing_secret"]
    # A check's own: nothing is made before there is an endpoint.
    check = await api.make()
    status, early = await api.call("PUT", f"/checks/{check['id']}/webhook", {"webhook_enabled": False})
    assert status == 200
    assert not [name for name in early if "signing" in name]
    await api.call("PUT", f"/checks/{check['id']}/webhook", {"webhook_url": HOOK, "webhook_enabled": True})
    listed = (await api.call("GET", "/channels"))[1]
    own = next(channel for channel in listed["items"] if channel["check_id"] == check["id"])
    assert await signing(own["id"]) == first["signing_secret"]
    await api.call("POST", f"/channels/{first['id']}/rotate-secret")
    assert await signing(first["id"]) == await signing(own["id"]) == await signing(other["id"])


async def test_a_signing_secret_is_made_once_and_after_a_rotation_two_are_kept(
    api: Caller, store: Store
) -> None:
    made = await add(api, **WEBHOOK)
    path = f"/channels/{made['id']}"

    async def kept() -> dict[str, str]:
        channel = await stored.get_channel(store, api.user, made["id"])
        found: dict[str, str] = json.loads(unseal(MASTER_KEY, api.user.data_key, channel.sealed))
        return found

    assert (await kept())["signing"] == made["signing_secret"]
    assert "signing_secret" not in (await api.call("PATCH", path, {"webhook_url": HOOK + "2"}))[1]
    before = now_ms()
    status, rotated = await api.call("POST", f"{path}/rotate-secret")
    assert status == 200
    now = await kept()
    assert (now["signing"], now["signing_before"]) == (rotated["signing_secret"], made["signing_secret"])
    assert 86_400_000 <= int(now["signing_before_until"]) - before < 86_460_000
    assert now["webhook_url"] == HOOK + "2"
    # A cleared URL leaves the signing secret as it is.
    await api.call("PATCH", path, {"webhook_url": None})
    assert (await kept())["signing"] == rotated["signing_secret"]


async def test_what_is_not_signed_has_no_secret_to_rotate(api: Caller) -> None:
    made = await add(api, **SLACK)
    assert "signing_secret" not in made
    answer = await api.raw("POST", f"/channels/{made['id']}/rotate-secret")
    assert answer.status_code == 409
    await problem(answer)


async def test_changes_at_once_are_all_made(api: Caller) -> None:
    made = await add(api, **TELEGRAM)
    path = f"/channels/{made['id']}"
    changes: list[dict[str, Any]] = [
        {"name": "New"},
        {"telegram_chat_id": "77"},
        {"telegram_bot_token": "9:z"},
        {"default": True},
    ]
    answers = await asyncio.gather(*(api.call("PATCH", path, change) for change in changes))
    assert [status for status, _ in answers] == [200] * 4
    seen = (await api.call("GET", path))[1]
    assert (seen["name"], seen["telegram_chat_id"], seen["default"], seen["enabled"]) == (
        "New",
        "77",
        True,
        True,
    )


async def test_the_kind_never_changes(api: Caller) -> None:
    made = await add(api, **SLACK)
    answer = await api.raw("PATCH", f"/channels/{made['id']}", b'{"kind": "discord"}')
    assert (await problem(answer)).keys() == {"kind"}


async def test_new_checks_get_the_default_channels(api: Caller) -> None:
    first, second = await add(api, **SLACK, default=True), await add(api, **SLACK)
    assert (await api.make())["channels"] == [first["id"]]
    assert (await api.make(channels=[]))["channels"] == []
    assert (await api.make(channels=[second["id"]]))["channels"] == [second["id"]]
    # One that a ping makes.
    answer = await api.client.get(f"/p/{api.user.user_slug}/made-by-a-ping?create=1")
    assert answer.status_code in (200, 201)
    assert (await api.call("GET", "/checks/made-by-a-ping"))[1]["channels"] == [first["id"]]


async def test_fifty_channels_may_be_default_ones_and_no_more(api: Caller) -> None:
    made = [await add(api, **SLACK, default=True) for _ in range(limits.CHANNELS_MAX)]
    assert len((await api.make())["channels"]) == limits.CHANNELS_MAX
    for method, path, body in (
        ("POST", "/channels", SLACK | {"default": True}),
        ("PATCH", f"/channels/{(await add(api, **SLACK))['id']}", {"default": True}),
    ):
        answer = await api.raw(method, path, json.dumps(body).encode())
        assert (await problem(answer)).keys() == {"default"}
    # One that is a default can be changed and stay one.
    assert (await api.call("PATCH", f"/channels/{made[0]['id']}", {"name": "x", "default": True}))[0] == 200


async def test_an_account_has_no_more_channels_than_it_may(api: Caller, store: Store) -> None:
    most = 1_000  # CHANNELS_PER_ACCOUNT unless set
    await store.redis.sadd(
        keys.user_channels(api.user.partition, api.user.id), *range(10**6, 10**6 + most - 1)
    )
    await add(api, **SLACK)
    check = await api.make()
    for method, path, body in (("POST", "/channels", SLACK), ("PUT", f"/checks/{check['id']}/webhook", {})):
        answer = await api.raw(method, path, json.dumps(body).encode())
        assert answer.status_code == 409
        await problem(answer)
    assert (await api.call("GET", f"/checks/{check['id']}"))[1]["channels"] == []


async def test_checks_use_a_channel_and_leave_it(api: Caller) -> None:
    made, check = await add(api, **SLACK), await api.make(slug="one")
    path = f"/checks/one/channels/{made['id']}"
    for method, used in (("PUT", [made["id"]]), ("PUT", [made["id"]]), ("DELETE", []), ("DELETE", [])):
        assert await api.call(method, path) == (204, None)
        assert (await api.call("GET", "/checks/one"))[1]["channels"] == used
        assert (await api.call("GET", f"/channels/{made['id']}"))[1]["checks"] == len(used)
    second = await api.make()
    assert await api.call("POST", f"/channels/{made['id']}/assign-all") == (200, {"assigned": 2})
    assert await api.call("POST", f"/channels/{made['id']}/assign-all") == (200, {"assigned": 0})
    assert (await api.call("DELETE", f"/channels/{made['id']}"))[0] == 204
    for number in (check["id"], second["id"]):
        assert (await api.call("GET", f"/checks/{number}"))[1]["channels"] == []


async def test_a_channel_of_one_check_stays_with_it(api: Caller) -> None:
    check, other = await api.make(), await api.make()
    _, seen = await api.call("PUT", f"/checks/{check['id']}/slack", {"slack_webhook_url": HOOK})
    (number,) = seen["channels"]
    _, channel = await api.call("GET", f"/channels/{number}")
    assert (channel["check_id"], channel["checks"], channel["enabled"]) == (check["id"], 1, False)
    assert (await api.raw("PUT", f"/checks/{other['id']}/channels/{number}")).status_code == 409
    assert (await api.raw("POST", f"/channels/{number}/assign-all")).status_code == 409
    assert (await api.raw("DELETE", f"/checks/{check['id']}/channels/{number}")).status_code == 409
    answer = await api.raw("PATCH", f"/channels/{number}", b'{"default": true}')
    assert (await problem(answer)).keys() == {"default"}
    # A list of channels leaves the check its own.
    _, seen = await api.call("PUT", f"/checks/{check['id']}", NEW | {"channels": []})
    assert seen["channels"] == [number]
    assert (await api.call("DELETE", f"/checks/{check['id']}"))[0] == 204
    assert (await api.call("GET", f"/channels/{number}"))[0] == 404


async def test_a_test_is_sent_at_once_and_tells_what_the_service_said(api: Caller, receiver: Service) -> None:
    made = await add(api, kind="webhook", webhook_url=f"{receiver.url}/hook")
    path = f"/channels/{made['id']}"
    status, seen = await api.call("POST", f"{path}/test")
    assert (status, seen["test"]["delivered"], seen["test"]["status"]) == (200, True, 200)
    assert 0 <= seen["test"]["seconds"] < 10
    assert (seen["last_notification_status"], seen["last_notification_message"]) == (
        "ok",
        seen["test"]["detail"],
    )
    assert seen["last_notification_timestamp"] is not None
    (arrived,) = receiver.seen
    assert (arrived.path, arrived.body["status"], "webhook-signature" in arrived.headers) == (
        "/hook",
        "test",
        True,
    )
    for code in (500, 404, 400, 302):
        receiver.answers.append(saying(code, "no"))
        status, seen = await api.call("POST", f"{path}/test")
        if status == 429:
            break
        assert (status, seen["test"]["delivered"], seen["test"]["status"]) == (200, False, code)
        assert (seen["last_notification_status"], seen["enabled"]) == ("error", True)


async def test_nobody_listens_and_the_test_says_so(api: Caller) -> None:
    made = await add(api, kind="webhook", webhook_url="http://127.0.0.1:9/T0K3N")
    status, seen = await api.call("POST", f"/channels/{made['id']}/test")
    assert (status, seen["test"]["delivered"], seen["test"]["status"]) == (200, False, None)
    assert seen["test"]["detail"]
    assert "T0K3N" not in json.dumps(seen)


async def test_tests_wait_for_our_own_rate_control(api: Caller, receiver: Service) -> None:
    made = await add(api, kind="webhook", webhook_url=f"{receiver.url}/hook")
    path = f"/channels/{made['id']}"
    answers = [await api.raw("POST", f"{path}/test") for _ in range(8)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 0 < len(refused) < 8
    assert len(receiver.seen) == 8 - len(refused)
    for answer in refused:
        assert await problem(answer) == {}
        assert int(answer.headers["Retry-After"]) >= 1
        assert "rate control" in (await answer.get_json())["detail"]
    status, rate = await api.call("GET", f"{path}/rate")
    assert (status, rate["enabled"], rate["limited"]) == (200, True, True)
    # That we wait is no failure of the channel's.
    assert (await api.call("GET", path))[1]["last_notification_status"] == "ok"


async def test_a_429_of_the_services_own_is_an_answer_like_others(api: Caller, receiver: Service) -> None:
    made = await add(api, kind="webhook", webhook_url=f"{receiver.url}/hook")
    receiver.answers.append(saying(429, "slow down", {"Retry-After": "30"}))
    status, seen = await api.call("POST", f"/channels/{made['id']}/test")
    assert (status, seen["test"]["delivered"], seen["test"]["status"]) == (200, False, 429)
    answer = await api.raw("POST", f"/channels/{made['id']}/test")
    assert answer.status_code == 429
    assert 25 <= int(answer.headers["Retry-After"]) <= 30


async def test_what_is_off_or_lacks_a_setting_is_not_tested(api: Caller, store: Store) -> None:
    for fields in ({**WEBHOOK, "enabled": False}, {"kind": "webhook", "enabled": False}):
        made = await add(api, **fields)
        for below in ("test", "test-queue"):
            answer = await api.raw("POST", f"/channels/{made['id']}/{below}")
            assert answer.status_code == 409
            assert (await problem(answer)).keys() == {"enabled"}
        assert await api.call("GET", f"/channels/{made['id']}/rate") == (200, {"enabled": False})
    assert await read_outbox(store, api.user.partition, 10) == []


async def test_a_test_through_the_queue_waits_in_the_outbox(api: Caller, store: Store) -> None:
    made = await add(api, **SLACK, name="Ops")
    answer = await api.raw("POST", f"/channels/{made['id']}/test-queue")
    assert answer.status_code == 202
    assert (await answer.get_json()).keys() == {"message"}
    (entry,) = await read_outbox(store, api.user.partition, 10)
    assert (entry.event.kind, entry.event.queued, json.loads(entry.channels)) == ("test", True, [made["id"]])


async def test_a_kind_that_only_a_newer_version_knows_is_shown_and_can_be_deleted(
    api: Caller, store: Store
) -> None:
    made = await make_channel(store, api.user, kind="pigeon", has=frozenset({"ring"}))
    path = f"/channels/{made.id}"
    status, seen = await api.call("GET", path)
    assert (status, seen["kind"]) == (200, "pigeon")
    for method, below in (
        ("PATCH", ""),
        ("POST", "/test"),
        ("POST", "/test-queue"),
        ("POST", "/rotate-secret"),
    ):
        answer = await api.raw(method, path + below, b'{"name": "x"}')
        assert (await problem(answer)).keys() == {"kind"}
    assert (await api.call("GET", f"{path}/rate"))[0] == 200
    assert (await api.call("DELETE", path))[0] == 204
