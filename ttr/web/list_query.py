"""What the dashboard lists, in its address: read leniently, as people edit addresses, and written plainly. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlencode

from ttr.domain.folding import fold
from ttr.domain.invalid import Invalid
from ttr.domain.limits import FILTER_TAGS_MAX
from ttr.domain.preferences import PAGE_SIZES
from ttr.store.check_list import STATUSES, Filter, SortBy
from ttr.store.cursor import Cursor, read_cursor

WORDS_MAX = 8
"""Words of a search."""
TEXT_MAX = 100
"""Characters of a search."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a list may be sorted by."""

    by: SortBy
    """As the store calls it."""
    descending: bool
    """Which way it begins."""
    label: str
    up: str
    """What comes first when it ascends."""
    down: str


SORTS: Mapping[str, Order] = {
    "status": Order("status", False, "Status", "down first", "paused first"),
    "name": Order("name", False, "Check", "A to Z", "Z to A"),
    "last": Order("last_ping", True, "Last ping", "oldest first", "newest first"),
    "took": Order("last_duration_seconds", True, "Took", "shortest first", "longest first"),
    "next": Order("deadline", False, "Next", "soonest first", "latest first"),
    "made": Order("created_at", True, "Made", "oldest first", "newest first"),
}
"""Each order by its word in the address."""
_FIRST = "status"


class Args(Protocol):
    """A query string's fields; one may come several times."""

    def get(self, name: str, default: str) -> str: ...
    def getlist(self, name: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A page of the list."""

    text: str = ""
    tags: tuple[str, ...] = ()
    any_tag: bool = False
    statuses: tuple[str, ...] = ()
    sort: str = _FIRST
    """One of SORTS."""
    descending: bool = False
    size: int | None = None
    """Checks a page; None: as the reader prefers."""
    cursor: str = ""
    """Where the page begins or ends; "" for the first one."""

    @property
    def filter(self) -> Filter:
        """Which checks, as the store is asked."""
        words = _distinct(fold(word).strip() for word in self.text.split()[:WORDS_MAX])
        return Filter(tags=self.tags, any_tag=self.any_tag, statuses=self.statuses, words=words)

    @property
    def filtered(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.text or self.tags or self.statuses)

    @property
    def place(self) -> Cursor | None:
        """The place of the cursor; None without one, or with one that no list in this order gave."""
        try:
            return read_cursor(self.cursor, SORTS[self.sort].by) if self.cursor else None
        except Invalid:
            return None

    def __str__(self) -> str:
        """The query string, without its `?`; what has its default is left out."""
        pairs = [("q", self.text)] if self.text else []
        pairs += [("tag", tag) for tag in self.tags]
        pairs += [("match", "any")] if self.any_tag and len(self.tags) > 1 else []
        pairs += [("status", status) for status in self.statuses]
        pairs += [("sort", self.sort)] if self.sort != _FIRST else []
        if self.descending != SORTS[self.sort].descending:
            pairs.append(("dir", "desc" if self.descending else "asc"))
        pairs += [("size", str(self.size))] if self.size else []
        pairs += [("cursor", self.cursor)] if self.cursor else []
        return urlencode(pairs)

    @property
    def path(self) -> str:
        """The dashboard's address with it."""
        query = str(self)
        return f"/dashboard?{query}" if query else "/dashboard"

    def at(self, cursor: str) -> "ListQuery":
        """Another page of the same list."""
        return replace(self, cursor=cursor)

    def sorted_by(self, sort: str) -> "ListQuery":
        """From its beginning in another order; chosen again, an order turns round."""
        descending = not self.descending if sort == self.sort else SORTS[sort].descending
        return replace(self, sort=sort, descending=descending, cursor="")

    def only(self, status: str) -> "ListQuery":
        """From its beginning, with this status alone; chosen again, or "", with all."""
        statuses = () if not status or self.statuses == (status,) else (status,)
        return replace(self, statuses=statuses, cursor="")

    def with_tag(self, tag: str) -> "ListQuery":
        """From its beginning, with one more tag, or without one it has."""
        if tag in self.tags:
            return replace(self, tags=tuple(other for other in self.tags if other != tag), cursor="")
        return replace(self, tags=(*self.tags, tag)[-FILTER_TAGS_MAX:], cursor="")

    def sizeless(self) -> "ListQuery":
        """From its beginning, with as many a page as the reader prefers."""
        return replace(self, size=None, cursor="")

    def unfiltered(self) -> "ListQuery":
        """All checks, in the same order."""
        return replace(self, text="", tags=(), any_tag=False, statuses=(), cursor="")


def read_list_query(args: Args) -> ListQuery:
    """The page an address asks for; what it says wrongly counts as not said."""
    # The form's one field for both says "name.desc".
    sort, _, way = args.get("sort", "").partition(".")
    sort = sort if sort in SORTS else _FIRST
    size = args.get("size", "")
    return ListQuery(
        text=" ".join(args.get("q", "")[:TEXT_MAX].split()[:WORDS_MAX]),
        tags=_distinct(tag.strip() for tag in args.getlist("tag"))[:FILTER_TAGS_MAX],
        any_tag=args.get("match", "") == "any",
        statuses=tuple(status for status in STATUSES if status in args.getlist("status")),
        sort=sort,
        descending={"asc": False, "desc": True}.get(way or args.get("dir", ""), SORTS[sort].descending),
        size=int(size) if size in map(str, PAGE_SIZES) else None,
        cursor=args.get("cursor", ""),
    )


def back_pair(query: ListQuery) -> str:
    """`back=...` for the query string of what belongs to a page of the list."""
    return urlencode({"back": query.path})


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


FILTERS: dict[str, Callable[..., object]] = {"back_pair": back_pair}
