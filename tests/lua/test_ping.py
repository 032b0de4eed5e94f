"""ping.lua: a signal is taken whole or not at all; the log and the bodies stay inside their caps."""

import asyncio
import uuid

import pytest

from tests.lua.parts import MINUTE, NOON, dump, fields, make_check, make_user, outbox, ping
from ttr.domain.check import Check
from ttr.store import checks, keys
from ttr.store.check_list import list_checks
from ttr.store.outbox import read_outbox
from ttr.store.pings import read_body, read_pings
from ttr.store.redis import Store
from ttr.store.users import User


async def bodies(store: Store, check: Check) -> list[tuple[int, bytes]]:
    """The kept bodies with their pings' numbers, newest first."""
    found = await store.redis.lrange(keys.bodies(keys.partition_of(check.user_id), check.id), 0, -1)
    return [(int.from_bytes(entry[:4]), entry[4:]) for entry in found]


async def used(store: Store, user: User) -> int:
    """What the account counts as its bodies' bytes."""
    return int(await store.redis.hget(keys.user(user.partition, user.id), "body_bytes") or 0)


async def test_the_answer_is_the_check_the_number_and_the_alerts(store: Store, user: User) -> None:
    check = await make_check(store, user, slug="one")
    assert await ping(store, user, check.id, request="a") == [b"ok", b"1", 1, 0, b""]
    assert await ping(store, user, "", slug="one", request="b") == [b"ok", b"1", 2, 0, b""]
    assert await ping(store, user, check.id, "fail", reason="fail", request="c") == [b"ok", b"1", 3, 1, b""]
    assert await ping(store, user, check.id, "log", request="d") == [b"ok", b"1", 4, 0, b""]
    assert await ping(store, user, check.id, request="e") == [b"ok", b"1", 5, 1, b""]
    assert [event["kind"] for event in await outbox(store, user.partition)] == ["down", "up"]


@pytest.mark.parametrize(
    "address",
    [
        {"check": 99},
        {"check": "", "slug": "nothing"},
        {"check": 1, "slug": "moved-away"},
        {"check": 1, "user_slug": "somebody-else"},
    ],
)
async def test_an_address_that_names_no_check_writes_nothing(
    store: Store, user: User, address: dict[str, object]
) -> None:
    await make_check(store, user, slug="one")
    before = await dump(store)
    assert await ping(store, user, **address) == [b"unknown"]  # type: ignore[arg-type]
    assert await dump(store) == before


async def test_another_accounts_check_is_unknown_even_in_the_same_partition(store: Store, user: User) -> None:
    check = await make_check(store, user)
    while (other := await make_user(store)).partition != user.partition:
        pass
    before = await dump(store)
    assert await ping(store, other, check.id) == [b"unknown"]
    assert await dump(store) == before


async def test_a_stale_revision_answers_the_plan_and_writes_nothing(store: Store, user: User) -> None:
    check = await make_check(store, user, slug="one")
    await checks.update_check(store, user, "one", lambda old: old, now=NOON)
    before = await dump(store)
    answer = await ping(store, user, check.id, revision="1")
    assert answer[:3] == [b"stale", b"1", b"2"]
    assert answer[4:8] == [b"interval", b"", b"UTC", b"60"]
    assert await dump(store) == before
    assert (await ping(store, user, check.id, revision="2"))[0] == b"ok"


@pytest.mark.parametrize("kind", ["success", "start", "fail", "log", "ignored"])
async def test_the_same_request_twice_is_one_ping(store: Store, user: User, kind: str) -> None:
    check = await make_check(store, user, max_runtime_seconds=10)
    first = await ping(
        store, user, check.id, kind, request="r", reason="fail" if kind == "fail" else "", body=b"b"
    )
    before = await dump(store)
    again = await ping(store, user, check.id, kind, request="r", now=NOON + 5, body=b"b")
    assert again == [*first[:3], 0, b""]
    assert await dump(store) == before


async def test_a_repeat_is_known_even_after_an_edit(store: Store, user: User) -> None:
    check = await make_check(store, user, slug="one")
    await ping(store, user, check.id, request="r")
    await checks.update_check(store, user, "one", lambda old: old, now=NOON)
    assert (await ping(store, user, check.id, request="r"))[:3] == [b"ok", b"1", 1]


async def test_the_log_keeps_the_newest_entries_with_run_times(store: Store, user: User) -> None:
    check = await make_check(store, user)
    rid = str(uuid.uuid4())
    await ping(store, user, check.id, "start", now=NOON, rid=rid, caps=(3, 0, 0))
    for number in range(1, 4):
        await ping(store, user, check.id, now=NOON + number * 1_500, rid=rid, caps=(3, 0, 0))
    check = await checks.get_check(store, user, str(check.id))
    log = await read_pings(store, check, 10)
    assert [(entry.number, entry.duration_ms) for entry in log] == [(4, None), (3, None), (2, 1_500)]
    assert [entry.at for entry in log] == [NOON + 4_500, NOON + 3_000, NOON + 1_500]
    assert check.last_duration_ms == 1_500


