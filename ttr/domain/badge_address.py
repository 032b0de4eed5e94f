"""The address of a badge: `/p/<public slug>/<check>/badge.svg`, or without a check the account's. Pure.

Nothing in it may ping. A UUID is a ping URL by itself, so a check without a slug goes by its number and a hash of its
UUID, from which nobody gets back to that; so does a check whose account's public slug takes pings as well.
"""

import re
from hashlib import sha256
from hmac import compare_digest
from typing import Literal

from ttr.domain.check import Check

Form = Literal["svg", "json"]

_ACCOUNT = re.compile(r"[a-z0-9_-]{1,100}", re.ASCII)
_SEALED = re.compile(r"([1-9][0-9]{0,14})-([0-9a-f]{12})", re.ASCII)
_BADGE = re.compile(r"/p/[^/]+(?:/[^/]+)?/badge\.(?:svg|json)")


def is_badge_path(path: str) -> bool:
    """Whether a path is a badge's and no ping's: slugs have no dot."""
    return _BADGE.fullmatch(path) is not None


def is_slug(text: str) -> bool:
    """Whether an account or a check may have this slug."""
    return _ACCOUNT.fullmatch(text) is not None


def sealed(check_id: int, uuid: str) -> str:
    """The name of a check that does not tell its UUID: "17-6bb2c1d09f3e". 48 bits can't be guessed over a network."""
    return f"{check_id}-{sha256(f'badge:{uuid}'.encode()).hexdigest()[:12]}"


def sealed_number(text: str) -> int | None:
    """The number of the check that a sealed name would be of; None when it is none. `opens` says whether it is."""
    found = _SEALED.fullmatch(text)
    return int(found[1]) if found else None


def opens(text: str, check: Check) -> bool:
    """Whether `text` is this check's sealed name."""
    return compare_digest(text.encode(), sealed(check.id, check.uuid).encode())


def check_name(check: Check, *, public_pings: bool) -> str:
    """How a check is called in its badge's address; `public_pings`: the account's public slug takes pings, too."""
    slug = check.settings.slug
    return slug if slug and not public_pings else sealed(check.id, check.uuid)


def badge_path(public_slug: str, check: str | None, form: Form) -> str:
    """The path of a badge; without `check`, of the account's."""
    return f"/p/{public_slug}/badge.{form}" if check is None else f"/p/{public_slug}/{check}/badge.{form}"
