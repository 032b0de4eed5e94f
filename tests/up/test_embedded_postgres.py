"""The embedded Postgres: it loses nothing, loosens nothing, and is no reason for ttr not to start."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.up.house import HERE, House, Up, alive, data_of, stand_in, until
from ttr.store import keys
from ttr.store.form import FORM
from ttr.up import postgres_programs
from ttr.up.datadir import postgres_place
from ttr.up.locks import is_held
from ttr.up.postgres_programs import RunAs, find_programs, find_user
from ttr.up.probe import postgres_url
from ttr.up.refusal import Refusal

WEB = stand_in("web", "web")
ARCHIVE = f"release: {sys.executable} -m ttr migrate\n" + WEB


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """With Postgres on, and in a short folder: one of many tests at once would be too long for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="ttr-"))
    house = WithPostgres(folder)
    yield house
    house.close()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def migrated() -> Iterator[Path]:
    """The data of one that ran before: its Postgres has the tables, and its Redis an account."""
    with data_of(WithPostgres, used) as data:
        yield data


@pytest.fixture
def lived_in(house: House, migrated: Path) -> House:
    """One that ran before."""
    house.take(migrated)
    return house


class WithPostgres(House):
    def env(self, **settings: str) -> dict[str, str]:
        return super().env(**{"EMBEDDED_POSTGRES": "on", **settings})


def used(house: House, **settings: str) -> None:
    """Run ttr once, and leave an account behind: an empty Redis would wait for what Postgres may hold."""
    run = started(house, **settings)
    house.redis().set(keys.sequence("user"), 1)
    assert run.stop() == 0


def started(house: House, procfile: str = ARCHIVE, **settings: str) -> Up:
    run = house.up(procfile, **settings)
    run.says("Ctrl-C stops everything", within=60)
    return run


def sql(house: House, text: str) -> list[tuple[object, ...]]:
    place = postgres_place(house.data).known()
    assert place
    with psycopg.connect(postgres_url(place)) as connection:
        result = connection.execute(text)  # type: ignore[arg-type]
        return result.fetchall() if result.description else []


def modes(folder: Path) -> dict[str, int]:
    return {str(above): stat.S_IMODE(above.stat().st_mode) for above in (folder, *folder.parents)}


def test_the_first_start_makes_it_migrated_and_private_and_loosens_nothing(house: House) -> None:
    wheel = find_programs().folder
    before = {**modes(house.folder), **modes(wheel)}
    run = started(house)
    assert re.search(r"^  Postgres  Postgres \d+, embedded, in .*/postgres$", run.output, re.MULTILINE)
    assert len(sql(house, "SELECT id FROM archive")) == 1
    (port, access) = sql(house, "SELECT current_setting('listen_addresses'), current_user")[0]
    assert (port, access) == ("", "ttr")
    assert {**modes(house.folder), **modes(wheel)} == before
    postgres = house.data / "postgres"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (postgres, postgres / "data")] == [0o700] * 2
    server = house.pid_of("postgres")
    assert run.stop(signal.SIGINT) == 0
    assert not alive(server)
    assert not (postgres / "data" / "postmaster.pid").exists()


def test_its_identity_lives_through_restarts_and_clients_are_cut_off_at_the_end(house: House) -> None:
    run = started(house)
    identity = sql(house, "SELECT id FROM archive")
    place = postgres_place(house.data).known()
    assert place
    with psycopg.connect(postgres_url(place)):  # SIGTERM would wait for it for ever
        assert run.stop() == 0
    log = (house.data / "postgres" / "postgres.log").read_text()
    assert "received fast shutdown request" in log
    assert log.endswith("database system is shut down\n")
    assert "terminated by signal" not in log  # its processes are not ended as orphans of ours
    run = started(house)
    assert sql(house, "SELECT id FROM archive") == identity
    assert "making the files" not in run.output
    assert "at revision 0001 already" in run.output
    assert run.stop() == 0


