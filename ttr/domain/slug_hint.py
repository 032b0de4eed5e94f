"""A slug made of a name: "Nightly Backup (Zürich)" -> "nightly-backup-zurich". Pure."""

import re
import unicodedata

from ttr.domain import limits
from ttr.domain.uuids import is_uuid

_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "þ": "th", "\u0131": "i"}
)
_OTHER = re.compile(r"[^a-z0-9_]+")


def slug_hint(name: str) -> str:
    """A valid slug that resembles `name`: letters lose their accents, what is left becomes single hyphens.

    "" when nothing is left that people could read, as of a name in Cyrillic.
    """
    plain = unicodedata.normalize("NFKD", name[: 2 * limits.NAME_MAX].casefold().translate(_LETTERS))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    slug = _OTHER.sub("-", plain).strip("-_")[: limits.SLUG_MAX].rstrip("-_")
    if not slug or is_uuid(slug):
        return ""
    # Digits alone would be taken for a check's number.
    return f"check-{slug}" if slug.isdigit() and len(slug) <= limits.SLUG_MAX - 6 else slug


def numbered(slug: str, turns: int) -> list[str]:
    """The slug, and others to try where it is taken: "backup", "backup-2", "backup-3"."""
    room = limits.SLUG_MAX - len(f"-{turns}")
    return [slug, *(f"{slug[:room]}-{turn}" for turn in range(2, turns + 1))]
