"""`ttr doctor` by hand: on the running embedded Redis, on one that it starts, on a bad one and on none."""

import re
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import start_redis
from tests.up.house import House, stand_in
from ttr import __version__
from ttr.cli import main
from ttr.domain.finding import Finding
from ttr.settings import Settings, load_settings
from ttr.store import keys
from ttr.store.errors import StoreUnavailable
from ttr.store.form import FORM
from ttr.store.reindex import INDEX_VERSION
from ttr.up.datadir import redis_place
from ttr.up.doctor import SECTIONS, Section, doctor
from ttr.up.probe import listens
from ttr.up.room import judge_room, look_at_room

WEB = stand_in("web", "web")
NONE = "There is none, as EMBEDDED_POSTGRES says: what Redis's disk loses is lost, and history ends where Redis's does."


def test_beside_a_running_ttr_up_it_looks_and_leaves_everything_alone(house: House) -> None:
    run = house.up(WEB)
    run.says("ttr is running at")
    seen = house.ttr("doctor")
    assert (seen.returncode, seen.stderr) == (0, "")
    lines = seen.stdout.splitlines()
    titles = [line for line in lines[:-1] if not line.startswith(" ")]
    assert titles == [section.title for section in SECTIONS]
    assert lines[1] == "  ok       settings          TTR_ENV is development; nothing is odd."
    assert [line.split()[0] for line in lines[3:14]] == ["ok"] * 11
    assert lines[14:16] == ["Postgres", f"  ok       archive           {NONE}"]
    assert f"  ok       ttr               {__version__}, on Python 3." in seen.stdout
    assert f"  ok       data              In form {FORM}, which is this version's." in seen.stdout
    assert f"  ok       indexes           Version {INDEX_VERSION}, which is this version's." in seen.stdout
    # The web process of this house is a stand-in, and so nobody sends.
    assert (
        "  warning  workers           0 jobs wait, 0 are worked on, 0 workers online. Alerts wait."
        in seen.stdout
    )
    assert " all lead to an account or a check." in seen.stdout
    assert "  ok       channels          There are none yet." in seen.stdout
    assert "  ok       mail server       None is set (SMTP_HOST)" in seen.stdout
    assert "appendfsync everysec" in seen.stdout
    assert f"GB are free for {house.data}/redis." in seen.stdout
    assert lines[-1] == "0 bad, 1 warning, 20 ok."
    # The mode that is set now is not the one that was set when it started.
    seen = house.ttr("doctor", REDIS_APPENDFSYNC="always")
    assert seen.returncode == 0
    assert "  warning  append-only file  It is on, but appendfsync everysec" in seen.stdout
    assert seen.stdout.endswith("0 bad, 2 warnings, 19 ok.\n")
    assert run.stop() == 0

    # By itself it starts the Redis, and stops it again.
    again = house.ttr("doctor", "--data-dir", str(house.data), REDIS_APPENDFSYNC="always")
    assert again.returncode == 0
    assert "appendfsync always" in again.stdout
    socket = redis_place(house.data).known()
    assert socket is not None
    assert not listens(socket)


def test_it_says_how_far_behind_postgres_is_and_what_is_in_its_way(house: House) -> None:
    on = {"EMBEDDED_POSTGRES": "on"}
    run = house.up(f"release: {sys.executable} -m ttr migrate\n{WEB}", **on)
    run.says("ttr is running at")
    seen = house.ttr("doctor", **on)
    assert "  ok       schema            Revision 0001, which is this version's." in seen.stdout
    assert "  warning  snapshot          None was taken yet." in seen.stdout
    assert f"GB are free for {house.data}/postgres." in seen.stdout
    assert seen.returncode == 0
    assert house.ttr("snapshot", **on).returncode == 0
    seen = house.ttr("doctor", **on)
    assert "  ok       archive           0 accounts, 0 checks." in seen.stdout
    assert re.search(r"  ok       snapshot          The last one is \d+ s old; 0 changes wait", seen.stdout)
    house.redis().hset(
        keys.archive_state(), mapping={"state": "refused", "detail": "Mend it.", "noted_at": 1}
    )
    seen = house.ttr("doctor", **on)
    assert seen.returncode == 1
    assert re.search(r"  bad      snapshot .* The clock says: Mend it\.", seen.stdout)


