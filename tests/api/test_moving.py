"""docs/moving-from-healthchecks.md, run as it stands: what its API answers becomes checks here, whose pings go on."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from quart.typing import TestClientProtocol as Client
from werkzeug.datastructures import FileStorage

from tests.api.conftest import Caller, problem
from tests.conftest import RedisServer
from tests.docs.fences import fences
from tests.ping.conftest import door_settings, hypercorn_door
from ttr.domain.limits import IMPORT_BODY_MAX

PAGE = (Path(__file__).parents[2] / "docs/moving-from-healthchecks.md").read_text()
PING_KEY = "fqousmwlqpuhfadp0xqpfw"
API_KEY = "Zl9sKUX7XIbxnYKBc5sJTlgKbjzFDoPD"
_CRONTAB = "crontab() { if [ $1 = -l ]; then cat crontab.now; else cp $1 crontab.now; fi; }\n"
"""Of this folder, in place of the user's."""
_UUIDS = [f"{n}f6d7c3a-5d2e-4a7b-9c1d-0123456789ab" for n in range(1, 9)]


def entry(number: int, **fields: Any) -> dict[str, Any]:
    """A check as version 3 of the API answers it to a read-write key."""
    uuid = _UUIDS[number]
    root = f"https://healthchecks.io/api/v3/checks/{uuid}"
    common = {
        "name": f"Job {number}",
        "slug": f"job-{number}",
        "tags": "prod db",
        "desc": "",
        "grace": 3600,
        "n_pings": 41,
        "status": "up",
        "started": False,
        "last_ping": "2026-11-29T03:31:02+00:00",
        "next_ping": "2026-11-30T03:30:00+00:00",
        "manual_resume": False,
        "methods": "",
        "subject": "",
        "subject_fail": "",
        "start_kw": "",
        "success_kw": "",
        "failure_kw": "",
        "filter_subject": False,
        "filter_body": False,
        "filter_http_body": False,
        "filter_default_fail": False,
        "badge_url": "https://healthchecks.io/b/2/8a2c1f1e-8f9b-4b7e-a0c1-1d6b5a0c9e77.svg",
        "uuid": uuid,
        "ping_url": f"https://hc-ping.com/{uuid}",
        "update_url": root,
        "pause_url": f"{root}/pause",
        "resume_url": f"{root}/resume",
        "channels": "4ec5a071-2d08-4baa-898a-eb4eb3cd6941",
    }
    return common | ({} if "schedule" in fields else {"timeout": 86400}) | fields


ANSWER = {
    "checks": [
        entry(0, name="Nightly backup", slug="backup", desc="Dumps the database.", tags=" prod  db prod "),
        entry(1, schedule="30 3 * * MON-FRI", tz="Europe/Kyiv", grace=600, last_duration=12),
        entry(2, schedule="Mon..Fri 08:00\nSat 10:00", tz="Europe/Riga"),
        entry(3, schedule="*-*-* 04:00:00", tz="UTC", status="grace"),
        entry(4, name="", slug="", tags="", status="new", last_ping=None, next_ping=None),
        entry(5, slug="backup", methods="POST", timeout=60, grace=60),
        entry(6, status="paused", next_ping=None, manual_resume=True),
        entry(7, status="down", started=True, filter_http_body=True, success_kw="done,ok"),
    ]
}


def largest() -> bytes:
    """An answer of 110 checks that is as large as a file may be, or almost; most of it is read by nobody."""
    checks = [
        entry(0, uuid=f"{n:08x}-5d2e-4a7b-9c1d-0123456789ab", slug=f"job-{n}", subject_more="x" * 180_000)
        for n in range(110)
    ]
    data = json.dumps({"checks": checks}).encode()
    assert IMPORT_BODY_MAX * 0.99 < len(data) < IMPORT_BODY_MAX - 10_000
    return data


def commands(beginning: str) -> str:
    """The lines for a shell that this test runs, of the section that begins so."""
    section = PAGE.partition(f"\n## {beginning}")[2].partition("\n## ")[0]
    return "\n".join(
        ["set -eu", *(fence.text for fence in fences(section, run_by="tests/api/test_moving.py"))]
    )


def shell(lines: str, folder: Path, **more: str) -> None:
    subprocess.run(
        ["bash", "-c", lines], cwd=folder, env={"PATH": os.environ["PATH"]} | more, check=True, timeout=60
    )


async def bring(api: Caller, answer: Any, query: str = "", **fields: str) -> tuple[int, Any]:
    """What an import says of an answer of Healthchecks, sent as the file of a form."""
    data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    response = await api.client.post(
        f"/api/v1/checks/import{query}",
        headers={"X-Auth-Key": api.key},
        form=fields,
        files={"file": FileStorage(BytesIO(data), filename="healthchecks.json")},
    )
    return response.status_code, await response.get_json()


