"""The command `ttr up`: refuses early, then starts, watches and stops everything in the right order."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ttr.archive.guard import refuse_lost_redis
from ttr.settings import Settings
from ttr.store.errors import StoreUnavailable, StoreUnfit
from ttr.store.redis import open_store, verify_data, verify_server, wait_until_ready
from ttr.store.restoring import has_accounts
from ttr.up import locks
from ttr.up.banner import base_url, compose, wait_until_healthy
from ttr.up.children import Children
from ttr.up.datadir import make_private, subfolder
from ttr.up.embedded_postgres import EmbeddedPostgres
from ttr.up.embedded_redis import EmbeddedRedis
from ttr.up.leftovers import end_leftovers
from ttr.up.output import Output
from ttr.up.patience import GaveUp, Limits
from ttr.up.port import refuse_taken_port
from ttr.up.procfile import Process, Procfile, read_procfile
from ttr.up.refusal import Refusal
from ttr.up.secretfiles import Secrets, refuse_bad_secrets, resolve_secrets
from ttr.up.supervisor import Supervisor, Surroundings

_BANNER_AFTER = 20.0
# Below the 10 s in which Ctrl-C has to work.
_REDIS_WITHIN = 5.0
# All is gone 10 s after the first signal: 8 s grace, 1.2 s for orphans at most, and this for the servers.
_ALL_GONE_WITHIN = 9.7
_SERVERS_LEAST = 0.8
# A large archive may take its time, and so may a million checks; a lock on tables is given up after 60 s.
_RELEASE_WITHIN = 1_800.0
# A signal may come twice, to the group and through `make`; a second Ctrl-C takes a person longer.
_SECOND_THOUGHT = 0.3


class Stop:
    """What signals have asked for: to stop, and by a second Ctrl-C to stop at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurry = asyncio.Event()
        self._asked_at = 0.0

    def watch_signals(self) -> None:
        """Set the events at SIGTERM, SIGINT and, unless it was ignored before (nohup), SIGHUP."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, self._heard, number)

    def close(self) -> None:
        """Heed no signal any more: the process is about to end with the exit code it has."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)

    def _heard(self, number: int) -> None:
        now = asyncio.get_running_loop().time()
        if not self.asked.is_set():
            self._asked_at = now
            self.asked.set()
        elif number == signal.SIGINT and now - self._asked_at > _SECOND_THOUGHT:
            self.hurry.set()


@dataclass(frozen=True, slots=True)
class Servers:
    """The embedded servers; None where a setting names one, or says that there shall be none."""

    redis: EmbeddedRedis | None
    postgres: EmbeddedPostgres | None

    @property
    def sessions(self) -> set[int]:
        """The sessions that they lead as our children."""
        return {session for server in (self.redis, self.postgres) if server for session in server.sessions}


async def up(settings: Settings, *, procfile: Procfile | None = None, limits: Limits | None = None) -> int:
    """Run everything until SIGTERM, SIGINT or SIGHUP; returns the exit code.

    0 after a signal, 130 after a second Ctrl-C, 1 when a process died too often. `procfile` is the project's
    if not given. Raises Refusal if it can't start; then nothing is running.
    """
    limits = limits or Limits()
    procfile = procfile or read_procfile()
    if settings.bot_lacks:
        procfile = procfile.without("bot")
    refuse_bad_secrets(
        secret_key=settings.secret_key, encryption_key=settings.encryption_key, production=settings.production
    )
    data_dir = make_private(settings.data_dir)
    lock = _lock_data_dir(data_dir)
    stop = Stop()
    stop.watch_signals()
    # Read to be handed on, not to be obeyed: the settings are read in one place only.
    env = dict(os.environ)  # noqa: TID251
    embedded = not settings.database_url and settings.embedded_postgres == "on"
    coloured = sys.stdout.isatty() and not env.get("NO_COLOR")
    output = Output(
        sys.stdout.fileno(),
        names=[
            *(process.name for process in procfile.processes),
            *(["postgres"] if embedded else []),
            "redis",
            "ttr",
        ],
        colour=coloured,
    )
    children = Children()
    try:
        await end_leftovers(subfolder(data_dir, "run"), output, limits.grace)
        refuse_taken_port(settings.host, settings.port)
        secrets = resolve_secrets(
            data_dir,
            secret_key=settings.secret_key,
            encryption_key=settings.encryption_key,
            production=settings.production,
        )
        if settings.redis_url:
            await _judge(settings)
            if "redis_appendfsync" in settings.model_fields_set:
                output.say("REDIS_APPENDFSYNC is for an embedded Redis; the one of REDIS_URL has its own")
        redis = None
        if not settings.redis_url:
            redis = EmbeddedRedis(data_dir, children, output, limits, appendfsync=settings.redis_appendfsync)
        servers = Servers(
            redis=redis,
            postgres=EmbeddedPostgres(data_dir, children, output, limits) if embedded else None,
        )
        supervisor = Supervisor(Surroundings(children, output, data_dir / "run", limits))
        run = _Run(
            settings,
            procfile,
            _environment(env, settings, secrets, coloured=coloured),
            servers,
            supervisor,
            output,
        )
        return await _live(run, stop)
    finally:
        children.close()
        await output.close(within=1.0)
        os.close(lock)
        stop.close()


