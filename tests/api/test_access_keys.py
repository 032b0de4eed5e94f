"""Access keys and logins over the API: each by itself, bound ones refuse, and one that only reads changes nothing."""

import json
from typing import Any, cast

import pytest
from quart import Quart
from quart.typing import TestClientProtocol as Client

from tests.api.conftest import Caller, ask, problem
from tests.api.world import call, make_world, operations
from tests.conftest import MASTER_KEY
from ttr.domain.allowance import Limit
from ttr.domain.limits import ACCESS_KEYS_MAX, BINDINGS_MAX, NAME_MAX
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.redis import Store
from ttr.store.sessions import open_session, session_user
from ttr.store.users import User, create_user, digest

HERE = "127.0.0.1"
ELSEWHERE = "203.0.113.0/24"
PAGE = "https://app.example.com"


class _Local:
    """A client that comes from this machine; Quart's own has no address."""

    def __init__(self, client: Client) -> None:
        self._client: Any = client

    def open(self, path: str, **options: Any) -> Any:
        return self._client.open(path, scope_base={"client": (HERE, 4711)}, **options)


@pytest.fixture
def api(client: Client, account: tuple[User, str]) -> Caller:
    """A caller from this machine."""
    return Caller(cast(Client, _Local(client)), *account)


@pytest.fixture
async def other(client: Client, store: Store) -> Caller:
    """A caller with another account."""
    return Caller(client, *await create_user(store, now=now_ms(), master=MASTER_KEY))


async def make(api: Caller, **fields: Any) -> tuple[Any, Caller]:
    """Another key of the account, and a caller with it."""
    status, made = await api.call("POST", "/user/keys", {"name": "Another"} | fields)
    assert status == 201, made
    return made, Caller(api.client, api.user, made["auth_key"])


def own(api: Caller) -> str:
    """The path of the caller's own key."""
    return f"/user/keys/{digest(api.key)[:16]}"


async def test_a_key_is_made_shown_once_and_listed_without_itself(api: Caller) -> None:
    answer = await api.raw("POST", "/user/keys", b'{"name": " Laptop ", "addresses": ["127.0.0.0/8"]}')
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    made = await answer.get_json()
    auth_key = made.pop("auth_key")
    mine = Caller(api.client, api.user, auth_key)
    assert (made["id"], made["name"]) == (digest(auth_key)[:16], "Laptop")
    assert (made["last4"], made["current"]) == (auth_key[-4:], False)
    assert (made["last_used"], made["last_used_from"]) == (None, None)
    text = await (await mine.raw("GET", "/user/keys")).get_data(as_text=True)
    assert auth_key not in text
    first, second = json.loads(text)
    assert (first["current"], second["current"]) == (False, True)
    assert second["last_used_from"] == HERE
    assert second | {"last_used": None, "last_used_from": None, "current": False} == made


async def test_a_key_is_renamed_bound_replaced_and_revoked(api: Caller) -> None:
    made, second = await make(api)
    path = f"/user/keys/{made['id']}"
    status, changed = await api.call("PATCH", path, {"name": "Ops", "origins": [f"{PAGE}:443"]})
    assert (status, changed["name"], changed["origins"]) == (200, "Ops", [PAGE])
    assert (await api.call("PATCH", path, {"name": None, "scope": "read"}))[1] == changed
    assert (await api.call("PATCH", path, {"origins": []}))[1]["origins"] == []
    status, replaced = await api.call("POST", f"{path}/rotate")
    assert (status, replaced["name"]) == (200, "Ops")
    assert (await second.call("GET", "/user/me"))[0] == 401
    third = Caller(api.client, api.user, replaced["auth_key"])
    assert (await third.call("GET", "/user/me"))[0] == 200
    assert (await api.call("DELETE", path))[0] == 404
    path = f"/user/keys/{replaced['id']}"
    assert (await api.call("DELETE", path))[0] == 204
    status, refused = await third.call("GET", "/user/me")
    assert status == 401
    assert "revoked" in refused["detail"]
    assert (await api.call("DELETE", path))[0] == 404


async def test_the_calling_key_is_replaced_and_no_other(api: Caller) -> None:
    _, second = await make(api)
    status, answer = await second.call("POST", "/user/rotate-key")
    assert status == 200
    assert (await second.call("GET", "/user/me"))[0] == 401
    assert (await api.call("GET", "/user/me"))[0] == 200
    assert (await Caller(api.client, api.user, answer["auth_key"]).call("GET", "/user/me"))[0] == 200


