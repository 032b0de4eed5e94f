"""What nobody should send: refused with a reason in the one shape, stored nowhere, never a fault of ours."""

import json
import logging
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quart import Quart
from quart.typing import TestClientProtocol as Client

from tests.api.conftest import NEW, Caller, ask, problem
from tests.conftest import RedisServer
from tests.ping.conftest import door_settings, hypercorn_door
from tests.ping.wire import chunked, request
from ttr.api import keys as keys_api
from ttr.domain import limits

DAY = 86_400


def merged(**fields: Any) -> bytes:
    return json.dumps(NEW | fields).encode()


BAD_BODIES = {
    "bad utf-8": b'{"name": "\xff\xfe", "interval_seconds": 60, "grace_seconds": 1}',
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "deep inside": b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "empty": b"",
    "blank": b"   ",
    "list": b"[]",
    "list of checks": b"[" + merged() + b"]",
    "string": b'"x"',
    "number": b"1",
    "null": b"null",
    "true": b"true",
    "two documents": merged() + merged(),
    "cut": merged()[:-1],
    "form": b"name=x&interval_seconds=60&grace_seconds=30",
    "multipart": b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n--x--',
    "utf-16": merged().decode().encode("utf-16"),
    "bom": b"\xef\xbb\xbf" + merged(),
    "single quotes": b"{'name': 'x'}",
    "comment": b"{/* x */}",
    "nul": b"\x00",
    "lone high surrogate": b'{"name": "\\ud800", "interval_seconds": 60, "grace_seconds": 1}',
    "lone low surrogate": b'{"name": "\\udfff x", "interval_seconds": 60, "grace_seconds": 1}',
    "raw surrogate": b'{"name": "\xed\xa0\x80", "interval_seconds": 60, "grace_seconds": 1}',
    "control in string": b'{"name": "a\nb", "interval_seconds": 60, "grace_seconds": 1}',
    "5,000 digits": b'{"name": "x", "interval_seconds": ' + b"9" * 5_000 + b', "grace_seconds": 1}',
    "nan": b'{"name": "x", "interval_seconds": NaN, "grace_seconds": 1}',
    "infinity": b'{"name": "x", "interval_seconds": 60, "grace_seconds": Infinity}',
    "huge exponent": b'{"name": "x", "interval_seconds": 1e999, "grace_seconds": 1}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_a_body_that_is_no_check_is_a_400_everywhere(api: Caller, body: bytes) -> None:
    check = await api.make()
    for method, path in (("POST", "/checks"), ("PUT", f"/checks/{check['id']}")):
        answer = await api.raw(method, path, body)
        assert answer.status_code == 400
        assert await problem(answer)
    _, page = await api.call("GET", "/checks")
    assert page["items"] == [check]


BAD_FIELDS = [
    ("name", None),
    ("name", ""),
    ("name", "   "),
    ("name", 5),
    ("name", True),
    ("name", ["x"]),
    ("name", {"a": 1}),
    ("name", "x" * (limits.NAME_MAX + 1)),
    ("name", "a\x00b"),
    ("name", "a\nb"),
    ("name", "\x1b[31m"),
    ("name", "a\u2028b"),
    ("name", "a\x85b"),
    ("name", "a\x7fb"),
    ("interval_seconds", None),
    ("interval_seconds", "60"),
    ("interval_seconds", True),
    ("interval_seconds", 0),
    ("interval_seconds", -1),
    ("interval_seconds", 366 * DAY + 1),
    ("interval_seconds", 10**30),
    ("interval_seconds", [60]),
    ("interval_seconds", {}),
    ("interval_seconds", 1e300),
    ("grace_seconds", None),
    ("grace_seconds", "30"),
    ("grace_seconds", False),
    ("grace_seconds", 30.5),
    ("grace_seconds", 0),
    ("grace_seconds", -1),
    ("grace_seconds", limits.GRACE_MAX_SECONDS + 1),
    ("grace_seconds", 10**400),
    ("max_runtime_seconds", 0),
    ("max_runtime_seconds", limits.RUNTIME_MAX_SECONDS + 1),
    ("max_runtime_seconds", "5"),
    ("max_runtime_seconds", True),
    ("notify_after_failures", -1),
    ("notify_after_failures", limits.FAILURES_MAX + 1),
    ("notify_after_failures", "2"),
    ("notify_on_up", "true"),
    ("notify_on_up", 1),
    ("notify_on_up", None),
    ("post_only", "on"),
    ("post_only", 0),
    ("use_regex_for_content", "yes"),
    ("slug", "Upper"),
    ("slug", "a b"),
    ("slug", "a/b"),
    ("slug", "../x"),
    ("slug", "j\u00f6b"),
    ("slug", "a\n"),
    ("slug", "123"),
    ("slug", "x" * (limits.SLUG_MAX + 1)),
    ("slug", "123e4567-e89b-42d3-a456-426614174000"),
    ("slug", 5),
    ("slug", ["a"]),
    ("slug", "a.b"),
    ("slug", "a\u0000"),
    ("slug", "\u0661\u0662"),
    ("tags", "a,b"),
    ("tags", {"a": 1}),
    ("tags", 5),
    ("tags", [5]),
    ("tags", [None]),
    ("tags", [["a"]]),
    ("tags", [{"id": 1}]),
    ("tags", ["a,b"]),
    ("tags", ["a\x00"]),
    ("tags", ["x" * (limits.TAG_MAX + 1)]),
    ("tags", [f"t{n}" for n in range(limits.TAGS_MAX + 1)]),
    ("description", "x" * (limits.DESCRIPTION_MAX + 1)),
    ("description", "a\x00b"),
    ("description", 5),
    ("description", None),
    ("schedule_type", "weekly"),
    ("schedule_type", None),
    ("schedule_type", 1),
    ("schedule_type", "CRON"),
    ("tz", "Mars/Olympus"),
    ("tz", ""),
    ("tz", None),
    ("tz", "../../etc/passwd"),
    ("tz", "Europe/Riga\x00"),
    ("tz", "x" * 100_000),
    ("expected_content", "x" * (limits.CONTENT_RULE_MAX + 1)),
    ("expected_content", 5),
    ("expected_content_type", "maybe"),
    ("channels", [0]),
    ("channels", [-1]),
    ("channels", [10**30]),
    ("channels", ["1"]),
    ("channels", [True]),
    ("channels", "1"),
    ("channels", list(range(limits.CHANNELS_MAX + 1))),
    ("channels", [2**53 + 1]),
]


@pytest.mark.parametrize(
    ("field", "value"), BAD_FIELDS, ids=lambda v: repr(v)[:30].encode("ascii", "replace").decode()
)
async def test_a_bad_field_is_named_and_nothing_changes(api: Caller, field: str, value: Any) -> None:
    check = await api.make()
    for method, path in (("POST", "/checks"), ("PUT", f"/checks/{check['id']}")):
        answer = await api.raw(method, path, merged(**{field: value}))
        assert answer.status_code == 400
        assert (await problem(answer)).keys() == {field}
    _, page = await api.call("GET", "/checks")
    assert page["items"] == [check]


GOOD_FIELDS = [
    ("name", "x" * limits.NAME_MAX),
    ("name", "<b>&\"' \u0645\u0631\u062d\u0628\u0627 \U0001f986"),
    ("interval_seconds", 1),
    ("interval_seconds", 366 * DAY),
    ("grace_seconds", limits.GRACE_MIN_SECONDS),
    ("grace_seconds", limits.GRACE_MAX_SECONDS),
    ("max_runtime_seconds", limits.RUNTIME_MIN_SECONDS),
    ("max_runtime_seconds", limits.RUNTIME_MAX_SECONDS),
    ("max_runtime_seconds", None),
    ("notify_after_failures", 0),
    ("notify_after_failures", limits.FAILURES_MAX),
    ("slug", "x" * limits.SLUG_MAX),
    ("slug", "a-_9"),
    ("slug", None),
    ("description", "x" * limits.DESCRIPTION_MAX),
    ("description", "a\nb\tc"),
    ("expected_content", "x" * limits.CONTENT_RULE_MAX),
    ("expected_content", None),
    ("channels", []),
]


@pytest.mark.parametrize(
    ("field", "value"), GOOD_FIELDS, ids=lambda v: repr(v)[:30].encode("ascii", "replace").decode()
)
async def test_a_field_at_its_limit_is_taken_and_shown(api: Caller, field: str, value: Any) -> None:
    check = await api.make(**{field: value})
    assert check[field] == value
    status, again = await api.call("PUT", f"/checks/{check['id']}", NEW | {field: value})
    assert (status, again[field]) == (200, value)


async def test_as_many_and_as_long_tags_as_may_be_are_taken(api: Caller) -> None:
    tags = [f"{n:02}" + "x" * (limits.TAG_MAX - 2) for n in range(limits.TAGS_MAX)]
    check = await api.make(tags=tags)
    assert [tag["name"] for tag in check["tags"]] == tags


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"schedule_type": "cron"}, "schedule"),
        ({"schedule_type": "cron", "schedule": ""}, "schedule"),
        ({"schedule_type": "cron", "schedule": "* * *"}, "schedule"),
        ({"schedule_type": "cron", "schedule": "0 0 30 2 *"}, "schedule"),
        ({"schedule_type": "cron", "schedule": "\x00"}, "schedule"),
        ({"schedule_type": "cron", "schedule": "* " * 100_000}, "schedule"),
        ({"schedule_type": "cron", "schedule": "0 3 * * *", "tz": "Nowhere"}, "tz"),
        ({"schedule_type": "oncalendar", "schedule": "never"}, "schedule"),
        ({"schedule_type": "oncalendar", "schedule": "2001-01-01"}, "schedule"),
        ({"schedule_type": "oncalendar", "schedule": "12:00 Nowhere/At"}, "schedule"),
        ({"expected_content": "(", "use_regex_for_content": True}, "expected_content"),
        ({"expected_content": "(?=x)", "use_regex_for_content": True}, "expected_content"),
        ({"expected_content": "(((x{100}){100}){100})", "use_regex_for_content": True}, "expected_content"),
    ],
)
async def test_schedules_and_rules_that_can_not_work_are_named(
    api: Caller, fields: dict[str, Any], field: str
) -> None:
    answer = await api.raw("POST", "/checks", merged(**fields))
    assert answer.status_code == 400
    assert (await problem(answer)).keys() == {field}


