"""The code in a document, and the shell's part of it as a script whose lines have the document's own numbers."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
"""What users read. Decisions show code, and tell nobody to type it."""
_FENCE = re.compile(r"^( *)(`{3,})([\w-]*)\s*$")
_MARK = re.compile(r"^ *<!-- (not run|run by|like):? (.+?) -->$")
_PLACEHOLDER = re.compile(r"^([A-Z][A-Z0-9_]*)=\.\.\.\s*(?:#.*)?$", re.MULTILINE)
_HEAD = "set -eu; trap 'echo \"$0:$LINENO: this failed\" >&2' ERR"


@dataclass(frozen=True, slots=True)
class Fence:
    """Code between fences; `line` is the number of its first line, from 1."""

    line: int
    language: str
    text: str
    not_run: str
    """Why it is not run, "" when it is."""
    run_by: str
    """The test that reads it from the page and runs it, "" when none is named."""
    like: str
    """`path: why`: the test that does the same without reading it, and why; "" when none is named."""

    @property
    def is_run(self) -> bool:
        """Whether it belongs to the page's script."""
        return self.language == "sh" and not (self.not_run or self.run_by or self.like)


def fences(document: str, *, run_by: str = "") -> list[Fence]:
    """All of a document or a part of one, in its order; those alone that the test `run_by` runs, if it is given."""
    return [fence for fence in _fences(document) if run_by in ("", fence.run_by)]


def _fences(document: str) -> Iterator[Fence]:
    lines = document.splitlines()
    at = 0
    while at < len(lines):
        opened = _FENCE.match(lines[at])
        if opened is None:
            at += 1
            continue
        end = next(
            place for place in range(at + 1, len(lines)) if lines[place].strip() == opened[2]
        )  # one that is not closed fails here
        mark = _MARK.match(lines[at - 1]) if at else None
        said = {mark[1]: mark[2]} if mark else {}
        text = textwrap.dedent("\n".join(lines[at + 1 : end]))
        marks = (said.get(mark, "") for mark in ("not run", "run by", "like"))
        yield Fence(at + 2, opened[3], text, *marks)
        at = end + 1


def script(document: str, instead: Mapping[str, str]) -> str:
    """The document's commands as one script for bash, "" when none is run; `instead` are texts and what they become.

    A placeholder (`AUTH_KEY=...`) demands that the variable is there. The first line of a document holds no commands.
    """
    found = [fence for fence in fences(document) if fence.is_run]
    if not found:
        return ""
    lines = [""] * len(document.splitlines())
    lines[0] = _HEAD
    for fence in found:
        text = _PLACEHOLDER.sub(r': "${\1:?nobody has said what it is}"', fence.text)
        for one, other in instead.items():
            text = text.replace(one, other)
        lines[fence.line - 1 : fence.line - 1 + len(text.splitlines())] = text.splitlines()
    return "\n".join(lines) + "\n"
