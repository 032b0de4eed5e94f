"""Which URLs are pings, and what each of them says."""

from dataclasses import replace

import pytest

from tests.conftest import MASTER_KEY
from tests.ping.conftest import Door, Owner
from ttr.domain.schedule import Schedule, next_due
from ttr.now import now_ms
from ttr.store.checks import delete_check, pause_check, update_check
from ttr.store.users import create_user

RID = "0b7c9d5e-1f2a-4b3c-8d4e-5f60718293a4"
ACTIONS = [
    # path, kind, exit status, detail
    ("", "success", None, ""),
    ("/start", "start", None, ""),
    ("/fail", "fail", None, ""),
    ("/log", "log", None, ""),
    ("/0", "success", 0, ""),
    ("/1", "fail", 1, "1"),
    ("/255", "fail", 255, "255"),
    ("/007", "fail", 7, "7"),
    ("/TERM", "fail", None, "TERM"),
    ("/SIGKILL", "fail", None, "KILL"),
    ("/segv", "fail", None, "SEGV"),
    ("/RTMIN+3", "fail", None, "RTMIN+3"),
    ("/core-dump", "fail", None, "core-dump"),
    ("/success", "success", None, ""),
]


@pytest.mark.parametrize(
    "form", ["/p/{user}/{slug}", "/ping/{user}/{slug}", "/p/{user}/{uuid}", "/ping/{uuid}"]
)
async def test_every_action_works_in_every_form_of_the_address(door: Door, owner: Owner, form: str) -> None:
    check = await owner.check()
    base = form.format(user=owner.slug, slug="job", uuid=check.uuid)
    for number, (action, kind, exit_status, detail) in enumerate(ACTIONS, start=1):
        for end in ("", "/"):
            answer = await door.ask("GET", base + action + end)
            assert (answer.status, answer.body) == (200, b"OK"), action
        entry = await owner.last(check)
        assert (entry.number, entry.kind, entry.exit_status, entry.detail) == (
            2 * number,
            kind,
            exit_status,
            detail,
        )
    assert (await owner.see(check)).ping_count == 2 * len(ACTIONS)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
async def test_every_method_of_a_ping_is_recorded_with_its_action(
    door: Door, owner: Owner, method: str
) -> None:
    check = await owner.check()
    for action, kind in (
        ("", "success"),
        ("/start", "start"),
        ("/fail", "fail"),
        ("/log", "log"),
        ("/3", "fail"),
    ):
        answer = await door.ask(method, f"/p/{owner.slug}/job{action}")
        assert answer.status == 200
        assert answer.body == (b"" if method == "HEAD" else b"OK")
        entry = await owner.last(check)
        assert (entry.kind, entry.method) == (kind, method)


async def test_a_uuid_may_be_in_capitals(door: Door, owner: Owner) -> None:
    check = await owner.check(slug=None)
    for path in (f"/ping/{check.uuid.upper()}", f"/p/{owner.slug}/{check.uuid.upper()}/start"):
        assert (await door.ask("GET", path)).status == 200
    assert (await owner.see(check)).ping_count == 2


async def test_the_path_may_be_percent_encoded(door: Door, owner: Owner) -> None:
    check = await owner.check()
    assert (await door.ask("GET", f"/p/{owner.slug}/%6Aob/%73tart")).status == 200
    assert (await owner.last(check)).kind == "start"


async def test_an_absolute_url_in_the_request_line_is_understood(door: Door, owner: Owner) -> None:
    check = await owner.check()
    assert (await door.ask("GET", f"http://ttr.test/p/{owner.slug}/job/fail?a=1")).text == "OK"
    assert (await owner.last(check)).kind == "fail"
    assert await owner.body(check) == b"a=1"


async def test_an_unknown_user_and_an_unknown_check_look_the_same(door: Door, owner: Owner) -> None:
    check = await owner.check()
    unknown = "123e4567-e89b-42d3-a456-426614174000"
    answers = [
        await door.ask("GET", path)
        for path in (
            f"/p/{owner.slug}/nothing",
            "/p/nobody/job",
            "/p/nobody/nothing/fail",
            f"/p/{owner.slug}/{unknown}",
            f"/p/nobody/{check.uuid}",
            f"/ping/{unknown}",
            f"/ping/{unknown}/start",
            f"/p/{owner.slug}/123",
        )
    ]
    assert {(a.status, a.text) for a in answers} == {(404, "not found")}
    assert len({tuple(n for n in a.names) for a in answers}) == 1
    assert (await owner.see(check)).ping_count == 0


