"""Accounts as operators list and find them."""

import pytest

from tests.lua.parts import MINUTE, NOON, make_channel, make_check, make_user, ping
from tests.store.crowd import make_crowd, uuid_of
from ttr import accounts
from ttr.store import checks, every_account, keys
from ttr.store.every_account import find_accounts, find_check, list_accounts
from ttr.store.redis import Store


async def test_a_list_pages_from_the_newest_to_the_first(store: Store) -> None:
    made = [(await make_user(store)).id for _ in range(5)]
    page = await list_accounts(store, size=2, now=NOON)
    assert ([row.id for row in page.accounts], page.below) == ([made[4], made[3]], made[3])
    page = await list_accounts(store, below=page.below, size=2, now=NOON)
    assert ([row.id for row in page.accounts], page.below) == ([made[2], made[1]], made[1])
    page = await list_accounts(store, below=page.below, size=2, now=NOON)
    assert ([row.id for row in page.accounts], page.below) == ([made[0]], None)
    assert (await list_accounts(store, below=10**15, size=9, now=NOON)).looked == 5


async def test_a_row_counts_checks_channels_and_what_waits(store: Store) -> None:
    user = await make_user(store)
    failed, paused, late, _ = [await make_check(store, user) for _ in range(4)]
    await ping(store, user, failed.id, "fail", now=NOON, reason="fail", body=b"12345")
    await checks.pause_check(store, user, str(paused.id), now=NOON)
    await ping(store, user, late.id, now=NOON, due=NOON + MINUTE)
    await make_channel(store, user)
    await store.redis.hset(keys.user(user.partition, user.id), "queued", 7)
    (row,) = (await list_accounts(store, size=9, now=NOON + MINUTE + 1)).accounts
    assert (row.down, row.up, row.new, row.paused, row.checks) == (1, 1, 1, 1, 4)
    assert (row.channels, row.queued, row.body_bytes, row.created_at) == (1, 7, 5, NOON)
    assert row.late >= 1


async def test_deleted_accounts_are_passed_over_and_a_request_looks_at_so_many_numbers(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(every_account, "LOOKED_MOST", 200)
    first = await make_user(store)
    gone = await make_user(store)
    await accounts.delete_account(store, gone, now=NOON)
    assert [row.id for row in (await list_accounts(store, size=9, now=NOON)).accounts] == [first.id]
    await store.redis.set(keys.sequence("user"), 450)
    looks = []
    below: int | None = None
    while True:
        page = await list_accounts(store, below=below, size=9, now=NOON)
        looks.append((page.looked, [row.id for row in page.accounts]))
        below = page.below
        if below is None:
            break
    assert looks == [(200, []), (200, []), (50, [first.id])]


async def test_whatever_is_pasted_finds_the_account(store: Store) -> None:
    await make_crowd(store, 3)
    base = "https://ttr.example"
    for text in (
        *("2", " 2 ", "u2", "U2", "v2", uuid_of(2), uuid_of(2).upper()),
        *(f"{base}/ping/{uuid_of(2)}", f"{base}/p/u2/job-2", f"{base}/ping/u2/job-2/start?rid=1"),
        *(f"{base}/s/v2/page", f"{base}/p/u2", "ttr.example/p/u2/x", "/p/u2/job-2"),
    ):
        assert await find_accounts(store, text) == [2], text
    for text in (
        "",
        "nobody",
        "/",
        "http://[",
        f"{base}/p/",
        f"{base}/p/nobody/job-2",
        "a b",
        "9" * 16,
        "é",
        "p/",
    ):
        assert await find_accounts(store, text) == [], text


async def test_a_slug_that_looks_like_a_number_finds_both(store: Store) -> None:
    await make_crowd(store, 3)
    await store.redis.set(keys.user_slug("2"), 3)
    assert await find_accounts(store, "2") == [2, 3]


async def test_a_check_is_found_by_its_uuid_and_its_ping_url(store: Store) -> None:
    await make_crowd(store, 3)
    for text in (
        uuid_of(2),
        f"http://x/ping/{uuid_of(2)}",
        f"http://x/p/u1/{uuid_of(2)}",
        "http://x/p/u2/job-2/fail",
    ):
        assert await find_check(store, text) == (2, 2), text
    for text in ("", "2", "job-2", "u2", uuid_of(4), "http://x/p/u1/job-2", "http://x/p/nobody/job-2"):
        assert await find_check(store, text) is None, text
