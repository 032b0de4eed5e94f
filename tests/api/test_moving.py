"""docs/moving-from-healthchecks.md, run as it stands: what its API answers becomes checks here, whose pings go on."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from quart.typing import TestClientProtocol as Client

from tests.api.conftest import Caller
from tests.docs.fences import fences

# `.ci/run` installs it.
pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")

PAGE = (Path(__file__).parents[2] / "docs/moving-from-healthchecks.md").read_text()
PING_KEY = "fqousmwlqpuhfadp0xqpfw"
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


def converted(folder: Path, ping_key: str = "") -> Any:
    """What the page's program makes of the answer."""
    (folder / "healthchecks.json").write_text(json.dumps(ANSWER))
    lines = commands("1. ").partition("\ncurl ")[0]
    shell(lines, folder, **({"PING_KEY": ping_key} if ping_key else {}))
    return json.loads((folder / "checks.json").read_text())


async def test_the_checks_come_over_whole(api: Caller, tmp_path: Path) -> None:
    status, report = await api.call("POST", "/checks/import", converted(tmp_path))
    assert (status, report["imported_count"], report["warnings"]) == (200, 8, [])

    _, page = await api.call("GET", "/checks?size=100&sort_direction=asc")
    found = {check["uuid"]: check for check in page["items"]}
    assert list(found) == _UUIDS
    backup, cron, lines, daily, plain, posted, paused, last = found.values()
    assert (backup["name"], backup["slug"], backup["description"]) == (
        "Nightly backup",
        "backup",
        "Dumps the database.",
    )
    assert [tag["name"] for tag in backup["tags"]] == ["db", "prod"]
    assert (backup["interval_seconds"], backup["grace_seconds"]) == (86_400, 3_600)
    assert (cron["schedule_type"], cron["schedule"], cron["tz"]) == (
        "cron",
        "30 3 * * MON-FRI",
        "Europe/Kyiv",
    )
    assert (cron["grace_seconds"], cron["max_runtime_seconds"]) == (600, 600)
    assert (lines["schedule_type"], lines["schedule"]) == ("oncalendar", "Mon..Fri 08:00\nSat 10:00")
    assert (daily["schedule_type"], daily["schedule"]) == ("oncalendar", "*-*-* 04:00:00")
    assert (plain["name"], plain["slug"], plain["tags"]) == (_UUIDS[4], None, [])
    assert (posted["slug"], posted["post_only"], posted["interval_seconds"]) == (None, True, 60)
    assert paused["status"] == "paused"
    assert {check["status"] for check in found.values() if check is not paused} == {"new"}
    assert last["slug"] == "job-7"


async def test_jobs_change_the_host_and_nothing_else(api: Caller, client: Client, tmp_path: Path) -> None:
    _, report = await api.call("POST", "/checks/import", converted(tmp_path, PING_KEY))
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


def test_a_crontab_stays_as_it_is_while_nobody_has_said_where_ttr_is(tmp_path: Path) -> None:
    (tmp_path / "crontab.now").write_text(crontab := f"0 * * * * curl https://hc-ping.com/{_UUIDS[0]}\n")
    # As pasted into a shell, which goes on after a line that fails.
    lines = commands("3. ").removeprefix("set -eu\n").partition("\ncurl ")[0]
    for line in lines.splitlines():
        subprocess.run(
            ["bash", "-c", f"{_CRONTAB}{line}"], cwd=tmp_path, env={"PATH": os.environ["PATH"]}, check=False
        )
    assert (tmp_path / "crontab.now").read_text() == crontab