async def test_a_uuid_answers_only_below_its_own_account(door: Door, owner: Owner) -> None:

    check = await owner.check()
    other, _ = await create_user(owner.store, now=now_ms(), master=MASTER_KEY)
    for slug in (other.user_slug, other.public_slug, owner.user.public_slug):
        for name in ("job", check.uuid):
            assert (await door.ask("GET", f"/p/{slug}/{name}")).status == 404
    assert (await owner.see(check)).ping_count == 0


@pytest.mark.parametrize(
    "path", ["/p", "/p/", "/ping/", "/p/someone", "/p/someone/", "/p/a/b/start/more", "/p//b"]
)
async def test_a_path_that_is_no_pings_is_not_found(door: Door, owner: Owner, path: str) -> None:
    assert (await door.ask("GET", path)).status == 404


@pytest.mark.parametrize(
    "action",
    [
        "256",
        "999",
        "1000",
        "00000",
        "-1",
        "1.5",
        "0x1",
        "FAIL",
        "Start",
        "stop-it",
        "TERMINATE",
        "%00",
        "1%2F2",
    ],
)
async def test_an_unknown_action_is_refused_and_not_recorded(door: Door, owner: Owner, action: str) -> None:
    check = await owner.check()
    for base in (f"/p/{owner.slug}/job", f"/ping/{check.uuid}"):
        answer = await door.ask("GET", f"{base}/{action}")
        assert answer.status == 400
        assert answer.text.startswith("invalid url format: ")
    assert (await owner.see(check)).ping_count == 0


@pytest.mark.parametrize(
    "slug", ["Job", "job%20x", "j%C3%B6b", "job.sh", "a" * 101, "%ff", "%00", "job%0a", "a%2Fb"]
)
async def test_what_can_be_no_slug_is_refused_in_plain_words(door: Door, owner: Owner, slug: str) -> None:
    await owner.check()
    for path in (f"/p/{owner.slug}/{slug}", f"/p/{slug}/job", f"/p/{owner.slug}/{slug}?create=1"):
        answer = await door.ask("GET", path)
        assert (answer.status, answer.text) == (400, "invalid url format: a slug has only a-z, 0-9, _ and -")
    assert (await owner.see("job")).ping_count == 0


async def test_a_run_id_is_kept_in_lower_case(door: Door, owner: Owner) -> None:
    check = await owner.check()
    for rid in (RID, RID.upper()):
        assert (await door.ask("GET", f"/p/{owner.slug}/job/start?rid={rid}")).status == 200
        assert (await owner.last(check)).rid == RID


@pytest.mark.parametrize(
    "rid",
    [
        "",
        "1",
        "abc",
        RID[:-1],
        RID + "0",
        RID.replace("-", ""),
        "{" + RID + "}",
        RID + "%0a",
        "%ff",
        RID.replace("0", "g"),
    ],
)
async def test_a_malformed_run_id_is_refused(door: Door, owner: Owner, rid: str) -> None:
    check = await owner.check()
    for path in (f"/p/{owner.slug}/job?rid={rid}", f"/ping/{check.uuid}/start?a=1&rid={rid}"):
        answer = await door.ask("GET", path)
        assert answer.status == 400
        assert answer.text.startswith("invalid uuid format: rid is ")
    assert (await owner.see(check)).ping_count == 0


async def test_overlapping_runs_have_their_own_durations(door: Door, owner: Owner) -> None:
    check = await owner.check()
    second = RID.replace("0b7c", "ffff")
    base = f"/p/{owner.slug}/job"
    for path in (f"/start?rid={RID}", f"/start?rid={second}", f"?rid={RID}"):
        assert (await door.ask("GET", base + path)).status == 200
    first, *starts = await owner.pings(check)
    assert first.duration_ms is not None
    assert first.duration_ms == first.at - starts[1].at
    assert [run.rid for run in (await owner.see(check)).runs] == [second]
    assert (await door.ask("GET", f"{base}/fail?rid={second}")).status == 200
    last = await owner.last(check)
    assert last.duration_ms == last.at - starts[0].at
    assert not (await owner.see(check)).running


async def test_a_success_of_another_run_ends_none(door: Door, owner: Owner) -> None:
    check = await owner.check()
    await door.ask("GET", f"/p/{owner.slug}/job/start?rid={RID}")
    await door.ask("GET", f"/p/{owner.slug}/job?rid={RID.replace('0b7c', 'ffff')}")
    assert (await owner.last(check)).duration_ms is None
    assert (await owner.see(check)).running