async def test_several_faults_are_told_at_once(api: Caller) -> None:
    answer = await api.raw("POST", "/checks", b'{"slug": "A", "grace_seconds": 0, "post_only": 1}')
    assert (await problem(answer)).keys() == {"name", "slug", "grace_seconds", "post_only"}


async def test_of_a_key_that_comes_twice_the_last_counts_and_unknown_ones_do_not(api: Caller) -> None:
    body = b'{"name":"a","name":"b","interval_seconds":60,"grace_seconds":5,"id":7,"user_id":1,"status":"up"}'
    answer = await api.raw("POST", "/checks", body)
    check = await answer.get_json()
    assert (answer.status_code, check["name"], check["status"]) == (201, "b", "new")


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "image/png; \xff", "multipart/form-data"],
)
async def test_the_content_type_does_not_matter(api: Caller, content_type: str) -> None:
    answer = await api.raw("POST", "/checks", merged(), Content_Type=content_type)
    assert answer.status_code == 201


async def test_a_megabyte_is_taken_and_one_byte_more_is_not(api: Caller) -> None:
    padded = merged() + b" " * (limits.JSON_BODY_MAX - len(merged()))
    assert (await api.raw("POST", "/checks", padded)).status_code == 201
    for method, path in (("POST", "/checks"), ("PUT", "/checks/1")):
        answer = await api.raw(method, path, padded + b" ")
        assert answer.status_code == 413
        await problem(answer)


