"""The Procfile: which processes `ttr up` keeps running. honcho parses it, nothing else of honcho is used."""

from dataclasses import dataclass
from pathlib import Path

from honcho.environ import PROCFILE_LINE, expand_processes, parse_procfile

from ttr.paths import ROOT
from ttr.up.refusal import Refusal

# For an installation without a Procfile beside it; a test compares it with the real one. That one names no program:
# platforms install the requirements and run what lies beside the file.
BUILT_IN = (
    "release: ttr migrate\n"
    "web: exec ttr web\n"
    "clock: exec ttr clock\n"
    "worker: exec ttr worker\n"
    "bot: exec ttr bot\n"
)


@dataclass(frozen=True, slots=True)
class Process:
    """One line of the Procfile: a name for the log and a command for /bin/sh."""

    name: str
    command: str


@dataclass(frozen=True, slots=True)
class Procfile:
    """The processes in their order, and the command that by convention runs once before them."""

    processes: tuple[Process, ...]
    release: Process | None = None

    def without(self, name: str) -> "Procfile":
        """All but one process."""
        kept = tuple(process for process in self.processes if process.name != name)
        return Procfile(kept, self.release)


def read_procfile(path: Path = ROOT / "Procfile") -> Procfile:
    """What the file says, or the built-in lines if there is no such file."""
    return parse(path.read_text(encoding="utf-8") if path.is_file() else BUILT_IN)


def parse(text: str) -> Procfile:
    """Read the text of a Procfile.

    Empty lines and lines that begin with `#` are skipped. Raises Refusal for any other line that is not
    `name: command`, for a name that stands twice, and if no process is left.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    names = set()
    for line in lines:
        match = PROCFILE_LINE.match(line)
        if not match:
            raise Refusal(f"The Procfile has a line that is not `name: command`: {line}")
        if match[1] in names:
            raise Refusal(f"The Procfile names {match[1]} twice.")
        names.add(match[1])
    expanded = expand_processes(parse_procfile("\n".join(lines)).processes)
    # honcho numbers them for several of one kind; here there is one of each.
    processes = tuple(Process(p.name.removesuffix(".1"), p.cmd) for p in expanded)
    kept = tuple(process for process in processes if process.name != "release")
    if not kept:
        raise Refusal("The Procfile names no process.")
    return Procfile(kept, next((process for process in processes if process.name == "release"), None))