async def test_a_key_ends_itself_and_the_last_one_does_not(api: Caller) -> None:
    _, second = await make(api)
    await make(api, scope="read")
    assert (await api.call("DELETE", own(api)))[0] == 204
    assert (await api.call("GET", "/user/me"))[0] == 401
    answer = await second.raw("DELETE", own(second))
    assert answer.status_code == 409
    await problem(answer)
    assert (await second.call("GET", "/user/me"))[0] == 200


async def test_another_accounts_keys_and_logins_are_not_there(
    api: Caller, other: Caller, store: Store
) -> None:
    made, _ = await make(other)
    await make(other)
    session = await open_session(store, other.user, now_ms())
    for name in (made["id"], digest(other.key), "0" * 16, "", " ", "x", "%00", "*", "\u0661"):
        for method, rest in (("PATCH", ""), ("DELETE", ""), ("POST", "/rotate")):
            answer = await api.raw(method, f"/user/keys/{name}{rest}", b"{}")
            assert answer.status_code in (404, 405), name
            await problem(answer)
    for name in (digest(session)[:16], session, "x", "%00"):
        assert (await api.raw("DELETE", f"/user/sessions/{name}")).status_code == 404
    assert len((await other.call("GET", "/user/keys"))[1]) == 3
    assert await session_user(store, session) is not None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * (NAME_MAX + 1)}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": 5}, "name"),
        ({"name": "a", "scope": "write"}, "scope"),
        *(
            ({"name": "a", "addresses": [bad]}, "addresses")
            for bad in ("", "x", "10.0.0.1/8", "1.2.3.4/33", "::ffff:1.2.3.4", "fe80::1%eth0", "1.2.3.4:80")
        ),
        ({"name": "a", "addresses": "10.0.0.0/8"}, "addresses"),
        ({"name": "a", "addresses": [f"10.0.0.{n}" for n in range(BINDINGS_MAX + 1)]}, "addresses"),
        *(
            ({"name": "a", "origins": [bad]}, "origins")
            for bad in (
                *("", "*", "null", "app.example.com", "ftp://a.example", "https://a.example/", "https://a/b"),
                *(
                    "https://u:p@a.example",
                    "https://a.example?x",
                    "https://a.example#x",
                    "https://",
                    "https://a:b",
                ),
                *("https://*.example.com", "https://a.example:99999", "javascript://a", "https://ä.example"),
            )
        ),
        ({"name": "a", "origins": [f"https://a{n}.example" for n in range(BINDINGS_MAX + 1)]}, "origins"),
    ],
)
async def test_what_a_key_can_not_be_is_said_beside_its_field(
    api: Caller, body: dict[str, Any], field: str
) -> None:
    answer = await api.raw("POST", "/user/keys", json.dumps(body).encode())
    assert answer.status_code == 400
    assert field in await problem(answer)
    if body:
        answer = await api.raw("PATCH", own(api), json.dumps(body).encode())
        assert (answer.status_code == 400) == (field != "scope")
    assert len((await api.call("GET", "/user/keys"))[1]) == 1


async def test_what_is_just_allowed_is_taken(api: Caller) -> None:
    fields = {
        "name": "x" * NAME_MAX,
        "addresses": [f"10.0.0.{n}" for n in range(BINDINGS_MAX - 1)] + ["2001:DB8::/32"],
        "origins": [f"http://a{n}.example:8080" for n in range(BINDINGS_MAX - 1)] + ["HTTPS://[::1]:3000"],
    }
    made, _ = await make(api, **fields)
    assert made["addresses"][0] == "10.0.0.0/32"
    assert made["addresses"][-1] == "2001:db8::/32"
    assert made["origins"][-1] == "https://[::1]:3000"


async def test_there_are_so_many_keys(app: Quart, settings: Settings, api: Caller) -> None:
    app.extensions["ttr_settings"] = settings.model_copy(update={"rate_limits": ()})
    for _ in range(ACCESS_KEYS_MAX - 1):
        await make(api)
    answer = await api.raw("POST", "/user/keys", b'{"name": "One more"}')
    assert answer.status_code == 409
    await problem(answer)
    assert len((await api.call("GET", "/user/keys"))[1]) == ACCESS_KEYS_MAX


