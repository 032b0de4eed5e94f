"""`python -m tests.bench [--record docs/benchmarks.md] [name ...]`: run the benchmarks, all of them or those named.

What takes longer than minutes runs only if it is named. `--record` puts what they print into that file.
"""

import argparse
import asyncio
import importlib
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

from tests.bench import record
from ttr.now import now_ms

LONG = ("million",)


def names() -> list[str]:
    """Every benchmark: the files here that have a `run()`."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return [file.stem for file in files if "\nasync def run() -> None:" in file.read_text(encoding="utf-8")]


def main() -> int:
    """Run each benchmark's `run()` in turn."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Run the benchmarks.")
    parser.add_argument("name", nargs="*", help=", ".join(names()))
    parser.add_argument("--record", type=Path, metavar="FILE", help="put the results into this file")
    wanted = parser.parse_args()
    if unknown := set(wanted.name) - set(names()):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    print(record.machine())
    for name in wanted.name or [name for name in names() if name not in LONG]:
        told = record.Told(sys.stdout)
        began, at = time.monotonic(), now_ms()
        with redirect_stdout(told):
            asyncio.run(importlib.import_module(f"tests.bench.{name}").run())
        took = time.monotonic() - began
        print(f"{name}: took {took:.0f} s")
        if wanted.record:
            results = record.Results(name, at, took, told.lines())
            text = wanted.record.read_text(encoding="utf-8")
            wanted.record.write_text(record.put(text, results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
