"""The address of a ping: which check, which signal. Pure.

/p/<user slug>/<check>[/<action>]      <check> is a UUID or a slug
/ping/<user slug>/<check>[/<action>]   the same
/ping/<uuid>[/<action>]                a UUID needs no account
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

from ttr.domain.signal import Signal, SignalError, parse_action, parse_rid
from ttr.domain.uuids import is_uuid

_SLUG = re.compile(r"[a-z0-9_-]{1,100}", re.ASCII)
# Those of the checks that ping most often, of 0.3 kB each. What raises is not remembered.
_PATHS_REMEMBERED = 10_000
_OURS = ("rid", "create")
_OF_CREATION = ("period", "grace", "cron", "tz")


class UnknownAddress(Exception):
    """The path can't be a ping's: 404."""


@dataclass(frozen=True, slots=True)
class PingAddress:
    """A ping's URL, taken apart. `create` holds the schedule's parameters when `?create=1` asks for a check."""

    user_slug: str
    check: str
    is_uuid: bool
    signal: Signal
    rid: str
    create: dict[str, str] | None
    content: bytes
    """What is left of the query, byte for byte: a GET's content."""


def parse_address(path: str, query: bytes) -> PingAddress:
    """Take a ping's URL apart. Raises UnknownAddress (404) and SignalError (400)."""
    user_slug, check, by_uuid, signal = _parse_path(path)
    rid, create, content, late_action = _parse_query(query)
    return PingAddress(
        user_slug, check, by_uuid, signal or parse_action(late_action), parse_rid(rid), create, content
    )


@lru_cache(maxsize=_PATHS_REMEMBERED)
def _parse_path(path: str) -> tuple[str, str, bool, Signal | None]:
    """Slug of the account, slug or UUID of the check, whether it is a UUID, the signal if the path names one."""
    parts = [unquote(part) for part in path.split("/")[2:]]
    if parts and parts[-1] == "":
        parts.pop()
    if parts and is_uuid(parts[0].lower()):
        parts.insert(0, "")
    if len(parts) not in (2, 3) or not parts[1]:
        raise UnknownAddress
    user_slug, check = parts[0], parts[1]
    by_uuid = is_uuid(check.lower())
    if not by_uuid and not user_slug:
        raise UnknownAddress
    if by_uuid:
        check = check.lower()
    for slug in (user_slug, "" if by_uuid else check):
        if slug and not _SLUG.fullmatch(slug):
            raise SignalError("invalid url format: a slug has only a-z, 0-9, _ and -")
    return user_slug, check, by_uuid, parse_action(parts[2]) if len(parts) == 3 and parts[2] else None


def _parse_query(query: bytes) -> tuple[str, dict[str, str] | None, bytes, str]:
    if not query:
        return "", None, b"", ""
    parts = [(_text(part.partition(b"=")[0]), part) for part in query.split(b"&")]
    # Of a name that comes twice, the first counts.
    values = {name: _text(part.partition(b"=")[2]) for name, part in reversed(parts)}
    # Clients that append "/start" to a URL that ends in "?rid=..." put the action behind its last value.
    rid, _, late_action = values.get("rid", "").partition("/")
    if "rid" in values and not rid:
        raise SignalError("invalid uuid format: rid is empty")
    create, _, action = values.get("create", "").partition("/")
    taken = _OURS + (_OF_CREATION if create == "1" else ())
    left = b"&".join(part for name, part in parts if name not in taken)
    wanted = {name: values[name] for name in _OF_CREATION if name in values} if create == "1" else None
    return rid, wanted, left, late_action or (action if create == "1" else "")


def _text(encoded: bytes) -> str:
    return unquote_plus(encoded.decode("latin-1"), encoding="utf-8", errors="replace")