def test_killed_it_is_started_again(lived_in: House) -> None:
    run = started(lived_in, WEB)
    identity = sql(lived_in, "SELECT id FROM archive")
    first = lived_in.pid_of("postgres")
    os.kill(first, signal.SIGKILL)
    run.says(rf"Postgres \(pid {first}\) ended; starting it again")
    until(lambda: run.output.count("started: Postgres") == 2)
    assert lived_in.pid_of("postgres") != first
    assert sql(lived_in, "SELECT id FROM archive") == identity
    assert run.stop() == 0


def test_one_that_survived_a_killed_ttr_up_is_adopted_watched_and_stopped(lived_in: House) -> None:
    run = started(lived_in, WEB)
    server = lived_in.pid_of("postgres")
    run.process.kill()
    run.process.wait()
    again = started(lived_in, WEB)
    assert f"adopted: Postgres {sql(lived_in, 'SHOW server_version')[0][0]}".split(".")[0] in again.output
    assert lived_in.pid_of("postgres") == server
    os.kill(server, signal.SIGKILL)
    again.says(rf"Postgres \(pid {server}\) ended; starting it again")
    until(lambda: "started: Postgres" in again.output)
    again.process.kill()
    again.process.wait()
    server = lived_in.pid_of("postgres")
    third = started(lived_in, WEB)
    assert third.stop() == 0
    until(lambda: not alive(server))
    assert not is_held(lived_in.data / "postgres" / "lock")


def test_a_stale_pid_file_that_names_somebody_else_is_no_hindrance(lived_in: House) -> None:
    run = started(lived_in, WEB)
    pid_file = lived_in.data / "postgres" / "data" / "postmaster.pid"
    server = lived_in.pid_of("postgres")
    stale = pid_file.read_text()
    run.process.kill()
    os.kill(server, signal.SIGKILL)
    run.process.wait()
    until(lambda: not is_held(lived_in.data / "postgres" / "lock"))
    # A number that was given to another process since, as happens after each start of a container.
    pid_file.write_text(stale.replace(str(server), str(os.getpid()), 1))
    run = started(lived_in, WEB)
    assert "started: Postgres" in run.output
    assert len(sql(lived_in, "SELECT id FROM archive")) == 1
    assert run.stop() == 0


def test_files_that_were_half_made_are_made_anew(house: House) -> None:
    half = house.data / "postgres" / "data.unfinished"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    run = started(house)
    assert "making the files" in run.output
    assert not half.exists()
    assert len(sql(house, "SELECT id FROM archive")) == 1
    assert run.stop() == 0


def test_an_initdb_that_a_killed_ttr_up_left_behind_is_waited_for(house: House) -> None:
    run = house.up(ARCHIVE)
    run.says("making the files")
    run.process.kill()
    run.process.wait()
    run = started(house)
    assert len(sql(house, "SELECT id FROM archive")) == 1
    assert run.stop() == 0


def test_a_stop_while_the_files_are_made_is_heeded(house: House) -> None:
    run = house.up(ARCHIVE)
    run.says("making the files")
    assert run.stop() == 0
    assert not is_held(house.data / "postgres" / "lock")
    assert not (house.data / "postgres" / "data").exists()


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("9", r"no Postgres 9, which made its files, was found\. .* has \d+.*set DATABASE_URL"),
        ("none", r"postgres/data is no data folder of Postgres\. Move it away"),
    ],
)
def test_files_that_cant_be_used_are_left_alone_and_ttr_starts_without(
    house: House, version: str, reason: str
) -> None:
    used(house, EMBEDDED_POSTGRES="off")
    data = house.data / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text(version)
    run = started(house)
    assert re.search(rf"^  Postgres  off: .*{reason}", run.output, re.MULTILINE)
    assert re.search(rf"postgres \| Postgres is off: .*{reason}", run.output)
    assert "ttr is running at" in run.output
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]
    assert "Traceback" not in run.output
    assert run.stop() == 0


