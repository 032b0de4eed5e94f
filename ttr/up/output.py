"""What `ttr up` prints: its own lines and those of its children, each under the name of who said it."""

import asyncio
import os
import select
from collections import deque
from contextlib import suppress

# POSIX: a pipe that is ready takes this much without blocking; a terminal may take less.
_CHUNK = 512
_QUEUE_BYTES = 1_000_000
_LONGEST_LINE = 64_000
_COLOURS = (36, 33, 35, 32, 34, 96, 93, 95)
_GREY = 90


class Output:
    """Writes to one descriptor without ever waiting for it.

    A reader that stalls (a paused terminal, a pipe that nobody empties) must not keep a signal from being
    handled or a child from being restarted: at most 1 MB waits, what comes after that is dropped and counted.
    """

    def __init__(self, descriptor: int, *, names: list[str], colour: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._descriptor = descriptor
        self._width = max(len(name) for name in names)
        self._colours = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)} if colour else {}
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._dropped = 0
        self._flush_planned = False
        self._sources: dict[int, tuple[str, bytearray]] = {}

    def say(self, text: str, name: str = "ttr") -> None:
        """Print each line of `text` under `name`."""
        for line in text.splitlines():
            self._line(name, line.encode())

    def plain(self, text: str) -> None:
        """Print `text` as it is, without a name."""
        self._put(text.encode() + b"\n")

    def listen(self, name: str) -> int:
        """Open a pipe whose lines are printed under `name`; returns the end to write to, which stays ours.

        It is never at its end while we hold that end, so a child's death is not learned from it.
        """
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self._sources[reading] = (name, bytearray())
        self._loop.add_reader(reading, self._read, reading)
        return writing

    async def close(self, within: float) -> None:
        """Print what the children said last and what waits, for at most `within` seconds."""
        for reading, (name, rest) in self._sources.items():
            while self._read(reading):
                pass
            self._loop.remove_reader(reading)
            os.close(reading)
            if rest:
                self._line(name, bytes(rest))
        self._sources.clear()
        await self.flushed(within)

    @property
    def waiting(self) -> int:
        """Bytes that nobody has read yet."""
        return self._waiting_bytes

    async def flushed(self, within: float) -> None:
        """Wait until everything is written, for at most `within` seconds."""
        until = self._loop.time() + within
        while self._waiting and self._loop.time() < until:
            self._flush()
            await asyncio.sleep(0.01)

    def _read(self, reading: int) -> bool:
        name, rest = self._sources[reading]
        try:
            data = os.read(reading, 65_536)
        except BlockingIOError:
            return False
        if not data:
            return False
        rest += data
        *lines, last = bytes(rest).split(b"\n")
        rest[:] = last
        if len(last) > _LONGEST_LINE:
            lines.append(last)
            rest.clear()
        for line in lines:
            self._line(name, line)
        return True

    def _line(self, name: str, line: bytes) -> None:
        label = f"{name:<{self._width}} | "
        if self._colours:
            label = f"\x1b[{self._colours.get(name, _GREY)}m{label}\x1b[0m"
        self._put(label.encode() + line.rstrip(b"\r") + b"\n")

    def _put(self, data: bytes) -> None:
        if self._waiting_bytes > _QUEUE_BYTES:
            self._dropped += 1
            return
        if self._dropped:
            notice = f"... {self._dropped} lines were dropped: nobody read them\n".encode()
            self._dropped = 0
            self._push(notice)
        self._push(data)
        if not self._flush_planned:
            self._flush()

    def _push(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_bytes += len(data)

    def _flush(self) -> None:
        self._flush_planned = False
        while self._waiting:
            try:
                # select, not add_writer: epoll refuses regular files, and a log is often one.
                if not select.select([], [self._descriptor], [], 0)[1]:
                    break
                data = self._waiting[0]
                written = os.write(self._descriptor, data[:_CHUNK])
            except BlockingIOError:
                break
            except (
                OSError,
                ValueError,
            ):  # the reader is gone, which is no reason to stop watching over checks
                self._waiting.clear()
                self._waiting_bytes = 0
                return
            self._waiting_bytes -= written
            if written == len(data):
                self._waiting.popleft()
            else:
                self._waiting[0] = data[written:]
        if self._waiting:
            self._flush_planned = True
            with suppress(RuntimeError):  # the loop is closing
                self._loop.call_later(0.05, self._flush)
