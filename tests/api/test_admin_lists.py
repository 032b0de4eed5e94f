"""What admins list over the API: all accounts, and the checks of all of them."""

from typing import Any

import pytest
from quart import Quart

from tests.admins import make_admin
from tests.api.conftest import Caller
from tests.api.test_admin import log_in
from tests.store.crowd import make_crowd
from ttr.store.admins import read_admin
from ttr.store.redis import Store


async def listed(app: Quart, store: Store, path: str, *, status: int = 200) -> dict[str, Any]:
    """The answer to an admin."""
    await make_admin_once(store)
    client, got = await log_in(app)
    headers = {"Authorization": f"Bearer {got['access_token']}"}
    answer = await client.get(f"/api/v1/admin/{path}", headers=headers)
    assert answer.status_code == status, await answer.get_data()
    assert "no-cache" in answer.headers["Cache-Control"] or status != 200
    found: dict[str, Any] = await answer.get_json()
    return found


async def make_admin_once(store: Store) -> None:
    """An admin named ops, if there is none yet."""
    if await read_admin(store, "ops") is None:
        await make_admin(store)


async def test_accounts_come_a_page_at_a_time(app: Quart, store: Store) -> None:
    await make_crowd(store, 5)
    first = await listed(app, store, "accounts?size=3")
    assert [one["id"] for one in first["items"]] == [5, 4, 3]
    assert (first["looked"], first["next_cursor"]) == (3, "3")
    assert (first["items"][0]["checks"], first["items"][0]["key_used_at"]) == (1, None)
    rest = await listed(app, store, "accounts?size=3&cursor=3")
    assert ([one["id"] for one in rest["items"]], rest["next_cursor"]) == ([2, 1], None)
    assert "u5" not in str(first)  # the ping slug


async def test_checks_come_a_page_at_a_time_and_by_filter(app: Quart, store: Store) -> None:
    await make_crowd(store, 5)
    first = await listed(app, store, "checks?size=3")
    assert [(one["id"], one["account"], one["name"]) for one in first["items"]] == [
        (number, number, f"check {number}") for number in (5, 4, 3)
    ]
    assert (first["looked_at"], first["next_cursor"]) == ("checks", "2")
    rest = await listed(app, store, "checks?cursor=2")
    assert ([one["id"] for one in rest["items"]], rest["next_cursor"]) == ([2, 1], None)
    found = await listed(app, store, "checks?q=CHECK+4")
    assert ([one["id"] for one in found["items"]], found["looked_at"]) == ([4], "accounts")
    assert (await listed(app, store, "checks?status=down"))["items"] == []
    page = await listed(app, store, "checks?status=new&size=2")
    onward = await listed(app, store, f"checks?status=new&size=9&cursor={page['next_cursor']}")
    assert [one["id"] for one in page["items"] + onward["items"]] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "path",
    [
        *("accounts?size=0", "accounts?size=101", "accounts?cursor=x", "accounts?cursor=-1"),
        *("checks?size=0", "checks?size=101", "checks?cursor=1.2.3", "checks?status=sideways"),
        f"checks?q={'x' * 101}",
    ],
)
async def test_a_bad_query_is_refused(app: Quart, store: Store, path: str) -> None:
    assert (await listed(app, store, path, status=400))["errors"]


@pytest.mark.parametrize("path", ["accounts", "checks"])
async def test_an_access_key_and_nothing_open_neither(app: Quart, api: Caller, path: str) -> None:
    client = app.test_client()
    for headers in (
        {},
        {"X-Auth-Key": api.key},
        {"Authorization": f"Bearer {api.key}"},
        {"Cookie": "admin_access=x"},
    ):
        answer = await client.get(f"/api/v1/admin/{path}", headers=headers)
        assert answer.status_code == 401