@pytest.mark.parametrize("size", [limits.JSON_BODY_MAX + 1, 20_000_000])
@pytest.mark.parametrize("as_chunks", [False, True])
async def test_a_client_that_sends_too_much_hears_the_413(
    redis_server: RedisServer, account: Any, size: int, as_chunks: bool
) -> None:
    body = b" " * size
    head = request(
        "POST",
        "/api/v1/checks",
        f"X-Auth-Key: {account[1]}",
        "Transfer-Encoding: chunked" if as_chunks else f"Content-Length: {size}",
    )
    async with hypercorn_door(door_settings(redis_server)) as door, door.wire() as wire:
        await wire.send(head + (chunked(body) if as_chunks else body))
        answer = await wire.answer()
        assert answer.status == 413
        assert answer.json.keys() == {"detail", "errors"}


@pytest.mark.parametrize(
    "reference",
    [
        "0",
        "-1",
        "1e3",
        "99999999999999",
        "9" * 15,
        "9" * 16,
        "9" * 5_000,
        "%00",
        "%ff%fe",
        "..",
        "%2e%2e",
        "%2e%2e%2fkeys",
        "a%2Fb",
        "%0d%0aX-Evil:1",
        "\u0661",
        "*",
        "%F0%9F%A6%86",
        "0x1",
        "1 ",
        "+1",
        "nul\x7f",
        "123e4567-e89b-42d3-a456-426614174000",
        "a" * 10_000,
    ],
)
async def test_a_reference_to_no_check_is_a_404(api: Caller, reference: str) -> None:
    await api.make()
    for method, below in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/pings"),
        ("GET", "/content"),
        ("POST", "/pause"),
    ):
        answer = await api.raw(method, f"/checks/{reference}{below}")
        assert answer.status_code in (404, 405)
        await problem(answer)