async def test_a_key_that_only_reads_changes_nothing_on_any_route(app: Quart, store: Store) -> None:
    world = await make_world(app, store)
    app.extensions["ttr_settings"] = app.extensions["ttr_settings"].model_copy(update={"rate_limits": ()})
    _, reader = await make(world.api, scope="read")
    before = (await world.api.call("GET", "/user/me"))[1]
    asked = 0
    for route, _ in operations(app):
        if route.method != "GET" and not route.said.public:
            answer = await call(app, route, variables=world.known, key=reader.key, body={})
            assert answer.status_code == 403, (route.method, route.path)
            await problem(answer)
            asked += 1
    assert asked > 30
    after = (await world.api.call("GET", "/user/me"))[1]
    assert [key["name"] for key in after["keys"]] == [key["name"] for key in before["keys"]]
    assert after["checks"] == before["checks"]
    assert (await reader.call("GET", "/checks"))[0] == 200


async def test_a_method_override_makes_no_write_of_a_read(api: Caller) -> None:
    _, reader = await make(api, scope="read")
    for headers in ({"X_HTTP_Method_Override": "DELETE"}, {"X_Method_Override": "POST"}):
        await reader.raw("GET", f"{own(api)}?_method=DELETE", **headers)
    assert len((await api.call("GET", "/user/keys"))[1]) == 2


@pytest.mark.parametrize("forwarded", ["203.0.113.7", "203.0.113.7, 203.0.113.8", "[203.0.113.7]:80"])
async def test_a_key_that_is_bound_elsewhere_believes_no_header_from_anybody(
    api: Caller, forwarded: str
) -> None:
    _, bound = await make(api, addresses=[ELSEWHERE])
    for headers in (
        {"X_Forwarded_For": forwarded},
        {"X_Real_IP": forwarded},
        {"Forwarded": f"for={forwarded}"},
        {"CF_Connecting_IP": forwarded},
        {"True_Client_IP": forwarded},
    ):
        answer = await bound.raw("GET", "/user/me", **headers)
        assert answer.status_code == 403
        await problem(answer)


async def test_a_trusted_proxy_tells_where_a_bound_key_comes_from(
    api: Caller, app: Quart, settings: Settings
) -> None:
    trusting = Settings.model_validate(settings.model_dump() | {"trusted_proxies": "127.0.0.1/32"})
    app.extensions["ttr_settings"] = trusting
    _, bound = await make(api, addresses=[ELSEWHERE])
    assert (await bound.raw("GET", "/user/me", X_Forwarded_For="203.0.113.7")).status_code == 200
    # What stands further left was sent by the client itself.
    forged = await bound.raw("GET", "/user/me", X_Forwarded_For="203.0.113.7, 198.51.100.1")
    assert forged.status_code == 403
    assert (await bound.raw("GET", "/user/me")).status_code == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (PAGE, 200),
        (PAGE.upper(), 200),
        ("", 403),
        ("null", 403),
        ("http://app.example.com", 403),
        (f"{PAGE}.evil.example", 403),
        (f"{PAGE}:8443", 403),
        (f"{PAGE}/", 403),
    ],
)
async def test_a_key_that_is_bound_to_an_origin_takes_that_alone(
    api: Caller, origin: str, status: int
) -> None:
    _, bound = await make(api, origins=[PAGE])
    headers = {"Origin": origin} if origin else {}
    assert (await bound.raw("GET", "/user/me", **headers)).status_code == status


async def test_a_page_that_sends_no_origin_is_known_by_its_referer(api: Caller) -> None:
    _, bound = await make(api, origins=[PAGE])
    for referer, status in (
        (f"{PAGE}/a?b", 200),
        (f"https://evil.example/{PAGE}", 403),
        (f"{PAGE}.evil.example/", 403),
    ):
        assert (await bound.raw("GET", "/user/me", Referer=referer)).status_code == status
    # An Origin goes before it.
    assert (await bound.raw("GET", "/user/me", Origin="null", Referer=PAGE)).status_code == 403