def test_one_that_ends_at_once_is_off_with_its_own_words(lived_in: House) -> None:
    shutil.rmtree(lived_in.data / "postgres" / "data" / "pg_wal")
    run = started(lived_in, WEB)
    assert re.search(
        r"Postgres  off: it ended with exit code 1: FATAL: .*\(the rest is in .*postgres\.log\)\.$",
        run.output,
        re.MULTILINE,
    )
    assert run.stop() == 0


def test_one_that_dies_again_and_again_stays_off_and_ttr_goes_on(lived_in: House) -> None:
    run = lived_in.up(WEB, limits={"first_delay": 0.01, "longest_delay": 0.02, "deaths_per_minute": 1})
    run.says("Ctrl-C stops everything", within=60)
    for count in (1, 2):
        os.kill(lived_in.pid_of("postgres"), signal.SIGKILL)
        if count == 1:
            until(lambda: run.output.count("started: Postgres") == 2)
    run.says("postgres died 2 times within a minute; it stays off until ttr is started again")
    assert alive(lived_in.pid_of("web"))
    assert run.stop() == 0


def test_one_that_ttr_did_not_start_is_left_alone(lived_in: House) -> None:
    folder = lived_in.data / "postgres"
    programs = find_programs()
    who = find_user(programs, folder)
    foreign = subprocess.Popen(
        [
            *who.prefix,
            programs.folder / "postgres",
            "-D",
            folder / "data",
            "-k",
            folder,
            "-c",
            "listen_addresses=",
        ],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        user=who.ids[0] if who.ids else None,
    )
    try:
        until((folder / ".s.PGSQL.5432").exists)
        run = started(lived_in, WEB)
        assert re.search("Postgres  off: a Postgres that ttr did not start listens on", run.output)
        assert run.stop() == 0
        assert foreign.poll() is None
    finally:
        foreign.send_signal(signal.SIGINT)
        foreign.wait(10)


def test_a_failing_release_turns_it_off_for_this_run(house: House) -> None:
    run = started(house, "release: echo no such luck; exit 3\n" + WEB)
    assert re.search(r"release +\| no such luck", run.output)
    assert re.search(
        r"^  Postgres  off: `echo no such .*` ended with exit code 3; its lines", run.output, re.MULTILINE
    )
    assert not is_held(house.data / "postgres" / "lock")
    assert run.stop() == 0


def test_processes_are_told_where_it_is(lived_in: House) -> None:
    run = started(lived_in, WEB + "tell: echo at $DATABASE_URL; exec sleep 600\n")
    place = postgres_place(lived_in.data).known()
    assert place
    run.says(rf"^tell +\| at {re.escape(postgres_url(place))}$")
    assert run.stop() == 0


def test_a_database_url_wins_and_nothing_is_started(house: House, database_url: str) -> None:
    run = started(house, ARCHIVE + "tell: echo at $DATABASE_URL; exec sleep 600\n", DATABASE_URL=database_url)
    run.says(rf"^tell +\| at {re.escape(database_url)}$")
    assert "Postgres  the one of DATABASE_URL" in run.output
    assert "at revision 0001 already" in run.output
    assert not (house.data / "postgres").exists()
    assert run.stop() == 0


def test_a_database_url_whose_server_is_away_is_no_reason_not_to_start(house: House) -> None:
    run = started(house, DATABASE_URL="postgresql://ttr:geheim@/ttr?host=/nowhere")
    assert re.search(
        r"release +\| ttr migrate: connection is bad: connection to server on socket", run.output
    )
    assert "The processes find the archive when it is there" in run.output
    assert "geheim" not in run.output
    assert run.stop() == 0


def test_it_can_be_turned_off(house: House) -> None:
    run = started(house, EMBEDDED_POSTGRES="off")
    assert "Postgres  off: EMBEDDED_POSTGRES is off and DATABASE_URL is not set" in run.output
    assert not (house.data / "postgres").exists()
    assert run.stop() == 0