@pytest.mark.parametrize("number", ["-1", "x", "9" * 4_299, "9" * 5_000, "%00", "1.5"])
async def test_a_body_with_no_such_number_is_a_404(api: Caller, number: str) -> None:
    check = await api.make()
    answer = await api.raw("GET", f"/checks/{check['id']}/pings/{number}/body")
    assert answer.status_code == 404
    await problem(answer)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("size=0", "size"),
        ("size=101", "size"),
        ("size=x", "size"),
        ("size=", "size"),
        ("size=1.5", "size"),
        ("size=" + "9" * 5_000, "size"),
        ("size=%ff", "size"),
        ("sort_by=grace_seconds", "sort_by"),
        ("sort_direction=up", "sort_direction"),
        ("sort_direction=%00", "sort_direction"),
        ("cursor=x", "cursor"),
        ("cursor=%ff", "cursor"),
        ("cursor=bg", "cursor"),
        ("cursor=eDE", "cursor"),
        ("cursor=bi0x", "cursor"),
        ("cursor=" + "A" * 10_000, "cursor"),
        ("cursor=bjk5OTk5OTk5OTk5OTk5OTk5OTk", "cursor"),
        ("cursor=btmh", "cursor"),
    ],
)
async def test_a_bad_query_of_the_list_is_named(api: Caller, query: str, field: str) -> None:
    await api.make()
    answer = await api.raw("GET", f"/checks?{query}")
    assert answer.status_code == 400
    assert (await problem(answer)).keys() == {field}


async def test_sizes_at_their_limits_are_taken(api: Caller) -> None:
    check = await api.make()
    for path in (
        "/checks?size=1",
        "/checks?size=100",
        f"/checks/{check['id']}/pings?size=1",
        f"/checks/{check['id']}/pings?size=1000",
    ):
        assert (await api.raw("GET", path)).status_code == 200
    for size in ("0", "1001", "x"):
        answer = await api.raw("GET", f"/checks/{check['id']}/pings?size={size}")
        assert (await problem(answer)).keys() == {"size"}


