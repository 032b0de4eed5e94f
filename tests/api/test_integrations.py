"""The calls per check and kind, as published: partial, forgiving about case, never showing a secret."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from tests.api.conftest import NEW, Caller, problem
from tests.api.test_channels import HOOK, other_account
from tests.channels.services import Seen, Service, serving
from ttr.channels import KINDS
from ttr.store.outbox import read_outbox
from ttr.store.redis import Store

README = {"telegram_enabled": True, "telegram_chat_id": "123456789", "telegram_bot_token": "1234:abcd"}


@pytest.fixture
async def receiver() -> AsyncIterator[Service]:
    """A receiver of webhooks that says yes."""

    def yes(service: Service, seen: Seen) -> web.Response:
        return web.Response(text="ok")

    async with serving(yes) as service:
        yield service


async def test_the_published_line_works_as_it_stands(api: Caller) -> None:
    check = await api.make()
    path = f"/checks/{check['id']}"
    status, seen = await api.call("PUT", f"{path}/telegram", README)
    assert status == 200
    assert (seen["telegram_enabled"], seen["telegram_configured"], seen["telegram_chat_id"]) == (
        True,
        True,
        "123456789",
    )
    assert seen == (await api.call("GET", path))[1]
    assert "1234:abcd" not in json.dumps(seen)
    assert (await api.call("GET", f"{path}/telegram/rate"))[1]["enabled"] is True
    assert (await api.call("POST", f"{path}/telegram/test-queue"))[0] == 202


async def test_a_check_shows_each_kind_and_no_secret(api: Caller) -> None:
    check = await api.make()
    for name, kind in KINDS.items():
        for ending, value in (
            ("enabled", False),
            ("configured", False),
            ("last_notification_status", None),
            ("last_notification_message", None),
            ("last_notification_timestamp", None),
        ):
            assert check[f"{name}_{ending}"] is value
        for field in kind.fields:
            assert (field.name in check) != field.secret
    for name, shown in (
        ("remind_every_minutes", None),
        ("acknowledged", False),
        ("flapping", False),
        ("flapping_until", None),
        ("flip_count", 0),
    ):
        assert check[name] == shown


async def test_what_is_sent_changes_and_the_rest_stays(api: Caller) -> None:
    check = await api.make()
    path = f"/checks/{check['id']}/telegram"

    async def put(body: dict[str, Any]) -> tuple[Any, ...]:
        status, seen = await api.call("PUT", path, body)
        assert status == 200, seen
        return seen["telegram_enabled"], seen["telegram_configured"], seen["telegram_chat_id"]

    assert await put({}) == (False, False, None)
    assert await put({"telegram_chat_id": 123}) == (False, False, "123")
    assert await put({"telegram_bot_token": "1234:abcd"}) == (False, True, "123")
    assert await put({"telegram_enabled": True}) == (True, True, "123")
    assert await put({"telegram_enabled": None}) == (True, True, "123")
    assert await put({"telegram_chat_id": "@ops_alerts"}) == (True, True, "@ops_alerts")
    assert await put({"telegram_bot_token": None}) == (False, False, "@ops_alerts")
    assert await put({"telegram_bot_token": "", "telegram_chat_id": ""}) == (False, False, None)
    # Its number stays: there is one channel of each kind.
    assert len((await api.call("GET", f"/checks/{check['id']}"))[1]["channels"]) == 1


async def test_a_whole_check_can_be_sent_to_it_and_only_its_own_fields_count(api: Caller) -> None:
    check = await api.make(name="My Job")
    path = f"/checks/{check['id']}/slack"
    _, seen = await api.call("PUT", path, {"slack_webhook_url": HOOK, "slack_enabled": True})
    status, again = await api.call("PUT", path, seen | {"enabled": 5, "kind": "discord", "default": True})
    assert (status, again) == (200, seen)
    (number,) = seen["channels"]
    assert (await api.call("GET", f"/channels/{number}"))[1]["name"] == KINDS["slack"].label


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"telegram_enabled": "true"}, "telegram_enabled"),
        ({"telegram_enabled": 1}, "telegram_enabled"),
        ({"telegram_bot_token": "no token"}, "telegram_bot_token"),
        ({"telegram_bot_token": "a\nb:c"}, "telegram_bot_token"),
        ({"telegram_bot_token": True}, "telegram_bot_token"),
        ({"telegram_bot_token": ["1234:abcd"]}, "telegram_bot_token"),
        ({"telegram_bot_token": "1:" + "x" * 100_000}, "telegram_bot_token"),
        ({"telegram_chat_id": "../../x"}, "telegram_chat_id"),
        ({"telegram_chat_id": 10**400}, "telegram_chat_id"),
        ({"telegram_chat_id": 1.5}, "telegram_chat_id"),
        ({"telegram_chat_id": {}}, "telegram_chat_id"),
    ],
    ids=lambda v: ascii(v)[:40],
)
async def test_a_bad_value_is_a_400_beside_its_field(api: Caller, body: dict[str, Any], field: str) -> None:
    check = await api.make()
    answer = await api.raw("PUT", f"/checks/{check['id']}/telegram", json.dumps(body).encode())
    assert answer.status_code == 400
    assert field in await problem(answer)
    assert (await api.call("GET", f"/checks/{check['id']}"))[1] == check


async def test_it_is_not_turned_on_before_it_is_set_up(api: Caller) -> None:
    check = await api.make()
    answer = await api.raw("PUT", f"/checks/{check['id']}/telegram", b'{"telegram_enabled": true}')
    assert answer.status_code == 409
    assert (await problem(answer)).keys() == {"telegram_bot_token", "telegram_chat_id"}
    assert (await api.call("GET", f"/checks/{check['id']}"))[1] == check


async def test_two_calls_at_once_make_one_channel(api: Caller) -> None:
    check = await api.make()
    path = f"/checks/{check['id']}/telegram"
    bodies = [{"telegram_chat_id": "1"}, {"telegram_bot_token": "1:a"}, {"telegram_enabled": False}, {}]
    answers = await asyncio.gather(*(api.call("PUT", path, body) for body in bodies))
    assert [status for status, _ in answers] == [200] * 4
    seen = (await api.call("GET", f"/checks/{check['id']}"))[1]
    assert (seen["telegram_configured"], len(seen["channels"])) == (True, 1)
    assert len((await api.call("GET", "/channels"))[1]["items"]) == 1


async def test_the_kinds_name_may_be_in_capitals(api: Caller) -> None:
    check = await api.make()
    status, seen = await api.call("PUT", f"/checks/{check['id']}/Slack", {"slack_webhook_url": HOOK})
    assert (status, seen["slack_configured"]) == (200, True)
    assert (await api.call("GET", f"/checks/{check['id']}/SLACK/rate"))[0] == 200


@pytest.mark.parametrize(
    "kind", ["pigeon", "__class__", "web hook", "x" * 1_000, "%00", "slack\u0130", "channels"]
)
async def test_an_unknown_integration_is_not_found(api: Caller, kind: str) -> None:
    check = await api.make()
    for method, below in (("PUT", ""), ("POST", "/test"), ("POST", "/test-queue"), ("GET", "/rate")):
        answer = await api.raw(method, f"/checks/{check['id']}/{kind}{below}", b"{}")
        # "rate" could be a channel's number, which is no number to GET.
        known = kind == "channels" and below != ""
        assert answer.status_code == (405 if known else 404), (method, below)
        await problem(answer)


async def test_it_stands_in_no_other_routes_way(api: Caller) -> None:
    check = await api.make()
    path = f"/checks/{check['id']}"
    for method, below, status in (
        ("GET", "/pings", 200),
        ("GET", "/content", 200),
        ("GET", "/deliveries", 200),
        ("POST", "/pause", 200),
        ("POST", "/resume", 200),
        ("POST", "/toggle-pause", 200),
        ("POST", "/acknowledge", 409),
        ("GET", "/slack", 405),
        ("POST", "/slack", 405),
        ("GET", "/slack/test", 405),
        ("POST", "/slack/rate", 405),
    ):
        answer = await api.raw(method, path + below)
        assert answer.status_code == status, (method, below)


async def test_a_test_answers_with_the_check_and_what_the_service_said(
    api: Caller, receiver: Service
) -> None:
    check = await api.make(name="My Job")
    path = f"/checks/{check['id']}/webhook"
    await api.call("PUT", path, {"webhook_url": f"{receiver.url}/x", "webhook_enabled": True})
    status, seen = await api.call("POST", f"{path}/test")
    assert (status, seen["id"], seen["test"]["delivered"]) == (200, check["id"], True)
    assert seen["webhook_last_notification_status"] == "ok"
    assert seen["webhook_last_notification_message"] == seen["test"]["detail"]
    (arrived,) = receiver.seen
    assert (arrived.body["check_id"], arrived.body["check_name"]) == (check["id"], "My Job")


async def test_what_is_not_set_up_is_not_tested(api: Caller, store: Store) -> None:
    check = await api.make()
    path = f"/checks/{check['id']}/slack"
    for put in (None, {}, {"slack_webhook_url": HOOK}):
        if put is not None:
            await api.call("PUT", path, put)
        for below in ("/test", "/test-queue"):
            answer = await api.raw("POST", path + below)
            assert answer.status_code == 409
            await problem(answer)
        assert await api.call("GET", f"{path}/rate") == (200, {"enabled": False})
    assert await read_outbox(store, api.user.partition, 10) == []


async def test_another_accounts_check_is_a_404(api: Caller, store: Store) -> None:
    check = await api.make(slug="mine")
    await api.call("PUT", f"/checks/{check['id']}/telegram", README)
    other = await other_account(api, store)
    for reference in (check["id"], check["uuid"], "mine"):
        for method, below in (
            ("PUT", "/telegram"),
            ("POST", "/telegram/test"),
            ("POST", "/telegram/test-queue"),
            ("GET", "/telegram/rate"),
            ("POST", "/acknowledge"),
            ("GET", "/deliveries"),
        ):
            answer = await other.raw(method, f"/checks/{reference}{below}", b"{}")
            assert answer.status_code == 404
            await problem(answer)


async def test_a_failure_is_acknowledged_once_and_again(api: Caller) -> None:
    check = await api.make(slug="one", remind_every_minutes=5)
    answer = await api.raw("POST", "/checks/one/acknowledge")
    assert answer.status_code == 409
    await problem(answer)
    assert (await api.client.get(f"/p/{api.user.user_slug}/one/fail")).status_code == 200
    for _ in range(2):
        status, seen = await api.call("POST", "/checks/one/acknowledge")
        assert (status, seen["acknowledged"], seen["status"], seen["id"]) == (200, True, "down", check["id"])
    await api.client.get(f"/p/{api.user.user_slug}/one")
    assert (await api.call("GET", "/checks/one"))[1]["acknowledged"] is False


async def test_a_reminder_is_kept_within_its_limits(api: Caller) -> None:
    for minutes in (1, 10_080, None):
        assert (await api.make(remind_every_minutes=minutes))["remind_every_minutes"] == minutes
    for bad in (0, -1, 10_081, "5", True, 1.5):
        answer = await api.raw("POST", "/checks", json.dumps(NEW | {"remind_every_minutes": bad}).encode())
        assert (await problem(answer)).keys() == {"remind_every_minutes"}