async def test_a_run_of_more_than_49_days_is_cut_in_the_log_and_whole_in_the_check(
    store: Store, user: User
) -> None:
    check = await make_check(store, user)
    await ping(store, user, check.id, "start")
    await ping(store, user, check.id, now=NOON + 2**32 + 5)
    check = await checks.get_check(store, user, str(check.id))
    assert check.last_duration_ms == 2**32 + 5
    assert [entry.duration_ms for entry in await read_pings(store, check, 1)] == [2**32 - 2]


async def test_a_clock_that_steps_back_makes_no_negative_times(store: Store, user: User) -> None:
    check = await make_check(store, user)
    await ping(store, user, check.id, "start")
    await ping(store, user, check.id, now=NOON - 5_000)
    check = await checks.get_check(store, user, str(check.id))
    assert (check.last_duration_ms, check.status, check.status_since) == (0, "up", NOON - 5_000)
    (flip,) = await store.redis.lrange(keys.flips(user.partition, check.id), 0, -1)
    assert flip == f"{NOON - 5_000}|new|up|0||".encode()


async def test_the_oldest_bodies_of_a_check_make_room_for_new_ones(store: Store, user: User) -> None:
    check = await make_check(store, user)
    for number in range(1, 5):
        await ping(
            store, user, check.id, request=str(number), body=b"%d" % number * 40, caps=(100, 100, 1_000)
        )
    assert await bodies(store, check) == [(4, b"4" * 40), (3, b"3" * 40)]
    assert (await fields(store, check))["body_bytes"] == "80"
    assert await used(store, user) == 80
    await ping(store, user, check.id, request="5", body=b"5" * 100, caps=(100, 100, 1_000))
    assert await bodies(store, check) == [(5, b"5" * 100)]
    assert await used(store, user) == 100


async def test_no_more_bodies_are_kept_than_log_entries(store: Store, user: User) -> None:
    check = await make_check(store, user)
    for number in range(1, 6):
        await ping(store, user, check.id, request=str(number), body=b"x", caps=(3, 100, 100))
    assert [number for number, _ in await bodies(store, check)] == [5, 4, 3]
    assert await used(store, user) == 3


async def test_a_body_that_finds_no_room_in_the_account_is_not_kept_and_the_ping_counts(
    store: Store, user: User
) -> None:
    greedy, check = await make_check(store, user), await make_check(store, user)
    await ping(store, user, greedy.id, body=b"x" * 90, caps=(100, 1_000, 100))
    assert await ping(store, user, check.id, body=b"y" * 20, caps=(100, 1_000, 100)) == [
        b"ok",
        b"2",
        1,
        0,
        b"",
    ]
    assert await bodies(store, check) == []
    assert await used(store, user) == 90
    await ping(store, user, check.id, request="2", body=b"y" * 10, caps=(100, 1_000, 100))
    assert await bodies(store, check) == [(2, b"y" * 10)]
    await ping(store, user, check.id, request="3", body=b"z" * 10, caps=(100, 1_000, 100))
    assert await bodies(store, check) == [(3, b"z" * 10)]
    assert len(await bodies(store, greedy)) == 1
    assert await used(store, user) == 100


async def test_a_body_comes_back_byte_for_byte_by_number_or_as_the_newest(store: Store, user: User) -> None:
    check = await make_check(store, user)
    everything = bytes(range(256))
    await ping(store, user, check.id, request="1", body=everything)
    await ping(store, user, check.id, request="2", body=b"second")
    await ping(store, user, check.id, request="3")
    assert await read_body(store, check) == (2, b"second")
    assert await read_body(store, check, 1) == (1, everything)
    assert await read_body(store, check, 3) is None
    assert await read_body(store, check, 9) is None


async def test_fifty_pings_at_once_count_fifty(store: Store, user: User) -> None:
    check = await make_check(store, user)
    answers = await asyncio.gather(
        *(ping(store, user, check.id, now=NOON + n, request=str(n), body=b"x") for n in range(50))
    )
    assert sorted(answer[2] for answer in answers) == list(range(1, 51))
    check = await checks.get_check(store, user, str(check.id))
    assert check.ping_count == 50
    assert len(await read_pings(store, check, 100)) == 50
    assert await used(store, user) == 50


