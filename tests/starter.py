"""The process that `tests/starting.py` has its processes from: it has imported ttr, and forks for each."""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_RUN_ALONE = ("ttr.__main__", "ttr.archive.migrations.env")
HEAD = struct.Struct("<I")
"""Length of an order, which four descriptors come with: the three standard ones and where its end is told."""
TOLD = struct.Struct("<i")
"""What is told: the pid at once, and the exit code as Popen has it."""


@dataclass(frozen=True)
class Order:
    """A process that is wanted: arguments as Python takes them, `-m MODULE ...` or `FILE ...`."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str


def main(control: socket.socket) -> Order | None:
    """Fork for each order until nobody gives any more: returns None then, and in each fork its order."""
    waiting, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    ends: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([control, waiting], [], [])
        if waiting in ready:
            os.read(waiting, 4_096)
            _tell_ends(ends)
        if control not in ready:
            continue
        head, descriptors, _, _ = socket.recv_fds(control, HEAD.size, 4)
        if not head:
            return None
        *standard, end = descriptors
        order = Order(**json.loads(_read(control, HEAD.unpack(head)[0])))
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # Ignored where the tests were started in the background.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            control.close()
            _become(order, standard, [waiting, woken, end, *ends.values()])
            return order
        for descriptor in standard:
            os.close(descriptor)
        ends[pid] = end
        os.write(end, TOLD.pack(pid))


def _become(order: Order, standard: list[int], others: list[int]) -> None:
    """Be as a new process would be."""
    os.setsid()
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
    for descriptor in (*standard, *others):
        os.close(descriptor)
    # What kind of file each is was asked when it was opened. They stay open to the end, so no block closes them.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as above
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - as above
    sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115 - as above
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environment)


def _tell_ends(ends: dict[int, int]) -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            end = ends.pop(pid)
            with suppress(BrokenPipeError):  # nobody wants to know
                os.write(end, TOLD.pack(os.waitstatus_to_exitcode(status)))
            os.close(end)


def _read(control: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        data += control.recv(length - len(data))
    return data


def import_everything() -> None:
    """All modules of ttr, and what they need."""
    for name in ("ttr", "rq_jobs"):
        package: Any = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if module.name not in _RUN_ALONE:
                importlib.import_module(module.name)
    assert threading.active_count() == 1  # a thread would not be there in a fork, and its locks would


def run(order: Order) -> int:
    """Run what is ordered, to its last `atexit`; the exit code."""
    code: object = None
    try:
        first, *rest = order.arguments
        if first == "-m":
            sys.argv = rest
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        else:
            sys.argv = [first, *rest]
            runpy.run_path(first, run_name="__main__")
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    # What Python does at its own end; it has no public name for waiting for all threads.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    return int(code or 0)


if __name__ == "__main__":
    import_everything()
    gc.collect()
    gc.freeze()  # or each fork would copy what a collection marks
    order = main(socket.socket(fileno=int(sys.argv[1])))
    # Python's own end would take apart whatever was imported, object by object.
    os._exit(run(order) if order else 0)
