"""The account itself over the API: what it shows, another key, other slugs, its end."""

from typing import Any

import pytest
from quart import Quart
from quart.typing import TestClientProtocol as Client

from tests.api.conftest import Caller, problem
from tests.conftest import MASTER_KEY
from ttr.accounts import SLUG_IS_FIXED
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.account_slugs import FORMER_MAX
from ttr.store.redis import Store
from ttr.store.sessions import open_session, session_user
from ttr.store.users import create_user, digest

UUID = "123e4567-e89b-42d3-a456-426614174000"
BAD_SLUGS = ["", "ab", "x" * 101, "Acme", "a b c", "ac/me", "größe", "acme\n", UUID, UUID.replace("e", "0")]


@pytest.fixture
async def other(client: Client, store: Store) -> Caller:
    """A caller with another account."""
    return Caller(client, *await create_user(store, now=now_ms(), master=MASTER_KEY))


async def me(api: Caller) -> Any:
    """The account as it is shown."""
    status, found = await api.call("GET", "/user/me")
    assert status == 200
    return found


async def test_an_account_is_shown_with_what_it_has_and_never_with_a_key(api: Caller) -> None:
    await api.make()
    await api.call("POST", "/channels", {"kind": "webhook", "enabled": False})
    await api.call("POST", "/status-pages", {"name": "Page", "slug": "page"})
    answer = await api.raw("GET", "/user/me")
    text = await answer.get_data(as_text=True)
    found = await me(api)
    assert api.key not in text
    assert api.key[-5:] not in text
    assert api.user.data_key not in text
    assert digest(api.key) not in text
    assert answer.headers["Cache-Control"] == "private, no-cache"
    ((key,), created) = found.pop("keys"), found.pop("created_at")
    used = key.pop("last_used")
    assert key == {
        "id": digest(api.key)[:16],
        "name": "First key",
        "last4": api.key[-4:],
        "created_at": created,
        "scope": "full",
        "addresses": [],
        "origins": [],
        "last_used_from": None,
        "current": True,
    }
    assert used >= created
    assert created.endswith("Z")
    assert found == {
        "id": api.user.id,
        "slug": api.user.user_slug,
        "user_slug": api.user.user_slug,
        "public_slug": api.user.public_slug,
        "former_slugs": [],
        "checks": 1,
        "channels": 1,
        "status_pages": 1,
        "telegram_user_id": None,
        "telegram_first_name": None,
        "telegram_username": None,
        "limits": {
            "checks": 10_000,
            "channels": 1_000,
            "status_pages": 20,
            "pings_per_check": 100,
            "body_bytes": 20_000_000,
            "former_slugs": FORMER_MAX,
        },
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/user/me"),
        ("POST", "/user/rotate-key"),
        ("POST", "/user/slug"),
        ("GET", "/user/slug-check?slug=acme"),
        ("DELETE", "/user/former-slugs/acme"),
        ("POST", "/user/delete"),
    ],
)
async def test_every_call_needs_a_key(client: Client, api: Caller, method: str, path: str) -> None:
    before = await me(api)
    for key in ("", "x" * 32, "short", api.key[:-1] + "ä"):
        answer = await Caller(client, api.user, key).raw(method, path, b'{"slug": "acme"}')
        assert answer.status_code == 401
        await problem(answer)
    assert await me(api) == before


async def test_a_new_key_takes_over_and_the_old_one_says_that_it_was_replaced(
    api: Caller, store: Store, client: Client
) -> None:
    session = await open_session(store, api.user, now_ms())
    answer = await api.raw("POST", "/user/rotate-key")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    new = (await answer.get_json())["auth_key"]
    for method, path in (("GET", "/user/me"), ("POST", "/user/rotate-key"), ("POST", "/user/delete")):
        refused = await api.raw(method, path)
        assert refused.status_code == 401
        assert "replaced" in (await refused.get_json())["detail"]
    assert await session_user(store, session) is None
    after = Caller(client, api.user, new)
    assert (await me(after))["keys"][0]["last4"] == new[-4:]
    await store.redis.delete(*await store.redis.keys("ttr:access-key:*"))
    assert "opens no account" in (await (await api.raw("GET", "/user/me")).get_json())["detail"]


async def test_a_replaced_key_opens_no_session_and_the_page_says_why(api: Caller, client: Client) -> None:
    await api.call("POST", "/user/rotate-key")
    page = await (await client.get("/")).get_data(as_text=True)
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    answer = await client.post("/login", form={"auth_key": api.key, "csrf_token": token})
    assert answer.status_code == 422
    assert "it was replaced by a new one" in await answer.get_data(as_text=True)


async def test_slugs_change_and_the_former_one_is_shown_until_it_ends(api: Caller) -> None:
    status, user = await api.call("POST", "/user/slug", {"slug": "acme", "public_slug": "acme-inc"})
    assert status == 200
    assert (user["slug"], user["user_slug"], user["public_slug"]) == ("acme", "acme", "acme-inc")
    ((former),) = user["former_slugs"]
    assert former.keys() == {"slug", "until"}
    assert former["slug"] == api.user.user_slug
    assert await me(api) == user
    assert (await api.make())["ping_url"].startswith("http://localhost/p/acme/")
    status, nothing = await api.call("DELETE", f"/user/former-slugs/{api.user.user_slug}")
    assert (status, nothing) == (204, None)
    assert (await me(api))["former_slugs"] == []
    for slug in (api.user.user_slug, "acme", "none", "a/b", "%00"):
        answer = await api.raw("DELETE", f"/user/former-slugs/{slug}")
        assert answer.status_code == 404
        await problem(answer)