@pytest.mark.parametrize(
    ("tail", "kind"), [("/start", "start"), ("/fail", "fail"), ("/log", "log"), ("/7", "fail")]
)
async def test_an_action_behind_the_run_id_is_understood(
    door: Door, owner: Owner, tail: str, kind: str
) -> None:
    check = await owner.check()
    assert (await door.ask("GET", f"/p/{owner.slug}/job?rid={RID}{tail}")).status == 200
    entry = await owner.last(check)
    assert (entry.kind, entry.rid) == (kind, RID)
    assert (await door.ask("GET", f"/p/{owner.slug}/job?rid={RID}/nonsense")).status == 400


async def test_an_action_behind_create_is_understood(door: Door, owner: Owner) -> None:
    assert (await door.ask("GET", f"/p/{owner.slug}/fresh?create=1/start")).status == 201
    assert (await owner.last("fresh")).kind == "start"


async def test_an_old_slug_stops_at_once_and_the_new_one_works_at_once(door: Door, owner: Owner) -> None:

    check = await owner.check(slug="old")
    for _ in range(3):  # by now the server knows the check by heart
        assert (await door.ask("GET", f"/p/{owner.slug}/old")).status == 200
    await update_check(
        owner.store, owner.user, "old", lambda before: replace(before, slug="new"), now=now_ms()
    )
    assert (await door.ask("GET", f"/p/{owner.slug}/old")).status == 404
    assert (await door.ask("GET", f"/p/{owner.slug}/new")).status == 200
    assert (await door.ask("GET", f"/ping/{check.uuid}")).status == 200
    # And the old one may belong to another check.
    other = await owner.check(slug="old")
    assert (await door.ask("GET", f"/p/{owner.slug}/old")).status == 200
    assert (await owner.see(check)).ping_count == 5
    assert (await owner.see(other)).ping_count == 1


async def test_two_checks_may_swap_their_slugs(door: Door, owner: Owner) -> None:

    one, two = await owner.check(slug="one"), await owner.check(slug="two")
    for slug in ("one", "two"):
        await door.ask("GET", f"/p/{owner.slug}/{slug}")
    for check, slug in ((one, "spare"), (two, "one"), (one, "two")):
        await update_check(
            owner.store,
            owner.user,
            str(check.id),
            lambda before, slug=slug: replace(before, slug=slug),  # type: ignore[misc]
            now=now_ms(),
        )
    for _ in range(2):
        assert (await door.ask("GET", f"/p/{owner.slug}/one/fail")).status == 200
    assert (await owner.see(one)).ping_count == 1
    assert (await owner.see(two)).ping_count == 3


async def test_a_deleted_check_stops_at_once(door: Door, owner: Owner) -> None:

    check = await owner.check()
    paths = [f"/p/{owner.slug}/job", f"/ping/{check.uuid}", f"/p/{owner.slug}/{check.uuid}/start"]
    for path in paths:
        assert (await door.ask("GET", path)).status == 200
    await delete_check(owner.store, owner.user, "job")
    for path in paths:
        assert (await door.ask("GET", path)).status == 404


async def test_a_paused_check_records_and_stays_paused(door: Door, owner: Owner) -> None:

    check = await owner.check()
    await pause_check(owner.store, owner.user, "job", now=now_ms())
    for action in ("", "/fail", "/start", "/log", "/1"):
        assert (await door.ask("GET", f"/p/{owner.slug}/job{action}")).text == "OK"
    seen = await owner.see(check)
    assert (seen.status, seen.ping_count, seen.deadline) == ("paused", 5, None)


async def test_a_changed_schedule_counts_from_the_next_ping(door: Door, owner: Owner) -> None:

    check = await owner.check()
    await door.ask("GET", f"/p/{owner.slug}/job")
    slower = Schedule("interval", 7_200, None, "UTC")
    await update_check(
        owner.store, owner.user, "job", lambda before: replace(before, schedule=slower), now=now_ms()
    )
    await door.ask("GET", f"/p/{owner.slug}/job")
    seen = await owner.see(check)
    assert seen.last_ping is not None
    assert seen.due == seen.last_ping + 7_200_000


async def test_a_cron_check_is_due_at_its_next_time(door: Door, owner: Owner) -> None:
    check = await owner.check(
        schedule_type="cron", schedule="30 4 * * *", tz="Europe/Riga", interval_seconds=None
    )

    for _ in range(3):
        await door.ask("GET", f"/p/{owner.slug}/job")
        seen = await owner.see(check)
        assert seen.last_ping is not None
        assert seen.due == next_due(check.settings.schedule, seen.last_ping)
