"""Status pages in a file: what stands in it, and what is read from one. Pure.

A check is named by its slug, or by its UUID when it has none: numbers mean nothing elsewhere. Read as well: the seed's
pages, which have a name, a slug and `check_slugs`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ttr.domain.invalid import FieldError, Invalid
from ttr.domain.moments import iso, ms_of
from ttr.domain.status_page import Entry, StatusPageSettings
from ttr.domain.status_page_input import parse_status_page_fields
from ttr.domain.uuids import is_uuid

_FIELDS = (
    "name",
    "slug",
    "visibility",
    "is_public",
    "layout",
    "theme",
    "scheme",
    "intro",
    "notice",
    "entries",
)


@dataclass(frozen=True, slots=True)
class FilePage:
    """A page that was read and can be made, if its checks can be found."""

    index: int
    name: str
    slug: str
    fields: Mapping[str, Any]
    """As its entry has them, with checks by slug or UUID; null is left out where it says nothing."""
    read_at: int
    """When (ms): the time of a notice that has none."""


def page_entry(settings: StatusPageSettings, addresses: Mapping[int, str]) -> dict[str, object]:
    """A page as it stands in a file; `addresses` are the slugs or UUIDs of the account's checks, by number."""
    kept = settings.with_checks_of(addresses)
    notice = settings.notice
    return {
        "name": settings.name,
        "slug": settings.slug,
        "visibility": settings.visibility,
        "layout": settings.layout,
        "theme": settings.theme,
        "scheme": settings.scheme,
        "intro": settings.intro,
        "notice": {**asdict(notice), "at": iso(notice.at)} if notice else None,
        "entries": [_shown(entry, addresses) for entry in kept.entries],
        "check_slugs": [addresses[check] for check in kept.check_ids],
    }


def read_page(index: int, entry: Mapping[str, Any], *, now: int) -> FilePage:
    """The page of a file's entry. Raises Invalid."""
    fields = {name: entry[name] for name in _FIELDS if entry.get(name) is not None}
    if "notice" in entry:
        fields["notice"] = entry["notice"]
    if "visibility" in fields and isinstance(fields.get("is_public"), bool):
        del fields["is_public"]
    if (slugs := entry.get("check_slugs")) is not None:
        _judge("check_slugs", slugs)
    if isinstance(fields.get("entries"), list):
        named = [one for one in fields["entries"] if isinstance(one, dict) and "check" in one]
        _judge("entries", [one["check"] for one in named])
    elif "entries" not in fields and slugs is not None:
        fields["check_slugs"] = slugs
    page = FilePage(index, "", "", fields, now)
    # Whatever they turn out to be, each is another check.
    numbers = {ref: number for number, ref in enumerate(_refs(page), 1)}
    settings = page_settings(page, numbers)
    return replace(page, name=settings.name, slug=settings.slug)


def page_settings(
    page: FilePage, numbers: Mapping[str, int], current: StatusPageSettings | None = None
) -> StatusPageSettings:
    """The settings of a page, with the numbers of its checks by slug and UUID; a check without one is left out. With
    `current`, what its entry does not say stays. Raises Invalid.
    """
    fields = dict(page.fields)
    if isinstance(fields.get("entries"), list):
        fields["entries"] = [
            _numbered(one, numbers)
            for one in fields["entries"]
            if not isinstance(one, dict) or "check" not in one or _key(one["check"]) in numbers
        ]
    if (slugs := fields.pop("check_slugs", None)) is not None:
        fields["check_ids"] = [numbers[_key(ref)] for ref in slugs if _key(ref) in numbers]
    try:
        settings = parse_status_page_fields(fields, now=page.read_at, current=current)
    except Invalid as invalid:
        raise Invalid([_renamed(error) for error in invalid.errors]) from None
    before = current.notice if current else None
    notice = settings.notice
    if notice is None or notice == before or not isinstance(page.fields["notice"], dict):
        return settings
    written = ms_of(page.fields["notice"].get("at"))
    at = page.read_at if written is None else min(max(written, 0), page.read_at)
    return replace(settings, notice=replace(notice, at=at))


def missing_checks(page: FilePage, numbers: Mapping[str, int]) -> list[str]:
    """The slugs and UUIDs by which a page names checks that there are not."""
    return [ref for ref in _refs(page) if ref not in numbers]


def _refs(page: FilePage) -> dict[str, None]:
    entries, slugs = page.fields.get("entries"), page.fields.get("check_slugs") or ()
    if isinstance(entries, list):
        slugs = [one["check"] for one in entries if isinstance(one, dict) and "check" in one]
    return dict.fromkeys(_key(ref) for ref in slugs)


def _judge(field: str, refs: object) -> None:
    """Numbers are refused: they are those of another account, or of nothing."""
    if not isinstance(refs, list) or not all(isinstance(ref, str) for ref in refs):
        raise Invalid([FieldError(field, "Checks are named by slug or UUID.")])


def _key(ref: str) -> str:
    return ref.lower() if is_uuid(ref.lower()) else ref


def _numbered(one: Any, numbers: Mapping[str, int]) -> Any:
    return {**one, "check": numbers[_key(one["check"])]} if isinstance(one, dict) and "check" in one else one


def _shown(entry: Entry, addresses: Mapping[int, str]) -> dict[str, str]:
    return {entry.kind: addresses[int(entry.value)] if entry.kind == "check" else entry.value}


def _renamed(error: FieldError) -> FieldError:
    return replace(error, field="check_slugs") if error.field == "check_ids" else error