@pytest.mark.parametrize(
    "url",
    [
        "example.com",
        "ftp://example.com",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "http://a b/",
        "http://[::1",
        "http://user:pw@example.com/",
        "http://@example.com",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://example.com:x/",
        "http://exa\x00mple.com/",
        "http://example.com/\nx",
        "http://example.com\\@evil.com/",
        "http://example.com/#frag",
        "http://" + "a" * 300 + ".com/",
        "https://example.com/" + "x" * 2_048,
        "http://-a.com/",
        "http://a..b/",
        5,
        True,
        ["http://example.com"],
        {},
    ],
)
async def test_what_can_be_no_webhooks_url_is_refused(api: Caller, url: Any) -> None:
    check = await api.make()
    answer = await api.raw("PUT", f"/checks/{check['id']}/webhook", json.dumps({"webhook_url": url}).encode())
    assert answer.status_code == 400
    assert (await problem(answer)).keys() == {"webhook_url"}
    assert (await api.call("GET", f"/checks/{check['id']}"))[1] == check


async def test_a_webhook_is_changed_by_what_is_sent_and_cleared_by_null(api: Caller) -> None:
    check = await api.make()
    path = f"/checks/{check['id']}/webhook"

    async def put(body: Any) -> tuple[bool, bool]:
        status, seen = await api.call("PUT", path, body)
        assert status == 200
        assert "example.com" not in str(seen)
        return seen["webhook_enabled"], seen["webhook_configured"]

    assert await put({"webhook_url": "https://example.com/a?b=c"}) == (False, True)
    assert await put({"webhook_enabled": True}) == (True, True)
    assert await put({}) == (True, True)
    assert await put({"webhook_url": "http://127.0.0.1:9/" + "x" * 2_029}) == (True, True)
    assert await put({"webhook_url": None}) == (False, False)
    assert await put({"webhook_url": "https://example.com/", "webhook_enabled": False}) == (False, True)
    assert await put({"webhook_url": ""}) == (False, False)
    assert len((await api.call("GET", f"/checks/{check['id']}"))[1]["channels"]) == 1
    for body in (b"", b"[]", b"null", b'{"webhook_enabled": "yes"}', b'{"webhook_enabled": 1}', b"\xff"):
        answer = await api.raw("PUT", path, body)
        assert answer.status_code == 400
        await problem(answer)


async def test_errors_below_api_are_json_and_elsewhere_they_are_pages(api: Caller) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("GET", "/checks/1/2/3", 404),
        ("PATCH", "/checks", 405),
        ("DELETE", "/keys", 405),
        ("GET", "/keys", 405),
        ("POST", "/checks/1", 405),
    ):
        answer = await api.raw(method, path)
        assert answer.status_code == status
        await problem(answer)
        assert ("Allow" in answer.headers) == (status == 405)
    page = await api.client.get("/no/such/page")
    assert (page.status_code, page.mimetype) == (404, "text/html")


