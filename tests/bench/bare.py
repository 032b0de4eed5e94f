"""The command that a ping sends, by itself: what Redis can do when nothing stands before it.

The command is read off Redis while a real ping passes, so it is the very one, in its bytes. Of each call the check, the
request's number and, from our generator, the times differ.
"""

import asyncio
import re
import shutil
from dataclasses import dataclass

import aiohttp

from tests.bench import cores, load
from tests.bench.stack import socket_of
from ttr.now import now_ms
from ttr.store.redis import Store

MARK = b"ttr-bench/1"
"""The user agent of the ping that is watched, which its log entry holds."""
_ESCAPED = re.compile(rb"\\(?:x([0-9a-f]{2})|(.))", re.DOTALL)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}
_WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_FIGURES = re.compile(r'"((?:[0-9.]+","){6}[0-9.]+)"\s*$')


@dataclass(frozen=True, slots=True)
class Command:
    """The words of a ping's command, and where among them stands what differs from ping to ping."""

    words: list[bytes]
    check: int
    now: int
    request: int
    due: int

    @property
    def ahead(self) -> int:
        """ms from the ping to the next one's due time."""
        return int(self.words[self.due]) - int(self.words[self.now])


async def watch(store: Store, base: str, path: str, check_id: int) -> Command:
    """The command of a ping to `path`, which names this check, in the steady state: of the third in a row."""
    first, _, words = [await _watch_one(store, base, path) for _ in range(3)]
    check = words.index(str(check_id).encode())
    differing = [n for n in range(check, len(words)) if words[n] != first[n]]
    request = next(n for n in differing if re.fullmatch(rb"[A-Za-z0-9_-]{12}", words[n]))
    now, due = (n for n in differing if re.fullmatch(rb"[0-9]{13}", words[n]))
    return Command(words, check, now, request, due)


async def _watch_one(store: Store, base: str, path: str) -> list[bytes]:
    connection = store.redis.connection_pool.make_connection()
    await connection.connect()
    try:
        await connection.send_command("MONITOR")
        await connection.read_response(disable_decoding=True)
        async with (
            aiohttp.ClientSession(headers={"User-Agent": MARK.decode()}) as client,
            client.get(base + path) as answer,
        ):
            assert answer.status == 200, answer.status
        found: list[bytes] = []
        async with asyncio.timeout(10):
            # A ping that meets an unknown check is asked twice, so the answer says that both have been sent.
            await store.redis.echo("seen")
            while b'"ECHO" "seen"' not in (line := await connection.read_response(disable_decoding=True)):
                words = [_unescape(word) for word in _WORD.findall(line.partition(b"] ")[2])]
                if MARK in b" ".join(words) and b" lua] " not in line:
                    found = words
        assert found, "no command of a ping was seen"
        return found
    finally:
        await connection.disconnect()


def _unescape(word: bytes) -> bytes:
    """As MONITOR writes what is not printable."""
    return _ESCAPED.sub(lambda m: bytes([int(m[1], 16)]) if m[1] else _NAMED.get(m[2], m[2]), word)


async def ask(
    url: str, command: Command, checks: list[int], connections: int, seconds: float
) -> load.Answered:
    """Have our generator send it from so many connections to each check in turn, with times that go on."""
    turns = [
        [(_format(command, check), b"") for check in checks[first::connections]]
        for first in range(min(connections, len(checks)))
    ]
    return await load.run(load.Load(socket_of(url), turns, seconds, redis_due_ms=command.ahead))


def _format(command: Command, check: int) -> bytes:
    """The command as it goes to Redis, as a format of what the generator puts in."""
    words = [word.replace(b"%", b"%%") for word in command.words]
    sizes = [len(word) for word in command.words]
    words[command.check] = str(check).encode()
    sizes[command.check] = len(words[command.check])
    words[command.now], words[command.due] = b"%(now)013d", b"%(due)013d"
    words[command.request] = b"%(number)012d"
    return b"*%d\r\n" % len(words) + b"".join(
        b"$%d\r\n%b\r\n" % (size, word) for size, word in zip(sizes, words, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Benchmarked:
    """What redis-benchmark says: calls a second, ms."""

    rate: float
    p50: float
    p99: float
    max: float


def has_redis_benchmark() -> bool:
    """Whether it is on the PATH (Debian: redis-tools)."""
    return shutil.which("redis-benchmark") is not None


async def redis_benchmark(
    url: str, command: Command, checks: list[int], connections: int, calls: int
) -> Benchmarked:
    """Have redis-benchmark send it `calls` times.

    It puts random numbers of twelve digits below the number of checks wherever they are wanted, so checks must be
    numbered 10**12 and up. Three of them make a request's number, longer than ours, so that with a thousand checks none
    comes twice. Its times stand still.
    """
    if checks[0] != 10**12 or len(checks) != checks[-1] - checks[0] + 1:
        raise ValueError("these checks have other numbers")
    words = [*command.words]
    words[command.check] = b"1__rand_int__"
    words[command.request] = b"__rand_int__" * 3
    # Newer than any other ping's: an allowance does not grow back in the past.
    words[command.now], words[command.due] = (b"%d" % (now_ms() + more) for more in (0, command.ahead))
    # No argument of a program can hold a NUL. Where one is, in the packed entry, which Redis does not look into, any
    # other byte does.
    words = [word.replace(b"\0", b"\1") for word in words]
    options = [
        "-s",
        socket_of(url),
        "-c",
        str(connections),
        "-n",
        str(calls),
        "-r",
        str(len(checks)),
        "--csv",
    ]
    child = await asyncio.create_subprocess_exec(
        "redis-benchmark",
        *(option.encode() for option in options),
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=cores.on("redis-load"),
    )
    out, wrong = await asyncio.wait_for(child.communicate(), 120)
    figures = _FIGURES.search(out.decode("latin-1"))
    if figures is None:
        raise SystemExit(f"redis-benchmark failed: {wrong.decode()}")
    rate, _, _, p50, _, p99, longest = (float(figure) for figure in figures[1].split('","'))
    return Benchmarked(rate, p50, p99, longest)
