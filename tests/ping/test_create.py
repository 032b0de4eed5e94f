"""`?create=1`: a ping that makes its check."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.conftest import RedisServer
from tests.ping.conftest import Door, Owner, door_settings
from tests.ping.wire import request
from ttr.store.checks import delete_check
from ttr.store.errors import NotFound


async def test_a_ping_with_create_makes_the_check_once(door: Door, owner: Owner) -> None:
    first = await door.ask("GET", f"/p/{owner.slug}/backup?create=1")
    assert (first.status, first.text) == (201, "Created")
    again = await door.ask("GET", f"/p/{owner.slug}/backup?create=1")
    assert (again.status, again.text) == (200, "OK")
    check = await owner.see("backup")
    assert (check.name, check.settings.slug, check.ping_count, check.status) == ("backup", "backup", 2, "up")
    assert check.settings.schedule.interval_seconds == 86_400
    assert check.settings.grace_seconds == 3_600
    assert check.settings.schedule.tz == "UTC"
    assert check.deadline == (check.last_ping or 0) + 90_000_000
    # What made the check is no content.
    assert await owner.body("backup") is None


async def test_both_prefixes_and_every_action_can_create(door: Door, owner: Owner) -> None:
    for number, (prefix, action, kind) in enumerate(
        [
            ("/p", "/start", "start"),
            ("/ping", "/fail", "fail"),
            ("/ping", "/log", "log"),
            ("/p", "/5", "fail"),
        ]
    ):
        answer = await door.ask("POST", f"{prefix}/{owner.slug}/job-{number}{action}?create=1", body=b"hello")
        assert answer.status == 201
        assert (await owner.last(f"job-{number}")).kind == kind
        assert await owner.body(f"job-{number}") == b"hello"


async def test_twenty_at_once_make_one_check_and_one_201(door: Door, owner: Owner) -> None:
    async with AsyncExitStack() as stack:
        # Connections first, so that the requests themselves meet.
        wires = [await stack.enter_async_context(door.wire()) for _ in range(20)]
        for turn in range(5):
            ping = request("GET", f"/p/{owner.slug}/rush-{turn}?create=1&period=60")
            await asyncio.gather(*(wire.send(ping) for wire in wires))
            answers = await asyncio.gather(*(wire.answer() for wire in wires))
            assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
            check = await owner.see(f"rush-{turn}")
            assert check.ping_count == 20
            assert [entry.number for entry in await owner.pings(check)] == list(range(20, 0, -1))


@pytest.mark.parametrize(
    ("query", "kind", "what", "tz", "grace"),
    [
        ("period=60", "interval", 60, "UTC", 3_600),
        ("period=60&grace=5", "interval", 60, "UTC", 5),
        ("grace=1", "interval", 86_400, "UTC", 1),
        ("tz=europe/riga", "interval", 86_400, "Europe/Riga", 3_600),
        ("cron=*/5%20*%20*%20*%20*", "cron", "*/5 * * * *", "UTC", 3_600),
        ("cron=0+3+*+*+*&tz=Asia%2FKolkata&grace=300", "cron", "0 3 * * *", "Asia/Kolkata", 300),
        ("period=31622400&grace=31622400", "interval", 31_622_400, "UTC", 31_622_400),
    ],
)
async def test_the_query_says_how_often(
    door: Door, owner: Owner, query: str, kind: str, what: int | str, tz: str, grace: int
) -> None:
    assert (await door.ask("GET", f"/p/{owner.slug}/made?{query}&create=1")).status == 201
    check = await owner.see("made")
    schedule = check.settings.schedule
    assert (schedule.kind, schedule.interval_seconds or schedule.expression, schedule.tz) == (kind, what, tz)
    assert check.settings.grace_seconds == grace
    assert await owner.body(check) is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("period=0", "period"),
        ("period=-5", "period"),
        ("period=1.5", "period"),
        ("period=1e3", "period"),
        ("period=60s", "period"),
        ("period=31622401", "period"),
        ("period=" + "9" * 5_000, "period"),
        ("period=%D9%A3", "period"),
        ("grace=0", "grace"),
        ("grace=31622401", "grace"),
        ("grace=soon", "grace"),
        ("cron=61+*+*+*+*", "cron"),
        ("cron=0+0+30+2+*", "cron"),
        ("cron=%00", "cron"),
        ("cron=" + "*" * 300, "cron"),
        ("tz=Mars/Olympus", "tz"),
        ("tz=../../etc/passwd", "tz"),
        ("cron=0+3+*+*+*&tz=Nowhere", "tz"),
    ],
)
async def test_a_bad_schedule_is_refused_and_makes_nothing(
    door: Door, owner: Owner, query: str, field: str
) -> None:
    answer = await door.ask("GET", f"/p/{owner.slug}/bad?create=1&{query}")
    assert answer.status == 400
    assert answer.text.startswith(f"{field}: ")
    with pytest.raises(NotFound):
        await owner.see("bad")


async def test_a_bad_schedule_does_not_matter_to_a_check_that_is_there(door: Door, owner: Owner) -> None:
    check = await owner.check()
    assert (await door.ask("GET", f"/p/{owner.slug}/job?create=1&period=never")).status == 200
    assert (await owner.see(check)).settings == check.settings


@pytest.mark.parametrize(
    "query", ["", "?create", "?create=", "?create=0", "?create=true", "?create=11", "?Create=1"]
)
async def test_nothing_is_made_without_create_1(door: Door, owner: Owner, query: str) -> None:
    assert (await door.ask("GET", f"/p/{owner.slug}/nothing{query}")).status == 404


async def test_nobody_and_no_uuid_can_be_created(door: Door, owner: Owner) -> None:
    unknown = "123e4567-e89b-42d3-a456-426614174000"
    for path in (
        "/p/nobody/job",
        f"/p/{owner.slug}/{unknown}",
        f"/ping/{unknown}",
        f"/p/{owner.user.public_slug}/a",
    ):
        assert (await door.ask("GET", f"{path}?create=1")).status == 404


async def test_digits_alone_can_not_become_a_slug(door: Door, owner: Owner) -> None:
    answer = await door.ask("GET", f"/p/{owner.slug}/123?create=1")
    assert answer.status == 400
    assert "digits" in answer.text


async def test_an_account_that_is_full_hears_so(start_door, redis_server: RedisServer, owner: Owner) -> None:  # type: ignore[no-untyped-def]
    async with start_door(door_settings(redis_server, CHECKS_PER_ACCOUNT="2")) as door:
        statuses = [(await door.ask("GET", f"/p/{owner.slug}/c-{n}?create=1")).status for n in range(4)]
        assert statuses == [201, 201, 409, 409]
        answer = await door.ask("GET", f"/p/{owner.slug}/c-9?create=1")
        assert answer.text == "Your account has 2 checks, as many as it may have."
        assert (await door.ask("GET", f"/p/{owner.slug}/c-1?create=1")).status == 200


async def test_a_check_that_was_deleted_can_be_created_again(door: Door, owner: Owner) -> None:
    for _ in range(2):
        assert (await door.ask("GET", f"/p/{owner.slug}/phoenix?create=1")).status == 201
        assert (await door.ask("GET", f"/p/{owner.slug}/phoenix")).status == 200
        await delete_check(owner.store, owner.user, "phoenix")
        assert (await door.ask("GET", f"/p/{owner.slug}/phoenix")).status == 404