async def test_refusals_of_a_bound_key_count_as_failed_tries(
    api: Caller, app: Quart, settings: Settings
) -> None:
    _, bound = await make(api, addresses=[ELSEWHERE])
    app.extensions["ttr_settings"] = settings.model_copy(
        update={"rate_limits": (Limit("api-address", 3, 3_600),)}
    )
    answers = [(await bound.raw("GET", "/user/me")).status_code for _ in range(5)]
    assert answers == [403, 403, 403, 429, 429]
    guesses = [
        (await Caller(api.client, api.user, f"{'x' * 31}{n}").raw("GET", "/user/me")) for n in range(3)
    ]
    assert {guess.status_code for guess in guesses} == {429}
    # Who has a key that works is not kept out by those who guess beside him.
    assert (await api.raw("GET", "/user/me")).status_code == 200


async def test_where_bindings_are_turned_off_none_is_set_and_none_refuses(
    api: Caller, app: Quart, settings: Settings
) -> None:
    _, bound = await make(api, addresses=[ELSEWHERE], origins=[PAGE])
    app.extensions["ttr_settings"] = settings.model_copy(
        update={"xauth_enforce_ip": False, "xauth_enforce_origin": False}
    )
    assert (await bound.raw("GET", "/user/me")).status_code == 200
    for field, value in (("addresses", HERE), ("origins", PAGE)):
        for method, path in (("POST", "/user/keys"), ("PATCH", own(bound))):
            answer = await api.raw(method, path, json.dumps({"name": "a", field: [value]}).encode())
            assert answer.status_code == 409
            assert list(await problem(answer)) == [field]
    assert (await api.call("PATCH", own(bound), {"addresses": [], "origins": []}))[0] == 200


async def test_the_calling_key_is_not_bound_so_that_it_locks_its_owner_out(api: Caller) -> None:
    answer = await api.raw("PATCH", own(api), json.dumps({"addresses": [ELSEWHERE]}).encode())
    assert answer.status_code == 409
    assert "locked out" in (await problem(answer))["addresses"]
    answer = await api.raw("PATCH", own(api), json.dumps({"origins": [PAGE]}).encode())
    assert answer.status_code == 409
    assert (await api.call("PATCH", own(api), {"addresses": [ELSEWHERE, HERE]}))[0] == 200
    assert (await api.call("GET", "/user/me"))[0] == 200


async def test_logins_are_listed_and_ended(api: Caller, store: Store) -> None:
    _, second = await make(api)
    mine = await open_session(store, api.user, now_ms(), address="203.0.113.9", agent="Firefox/1")
    _, found = await second.call("GET", "/user/sessions")
    ((only),) = found
    assert (only["id"], only["opened_by"], only["key"]) == (digest(mine)[:16], "key", digest(api.key)[:16])
    assert (only["address"], only["user_agent"]) == ("203.0.113.9", "Firefox/1")
    assert mine not in json.dumps(found)
    assert (await second.call("DELETE", f"/user/sessions/{only['id']}"))[0] == 204
    assert await session_user(store, mine) is None
    assert (await second.call("GET", "/user/sessions"))[1] == []


async def test_a_use_is_written_once_a_minute(api: Caller, store: Store) -> None:
    uses, key_digest = keys.key_uses(api.user.partition, api.user.id), digest(api.key)
    for ago, address in ((5_000, "192.0.2.1"), (61_000, HERE), (-60_000, HERE)):
        await store.redis.hset(uses, key_digest, f"{now_ms() - ago} 192.0.2.1")
        await api.call("GET", "/user/me")
        assert (await store.redis.hget(uses, key_digest)).decode().endswith(f" {address}"), ago


async def test_pages_of_other_origins_may_read_answers_and_send_no_cookie(api: Caller, app: Quart) -> None:
    answer = await api.raw("GET", "/checks", Origin=PAGE)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    refused = await Caller(api.client, api.user, "x" * 32).raw("GET", "/checks", Origin=PAGE)
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, "*")
    before = {"Origin": PAGE, "Access-Control-Request-Method": "PATCH"}
    asked = await ask(app.test_client(), "OPTIONS", "/api/v1/user/keys/1", b"", before)
    assert asked.status_code in (200, 204)
    assert "PATCH" in asked.headers["Access-Control-Allow-Methods"]
    assert "X-Auth-Key" in asked.headers["Access-Control-Allow-Headers"]
    assert "Authorization" not in asked.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in asked.headers
    for path in ("/", "/dashboard", "/health"):
        page = await app.test_client().get(path, headers={"Origin": PAGE})
        assert "Access-Control-Allow-Origin" not in page.headers
