"""Where the time of a ping goes in a server: `python -m tests.bench.profile [fast|asgi|plain ...] [lines]`.

py-spy looks at the process 250 times a second while it is loaded, without stopping it, and each look counts for the
module that runs then. What C code does is counted where Python called it: a write to a socket for the protocol; and
what the loop does by itself, waiting for sockets and reading them, as `uvloop`. With `lines`, the costliest lines too.
"""

import asyncio
import re
import shutil
import sys
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path

from tests.bench import doors

SECONDS = 6
_LOOKS = 250
_SHOWN = 0.01
"""Smaller shares are left out."""
_FRAME = re.compile(r"^(.*) \((.*?)(?::(\d+))?\)$")


async def run() -> None:
    """Profile both doors."""
    for server in ("asgi", "fast"):
        await profile(server)


async def profile(server: str, *, lines: bool = False) -> None:
    """Load one server, look where it is, and print shares by module beside its CPU a ping."""
    program = shutil.which("py-spy", path=sysconfig.get_path("scripts")) or shutil.which("py-spy")
    if program is None:
        print("profile: there is no py-spy here")
        return
    async with doors.stand(server) as stand:
        with tempfile.TemporaryDirectory(prefix="ttr-bench-") as folder:
            told = Path(folder) / "stacks"
            spy = await asyncio.create_subprocess_exec(
                *(program, "record", "--pid", str(stand.servers[server][0]), "--rate", str(_LOOKS)),
                *("--duration", str(SECONDS), "--format", "raw", "--full-filenames", "--nonblocking"),
                *("--output", str(told)),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            ran = await stand.ping(server, seconds=SECONDS)
            _, wrong = await spy.communicate()
            if not told.exists():
                print(f"profile: py-spy may not look at processes here: {wrong.decode().strip()[-200:]}")
                return
            stacks = told.read_text()
    modules, places = _shares(stacks)
    print(
        f"profile: {server} at {ran.rate:,.0f}/s: {doors.told(ran)}; the generator {ran.load_us:.0f} us a request"
    )
    parts = [
        f"{module} {share:.0%} ({share * ran.server_us:,.1f} us)"
        for module, share in modules
        if share >= _SHOWN
    ]
    print(f"profile: {server}, by module: {', '.join(parts)}")
    for place, share in places[: 25 if lines else 0]:
        print(f"profile: {server}, {share:6.1%} {place}")


def _shares(stacks: str) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """Shares of modules and of lines, greatest first. `stacks` has a line a stack: its frames, the innermost last, and
    how often it was seen.
    """
    modules, places = Counter[str](), Counter[str]()
    for line in stacks.splitlines():
        stack, _, looks = line.rpartition(" ")
        innermost = stack.split(";")[-1]
        module, place = _module(innermost)
        modules[module] += int(looks)
        places[place] += int(looks)
    of = max(1, modules.total())
    return tuple(
        [(name, looks / of) for name, looks in counter.most_common()] for counter in (modules, places)
    )


def _module(frame: str) -> tuple[str, str]:
    """`ttr.ping.handler` or `redis`, and the line."""
    match = _FRAME.match(frame)
    if match is None:
        return frame, frame
    function, path, line = match[1], Path(match[2]), match[3]
    parts = path.with_suffix("").parts
    if parts[-2:] == ("asyncio", "runners"):
        return "uvloop", "uvloop"
    if "site-packages" in parts:
        module = parts[parts.index("site-packages") + 1]
    elif "ttr" in parts:
        module = ".".join(parts[len(parts) - 1 - parts[::-1].index("ttr") :])
    else:
        module = parts[-2] if parts[-2:-1] == ("asyncio",) else parts[-1]
    return module, f"{module}: {function}, line {line}"


if __name__ == "__main__":
    named = [name for name in sys.argv[1:] if name != "lines"]
    for name in named or ["fast"]:
        asyncio.run(profile(name, lines="lines" in sys.argv[1:]))