async def test_the_checks_come_over_whole(api: Caller) -> None:
    status, report = await bring(api, ANSWER, user_slug="")
    assert (status, report["imported_count"], report["refused"]) == (200, 8, [])
    assert report["warnings"] == [
        "Rules by key words in pings and mails are left out: Job 7.",
        "Integrations are left out: new checks use your default channels.",
        "Job 5 goes without its slug backup: another check has that.",
    ]

    _, page = await api.call("GET", "/checks?size=100&sort_direction=asc")
    found = {check["uuid"]: check for check in page["items"]}
    assert list(found) == _UUIDS
    backup, cron, lines, daily, plain, posted, paused, last = found.values()
    assert (backup["name"], backup["slug"], backup["description"]) == (
        "Nightly backup",
        "backup",
        "Dumps the database.",
    )
    assert [tag["name"] for tag in backup["tags"]] == ["prod", "db"]
    assert (backup["interval_seconds"], backup["grace_seconds"]) == (86_400, 3_600)
    assert (cron["schedule_type"], cron["schedule"], cron["tz"]) == (
        "cron",
        "30 3 * * MON-FRI",
        "Europe/Kyiv",
    )
    assert (cron["grace_seconds"], cron["max_runtime_seconds"]) == (600, 600)
    assert (lines["schedule_type"], lines["schedule"]) == ("oncalendar", "Mon..Fri 08:00\nSat 10:00")
    assert (daily["schedule_type"], daily["schedule"]) == ("oncalendar", "*-*-* 04:00:00")
    assert (plain["name"], plain["slug"], plain["tags"]) == ("Unnamed 5f6d7c3a", None, [])
    assert (posted["slug"], posted["post_only"], posted["interval_seconds"]) == (None, True, 60)
    assert paused["status"] == "paused"
    assert {check["status"] for check in found.values() if check is not paused} == {"new"}
    assert last["slug"] == "job-7"


@pytest.fixture
async def healthchecks() -> AsyncIterator[str]:
    """The address of an installation of Healthchecks that lists its checks to whoever has the key."""

    async def checks(request: web.Request) -> web.Response:
        if request.headers.get("X-Api-Key") != API_KEY:
            return web.json_response({"error": "wrong api key"}, status=401)
        return web.json_response(ANSWER)

    served = web.Application()
    served.router.add_get("/api/v3/checks/", checks)
    runner = web.AppRunner(served)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_two_commands_bring_the_checks_over(
    api: Caller, healthchecks: str, redis_server: RedisServer, tmp_path: Path
) -> None:
    lines = re.sub(r"^[A-Z_]+=.*$", "", commands("1. "), flags=re.MULTILINE)
    async with hypercorn_door(door_settings(redis_server)) as door:
        await asyncio.to_thread(
            shell,
            lines.replace("https://healthchecks.io", healthchecks).replace(
                "curl -sS", "curl --fail-with-body"
            ),
            tmp_path,
            BASE=f"http://127.0.0.1:{door.port}",
            AUTH_KEY=api.key,
            HC_KEY=API_KEY,
            PING_KEY=PING_KEY,
        )
    assert (await api.call("GET", "/checks/export"))[1]["user_slug"] == PING_KEY
    assert (await api.call("GET", f"/checks/{_UUIDS[7]}"))[1]["name"] == "Job 7"


async def test_jobs_change_the_host_and_nothing_else(api: Caller, client: Client, tmp_path: Path) -> None:
    _, report = await bring(api, ANSWER, user_slug=PING_KEY)
    assert report["user_slug_updated"] is True

    crontab = f"""\
30 3 * * * backup && curl -fsS -m 10 https://hc-ping.com/{_UUIDS[0]}
0 * * * * job; curl -fsS https://hc-ping.com/{PING_KEY}/job-7/$?
"""
    (tmp_path / "crontab.now").write_text(crontab)
    shell(_CRONTAB + commands("3. ").partition("\ncurl ")[0], tmp_path, BASE="http://ttr.example")
    first, second = (tmp_path / "crontab.now").read_text().splitlines()
    assert first.endswith(f" http://ttr.example/ping/{_UUIDS[0]}")
    assert second.endswith(f" http://ttr.example/ping/{PING_KEY}/job-7/$?")

    for path in (f"/ping/{_UUIDS[0]}", f"/ping/{PING_KEY}/job-7/0"):
        assert (await client.get(path)).status_code == 200
    for check in ("backup", "job-7"):
        assert (await api.call("GET", f"/checks/{check}"))[1]["status"] == "up"


