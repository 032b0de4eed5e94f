"""Schedules as crontabs and timers say them, and the quoting of each format."""

import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from tests.lua.parts import NOON, make_check, make_user, settings
from tests.web.conftest import Visitor
from ttr.domain.check import Check
from ttr.domain.schedule import Schedule, ScheduleError, next_due, parse_schedule
from ttr.store.redis import Store
from ttr.web.commands import ping_command, plain_url
from ttr.web.recipes import recipes
from ttr.web.timer_times import timer_times

PLAIN = re.compile(r"[A-Za-z0-9._~%/:@,+=\[\]-]*")
URL = "https://ttr.example/a%20b/p/owner/job"


@pytest.fixture
async def check(store: Store) -> Check:
    """A check to give schedules to."""
    return await make_check(store, await make_user(store), slug="job")


def cron(expression: str, tz: str = "UTC") -> Schedule:
    return parse_schedule("cron", interval_seconds=None, expression=expression, tz=tz, now=NOON)


def texts(check: Check, schedule: Schedule, url: str = URL) -> dict[str, str]:
    changed = replace(check, settings=settings(schedule=schedule))
    return {what: text for recipe in recipes(changed, url) for what, text in recipe.texts}


def fields(low: int, high: int, *more: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """One field of a cron expression."""
    number = st.integers(low, high)
    spans = st.lists(number, min_size=2, max_size=2, unique=True).map(sorted)
    item = number.map(str) | spans.map(lambda two: f"{two[0]}-{two[1]}")
    item |= st.builds(lambda two, step: f"{two[0]}-{two[1]}/{step}", spans, st.integers(2, 9))
    steps = st.integers(1, high).map(lambda step: f"*/{step}")
    return st.just("*") | steps | st.lists(item, min_size=1, max_size=3).map(",".join) | st.one_of(*more)


WEEKDAYS = fields(0, 7, st.sampled_from(["L5", "0L", "5#2", "1#1,1#3", "7#5", "L1,L3", "MON-FRI", "SAT-MON"]))
DAYS = fields(1, 28, st.sampled_from(["L", "15,L", "31"]))


def due_times(schedule: Schedule, count: int) -> list[int]:
    found: list[int] = []
    now = NOON
    while len(found) < count and (due := next_due(schedule, now)) is not None:
        found.append(due)
        now = due
    return found


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
    said = "\n".join(timer_times(cron(expression)))
    timer = parse_schedule("oncalendar", interval_seconds=None, expression=said, tz="UTC", now=NOON)
    assert due_times(timer, 60) == due_times(cron(expression), 60), said


@given(
    minute=fields(0, 59),
    hour=fields(4, 23),  # later than clocks change, where the two have rules of their own
    day=DAYS,
    month=fields(1, 12),
    weekday=WEEKDAYS,
    tz=st.sampled_from(["UTC", "Europe/Riga"]),
)
@budget(max_examples=150, derandomize=True, deadline=None, database=None)
def test_any_cron_expression_is_one_of_a_timer(
    minute: str, hour: str, day: str, month: str, weekday: str, tz: str
) -> None:
    assume(tz == "UTC" or "*" not in hour)
    try:
        wanted = cron(f"{minute} {hour} {day} {month} {weekday}", tz)
    except ScheduleError:
        assume(False)
    said = "\n".join(timer_times(wanted))
    timer = parse_schedule("oncalendar", interval_seconds=None, expression=said, tz="UTC", now=NOON)
    assert due_times(timer, 50) == due_times(wanted, 50), said


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
@pytest.mark.parametrize(
    "expression", ["*/7 * * * *", "30 4 L * *", "0 3 * * L5", "0 3 * * 5#2", "0 9 */2 * 1"]
)
def test_systemd_itself_reads_the_line_so(expression: str) -> None:
    (line,) = timer_times(cron(expression))
    began = datetime.fromtimestamp(NOON / 1000, UTC)
    command = [
        "systemd-analyze",
        "calendar",
        "--iterations=8",
        f"--base-time={began:%Y-%m-%d %H:%M:%S} UTC",
        line,
    ]
    said = subprocess.run(
        command, check=True, timeout=60, capture_output=True, text=True, env={"TZ": "UTC"}
    ).stdout
    times = re.findall(r"(?:elapse|#\d+): \w+ ([0-9-]+ [0-9:]+) UTC", said)
    found = [int(datetime.fromisoformat(f"{time}+00:00").timestamp() * 1000) for time in times]
    assert found == due_times(cron(expression), 8)


@pytest.mark.parametrize("expression", ["0 3 L * *", "0 3 * * 5#2", "0 3 * * L5"])
def test_what_no_crontab_can_say_is_left_to_the_reader(check: Check, expression: str) -> None:
    found = texts(check, cron(expression))
    assert "put the right times in front" in found["Lines of a crontab: take one"]
    assert "put the right" not in found["Its timer"]
    assert "put the right times here" in found["A CronJob"]
    assert "schedule:" not in found["A workflow"]


def test_sunday_is_0_where_7_is_not_known(check: Check) -> None:
    assert 'schedule: "0 3 * * 0,5,6"' in texts(check, cron("0 3 * * 5-7"))["A CronJob"]


@pytest.mark.parametrize("expression", ["0 3 */2 * 5", "0 3 5 * */2"])
def test_what_kubernetes_would_read_otherwise_is_left_to_the_reader(check: Check, expression: str) -> None:
    found = texts(check, cron(expression))
    assert f"\n{expression} /path/to/job" in found["Lines of a crontab: take one"]
    assert "put the right times here" in found["A CronJob"]
    assert "schedule:" not in found["A workflow"]


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


@given(host=st.text(max_size=20), slug=st.text(max_size=20))
@budget(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_url_breaks_out_of_its_place(check: Check, host: str, slug: str) -> None:
    assume(not re.search("[\ud800-\udfff]", host + slug))
    url = plain_url(f"https://{host}/p/o/{slug}")
    assert PLAIN.fullmatch(url)
    assert shlex.split(ping_command(check, f"https://{host}/p/o/{slug}"))[-1] == url
    hostile = texts(check, cron("0 3 * * *"), f"https://{host}/p/o/{slug}")
    plain = texts(check, cron("0 3 * * *"), "https://x")
    for what, text in hostile.items():
        shown = url.replace("%", "\\%") if "crontab" in what else url
        shown = url.replace("%", "%%") if what == "The service" else shown
        assert text == plain[what].replace("https://x", shown)


def test_a_url_of_ours_is_shown_as_it_is() -> None:
    for url in (URL, "http://localhost:8000/p/an_owner/nightly-job", "http://[::1]:8000/p/a/b"):
        assert plain_url(url) == url
    assert plain_url("https://x/$(id)`id`'\"\n;&|${{ x }} #") == (
        "https://x/%24%28id%29%60id%60%27%22%0A%3B%26%7C%24%7B%7B%20x%20%7D%7D%20%23"
    )


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_what_a_shell_runs_is_written_for_it(check: Check, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    found = texts(check, cron("0 3 * * *"))
    for what in found:
        if what in ("docker run", "A wrapper for any command") or what.startswith(
            ("At the end", "With run", "With exit")
        ):
            subprocess.run([shell, "-n"], input=found[what].encode(), check=True, timeout=60)


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
    assert page.count('name="recipe"') == 10
    assert page.count('name="recipe" open') == 1
    assert f"-X POST {url}" in page
    assert page.count("--retry 5 ") == page.count("--retry 5 --retry-connrefused ")


async def test_all_are_closed_once_the_check_has_been_pinged(owner: Visitor) -> None:
    number = await owner.make_check(slug="nightly")
    await owner.post(f"/checks/{number}/pings")
    page = await owner.read(f"/checks/{number}")
    assert page.count('name="recipe"') == 10
    assert 'name="recipe" open' not in page
