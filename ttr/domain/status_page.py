"""The status page: what its owner set, and which checks stand on it in which order. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

Visibility = Literal["public", "unlisted", "off"]
"""public: listed among the account's pages, and search engines may keep it; unlisted: for who has its address; off: for
nobody but its owner."""
Layout = Literal["cards", "grid", "timeline"]
Level = Literal["info", "maintenance", "outage", "resolved"]
EntryKind = Literal["heading", "check", "tag"]

VISIBILITIES: tuple[Visibility, ...] = get_args(Visibility)
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a page's order: a heading for what follows it, a check, or a tag for all the checks that carry it."""

    kind: EntryKind
    value: str
    """The heading's text, the check's number, or the tag's name."""


@dataclass(frozen=True, slots=True)
class Notice:
    """The message that is pinned to a page."""

    level: Level
    text: str
    """Markdown."""
    at: int
    """When it was written (ms)."""


@dataclass(frozen=True, slots=True)
class StatusPageSettings:
    """Everything an owner may change about a status page, validated (`ttr/domain/status_page_input.py`)."""

    name: str
    slug: str
    visibility: Visibility = "public"
    layout: Layout = "cards"
    """What visitors see who have not chosen another."""
    theme: str = "cyberpunk"
    scheme: str = "system"
    intro: str = ""
    """Markdown."""
    notice: Notice | None = None
    entries: tuple[Entry, ...] = ()

    @property
    def check_ids(self) -> tuple[int, ...]:
        """The checks that were chosen one by one, in order."""
        return tuple(int(entry.value) for entry in self.entries if entry.kind == "check")

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that stand for their checks, in order."""
        return tuple(entry.value for entry in self.entries if entry.kind == "tag")

    def with_checks_of(self, there: Collection[int]) -> "StatusPageSettings":
        """The same without the chosen checks that are not `there` any more."""
        kept = tuple(entry for entry in self.entries if entry.kind != "check" or int(entry.value) in there)
        return self if kept == self.entries else replace(self, entries=kept)


@dataclass(frozen=True, slots=True)
class StatusPage:
    """A status page as stored. Times are milliseconds UTC."""

    id: int
    uuid: str
    user_id: int
    settings: StatusPageSettings
    created_at: int
    changed_at: int
    revision: str
    """Changes with each edit."""

    @property
    def name(self) -> str:
        """Its title."""
        return self.settings.name

    @property
    def shown(self) -> bool:
        """Whether anybody but its owner sees it."""
        return self.settings.visibility != "off"


@dataclass(frozen=True, slots=True)
class Group:
    """What stands below one heading; "" for what comes before the first."""

    heading: str
    checks: tuple[int, ...]


def arrange(entries: Sequence[Entry], tagged: Mapping[str, Sequence[int]]) -> list[Group]:
    """The checks in their groups. `tagged`: the checks of each tag, in order.

    A check stands on the page once: where it was chosen itself, else below the first tag that it carries.
    """
    chosen = {int(entry.value) for entry in entries if entry.kind == "check"}
    placed: set[int] = set()
    groups: list[tuple[str, list[int]]] = [("", [])]
    for entry in entries:
        if entry.kind == "heading":
            groups.append((entry.value, []))
            continue
        for check in _checks_of(entry, chosen, tagged):
            if check not in placed:
                placed.add(check)
                groups[-1][1].append(check)
    return [Group(heading, tuple(checks)) for heading, checks in groups if heading or checks]


def _checks_of(entry: Entry, chosen: set[int], tagged: Mapping[str, Sequence[int]]) -> Iterator[int]:
    if entry.kind == "check":
        yield int(entry.value)
    else:
        yield from (check for check in tagged.get(entry.value, ()) if check not in chosen)
