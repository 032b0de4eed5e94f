"""The delivery log over the API: what was sent where, in what words, and what can be sent again."""

import json
from typing import Any

import pytest

from tests.api.conftest import Caller, problem
from tests.api.test_channels import SLACK, add, other_account
from ttr.api.deliveries import delivery_json
from ttr.channels import KINDS
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.deliveries import Attempt, Delivery, read_deliveries
from ttr.store.outbox import dispatch_entry, read_outbox
from ttr.store.redis import Store


async def dispatch(api: Caller, store: Store) -> None:
    """Turn what waits in the outbox into deliveries, as the clock does."""
    events_max = {name: kind.events_max for name, kind in KINDS.items()}
    for entry in await read_outbox(store, api.user.partition, 10):
        await dispatch_entry(store, api.user.partition, entry, now_ms(), events_max)


async def test_what_was_sent_is_listed_for_the_account_and_its_check(api: Caller, store: Store) -> None:
    channel = await add(api, **SLACK, name="Ops")
    check = await api.make(slug="one", name="My Job", channels=[channel["id"]])
    quiet = await api.make()
    await api.client.post(f"/p/{api.user.user_slug}/one/fail", data=b"T0K3N in the output")
    await dispatch(api, store)
    answer = await api.raw("GET", "/deliveries")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    listed = await answer.get_json()
    assert (listed["total"], listed["size"], listed["offset"], len(listed["items"])) == (1, 25, 0, 1)
    (delivery,) = listed["items"]
    assert (delivery["channel_id"], delivery["channel_name"], delivery["channel_kind"]) == (
        channel["id"],
        "Ops",
        "slack",
    )
    assert (delivery["state"], delivery["count"], delivery["attempts"]) == ("due", 1, [])
    (event,) = delivery["events"]
    assert (event["kind"], event["check_id"], event["check_name"], event["reason"]) == (
        "down",
        check["id"],
        "My Job",
        "fail",
    )
    assert "My Job" in event["message"]
    assert event["timestamp"].endswith("Z")
    assert (await api.call("GET", "/checks/one/deliveries"))[1] == listed
    assert (await api.call("GET", f"/checks/{quiet['id']}/deliveries"))[1]["items"] == []
    assert await api.call("GET", f"/deliveries/{delivery['id']}") == (200, delivery)
    # It waits for its first attempt: there is nothing to send again.
    answer = await api.raw("POST", f"/deliveries/{delivery['id']}/resend")
    assert answer.status_code == 409
    await problem(answer)


async def test_what_was_given_up_is_sent_again_unless_its_channel_is_off(api: Caller, store: Store) -> None:
    channel = await add(api, **SLACK)
    await api.call("POST", f"/channels/{channel['id']}/test-queue")
    await dispatch(api, store)
    ((delivery,), _) = await read_deliveries(store, api.user, size=10)
    partition = api.user.partition
    await store.redis.delete(keys.lane(partition, channel["id"]))
    await store.redis.hset(keys.delivery(partition, delivery.id), "state", "failed")
    path = f"/deliveries/{delivery.id}"
    await api.call("PATCH", f"/channels/{channel['id']}", {"enabled": False})
    answer = await api.raw("POST", f"{path}/resend")
    assert (answer.status_code, await problem(answer)) == (409, {})
    await api.call("PATCH", f"/channels/{channel['id']}", {"enabled": True})
    status, seen = await api.call("POST", f"{path}/resend")
    assert (status, seen["id"], seen["state"]) == (202, delivery.id, "due")
    assert (await api.call("POST", f"{path}/resend"))[0] == 409


async def test_a_test_of_a_channel_concerns_no_check(api: Caller, store: Store) -> None:
    channel = await add(api, **SLACK)
    await api.call("POST", f"/channels/{channel['id']}/test-queue")
    await dispatch(api, store)
    _, listed = await api.call("GET", "/deliveries")
    (event,) = listed["items"][0]["events"]
    assert (event["kind"], event["check_id"], event["check_name"]) == ("test", None, None)


@pytest.mark.parametrize(
    "query",
    [
        "size=0",
        "size=101",
        "size=x",
        "size=1.5",
        "size=-1",
        "size=" + "9" * 100,
        "offset=-1",
        "offset=501",
        "offset=x",
    ],
)
async def test_a_bad_query_is_a_400_beside_its_field(api: Caller, query: str) -> None:
    check = await api.make()
    for path in ("/deliveries", f"/checks/{check['id']}/deliveries"):
        answer = await api.raw("GET", f"{path}?{query}")
        assert answer.status_code == 400
        assert (await problem(answer)).keys() == {query.partition("=")[0]}
    for good in ("size=1", "size=100", "offset=500", ""):
        assert (await api.raw("GET", f"/deliveries?{good}")).status_code == 200


@pytest.mark.parametrize(
    "reference", ["x", "7-1-1-c2", "9" * 5_000, "1:events", "*", "%00", "a b", "\u0661", "..", "-"]
)
async def test_a_reference_that_is_no_deliverys_is_a_404(api: Caller, store: Store, reference: str) -> None:
    # Its events lie under a name of their own, which is no delivery.
    await store.redis.rpush(keys.delivery_events(api.user.partition, "1"), "{}")
    for method, path in (("GET", f"/deliveries/{reference}"), ("POST", f"/deliveries/{reference}/resend")):
        answer = await api.raw(method, path)
        assert answer.status_code == 404, (method, path)
        await problem(answer)


async def test_another_accounts_delivery_is_a_404(api: Caller, store: Store) -> None:
    channel = await add(api, **SLACK)
    await api.call("POST", f"/channels/{channel['id']}/test-queue")
    await dispatch(api, store)
    ((delivery,), _) = await read_deliveries(store, api.user, size=10)
    other = await other_account(api, store)
    while other.user.partition != api.user.partition:
        other = await other_account(api, store)
    assert (await other.raw("GET", f"/deliveries/{delivery.id}")).status_code == 404
    assert (await other.raw("POST", f"/deliveries/{delivery.id}/resend")).status_code == 404
    assert (await other.call("GET", "/deliveries"))[1]["items"] == []


def test_an_attempt_is_shown_with_its_status_latency_and_next_try() -> None:
    attempt = Attempt(1_772_366_400_000, "failed", "server_error", 503, 1_250, "HTTP 503", 1_772_366_405_000)
    delivery = Delivery(
        "7-1-1-c2", 2, (2, 5), "Ops", "slack", "due", 1_772_366_400_000, 0, (), (attempt,), 1_772_366_405_000
    )
    shown: dict[str, Any] = json.loads(json.dumps(delivery_json(delivery)))
    assert shown["next_attempt"].startswith("2026-03-01T12:00:05")
    (line,) = shown["attempts"]
    assert line["timestamp"].startswith("2026-03-01T12:00:00")
    assert (line["outcome"], line["reason"], line["status"], line["latency_seconds"], line["detail"]) == (
        "failed",
        "server_error",
        503,
        1.25,
        "HTTP 503",
    )
    assert line["next_attempt"] == shown["next_attempt"]
