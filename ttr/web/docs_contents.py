"""Which pages the documentation has and in which order, as docs/README.md lists them for everybody."""

import re
from dataclasses import dataclass
from functools import cache

from ttr.paths import DOCS

DECISIONS = "decisions"
"""The page that lists what lies in the folder of this name; docs/README.md names the folder."""
_ITEM = re.compile(r"^\* \[(.+?)\]\(([a-z0-9/-]+)(?:\.md|/)\): (.+)$")
_TAKEN = {"api": "json-api"}
"""Pages whose own address belongs to another page: /docs/api is made from the OpenAPI document."""
_NAMES = {address: name for name, address in _TAKEN.items()}


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the contents: `name` is its file's without `.md`."""

    name: str
    title: str
    about: str

    @property
    def address(self) -> str:
        """Where the app shows it."""
        return address_of(self.name)


@dataclass(frozen=True, slots=True)
class Group:
    """Pages under one heading."""

    title: str
    anchor: str
    entries: tuple[Entry, ...]


def address_of(name: str) -> str:
    """The address of a page, such as `pings` or `decisions/0001-redis-is-the-database`."""
    return f"/docs/{_TAKEN.get(name, name)}"


def name_at(address: str) -> str:
    """The page that an address below /docs/ shows, if there is one; "" where another page has the address."""
    return "" if address in _TAKEN else _NAMES.get(address, address)


@cache
def contents() -> tuple[Group, ...]:
    """The groups of docs/README.md."""
    return read_contents((DOCS / "README.md").read_text())


def read_contents(text: str) -> tuple[Group, ...]:
    """The groups of a text: a heading of the second level each, its list items the pages."""
    groups = []
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, items = part.partition("\n")
        found = (_ITEM.match(line) for line in items.splitlines())
        entries = tuple(Entry(item[2], item[1], item[3].replace("`", "")) for item in found if item)
        groups.append(Group(title, title.lower().replace(" ", "-"), entries))
    return tuple(groups)


@cache
def pages() -> dict[str, Entry]:
    """The pages of the contents by name, in their order."""
    return {entry.name: entry for group in contents() for entry in group.entries}


@cache
def decisions() -> tuple[str, ...]:
    """The names of the decisions, oldest first."""
    return tuple(f"{DECISIONS}/{path.stem}" for path in sorted((DOCS / DECISIONS).glob("*.md")))


def around(name: str) -> tuple[Entry | None, Entry | None]:
    """The pages before and after this one; None where there is none."""
    order = [*pages().values()]
    at = next((place for place, entry in enumerate(order) if entry.name == name), None)
    if at is None:
        return None, None
    return order[at - 1] if at else None, order[at + 1] if at + 1 < len(order) else None