@pytest.mark.parametrize(("name", "short"), [("long-" * 24, True), ("a,b", True), ("s '\"?#%25ü", False)])
def test_any_folder_will_do(house: House, name: str, short: bool) -> None:
    house.data = house.folder / name
    run = started(house)
    assert len(sql(house, "SELECT id FROM archive")) == 1
    place = postgres_place(house.data).known()
    assert place
    assert (house.data not in place.parents) == short
    assert run.stop() == 0
    assert not short or not place.parent.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="all other tests here show it")
def test_an_ordinary_user_runs_it_as_it_is(house: House) -> None:
    # In a namespace of its own, because the Python here may be closed to real other users.
    as_user = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"]
    if subprocess.run([*as_user, "true"], capture_output=True).returncode != 0:
        pytest.skip("user namespaces are not allowed here")
    procfile = house.folder / "Procfile"
    procfile.write_text(ARCHIVE)
    command = [*as_user, sys.executable, str(HERE / "drive.py"), str(procfile), "{}"]
    run = Up(house.folder, house.env(), command)
    house.runs.append(run)
    run.says("Ctrl-C stops everything", within=60)
    assert re.search("^  Postgres  Postgres", run.output, re.MULTILINE)
    assert "at revision 0001, by 0001" in run.output
    server = house.pid_of("postgres")
    assert run.stop() == 0
    assert not alive(server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can't run it as it is")
def test_root_without_namespaces_becomes_nobody_where_all_may_search(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_programs, "_namespaces_work", lambda: False)
    programs = find_programs()
    folder = house.folder / "open" / "postgres"
    folder.mkdir(parents=True)
    with pytest.raises(Refusal, match=f"user namespaces are not allowed here, and {house.folder} is closed"):
        find_user(programs, folder)
    house.folder.chmod(0o711)
    (house.folder / "open").chmod(0o755)
    assert find_user(programs, folder) == RunAs(ids=(65534, 65534))
    # Whose files they are by now runs them.
    os.chown(folder, 65534, 65534)
    assert find_user(programs, folder) == RunAs(ids=(65534, 65534))


def test_without_programs_the_reason_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "postgres"
    old.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 13.9'\n")
    old.chmod(0o755)
    (tmp_path / "initdb").touch()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres_programs, "_SYSTEM", tmp_path / "none")
    with pytest.raises(
        Refusal, match=r"no Postgres 14 or newer was found\..*has 13\.9\..*or set DATABASE_URL"
    ):
        find_programs()
    assert find_programs(13).version == "13.9"
    old.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.1 (Debian 14.1-1)'\n")
    assert find_programs() == postgres_programs.Programs(tmp_path, "14.1")
    with pytest.raises(Refusal, match="no Postgres 18, which made its files, was found"):
        find_programs(18)


def test_migrate_by_hand_beside_ttr_up_and_by_itself_and_where_there_is_none(house: House) -> None:
    none = house.ttr("migrate")
    assert none.returncode == 1
    assert none.stderr.startswith(f"ttr migrate: There is no database in {house.data}: `ttr up` makes one.")
    run = started(house, WEB)
    beside = house.ttr("migrate")
    data = f"Redis's data is in form {FORM} already.\n"
    assert (beside.returncode, beside.stdout) == (0, f"The archive is at revision 0001, by 0001.\n{data}")
    assert run.stop() == 0
    alone = house.ttr("migrate", "--data-dir", str(house.data))
    assert (alone.returncode, alone.stdout) == (0, f"The archive is at revision 0001 already.\n{data}")
    assert not is_held(house.data / "postgres" / "lock")
    assert not is_held(house.data / "lock")


def test_migrate_says_that_a_database_is_newer(house: House, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    refused = house.ttr("migrate", DATABASE_URL=database_url)
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "ttr migrate: The schema of this database (9999) is newer than this version"
    )
    assert "Traceback" not in refused.stderr
