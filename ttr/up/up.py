"""The command `ttr up`: refuses early, then starts, watches and stops everything in the right order."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ttr.settings import Settings
from ttr.store.errors import StoreUnavailable, StoreUnfit
from ttr.store.redis import open_store, verify, wait_until_ready
from ttr.up import locks
from ttr.up.banner import base_url, compose, wait_until_healthy
from ttr.up.children import Children
from ttr.up.datadir import make_private, subfolder
from ttr.up.embedded_redis import EmbeddedRedis
from ttr.up.leftovers import end_leftovers
from ttr.up.output import Output
from ttr.up.patience import GaveUp, Limits
from ttr.up.port import refuse_taken_port
from ttr.up.procfile import Process, read_procfile
from ttr.up.refusal import Refusal
from ttr.up.secretfiles import Secrets, refuse_bad_secrets, resolve_secrets
from ttr.up.supervisor import Supervisor, Surroundings

_BANNER_AFTER = 20.0
# Below the 10 s in which Ctrl-C has to work.
_REDIS_WITHIN = 5.0
# All is gone 10 s after the first signal: 8 s grace, 1.2 s for orphans at most, and this for Redis.
_ALL_GONE_WITHIN = 9.7
_REDIS_LEAST = 0.8
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


async def up(
    settings: Settings, *, processes: Sequence[Process] | None = None, limits: Limits | None = None
) -> int:
    """Run everything until SIGTERM, SIGINT or SIGHUP; returns the exit code.

    0 after a signal, 130 after a second Ctrl-C, 1 when a process died too often. `processes` are the
    Procfile's if not given. Raises Refusal if it can't start; then nothing is running.
    """
    limits = limits or Limits()
    processes = processes or read_procfile()
    refuse_bad_secrets(
        secret_key=settings.secret_key, encryption_key=settings.encryption_key, production=settings.production
    )
    data_dir = make_private(settings.data_dir)
    lock = _lock_data_dir(data_dir)
    stop = Stop()
    stop.watch_signals()
    # Read to be handed on, not to be obeyed: the settings are read in one place only.
    env = dict(os.environ)  # noqa: TID251
    output = Output(
        sys.stdout.fileno(),
        names=[*(process.name for process in processes), "redis", "ttr"],
        colour=sys.stdout.isatty() and "NO_COLOR" not in env,
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
            await _judge(settings.redis_url)
        redis = None if settings.redis_url else EmbeddedRedis(data_dir, children, output, limits)
        redis_url = settings.redis_url or (redis.url if redis else "")
        supervisor = Supervisor(
            Surroundings(
                children,
                output,
                _environment(env, settings, secrets, redis_url),
                data_dir / "run",
                limits,
            )
        )
        return await _live(settings, processes, supervisor, redis, stop, output)
    finally:
        children.close()
        await output.close(within=1.0)
        os.close(lock)
        stop.close()


async def _judge(redis_url: str) -> None:
    """Say at once what the processes would say again and again. Raises Refusal."""
    try:
        async with open_store(redis_url) as store:
            await wait_until_ready(store, _REDIS_WITHIN)
            await verify(store)
    except (StoreUnavailable, StoreUnfit) as error:
        raise Refusal(str(error)) from None


async def _live(
    settings: Settings,
    processes: Sequence[Process],
    supervisor: Supervisor,
    redis: EmbeddedRedis | None,
    stop: Stop,
    output: Output,
) -> int:
    """Start everything, wait for the reason to stop, stop everything; the exit code."""
    code = 0
    work = asyncio.create_task(_work(settings, processes, supervisor, redis, output))
    asked = asyncio.create_task(stop.asked.wait())
    try:
        await asyncio.wait([work, asked], return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            await work
        output.say("stopping")
    except GaveUp as reason:
        output.say(f"{reason}. Stopping everything; the lines of that process say why.")
        code = 1
    finally:
        for task in (work, asked):
            task.cancel()
        await asyncio.gather(work, asked, return_exceptions=True)
        await _end(supervisor, redis, stop)
    output.say("stopped")
    return 130 if stop.hurry.is_set() else code


async def _work(
    settings: Settings,
    processes: Sequence[Process],
    supervisor: Supervisor,
    redis: EmbeddedRedis | None,
    output: Output,
) -> None:
    """Start Redis, then the processes, and keep all running; only an exception or a cancel ends it."""
    if redis:
        await redis.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            if redis:
                tasks.create_task(redis.keep())
            for process in processes:
                tasks.create_task(supervisor.keep(process))
            tasks.create_task(_show_banner(settings, redis, output))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _end(supervisor: Supervisor, redis: EmbeddedRedis | None, stop: Stop) -> None:
    """The processes first, then Redis, which they need to the last."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await supervisor.end(hurry=stop.hurry, spared=redis.sessions if redis else ())
    if redis:
        left = 0.0 if stop.hurry.is_set() else _ALL_GONE_WITHIN - (loop.time() - began)
        await redis.stop(within=max(left, _REDIS_LEAST))


async def _show_banner(settings: Settings, redis: EmbeddedRedis | None, output: Output) -> None:
    health = await wait_until_healthy(settings.host, settings.port, within=_BANNER_AFTER)
    url = settings.public_url or base_url(settings.host, settings.port)
    where = redis.description if redis else "the one of REDIS_URL"
    output.plain(compose(health, url=url, data_dir=settings.data_dir, redis=where))


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
    env: Mapping[str, str], settings: Settings, secrets: Secrets, redis_url: str
) -> dict[str, str]:
    """The children's environment: ours, what was decided here, and the folder of the `ttr` program first."""
    return {
        **env,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "HOST": settings.host,
        "PORT": str(settings.port),
        "TTR_DATA_DIR": str(settings.data_dir),
        "REDIS_URL": redis_url,
        "SECRET_KEY": secrets.secret_key,
        "ENCRYPTION_KEY": secrets.encryption_key,
    }
