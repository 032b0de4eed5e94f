"""Checks over the API: made, listed, replaced, paused, deleted, as the published curl lines do it."""

import re
from urllib.parse import urlsplit

from quart.typing import TestClientProtocol as Client

from tests.api.conftest import NEW, Caller, ask, problem
from tests.conftest import MASTER_KEY
from tests.lua.parts import names
from ttr.now import now_ms
from ttr.store.keys import access_key
from ttr.store.redis import Store
from ttr.store.users import create_user, digest


async def test_a_key_is_had_with_one_call_and_opens_its_account(client: Client, store: Store) -> None:
    answer = await client.post("/api/v1/keys")
    assert answer.status_code == 201
    made = await answer.get_json()
    assert made.keys() == {"auth_key", "user_slug", "public_slug"}
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", made["auth_key"])
    assert made["user_slug"] != made["public_slug"]
    assert answer.headers["Cache-Control"] == "no-store"
    # Hashed at rest: the key itself is nowhere in the store.
    assert await store.redis.exists(access_key(digest(made["auth_key"])))
    async for key in store.redis.scan_iter(count=1_000):
        assert made["auth_key"].encode() not in key
        assert made["auth_key"].encode() not in (await store.redis.dump(key))
    listed = await client.get("/api/v1/checks", headers={"X-Auth-Key": made["auth_key"]})
    assert (await listed.get_json())["items"] == []


async def test_an_unknown_key_opens_nothing_and_makes_no_account(client: Client, store: Store) -> None:
    await client.post("/api/v1/keys")
    before = await names(store)
    for key in (
        "",
        "x",
        "A" * 32,
        "A" * 33,
        "A" * 8_000,
        "\xff" * 32,
        "../../etc",
        "A" * 31 + "\u0661",
        " " * 32,
    ):
        for method, path in (
            ("GET", "/checks"),
            ("POST", "/checks"),
            ("PUT", "/checks/1/webhook"),
            ("DELETE", "/checks/1"),
        ):
            answer = await ask(
                client, method, f"/api/v1{path}", b"", {"X-Auth-Key": key.encode().decode("latin-1")}
            )
            assert answer.status_code == 401
            assert await problem(answer) == {}
    assert (await client.get("/api/v1/checks")).status_code == 401
    after = await names(store)
    assert [key for key in after if b"tick" not in key] == [key for key in before if b"tick" not in key]


