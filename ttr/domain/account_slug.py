"""What an account's two slugs may look like: the one in ping URLs and the one in what is published. Pure."""

import re
from typing import Any

from ttr.domain.limits import ACCOUNT_SLUG_MIN, SLUG_MAX
from ttr.domain.uuids import UUID_PATTERN, is_uuid

FORM: dict[str, Any] = {
    "type": "string",
    "pattern": f"^[a-z0-9_-]{{{ACCOUNT_SLUG_MIN},{SLUG_MAX}}}$",
    "not": {"pattern": f"^{UUID_PATTERN}$"},
}
"""The same as JSON Schema."""

_SLUG = re.compile(r"[a-z0-9_-]+", re.ASCII)


def account_slug_fault(slug: str) -> str | None:
    """Why `slug` can't be an account's, as a sentence; None when it can.

    In a ping URL a UUID in the account's place is a check's.
    """
    if not ACCOUNT_SLUG_MIN <= len(slug) <= SLUG_MAX:
        return f"{ACCOUNT_SLUG_MIN} to {SLUG_MAX} characters."
    if not _SLUG.fullmatch(slug):
        return "Only a-z, 0-9, _ and - can be in a slug."
    if is_uuid(slug):
        return "A slug can't look like a UUID."
    return None
