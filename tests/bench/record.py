"""The results in docs/benchmarks.md: a block of text; each benchmark has a part of it, replaced when it runs again."""

import io
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from tests.bench import stack

BEGIN, END = "<!-- results -->\n", "<!-- end of results -->\n"
_PART = re.compile(r"^# (\w+), .*\n(?:(?!# |```).*\n)*", re.MULTILINE)


class Told(io.StringIO):
    """Keeps what is printed, and prints it."""

    def __init__(self, terminal: TextIO) -> None:
        super().__init__()
        self._terminal = terminal

    def write(self, text: str) -> int:
        """Both."""
        self._terminal.write(text)
        self._terminal.flush()
        return super().write(text)

    def lines(self) -> list[str]:
        """What was printed."""
        return self.getvalue().splitlines()


@dataclass(frozen=True, slots=True)
class Results:
    """What a benchmark has printed, `at` ms UTC, in so many seconds."""

    name: str
    at: int
    seconds: float
    lines: list[str]


def put(text: str, results: Results) -> str:
    """The document with these results in the place of that benchmark's former ones. Raises ValueError without one."""
    if BEGIN not in text or END not in text:
        raise ValueError(f"there is no {BEGIN.strip()} in it")
    before, _, rest = text.partition(BEGIN)
    block, _, behind = rest.partition(END)
    parts = {match[1]: match[0].rstrip() + "\n" for match in _PART.finditer(block)}
    when = datetime.fromtimestamp(results.at / 1000, UTC)
    head = f"# {results.name}, {when:%Y-%m-%d %H:%M} UTC, {results.seconds:.0f} s, {machine()}"
    parts[results.name] = "\n".join(
        [head, *(line.removeprefix(f"{results.name}: ") for line in results.lines), ""]
    )
    whole = "\n".join(parts[name] for name in sorted(parts))
    return f"{before}{BEGIN}\n```text\n{whole}```\n\n{END}{behind}"


def machine() -> str:
    """What all of it runs on, in a line, and how busy that is with other things."""
    cpu = "unknown processor"
    told = Path("/proc/cpuinfo")
    if told.exists() and (named := re.search(r"model name\s*: (.+)", told.read_text())):
        cpu = named[1]
    said = subprocess.run([stack.REDIS, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"(\w+) .*?v=(\S+)", said)
    server = f"{found[1]} {found[2]}" if found else "Redis of some version"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} x {cpu}, {memory:.0f} GiB, {platform.system()} {platform.release().partition('-')[0]}, "
        f"Python {platform.python_version()}, {server}, load {os.getloadavg()[0]:.1f}"
    )