async def test_a_slug_of_another_account_is_a_409_beside_its_field(api: Caller, other: Caller) -> None:
    await other.call("POST", "/user/slug", {"slug": "acme", "public_slug": "acme"})
    before = await me(api)
    for field, body in (
        ("slug", {"slug": "acme"}),
        ("slug", {"slug": other.user.user_slug}),
        ("public_slug", {"public_slug": "acme"}),
        ("public_slug", {"slug": "mine", "public_slug": "acme"}),
    ):
        answer = await api.raw("POST", "/user/slug", repr(body).replace("'", '"').encode())
        assert answer.status_code == 409
        assert await problem(answer) == {field: "Another account has this slug."}
    assert await me(api) == before
    # The other's public slug before is free again, its user slug not before a month is over.
    assert (await api.call("POST", "/user/slug", {"public_slug": other.user.public_slug}))[0] == 200


async def test_where_ping_slugs_are_fixed_a_new_one_is_a_409(
    api: Caller, app: Quart, settings: Settings
) -> None:
    app.extensions["ttr_settings"] = settings.model_copy(update={"user_slug_enabled": False})
    for body in (b'{"slug": "acme"}', b'{"slug": "acme", "public_slug": "acme-inc"}'):
        answer = await api.raw("POST", "/user/slug", body)
        assert answer.status_code == 409
        assert await problem(answer) == {"slug": SLUG_IS_FIXED}
    assert (await me(api))["public_slug"] == api.user.public_slug
    assert (await api.call("POST", "/user/slug", {"public_slug": "acme-inc"}))[0] == 200


async def test_a_sixth_former_slug_is_refused(api: Caller) -> None:
    for number in range(FORMER_MAX):
        assert (await api.call("POST", "/user/slug", {"slug": f"slug-{number}"}))[0] == 200
    answer = await api.raw("POST", "/user/slug", b'{"slug": "slug-9"}')
    assert answer.status_code == 409
    await problem(answer)
    assert (await me(api))["slug"] == "slug-4"


@pytest.mark.parametrize("slug", BAD_SLUGS)
async def test_a_slug_of_another_form_is_refused(api: Caller, slug: str) -> None:
    for field in ("slug", "public_slug"):
        status, answer = await api.call("POST", "/user/slug", {field: slug})
        assert (status, [error["field"] for error in answer["errors"]]) == (400, [field]), slug
    assert (await me(api))["former_slugs"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"slug": null}',
        b'{"slug": 5}',
        b'{"slug": ["acme"]}',
        b"\xff",
        b'"acme"',
    ],
)
async def test_a_body_that_asks_for_nothing_is_refused(api: Caller, body: bytes) -> None:
    answer = await api.raw("POST", "/user/slug", body)
    assert answer.status_code == 400
    await problem(answer)


async def test_whether_a_slug_is_free_is_told_without_a_change(api: Caller, other: Caller) -> None:
    await other.call("POST", "/user/slug", {"slug": "acme", "public_slug": "acme-inc"})
    before = (await me(api), await me(other))

    async def check(**query: str) -> int:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        answer = await api.raw("GET", f"/user/slug-check?{asked}")
        if answer.status_code == 204:
            assert await answer.get_data(as_text=False) == b""
        else:
            assert list(await problem(answer)) == ["family" if query.get("family") == "x" else "slug"]
        return answer.status_code

    assert await check(slug="free") == 204
    assert await check(slug=api.user.user_slug) == 204
    assert await check(slug="acme-inc") == 204
    assert await check(slug="acme") == 409
    assert await check(slug=other.user.user_slug) == 409
    assert await check(slug="acme", family="public_slug") == 204
    assert await check(slug="acme-inc", family="public_slug") == 409
    for bad in ({"slug": "Ac"}, {"slug": ""}, {}, {"family": "public_slug"}, {"slug": "acme", "family": "x"}):
        assert await check(**bad) == 400
    assert (await me(api), await me(other)) == before


async def test_a_deleted_account_is_gone_and_its_key_says_so_for_a_day(
    api: Caller, other: Caller, store: Store
) -> None:
    await api.make(slug="job")
    theirs = await other.make(slug="job")
    answer = await api.raw("POST", "/user/delete")
    assert (answer.status_code, await answer.get_data(as_text=False)) == (204, b"")
    for method, path in (("GET", "/user/me"), ("GET", "/checks"), ("POST", "/user/delete")):
        refused = await api.raw(method, path)
        assert refused.status_code == 401
        assert "deleted" in (await refused.get_json())["detail"]
    assert await store.redis.exists(keys.user(api.user.partition, api.user.id)) == 0
    assert (await other.call("GET", "/checks/job"))[1]["id"] == theirs["id"]
    assert (await me(other))["checks"] == 1
    # Its slugs are anybody's.
    wanted = {"slug": api.user.user_slug, "public_slug": api.user.public_slug}
    assert (await other.call("POST", "/user/slug", wanted))[0] == 200
