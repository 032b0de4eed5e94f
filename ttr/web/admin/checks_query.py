"""What the list of all checks shows, in its address: read leniently, written plainly. Pure."""

from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlencode

from ttr.web.list_query import TEXT_MAX, WORDS_MAX

STATUSES = ("down", "late", "up", "new", "paused")
"""What it may be filtered by."""


class Args(Protocol):
    """A query string's fields."""

    def get(self, name: str, default: str) -> str: ...


@dataclass(frozen=True, slots=True)
class ChecksQuery:
    """A page of the list."""

    text: str = ""
    status: str = ""
    """One of STATUSES, "" for all."""
    onward: str = ""
    """A place that an earlier page gave."""

    @property
    def words(self) -> tuple[str, ...]:
        """Those that are looked for."""
        return tuple(self.text.split()[:WORDS_MAX])

    @property
    def begun(self) -> "ChecksQuery":
        """The first page of the same list."""
        return replace(self, onward="")

    def with_status(self, status: str) -> "ChecksQuery":
        """The first page of the list with another status."""
        return replace(self, status=status, onward="")

    def further(self, onward: str) -> "ChecksQuery":
        """The page from a place on."""
        return replace(self, onward=onward)

    @property
    def path(self) -> str:
        """Its address."""
        fields = {"q": self.text, "status": self.status, "onward": self.onward}
        given = urlencode({name: value for name, value in fields.items() if value})
        return f"/admin/checks?{given}" if given else "/admin/checks"


def read_query(args: Args) -> ChecksQuery:
    """The page that an address asks for; what can't be is left out."""
    text = " ".join(args.get("q", "").split())[:TEXT_MAX]
    status = args.get("status", "")
    return ChecksQuery(text, status if status in STATUSES else "", args.get("onward", "")[:40])