async def test_a_dry_run_says_what_the_run_then_does_and_writes_nothing(api: Caller) -> None:
    status, would = await bring(api, ANSWER, "?dry_run=1", user_slug=PING_KEY)
    assert (status, (await api.call("GET", "/checks"))[1]["items"]) == (200, [])
    _, done = await bring(api, ANSWER, user_slug=PING_KEY)
    told = f"The user_slug becomes {PING_KEY}, unless another account has it: the ping URLs change with it."
    assert would["warnings"] == [*done["warnings"], told]
    assert [one | {"id": None} for one in done["created"]] == would["created"]
    # Once more, and nothing is left to do.
    _, again = await bring(api, ANSWER, user_slug=PING_KEY)
    assert (again["unchanged_count"], again["created"], again["changed"]) == (8, [], [])


async def test_a_second_projects_checks_leave_the_firsts_alone(api: Caller, client: Client) -> None:
    await bring(api, {"checks": [entry(0, name="A backup", slug="backup")]})
    second = {"checks": [entry(1, name="B backup", slug="backup"), entry(2, slug="report")]}
    _, report = await bring(api, second)
    assert (len(report["created"]), report["changed"]) == (2, [])
    said = "B backup goes without its slug backup: another check has that."
    assert said in report["warnings"]
    for uuid, name, slug in ((_UUIDS[0], "A backup", "backup"), (_UUIDS[1], "B backup", None)):
        _, check = await api.call("GET", f"/checks/{uuid}")
        assert (check["name"], check["slug"]) == (name, slug)
        assert (await client.get(f"/ping/{uuid}")).status_code == 200

    _, again = await bring(api, second)
    assert (again["unchanged_count"], again["created"], again["changed"]) == (2, [], [])
    assert said in again["warnings"]


async def test_a_check_that_goes_without_its_slug_keeps_the_one_that_it_was_given_here(api: Caller) -> None:
    file = {"checks": [entry(0, slug="backup"), entry(1, slug="backup")]}
    await bring(api, file)
    assert (await api.call("PATCH", f"/checks/{_UUIDS[1]}", {"slug": "backup-2"}))[0] == 200
    _, again = await bring(api, file)
    assert (again["unchanged_count"], again["changed"]) == (2, [])
    assert (await api.call("GET", "/checks/backup-2"))[1]["uuid"] == _UUIDS[1]


async def test_slugs_that_changed_owners_there_refuse_nothing(api: Caller) -> None:
    await bring(api, {"checks": [entry(0, slug="a"), entry(1, slug="b"), entry(2, slug="c")]})
    moved = {"checks": [entry(0, slug="b"), entry(1, slug="a"), entry(2, slug="d"), entry(3, slug="c")]}
    status, report = await bring(api, moved)
    assert (status, report["refused"]) == (200, [])
    assert report["warnings"][1:] == [
        "Job 0 goes without its slug b: another check has that.",
        "Job 1 goes without its slug a: another check has that.",
        "Job 3 goes without its slug c: another check has that.",
    ]
    _, page = await api.call("GET", "/checks?sort_direction=asc")
    assert [check["slug"] for check in page["items"]] == ["a", "b", "d", None]


async def test_a_slug_of_an_entry_of_ours_is_left_to_it(api: Caller) -> None:
    ours = {"name": "Ours", "slug": "backup", "interval_seconds": 60, "grace_seconds": 60}
    status, report = await bring(api, {"checks": [entry(0, slug="backup"), ours]})
    assert (status, [one["slug"] for one in report["created"]]) == (200, [None, "backup"])


async def test_a_slug_of_a_refused_entry_is_nobodys(api: Caller) -> None:
    file = {"checks": [entry(0, slug="backup", timeout=0, channels=""), entry(1, slug="backup", channels="")]}
    _, would = await bring(api, file, "?dry_run=1")
    assert [one["index"] for one in would["refused"]] == [0]
    assert ([one["slug"] for one in would["created"]], would["warnings"]) == (["backup"], [])


async def test_what_long_slugs_are_refused_for_does_not_repeat_them(api: Caller) -> None:
    file = {"checks": [entry(0, slug="x" * 190_000, filter_body=True, status="paused")] * 100}
    response = await api.raw("POST", "/checks/import?dry_run=1", json.dumps(file).encode())
    assert (response.status_code, len(await response.get_data()) < 50_000) == (200, True)


async def test_importing_again_makes_a_check_as_it_is_there(api: Caller) -> None:
    await bring(api, {"checks": [entry(0)]})
    await api.call("PATCH", f"/checks/{_UUIDS[0]}", {"name": "Mine", "slug": None, "grace_seconds": 7})
    await api.call("POST", f"/checks/{_UUIDS[0]}/pause")
    _, report = await bring(api, {"checks": [entry(0)]})
    assert [one["name"] for one in report["changed"]] == ["Job 0"]
    _, check = await api.call("GET", f"/checks/{_UUIDS[0]}")
    assert (check["slug"], check["grace_seconds"], check["status"]) == ("job-0", 3600, "new")


