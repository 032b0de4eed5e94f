"""What is noted of the request under way, for the log: its id, its route, and by what it was authorised; and the id of
what set things off, which alerts take along.

Never its path: a ping's is a secret, a signed link's is one as well.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

Means = Literal["none", "session", "key", "admin", "token"]
"""`token` is METRICS_TOKEN."""

PING_ROUTE = "/p/<ping>"
FORMER_PING_ROUTE = "/ping/<ping>"
NO_ROUTE = "-"

# What comes by the thousand, or stays open for hours.
_FILES = ("/assets/<digest>/<path:path>", "/static/<path:filename>")
_OFTEN = {PING_ROUTE, FORMER_PING_ROUTE, *_FILES, "/events", "/health", "/metrics"}
_BADGE = "/badge."


def is_often(template: str) -> bool:
    """Whether a route's requests come by the thousand, or stay open for hours."""
    return template in _OFTEN or _BADGE in template


@dataclass(slots=True)
class Noted:
    """One request. `last4` are those of an access key that was valid."""

    request_id: str
    route: str = NO_ROUTE
    means: Means = "none"
    last4: str = ""


_noted: ContextVar[Noted | None] = ContextVar("noted", default=None)


def begin(request_id: str) -> Noted:
    """Note things of a new request from here on, in this task and in those that it starts."""
    noted = Noted(request_id)
    _noted.set(noted)
    return noted


def request_id() -> str:
    """The id of the request under way; "" outside of one."""
    noted = _noted.get()
    return noted.request_id if noted else ""


_origin: ContextVar[str] = ContextVar("origin", default="")


def set_origin(origin: str) -> None:
    """What sets off what happens from here on, in this task and in those that it starts, where no request does: the id
    of a look of the clock, or of what set off the alert that is being delivered."""
    _origin.set(origin)


def origin() -> str:
    """The id of what set off what happens now: the request under way, or what `set_origin` said; "" when unknown."""
    return request_id() or _origin.get()


def route() -> str:
    """The template of its route, as far as it is known."""
    noted = _noted.get()
    return noted.route if noted else NO_ROUTE


def note_route(template: str) -> None:
    """Which route takes it."""
    if noted := _noted.get():
        noted.route = template


def note_means(means: Means, last4: str = "") -> None:
    """By what it was authorised; called once that has been judged."""
    if noted := _noted.get():
        noted.means, noted.last4 = means, last4