async def test_a_fault_of_ours_is_logged_and_a_500_in_json(
    api: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault for the test")

    monkeypatch.setattr(keys_api, "create_user", broken)
    with caplog.at_level(logging.ERROR):
        answer = await api.client.post("/api/v1/keys")
    assert answer.status_code == 500
    assert await problem(answer) == {}
    assert "a fault for the test" not in str(await answer.get_data())
    assert "a fault for the test" in caplog.text


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /api/v1/checks HTTP/1.1\r\nHost: [\r\nX-Auth-Key: KEY\r\n\r\n",
        b"GET /api/v1/checks HTTP/1.1\r\nHost: \xff\xfe\r\nX-Auth-Key: KEY\r\n\r\n",
        b"GET /api/v1/checks/1 HTTP/1.1\r\nHost: a:b:c\r\nX-Auth-Key: KEY\r\n\r\n",
        b"GET /api/v1/checks?size=%ff%00 HTTP/1.1\r\nHost: x\r\nX-Auth-Key: KEY\r\n\r\n",
        b"GET /api/v1/%ff%fe HTTP/1.1\r\nHost: x\r\nX-Auth-Key: KEY\r\n\r\n",
        b"GET /api/v1/checks HTTP/1.1\r\nHost: x\r\nX-Auth-Key: KEY\r\nCookie: \xff=\x80; ;;=\r\nAccept: \xff\r\n\r\n",
        b"GET http://[/api/v1/checks HTTP/1.1\r\nHost: x\r\nX-Auth-Key: KEY\r\n\r\n",
        b"GET ?x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/v1/checks HTTP/1.0\r\nX-Auth-Key: KEY\r\n\r\n",
        b"POST /api/v1/keys HTTP/1.1\r\nHost: x\r\nContent-Type: \xff\r\nContent-Length: 2\r\n\r\n\xff\xff",
    ],
)
async def test_odd_bytes_on_the_wire_are_no_fault_of_ours(
    redis_server: RedisServer, api: Caller, raw: bytes
) -> None:
    await api.make()
    async with hypercorn_door(door_settings(redis_server)) as door, door.wire() as wire:
        await wire.send(raw.replace(b"KEY", api.key.encode()))
        assert (await wire.answer()).status < 500


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
async def test_no_json_whatever_is_a_fault_of_ours(app: Quart, api: Caller) -> None:
    check = await api.make()
    scalar = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    value = st.recursive(
        scalar,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=10,
    )
    names = st.sampled_from(sorted({*check, "webhook_url"}))
    body = st.binary(max_size=60) | st.dictionaries(names, value, max_size=6).map(
        lambda fields: json.dumps(NEW | fields, ensure_ascii=False).encode("utf-8", "surrogatepass")
    )
    where = st.sampled_from(
        [("POST", "/checks"), ("PUT", f"/checks/{check['id']}"), ("PUT", f"/checks/{check['id']}/webhook")]
    )
    found: list[tuple[str, str, bytes]] = []

    @settings(
        max_examples=250,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(where, body)
    def collect(target: tuple[str, str], sent: bytes) -> None:
        found.append((*target, sent))

    collect()
    for method, path, sent in found:
        answer = await api.raw(method, path, sent)
        assert answer.status_code in (200, 201, 400, 409), (method, path, sent)
        if answer.status_code >= 400:
            await problem(answer)
        else:
            # What was taken can be read back, alone and in the list.
            assert (await api.raw("GET", f"/checks/{(await answer.get_json())['id']}")).status_code == 200
    assert (await api.raw("GET", "/checks?size=100")).status_code == 200


async def test_no_path_or_query_whatever_is_a_fault_of_ours(client: Client, api: Caller) -> None:
    part = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(lambda s: s.isprintable())
    found: list[tuple[str, str]] = []

    @settings(
        max_examples=200,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(
        st.sampled_from(["/api/v1/checks/", "/api/v1/", "/p/", "/ping/", "/p/x/"]),
        st.lists(part, max_size=3),
        part,
    )
    def collect(start: str, parts: list[str], query: str) -> None:
        found.append((start + "/".join(quote(p, safe="%") for p in parts), quote(query, safe="&=%")))

    collect()
    for path, query in found:
        answer = await ask(client, "GET", f"{path}?{query}", b"", {"X-Auth-Key": api.key})
        assert answer.status_code < 500, (path, query)


@pytest.mark.parametrize("body", [b"", b" \n"])
async def test_an_empty_body_is_told_from_a_broken_one(api: Caller, body: bytes) -> None:
    answer = await api.raw("POST", "/checks", body)
    assert answer.status_code == 400
    assert await problem(answer) == {"": "A JSON object is needed; the body is empty."}
    assert await problem(await api.raw("POST", "/checks", b"[]")) == {"": "A JSON object is needed."}


async def test_a_wrong_address_or_method_is_told_in_words_of_the_api(api: Caller) -> None:
    status, answer = await api.call("GET", "/cheks")
    assert (status, answer["detail"]) == (404, "There is no such call; /docs/api lists them.")
    status, answer = await api.call("POST", "/checks/1")
    assert (status, answer["detail"]) == (405, "This address takes GET, PUT, PATCH, DELETE.")


async def test_short_texts_and_unknown_names_are_told_with_what_is_needed(api: Caller) -> None:
    answer = await api.raw("POST", "/checks/export", b'{"passphrase": "short"}')
    assert await problem(answer) == {"passphrase": "At least 8 characters."}
    answer = await api.raw("GET", "/checks?status=gone")
    assert (await problem(answer))["status"].startswith("One or several of new, up, down,")