async def test_the_body_may_be_the_answer_itself(api: Caller) -> None:
    status, report = await api.call("POST", "/checks/import", ANSWER)
    assert (status, report["imported_count"]) == (200, 8)


async def test_an_entry_that_cannot_be_taken_is_named_as_the_file_names_it(api: Caller) -> None:
    wrong = {"checks": [entry(0), entry(1, schedule="0 9 15W * *", tz="UTC"), entry(2, timeout=0, slug="7")]}
    status, would = await bring(api, wrong, "?dry_run=1")
    assert (status, [one["index"] for one in would["refused"]]) == (200, [1, 2])
    answer = await api.raw("POST", "/checks/import", json.dumps(wrong).encode())
    assert (await problem(answer)).keys() == {"checks.1.schedule", "checks.2.slug", "checks.2.timeout"}
    assert (await api.call("GET", "/checks"))[1]["items"] == []


@pytest.mark.parametrize(
    ("field", "most", "more", "said"),
    [
        ("desc", "x" * 2_000, "x" * 2_001, "over 2,000 characters"),
        ("tags", "x" * 50, "x" * 51, "one over 50 characters"),
        ("tags", " ".join(map(str, range(20))), " ".join(map(str, range(21))), "more than 20"),
        ("slug", "2026-", "2026", "digits alone"),
        ("slug", f"{_UUIDS[1]}-", _UUIDS[1], "of a UUID's form"),
        ("name", "a b", "a\x07b", "with control characters"),
        ("tags", "a b", "a\x07b", "with control characters"),
        ("desc", "a\n\tb", "a\x07b", "in `desc` line breaks and tabs may be"),
        ("schedule", "0 9 15 * *", "0 9 15W * *", "such as `W` in a cron expression"),
    ],
)
async def test_what_the_page_calls_stricter_here_is_refused(
    api: Caller, field: str, most: str, more: str, said: str
) -> None:
    table = PAGE.partition("| what is refused | |\n")[2].partition("\n\n")[0].splitlines()
    assert any(f"`{field}`" in line.split("|")[1] and said in line for line in table)
    for value, refused in ((most, []), (more, [0])):
        _, would = await bring(api, {"checks": [entry(0, **{field: value})]}, "?dry_run=1")
        assert [one["index"] for one in would["refused"]] == refused


@pytest.mark.parametrize("query", ["", "?dry_run=1"])
async def test_an_answer_to_a_read_only_key_is_refused(api: Caller, query: str) -> None:
    told = ("uuid", "ping_url", "update_url", "pause_url", "resume_url", "channels")
    checks = [{name: value for name, value in entry(n).items() if name not in told} for n in range(3)]
    status, answer = await bring(api, {"checks": [one | {"unique_key": "a6c7b0a8"} for one in checks]}, query)
    assert status == 400
    assert [error["message"] for error in answer["errors"]] == [
        "Healthchecks tells a read-only API key no UUIDs, so ping URLs would not stay as they are."
        " Fetch the file with a read-write key."
    ]


@pytest.mark.parametrize("slug", ["ab", "Caps", "with blank", "x" * 101, _UUIDS[0], "\x00"])
async def test_a_ping_slug_that_none_can_be_is_refused_before_anything_is(api: Caller, slug: str) -> None:
    status, answer = await bring(api, ANSWER, user_slug=slug)
    assert (status, [error["field"] for error in answer["errors"]]) == (400, ["user_slug"])
    assert (await api.call("GET", "/checks"))[1]["items"] == []


async def test_a_ping_slug_beside_the_file_goes_before_the_files(api: Caller) -> None:
    _, report = await bring(api, ANSWER | {"user_slug": "of-the-file"}, user_slug="of-the-form")
    assert report["user_slug_updated"]
    assert (await api.call("GET", "/checks/export"))[1]["user_slug"] == "of-the-form"


async def test_as_much_as_a_file_may_be_is_read(api: Caller) -> None:
    status, report = await bring(api, largest(), "?dry_run=1")
    assert (status, report["imported_count"]) == (200, 110)


def test_a_crontab_stays_as_it_is_while_nobody_has_said_where_ttr_is(tmp_path: Path) -> None:
    (tmp_path / "crontab.now").write_text(crontab := f"0 * * * * curl https://hc-ping.com/{_UUIDS[0]}\n")
    # As pasted into a shell, which goes on after a line that fails.
    lines = commands("3. ").removeprefix("set -eu\n").partition("\ncurl ")[0]
    for line in lines.splitlines():
        subprocess.run(
            ["bash", "-c", f"{_CRONTAB}{line}"], cwd=tmp_path, env={"PATH": os.environ["PATH"]}, check=False
        )
    assert (tmp_path / "crontab.now").read_text() == crontab
