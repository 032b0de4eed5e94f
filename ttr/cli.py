"""The command `ttr`: reads the arguments, loads the settings, and runs one of the processes."""

import argparse
import asyncio
import errno
import logging
import sys
import warnings
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from ttr import __version__, logs
from ttr.archive.errors import ArchiveUnavailable, ArchiveUnfit
from ttr.domain.liveness import Kind
from ttr.heartbeat import refuse_if_kept_out
from ttr.settings import Settings, SettingsError, export, load_settings
from ttr.store.errors import StoreUnavailable, StoreUnfit
from ttr.up.refusal import Refusal

# What a command may end with: said in one line, without a traceback.
_TOLD = (Refusal, SettingsError, StoreUnavailable, StoreUnfit, ArchiveUnavailable, ArchiveUnfit)
_FLAGS = ("check", "compare", "force", "dry_run", "action", "username", "password_stdin", "kind")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_OPTIONS = {"data_dir": "TTR_DATA_DIR", "host": "HOST", "port": "PORT"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own); returns the exit code."""
    arguments = vars(_parser().parse_args(argv))
    overrides = {
        setting: arguments[option]
        for option, setting in _OPTIONS.items()
        if arguments.get(option) is not None
    }
    flags = {flag: arguments[flag] for flag in _FLAGS if flag in arguments}
    warnings.formatwarning = _one_line
    try:
        return _COMMANDS[arguments["command"]](overrides, **flags)
    except _TOLD as error:
        logs.last_words(arguments["command"], str(error))
        return 1
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        logs.last_words(
            arguments["command"],
            f"There is no room on a disk ({error.strerror}). Make room where the data directory and temporary files "
            "are, and try again.",
        )
        return 1
    except (KeyboardInterrupt, EOFError):  # Ctrl-C, and Ctrl-D where something is asked
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ttr",
        description="Heartbeat monitoring: a job pings; when it stops, people are told.",
        epilog="Settings come from the environment and a .env file; an option beats both.",
    )
    parser.add_argument("--version", action="version", version=f"ttr {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder of the embedded servers and the generated secrets (TTR_DATA_DIR, default ./.ttr)",
    )
    listening = argparse.ArgumentParser(add_help=False)
    listening.add_argument("--host", metavar="H", help="address to listen on (HOST, default 127.0.0.1)")
    listening.add_argument("--port", metavar="N", help="port to listen on (PORT, default 8000)")

    for name, parents, text in (
        ("up", [common, listening], "start everything: embedded servers and the processes of the Procfile"),
        ("web", [common, listening], "serve pages, the API and pings"),
        ("clock", [common], "find checks whose deadline has passed, and hand out notifications"),
        ("worker", [common], "send notifications"),
        ("bot", [common], "answer people who log in by Telegram; wait where that is not set up"),
    ):
        commands.add_parser(name, parents=parents, help=text, description=text[0].upper() + text[1:] + ".")

    migrate = commands.add_parser(
        "migrate",
        parents=[common],
        help="bring the data in Postgres and Redis to this version",
        description="Bring both stores to this version: the tables of the archive in Postgres, then the data in Redis. "
        "Processes of the version before may go on meanwhile where its release notes say so. One that is broken off "
        "goes on when it is run again.",
        epilog="The exit status is 0 when both are at this version, else 1.",
    )
    migrate.add_argument("--check", action="store_true", help="say what would be done, and change nothing")

    commands.add_parser(
        "doctor",
        parents=[common],
        help="look at what ttr stands on",
        description="Look at what ttr stands on, and say what is wrong and what to do.",
        epilog="The exit status is 0 when nothing is bad (there may be warnings), else 1.",
    )

    commands.add_parser(
        "alive",
        parents=[common],
        help="whether a process of this machine is well, for health checks of containers",
        description="Look whether a process of this machine says that it lives and that all its loops go round.",
        epilog="The exit status is 0 when one of that kind is well, else 1.",
    ).add_argument("kind", choices=("web", "clock", "worker", "bot"), help="which process")

    snapshot = commands.add_parser(
        "snapshot",
        parents=[common],
        help="write what Redis holds into Postgres now",
        description="Write what has changed in Redis since the last snapshot into Postgres, as the clock does all the "
        "time.",
    )
    snapshot.add_argument(
        "--compare", action="store_true", help="read everything, and put right whatever differs"
    )
    restore = commands.add_parser(
        "restore",
        parents=[common],
        help="give an empty Redis what the last snapshot holds",
        description="Give an empty Redis what the last snapshot in Postgres holds. Stop ttr's processes first. "
        "A restore that is broken off goes on where it was when it is run again.",
    )
    restore.add_argument("--force", action="store_true", help="remove all that ttr has in this Redis first")

    cleanup = commands.add_parser(
        "cleanup",
        parents=[common],
        help="remove checks and accounts that nobody uses, now",
        description="Remove the checks that nobody has pinged or touched for CLEANUP_INACTIVE_DAYS, and the accounts "
        "without checks in which nobody was for as long. It does so once, whether CLEANUP_ENABLED lets the clock do "
        "it or not; processes may go on meanwhile.",
        epilog="The exit status is 0 also when there is nothing to remove, 1 when it could not be done.",
    )
    cleanup.add_argument(
        "--dry-run", action="store_true", help="say what would be removed, and remove nothing"
    )

    about_admins = "the people who see /admin"
    errands = commands.add_parser(
        "admin",
        help=about_admins,
        description=f"Care for {about_admins}: they have a name and a password, apart from the accounts.",
        epilog="The exit status is 0 when it is done, 1 when it was refused, 2 when the command is not understood.",
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--username", required=True, metavar="U", help="the admin's name")
    asked = argparse.ArgumentParser(add_help=False)
    asked.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from stdin instead of asking for it on the terminal",
    )
    for action, needed, text in (
        ("create", [common, named, asked], "make an admin"),
        ("list", [common], "show who is an admin"),
        ("password", [common, named, asked], "give an admin another password, which ends its logins"),
        ("remove", [common, named], "remove an admin, which ends its logins"),
    ):
        errands.add_parser(action, parents=needed, help=text, description=text[0].upper() + text[1:] + ".")

    about_keys = "the keys that secrets are kept under"
    actions = commands.add_parser(
        "keys", help=about_keys, description=f"Care for {about_keys}."
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser(
        "rotate",
        parents=[common],
        help="put every account under the newest key of ENCRYPTION_KEY",
        description="Put every account's data key under the newest key of ENCRYPTION_KEY, which holds the new "
        "key first and the old ones after it, separated by commas.",
        epilog="First restart all processes with both keys, then run this (they may go on meanwhile, and it may be "
        "run again), then restart them with the new key alone.",
    )
    return parser


def _up(overrides: dict[str, str]) -> int:
    from ttr.up.up import up

    return asyncio.run(up(_settings(overrides, "up")))


def _web(overrides: dict[str, str]) -> int:
    settings = _complete_settings(overrides, "web")
    from ttr.web_server import serve

    return _run(serve(settings))


def _clock(overrides: dict[str, str]) -> int:
    settings = _complete_settings(overrides, "clock")
    from ttr.clock import run

    return _run(run(settings))


def _worker(overrides: dict[str, str]) -> int:
    settings = _complete_settings(overrides, "worker")
    from ttr.worker import run

    run(settings)
    refuse_if_kept_out()
    return 0


def _bot(overrides: dict[str, str]) -> int:
    if lacking := load_settings(overrides).bot_lacks:
        from ttr.bot.idle import stand_by

        stand_by(lacking)
        return 0
    settings = _complete_settings(overrides, "bot")
    from ttr.bot.process import run

    return _run(run(settings))


def _migrate(overrides: dict[str, str], *, check: bool) -> int:
    from ttr.up.migrate import migrate_all

    return _errand(migrate_all(_settings(overrides, "migrate"), check=check))


def _snapshot(overrides: dict[str, str], *, compare: bool) -> int:
    from ttr.up.take_snapshot import take_snapshot

    return _errand(take_snapshot(_settings(overrides, "snapshot"), compare=compare))


def _restore(overrides: dict[str, str], *, force: bool) -> int:
    from ttr.up.restore import restore_redis

    return _errand(restore_redis(_settings(overrides, "restore"), force=force))


def _cleanup(overrides: dict[str, str], *, dry_run: bool) -> int:
    from ttr.up.clean import clean_up

    return _errand(clean_up(load_settings(overrides), dry_run=dry_run))


def _admin(
    overrides: dict[str, str], *, action: str, username: str = "", password_stdin: bool = False
) -> int:
    from ttr.up import admins

    settings = _settings(overrides, "admin")
    match action:
        case "create":
            admins.refuse_name(username)
            password = admins.ask(username, from_stdin=password_stdin)
            return _errand(admins.create(settings, username, password))
        case "password":
            password = admins.ask(username, from_stdin=password_stdin)
            return _errand(admins.change_password(settings, username, password))
        case "remove":
            return _errand(admins.remove(settings, username))
    return _errand(admins.show(settings))


def _keys(overrides: dict[str, str], *, action: str) -> int:
    from ttr.up.rotate_keys import rotate_keys

    return _errand(rotate_keys(_settings(overrides, "keys")))


def _doctor(overrides: dict[str, str]) -> int:
    from ttr.up.doctor import doctor

    return _errand(doctor(_settings(overrides, "doctor")))


def _alive(overrides: dict[str, str], *, kind: Kind) -> int:
    from ttr.up.alive import look

    return _errand(look(_settings(overrides, "alive"), kind))


def _errand(work: Coroutine[Any, Any, int]) -> int:
    """Run a command that is over soon; another run goes on where SIGTERM stops this one."""
    try:
        return asyncio.run(work)
    except asyncio.CancelledError:
        return 143


_COMMANDS: dict[str, Callable[..., int]] = {
    "up": _up,
    "web": _web,
    "clock": _clock,
    "worker": _worker,
    "bot": _bot,
    "migrate": _migrate,
    "snapshot": _snapshot,
    "restore": _restore,
    "cleanup": _cleanup,
    "keys": _keys,
    "admin": _admin,
    "doctor": _doctor,
    "alive": _alive,
}


def _settings(overrides: dict[str, str], command: str) -> Settings:
    """The settings, with the log set up: on the standard error, for a command's own words are on the other and
    say what it did."""
    with warnings.catch_warnings(record=True) as doubts:
        warnings.simplefilter("always")
        settings = load_settings(overrides)
    if settings.logs_json:
        logs.set_up(settings, command, sys.stderr, least=logging.WARNING)
    for doubt in doubts:
        warnings.warn(doubt.message, stacklevel=2)
    logs.set_up(settings, command, sys.stderr, least=logging.WARNING)
    return settings


def _complete_settings(overrides: dict[str, str], process: str) -> Settings:
    from ttr.up.standalone import missing_settings

    values = overrides | missing_settings(_settings(overrides, process))
    export(values)  # an RQ horse reads its settings anew
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they have been said
        return load_settings(values)


def _run(process: Coroutine[Any, Any, None]) -> int:
    try:
        import uvloop
    except ImportError:  # no wheel for this platform; asyncio's own loop does the same, slower
        asyncio.run(process)
    else:
        uvloop.run(process)
    refuse_if_kept_out()
    return 0


def _one_line(message: Warning | str, *_: object, **__: object) -> str:
    return f"ttr: {message}\n"