@dataclass(frozen=True, slots=True)
class _Run:
    """What one run of `ttr up` works with."""

    settings: Settings
    procfile: Procfile
    env: dict[str, str]
    servers: Servers
    supervisor: Supervisor
    output: Output


async def _judge(settings: Settings) -> None:
    """Say at once what the processes would say again and again. Raises Refusal."""
    try:
        async with open_store(settings.database, cluster=settings.redis_cluster) as store:
            await wait_until_ready(store, _REDIS_WITHIN)
            await verify_server(store)
    except (StoreUnavailable, StoreUnfit) as error:
        raise Refusal(str(error)) from None


async def _live(run: _Run, stop: Stop) -> int:
    """Start everything, wait for the reason to stop, stop everything; the exit code."""
    code = 0
    work = asyncio.create_task(_work(run))
    asked = asyncio.create_task(stop.asked.wait())
    try:
        await asyncio.wait([work, asked], return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            await work
        run.output.say("stopping")
    except GaveUp as reason:
        run.output.say(f"{reason}. Stopping everything; the lines of that process say why.")
        code = 1
    finally:
        for task in (work, asked):
            task.cancel()
        await asyncio.gather(work, asked, return_exceptions=True)
        await _end(run, stop)
    run.output.say("stopped")
    return 130 if stop.hurry.is_set() else code


async def _work(run: _Run) -> None:
    """Start the servers, then the processes, and keep all running; only an exception or a cancel ends it."""
    try:
        async with asyncio.TaskGroup() as starts:
            if run.servers.redis:
                starts.create_task(run.servers.redis.start())
            archive = starts.create_task(_start_archive(run))
        redis_url = run.servers.redis.url if run.servers.redis else run.settings.database
        url, postgres = await _release(run, redis_url, *archive.result())
        await _refuse_data(run, redis_url, url, postgres)
        env = {**run.env, "REDIS_URL": redis_url, "DATABASE_URL": url}
        async with asyncio.TaskGroup() as tasks:
            if run.servers.redis:
                tasks.create_task(run.servers.redis.keep())
            if run.servers.postgres and url:
                tasks.create_task(run.servers.postgres.keep())
            for process in run.procfile.processes:
                tasks.create_task(run.supervisor.keep(process, env))
            tasks.create_task(_show_banner(run, postgres))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _refuse_data(run: _Run, redis_url: str, database_url: str, postgres: str) -> None:
    """Rather stop than begin with nothing where a snapshot may hold everything, or on data that is not known. Raises
    Refusal."""
    try:
        async with open_store(redis_url, cluster=run.settings.redis_cluster) as store:
            await wait_until_ready(store, _REDIS_WITHIN)
            await refuse_lost_redis(store, database_url or None)
            kept = run.servers.postgres is not None and run.servers.postgres.had_files
            if kept and not database_url and not await has_accounts(store):
                raise Refusal(
                    f"This Redis is empty, and the embedded Postgres, which may hold what was in it, is {postgres} "
                    "Mend that, or move its folder away to begin with nothing."
                )
            await verify_data(store)
    except (StoreUnavailable, StoreUnfit) as error:
        raise Refusal(str(error)) from None


async def _start_archive(run: _Run) -> tuple[str, str]:
    """Start Postgres; its DATABASE_URL ("" if it is off) and words for it.

    Nothing here is a reason not to start: pings are taken without an archive.
    """
    if run.settings.database_url:
        return run.settings.database_url, "the one of DATABASE_URL"
    postgres = run.servers.postgres
    if postgres is None:
        return "", "off: EMBEDDED_POSTGRES is off and DATABASE_URL is not set"
    try:
        await postgres.start()
    except Refusal as reason:
        return "", await _turn_off(run, postgres, str(reason))
    return postgres.url, postgres.description


async def _turn_off(run: _Run, postgres: EmbeddedPostgres, reason: str) -> str:
    run.output.say(f"Postgres is off: {reason}.", "postgres")
    await postgres.stop(within=_REDIS_WITHIN)
    return f"off: {reason}."


async def _release(run: _Run, redis_url: str, url: str, postgres: str) -> tuple[str, str]:
    """Run the Procfile's release line, which migrates both stores; DATABASE_URL and words for it, as they are then.

    What is wrong with the archive alone is no reason not to start. Whether Redis's data is as it must be is seen later.
    """
    if run.procfile.release is None:
        return url, postgres
    trouble = await _run_release(run, run.procfile.release, redis_url, url)
    if trouble is None or not url:
        return url, postgres
    if run.servers.postgres:
        url, postgres = "", await _turn_off(run, run.servers.postgres, f"{trouble}; its lines above say why")
    else:
        run.output.say(
            f"{trouble}; its lines say why. The processes find the archive when it is there and at this version."
        )
    # Once more for Redis alone.
    await _run_release(run, run.procfile.release, redis_url, "")
    return url, postgres


async def _run_release(run: _Run, release: Process, redis_url: str, url: str) -> str | None:
    """None if all is well, else what became of it."""
    env = {
        **run.env,
        "REDIS_URL": redis_url,
        "DATABASE_URL": url,
        **({} if url else {"EMBEDDED_POSTGRES": "off"}),
    }
    end = await run.supervisor.run(release, env, within=_RELEASE_WITHIN)
    return f"`{release.command}` {end}" if end else None


async def _end(run: _Run, stop: Stop) -> None:
    """The processes first, then the servers, which they need to the last and which don't need each other."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await run.supervisor.end(hurry=stop.hurry, spared=run.servers.sessions)
    left = 0.0 if stop.hurry.is_set() else _ALL_GONE_WITHIN - (loop.time() - began)
    servers = (server for server in (run.servers.postgres, run.servers.redis) if server)
    await asyncio.gather(*(server.stop(within=max(left, _SERVERS_LEAST)) for server in servers))


async def _show_banner(run: _Run, postgres: str) -> None:
    settings = run.settings
    health = await wait_until_healthy(settings.host, settings.port, within=_BANNER_AFTER)
    run.output.plain(
        compose(
            health,
            url=settings.public_url or base_url(settings.host, settings.port),
            data_dir=settings.data_dir,
            redis=run.servers.redis.description if run.servers.redis else "the one of REDIS_URL",
            postgres=postgres,
            telegram=_telegram(settings),
        )
    )


def _telegram(settings: Settings) -> str:
    """Words for the bot."""
    if settings.bot_lacks == "PUBLIC_URL":
        return "its bot is off: set PUBLIC_URL, which it sends people to"
    if settings.bot_lacks:
        return "off: nobody logs in by it unless TELEGRAM_AUTH_ENABLED is set (docs/telegram.md)"
    return f"logins by @{settings.telegram_bot_name}"


def _lock_data_dir(data_dir: Path) -> int:
    lock = locks.take(data_dir / "lock")
    if lock is None:
        raise Refusal(
            f"{data_dir} is in use by another `ttr up` (pid {locks.read_pid(data_dir / 'lock')}). "
            "Stop that one, or choose another folder with --data-dir or TTR_DATA_DIR."
        )
    locks.write_pid(lock, os.getpid())
    return lock


def _environment(
    env: Mapping[str, str], settings: Settings, secrets: Secrets, *, coloured: bool
) -> dict[str, str]:
    """The children's environment: ours, what was decided here, and the folder of the `ttr` program first.

    `coloured`: what they write to us ends on a terminal that shows colours, which they can't see through the pipe.
    """
    return {
        **env,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        # `python3 -m ttr` looks into the folder it is started in first, and that is the user's.
        "PYTHONSAFEPATH": "1",
        **({"FORCE_COLOR": "1"} if coloured else {}),
        "HOST": settings.host,
        "PORT": str(settings.port),
        "TTR_DATA_DIR": str(settings.data_dir),
        "SECRET_KEY": secrets.secret_key,
        "ENCRYPTION_KEY": secrets.encryption_key,
    }