async def test_fifty_failures_at_once_are_told_once(store: Store, user: User) -> None:
    check = await make_check(store, user, notify_after_failures=7)
    await asyncio.gather(
        *(ping(store, user, check.id, "fail", reason="fail", request=str(n), now=NOON + n) for n in range(50))
    )
    (event,) = await outbox(store, user.partition)
    assert (event["kind"], event["failure_count"]) == ("down", "7")
    assert (await fields(store, check))["failure_count"] == "50"


async def output_of(store: Store, user: User) -> str:
    """The output that the newest event carries."""
    *_, entry = await read_outbox(store, user.partition, 100)
    return entry.event.output


@pytest.mark.parametrize(
    ("body", "output"),
    [
        (b"", ""),
        (b"disk full", "disk full"),
        (b"a" * 1_000, "a" * 1_000),
        (b"x" + b"b" * 999 + b"c", "b" * 999 + "c"),
        # The cut falls behind the first of 2, 3 and 4 bytes: what is left of the character goes too.
        ("é".encode() + b"d" * 999, "d" * 999),
        ("€".encode() + b"d" * 999, "d" * 999),
        ("😀".encode() + b"d" * 999, "d" * 999),
        ("x€".encode() + b"d" * 997, "€" + "d" * 997),
        # No encoding at all: then every byte counts.
        (b"\x80" * 1_500, "\ufffd" * 1_000),
        (b"\x00\xff|;<b>", "\x00\ufffd|;<b>"),
    ],
)
async def test_a_failure_carries_the_end_of_its_output(
    store: Store, user: User, body: bytes, output: str
) -> None:
    check = await make_check(store, user)
    await ping(store, user, check.id, body=b"earlier output")
    await ping(store, user, check.id, "fail", request="2", reason="fail", body=body)
    assert await output_of(store, user) == output
    await ping(store, user, check.id, request="3", body=b"fine again")
    assert await output_of(store, user) == ""


async def test_a_body_that_finds_no_room_is_told_all_the_same(store: Store, user: User) -> None:
    check = await make_check(store, user)
    await ping(store, user, check.id, "fail", reason="fail", body=b"disk full", caps=(100, 0, 0))
    assert await bodies(store, check) == []
    assert await output_of(store, user) == "disk full"


@pytest.mark.parametrize(
    ("description", "told"),
    [
        ("d" * 1_000, "d" * 1_000),
        ("d" * 1_000 + "e", "d" * 1_000),
        # The cut would fall behind the first byte, and before the last, of 2, 3 and 4: the character goes whole.
        ("d" * 999 + "é", "d" * 999),
        ("d" * 999 + "€", "d" * 999),
        ("d" * 998 + "€", "d" * 998),
        ("d" * 999 + "😀", "d" * 999),
        ("d" * 997 + "😀", "d" * 997),
        ("d" * 996 + "😀" + "e", "d" * 996 + "😀"),
        ("é" * 2_000, "é" * 500),
    ],
)
async def test_an_event_carries_the_beginning_of_the_description(
    store: Store, user: User, description: str, told: str
) -> None:
    check = await make_check(store, user, description=description)
    await ping(store, user, check.id, "fail", reason="fail")
    (event,) = await outbox(store, user.partition)
    assert event["description"] == told
    assert (await fields(store, check))["description"] == description


async def test_a_failure_after_the_last_run_of_a_calendar_is_told_at_once(store: Store, user: User) -> None:
    check = await make_check(store, user, notify_after_failures=3)
    await ping(store, user, check.id, "fail", reason="fail")
    assert await outbox(store, user.partition) == []
    answer = await ping(store, user, check.id, "fail", request="2", reason="fail", due="")
    assert answer[3] == 1
    assert [event["failure_count"] for event in await outbox(store, user.partition)] == ["2"]


async def test_the_account_knows_its_checks_that_are_down_and_since_when(store: Store, user: User) -> None:
    for number in range(4):
        check = await make_check(store, user, slug=f"c{number}", notify_after_failures=5)
        await ping(store, user, check.id, "fail", reason="fail", now=NOON + number)
        await ping(store, user, check.id, "fail", reason="fail", now=NOON + MINUTE + number)
    await ping(store, user, "", slug="c1", now=NOON + 2 * MINUTE)
    await checks.pause_check(store, user, "c2", now=NOON + 2 * MINUTE)
    await checks.delete_check(store, user, "c3")
    found = await store.redis.zrange(
        keys.by_status(user.partition, user.id), "-inf", 2**43 - 1, byscore=True, withscores=True
    )
    assert found == [(b"0000000001", 2**43 - 1 - NOON)]


async def test_every_ping_moves_the_accounts_version(store: Store, user: User) -> None:
    check = await make_check(store, user)
    before = await list_checks(store, user, size=1, now=NOON)
    await ping(store, user, check.id, "log", now=NOON + MINUTE)
    assert (await list_checks(store, user, size=1, now=NOON)).version > before.version