def test_where_there_is_no_database_it_says_so_and_makes_none(house: House) -> None:
    seen = house.ttr("doctor")
    assert seen.returncode == 1
    assert f"  bad      reachable         There is no database in {house.data}." in seen.stdout
    assert seen.stdout.endswith("1 bad, 0 warnings, 2 ok.\n")
    assert "Versions" not in seen.stdout, "a section without anything to look at says nothing"
    assert not house.data.exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://:hush-hush@127.0.0.1:1/0", "Redis does not answer"),
        ("redis://:hush/hush@127.0.0.1:1/0", "REDIS_URL is not a URL of a Redis"),
        ("unix:///nowhere/redis.sock?password=hush", "Redis does not answer"),
    ],
)
def test_a_redis_that_is_away_is_bad_and_its_password_is_not_told(house: House, url: str, words: str) -> None:
    seen = house.ttr("doctor", REDIS_URL=url)
    assert seen.returncode == 1
    assert "  bad      reachable" in seen.stdout
    assert words in seen.stdout
    assert "hush" not in seen.stdout + seen.stderr
    assert "Traceback" not in seen.stderr


def test_a_redis_of_the_owners_is_judged_and_its_password_is_not_told(house: House) -> None:
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        options = ["--requirepass", "hush-hush", "--maxmemory-policy", "allkeys-lru", "--appendonly", "no"]
        server = start_redis(Path(folder), *options)
        try:
            url = f"{server.url}?password=hush-hush"
            seen = house.ttr("doctor", REDIS_URL=url, REDIS_APPENDFSYNC="always")
            assert seen.returncode == 1
            assert "  bad      eviction          This Redis may throw checks away" in seen.stdout
            assert "  warning  append-only file  Redis keeps no append-only file" in seen.stdout
            assert "  warning  settings          REDIS_APPENDFSYNC is for the embedded Redis" in seen.stdout
            assert " disk " not in seen.stdout.replace("the disk", "").replace("'s disk", "")
            assert seen.stdout.endswith("1 bad, 3 warnings, 17 ok.\n")
            wrong = house.ttr("doctor", REDIS_URL=f"{server.url}?password=hush-no")
            assert wrong.returncode == 1
            assert "hush" not in seen.stdout + seen.stderr + wrong.stdout + wrong.stderr
        finally:
            server.process.kill()
            server.process.wait(10)


async def test_every_section_is_looked_at_and_one_bad_finding_is_enough(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def away(_: Settings) -> list[Finding]:
        raise StoreUnavailable("Nobody is there.\nStart it.")

    async def warned(_: Settings) -> list[Finding]:
        return [Finding("warning", "thing", "It creaks. Oil it.")]

    settings = load_settings({"REDIS_URL": "redis://nowhere"})
    assert await doctor(settings, [Section("One", away), Section("Two", warned)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "One",
        "  bad      reachable         Nobody is there.",
        "           Start it.",
        "Two",
        "  warning  thing             It creaks. Oil it.",
        "1 bad, 1 warning, 0 ok.",
    ]
    assert await doctor(settings, [Section("Two", warned)]) == 0
    capsys.readouterr()
    behind = [Section("One", away), Section("Two", warned), Section("Three", warned, after="One")]
    assert await doctor(settings, behind) == 1
    assert "Three" not in capsys.readouterr().out, "what it stands on was not there"


@pytest.mark.parametrize(
    ("free", "total", "level"),
    [
        (1_000_000_000, 10**12, "ok"),
        (999_999_999, 10**12, "warning"),
        (50_000_000, 10**9, "ok"),
        (49_999_999, 10**9, "warning"),
    ],
)
def test_little_room_is_below_1_gb_or_5_percent_whichever_is_smaller(
    free: int, total: int, level: str
) -> None:
    assert judge_room("/data", free=free, total=total).level == level


def test_room_is_told_in_numbers(tmp_path: Path) -> None:
    assert judge_room("/data", free=2_500_000_000, total=10**11) == Finding(
        "ok", "disk", "2.5 of 100.0 GB are free for /data."
    )
    assert look_at_room(tmp_path).subject == "disk"


def test_its_help_says_what_the_exit_status_means(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--help"])
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "--data-dir DIR" in told
    assert "exit status is 0 when nothing is bad" in told
