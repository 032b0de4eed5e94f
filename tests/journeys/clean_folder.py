"""The product in a folder where nobody has run it before: what it finds there, does there and leaves there."""

import os
from pathlib import Path

from tests.journeys.client import sign_up
from tests.journeys.receiver import Receiver
from tests.up.house import SETTINGS


def clean_environment() -> dict[str, str]:
    """The machine's, without what leads to the checkout or sets anything of ttr; alerts may go to this machine."""
    without = (*SETTINGS, "PYTHON", "VIRTUAL_ENV")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(without)}
    return {**plain, "PATH": os.defpath, "EGRESS_ALLOW": "127.0.0.0/8"}


def watch_a_job(port: int) -> None:
    """An account, a check and a ping; then silence, which is told, and a ping, which is told as well."""
    with Receiver() as receiver:
        account = sign_up(port)
        account.add("backup", receiver.url("/hook"))
        account.ping("backup")
        assert account.show("backup")["status"] == "up"
        down = receiver.wait("/hook", 1, within=60)[0].body
        assert (down["status"], down["reason"]) == ("down", "overdue")
        account.ping("backup")
        assert receiver.wait("/hook", 2, within=60)[1].body["status"] == "up"


def processes_of(folder: Path) -> list[int]:
    """The processes that work in a folder or keep their files there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cwd").readlink().as_posix() + (process / "cmdline").read_text(errors="replace")
        except OSError:
            continue
        if folder.as_posix() in told:
            found.append(int(process.name))
    return found
