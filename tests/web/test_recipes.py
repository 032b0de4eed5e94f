"""Schedules as crontabs and timers say them, and the quoting of each format."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lua.parts import NOON, make_check, make_user, settings
from tests.web.conftest import Visitor
from ttr.domain.check import Check
from ttr.domain.schedule import Schedule, next_due, parse_schedule
from ttr.store.redis import Store
from ttr.web.recipes import recipes
from ttr.web.timer_times import timer_times

URL = "https://ttr.example/a%20b/p/owner/job"


@pytest.fixture
async def check(store: Store) -> Check:
    """A check to give schedules to."""
    return await make_check(store, await make_user(store), slug="job")


def cron(expression: str, tz: str = "UTC") -> Schedule:
    return parse_schedule("cron", interval_seconds=None, expression=expression, tz=tz, now=NOON)


def texts(check: Check, schedule: Schedule) -> dict[str, str]:
    changed = replace(check, settings=settings(schedule=schedule))
    return {what: text for recipe in recipes(changed, URL) for what, text in recipe.texts}


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "*/7 * * * *",
        "0 3 * * *",
        "15,45 8-17/3 * * 1-5",
        "30 4 1,15 * FRI",
        "0 0 */2 * *",
        "0 12 * JAN,JUN 5-7",
        "5/20 22-2 * * *",
        "0 6 * * 0-7",
        "@weekly",
        "0 9 */2 * 1",
    ],
)
def test_a_timer_comes_due_when_the_check_does(expression: str) -> None:
    wanted = cron(expression)
    said = "\n".join(timer_times(wanted))
    timer = parse_schedule("oncalendar", interval_seconds=None, expression=said, tz="UTC", now=NOON)
    now = NOON
    for _ in range(60):
        due = next_due(wanted, now)
        assert due == next_due(timer, now), said
        assert due
        now = due


@pytest.mark.parametrize("expression", ["0 3 L * *", "0 3 * * 5#2", "0 3 * * L5"])
def test_what_no_crontab_can_say_is_left_to_the_reader(check: Check, expression: str) -> None:
    assert timer_times(cron(expression)) == []
    found = texts(check, cron(expression))
    assert "put the right times in front" in found["Lines of a crontab: take one"]
    assert "put the right times here" in found["Its timer"]
    assert "put the right times here" in found["A CronJob"]
    assert "schedule:" not in found["A workflow"]


def test_sunday_is_0_where_7_is_not_known(check: Check) -> None:
    assert 'schedule: "0 3 * * 0,5,6"' in texts(check, cron("0 3 * * 5-7"))["A CronJob"]


def test_zones_are_told(check: Check) -> None:
    found = texts(check, cron("0 3 * * *", "Europe/Riga"))
    assert "OnCalendar=*-*-* 03:00:00 Europe/Riga\n" in found["Its timer"]
    assert 'timeZone: "Europe/Riga"' in found["A CronJob"]
    assert "in Europe/Riga" in found["Lines of a crontab: take one"]
    assert "in Europe/Riga" in found["A workflow"]


def test_percent_signs_are_quoted_as_each_format_asks(check: Check) -> None:
    found = texts(check, cron("0 3 * * *"))
    assert "/a%20b/" in found["At the end of a script"]
    assert not re.search(r"(?<!\\)%", found["Lines of a crontab: take one"])
    assert not re.search(r"(?<!%)%(?!%)", found["The service"])


def test_an_interval_is_a_monotonic_timer(check: Check) -> None:
    assert "OnUnitActiveSec=90s" in texts(check, Schedule("interval", 90, None, "UTC"))["Its timer"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_units(check: Check, tmp_path: Path) -> None:
    found = texts(check, cron("0 3 1 * 5"))
    service = found["The service"].replace("/path/to/job", "/bin/true")
    (tmp_path / "job-job.service").write_text(service)
    (tmp_path / "job-job.timer").write_text(found["Its timer"])
    units = [str(tmp_path / f"job-job.{kind}") for kind in ("service", "timer")]
    subprocess.run(["systemd-analyze", "verify", *units], check=True, timeout=60)


async def test_the_page_has_them_with_its_url(owner: Visitor) -> None:
    assert owner.user
    number = await owner.make_check(slug="nightly", post_only="on")
    page = await owner.read(f"/checks/{number}")
    url = f"http://localhost/p/{owner.user.user_slug}/nightly"
    assert page.count('name="recipe"') == 9
    assert f"-X POST {url}" in page
    assert page.count("--retry 5 ") == page.count("--retry 5 --retry-connrefused ")