async def test_the_readmes_lines_work_as_they_stand(api: Caller) -> None:
    status, check = await api.call("POST", "/checks", NEW)
    assert (status, check["name"], check["interval_seconds"], check["grace_seconds"]) == (
        201,
        "My Job",
        60,
        30,
    )
    assert (check["status"], check["slug"], check["tags"], check["ping_count"]) == ("new", None, [], 0)

    status, page = await api.call("GET", "/checks?size=10&sort_by=id&sort_direction=desc")
    assert (status, [item["id"] for item in page["items"]]) == (200, [check["id"]])

    path = f"/checks/{check['id']}"
    renamed = NEW | {"name": "My Job (renamed)", "interval_seconds": 120}
    status, check = await api.call("PUT", path, renamed)
    assert (status, check["name"], check["interval_seconds"]) == (200, "My Job (renamed)", 120)

    ping = urlsplit(check["ping_url"]).path
    assert ping == f"/p/{api.user.user_slug}/{check['uuid']}"
    assert (await api.client.get(f"{ping}?ok=1")).status_code == 200
    answer = await api.client.post(ping, data=b"hello from cron", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 200

    status, content = await api.call("GET", f"{path}/content")
    assert (status, content["content"]) == (200, "hello from cron")
    status, log = await api.call("GET", f"{path}/pings")
    assert [entry["method"] for entry in log["items"]] == ["POST", "GET"]
    assert log["total"] == 2

    for expected in ("paused", "up"):
        status, check = await api.call("POST", f"{path}/toggle-pause")
        assert (status, check["status"], check["paused"]) == (200, expected, expected == "paused")

    secret = "https://hooks.example.com/T0K3N"
    status, check = await api.call("PUT", f"{path}/webhook", {"webhook_enabled": True, "webhook_url": secret})
    assert (status, check["webhook_enabled"], check["webhook_configured"]) == (200, True, True)
    assert "T0K3N" not in str(check)

    answer = await api.raw("DELETE", path)
    assert (answer.status_code, await answer.get_data()) == (204, b"")
    for method, below in (
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("GET", "/pings"),
        ("GET", "/content"),
        ("POST", "/toggle-pause"),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("PUT", "/webhook"),
    ):
        answer = await api.raw(
            method, path + below, b"{}" if below else b'{"name":"x","grace_seconds":1,"interval_seconds":1}'
        )
        assert answer.status_code == 404
        await problem(answer)


async def test_a_check_is_found_by_number_uuid_and_slug(api: Caller) -> None:
    check = await api.make(slug="backup")
    for reference in (check["id"], check["uuid"], check["uuid"].upper(), "backup"):
        status, found = await api.call("GET", f"/checks/{reference}")
        assert (status, found["id"]) == (200, check["id"])


async def test_what_the_api_shows_of_a_check_can_be_sent_back(api: Caller) -> None:
    check = await api.make(
        slug="full",
        tags=["db", "\u017c\u00f3\u0142w"],
        description="line\nline",
        max_runtime_seconds=10,
        notify_after_failures=3,
        notify_on_up=False,
        expected_content="a|b",
        expected_content_type="absent",
        use_regex_for_content=True,
        post_only=True,
        tz="Europe/Riga",
    )
    status, again = await api.call("PUT", f"/checks/{check['id']}", check)
    assert status == 200
    assert again == check


async def test_put_replaces_but_slug_tags_and_channels_stay_when_omitted(api: Caller) -> None:
    check = await api.make(
        slug="keep",
        tags=["a", "b"],
        description="gone",
        max_runtime_seconds=5,
        post_only=True,
        notify_after_failures=2,
        notify_on_up=False,
        expected_content="x",
    )
    path = f"/checks/{check['id']}"
    _, with_hook = await api.call("PUT", f"{path}/webhook", {"webhook_url": "https://example.com/"})
    status, after = await api.call("PUT", path, NEW)
    assert status == 200
    assert (after["slug"], after["tags"], after["channels"]) == ("keep", check["tags"], with_hook["channels"])
    assert after["channels"]
    assert (after["description"], after["max_runtime_seconds"], after["notify_after_failures"]) == (
        "",
        None,
        None,
    )
    assert (after["notify_on_up"], after["post_only"], after["expected_content"]) == (True, False, None)
    _, bare = await api.call("PUT", path, NEW | {"slug": None, "tags": []})
    assert (bare["slug"], bare["tags"]) == (None, [])
    _, one = await api.call("PUT", path, NEW | {"tags": [{"id": 9, "name": "c"}, "c", " c "]})
    assert [tag["name"] for tag in one["tags"]] == ["c"]


async def test_a_taken_slug_is_a_conflict_and_changes_nothing(api: Caller) -> None:
    one, two = await api.make(slug="one"), await api.make(slug="two")
    for method, path in (("POST", "/checks"), ("PUT", f"/checks/{two['id']}")):
        answer = await api.raw(
            method, path, b'{"name":"x","slug":"one","interval_seconds":5,"grace_seconds":5}'
        )
        assert answer.status_code == 409
        assert (await problem(answer)).keys() == {"slug"}
    _, page = await api.call("GET", "/checks")
    assert [item["slug"] for item in page["items"]] == ["two", "one"]
    assert (await api.call("PUT", f"/checks/{one['id']}", NEW | {"slug": "one"}))[0] == 200


async def test_a_conflict_names_its_field_as_other_refusals_do(api: Caller) -> None:
    await api.make(slug="job")
    status, answer = await api.call("POST", "/checks", NEW | {"slug": "job"})
    assert (status, answer["detail"]) == (409, "slug: Another of your checks has this slug.")
    status, answer = await api.call("POST", "/checks", NEW | {"channels": [999_999]})
    assert (status, answer["detail"]) == (409, "channels: You have no channel 999999 that can be used here.")


async def test_nobody_reaches_anothers_check(api: Caller, store: Store) -> None:
    check = await api.make(slug="mine")
    stranger, key = await create_user(store, now=now_ms(), master=MASTER_KEY)
    other = Caller(api.client, stranger, key)
    for reference in (check["id"], check["uuid"], "mine"):
        for method, below in (
            ("GET", ""),
            ("PUT", ""),
            ("DELETE", ""),
            ("GET", "/pings"),
            ("GET", "/content"),
            ("GET", "/pings/1/body"),
            ("POST", "/toggle-pause"),
            ("PUT", "/webhook"),
        ):
            status, _ = await other.call(
                method,
                f"/checks/{reference}{below}",
                {"name": "x", "interval_seconds": 1, "grace_seconds": 1},
            )
            assert status == 404
    _, listed = await other.call("GET", "/checks")
    assert listed["items"] == []
    status, channels = await api.call(
        "PUT", f"/checks/{check['id']}/webhook", {"webhook_url": "https://example.com/"}
    )
    status, answer = await other.call("POST", "/checks", NEW | {"channels": channels["channels"]})
    assert (status, answer["errors"][0]["field"]) == (409, "channels")
    assert (await api.call("GET", "/checks/mine"))[1]["name"] == "My Job"


async def test_pages_follow_each_other_both_ways_and_overlap_nowhere(api: Caller) -> None:
    ids = [(await api.make())["id"] for _ in range(7)]
    for direction, order in (("desc", ids[::-1]), ("asc", ids)):
        path = f"/checks?size=3&sort_direction={direction}"
        _, page = await api.call("GET", path)
        assert page["prev_cursor"] is None
        seen: list[int] = [item["id"] for item in page["items"]]
        back: list[int] = []
        while page["next_cursor"]:
            _, page = await api.call("GET", f"{path}&cursor={page['next_cursor']}")
            seen += [item["id"] for item in page["items"]]
        assert seen == order
        while page["prev_cursor"]:
            _, page = await api.call("GET", f"{path}&cursor={page['prev_cursor']}")
            back = [item["id"] for item in page["items"]] + back
        assert back == order[:6]


async def test_an_account_has_as_many_checks_as_it_may(api: Caller, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    few = api.client.app.extensions["ttr_settings"].model_copy(update={"checks_per_account": 2})
    monkeypatch.setitem(api.client.app.extensions, "ttr_settings", few)
    await api.make()
    await api.make()
    answer = await api.raw("POST", "/checks", b'{"name":"x","interval_seconds":5,"grace_seconds":5}')
    assert answer.status_code == 409
    assert await problem(answer) == {}


async def test_pings_and_bodies_can_be_read(api: Caller) -> None:
    check = await api.make(slug="job")
    for number in range(1, 4):
        await api.client.post(f"/p/{api.user.user_slug}/job/{number}", data=b"\xff\x00%d" % number)
    await api.client.get(f"/p/{api.user.user_slug}/job")
    _, log = await api.call("GET", "/checks/job/pings?size=2")
    assert [entry["n"] for entry in log["items"]] == [4, 3]
    assert log["total"] == 4
    assert log["items"][1] | {"timestamp": None, "ip_address": None, "user_agent": None} == {
        "n": 3,
        "kind": "fail",
        "timestamp": None,
        "duration_seconds": None,
        "rid": None,
        "exit_status": 3,
        "reason": "exit_status",
        "detail": "3",
        "method": "POST",
        "ip_address": None,
        "user_agent": None,
        "country_code": "XX",
        "country_name": "Unknown",
        "connection_type": "Unknown",
        "size": 3,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", log["items"][0]["timestamp"])
    assert (await api.call("GET", "/checks/job/content"))[1] == {"content": "\ufffd\x003", "ping": 3}
    body = await api.raw("GET", f"/checks/{check['id']}/pings/2/body")
    assert await body.get_data() == b"\xff\x002"
    assert body.mimetype == "application/octet-stream"
    assert body.headers["Content-Disposition"].startswith("attachment")
    assert body.headers["X-Content-Type-Options"] == "nosniff"
    for missing in ("4", "5", "0", "4294967296", "99999999999999999999"):
        assert (await api.raw("GET", f"/checks/job/pings/{missing}/body")).status_code == 404


async def test_pausing_twice_and_resuming_twice_is_once(api: Caller) -> None:
    check = await api.make()
    for verb, status in (("pause", "paused"), ("pause", "paused"), ("resume", "new"), ("resume", "new")):
        code, seen = await api.call("POST", f"/checks/{check['id']}/{verb}")
        assert (code, seen["status"]) == (200, status)


async def test_reading_a_check_is_never_cached_by_others(api: Caller) -> None:
    check = await api.make()
    for path in (
        "/checks",
        f"/checks/{check['id']}",
        f"/checks/{check['id']}/pings",
        f"/checks/{check['id']}/content",
    ):
        assert (await api.raw("GET", path)).headers["Cache-Control"] == "private, no-cache"
