"""Calls to Redis over one socket, some in flight at a time: what a script costs Redis' processor, and nothing else."""

import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hiredis

DEPTH = 16
"""Calls in flight. One at a time, waking up for each costs Redis as much again as an empty script."""

Call = tuple[Any, ...]


class Wire:
    """A connection to the Redis behind a `unix://` URL, and the time that this Redis has worked."""

    def __init__(self, url: str, pid: int) -> None:
        self._pid = pid
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(url.removeprefix("unix://"))
        self._reader = hiredis.Reader()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def run(self, calls: Sequence[Call]) -> list[Any]:
        """The answers. Raises what Redis answers as an error."""
        answers: list[Any] = []
        packed = [hiredis.pack_command(call) for call in calls]
        for first in range(0, len(packed), DEPTH):
            batch = packed[first : first + DEPTH]
            self._socket.sendall(b"".join(batch))
            wanted = len(answers) + len(batch)
            while len(answers) < wanted:
                answer = self._reader.gets()
                if answer is False:
                    self._reader.feed(self._socket.recv(65_536))
                elif isinstance(answer, Exception):
                    raise answer
                else:
                    answers.append(answer)
        return answers

    def cost(self, calls: Sequence[Call]) -> tuple[float, list[Any]]:
        """µs of Redis' main thread for each call, and the answers."""
        before = self.worked()
        answers = self.run(calls)
        time.sleep(0.002)
        return (self.worked() - before) / len(calls) / 1_000, answers

    def worked(self) -> int:
        """ns that the main thread has run; exact as soon as it sleeps again."""
        return int(Path(f"/proc/{self._pid}/schedstat").read_text().split()[0])
