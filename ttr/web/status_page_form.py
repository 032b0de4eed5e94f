"""The form of a status page: it carries the whole arrangement along, so nothing is stored until it is saved.

Lines are moved by buttons that send the form and get it back rearranged: that works by keyboard and without JavaScript.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from werkzeug.datastructures import MultiDict

from ttr.domain import limits
from ttr.domain.invalid import FieldError
from ttr.domain.preferences import SCHEMES, THEMES
from ttr.domain.slug_hint import numbered, slug_hint
from ttr.domain.status_page import LAYOUTS, LEVELS, VISIBILITIES, Entry, StatusPageSettings

FIELDS = ("name", "slug", "visibility", "layout", "theme", "scheme", "intro", "notice_text", "notice_level")
CHOICES = {
    "visibility": VISIBILITIES,
    "layout": LAYOUTS,
    "theme": THEMES,
    "scheme": SCHEMES,
    "notice_level": LEVELS,
}
_KINDS = ("heading", "check", "tag")


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form. `number` is the page's, "" for a new one."""

    number: str
    values: Mapping[str, str]
    entries: tuple[Entry, ...]
    sought: str = ""
    """The words that checks and tags are looked for by."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """The form after a button was pressed: which line it was about, and what to say."""

    typed: Typed
    focus: str = ""
    """The id of the element that has the focus next."""
    said: str = ""


def blank(theme: str, scheme: str) -> Typed:
    """The form of a new page, in the look of its owner's pages."""
    settings = StatusPageSettings("", "", theme=theme, scheme=scheme)
    return filled("", settings)


def filled(number: str, settings: StatusPageSettings) -> Typed:
    """The form of a page as it is stored."""
    notice = settings.notice
    values = {name: str(getattr(settings, name)) for name in FIELDS if not name.startswith("notice_")}
    values |= {
        "notice_text": notice.text if notice else "",
        "notice_level": notice.level if notice else "info",
    }
    return Typed(number, values, settings.entries)


def read(form: MultiDict[str, str]) -> Typed:
    """What was sent. Lines that no form of ours holds are dropped."""
    values = {name: form.get(name, "") for name in FIELDS}
    for name, choices in CHOICES.items():
        if values[name] not in choices:
            values[name] = {"theme": THEMES[0], "scheme": "system"}.get(name, choices[0])
    kinds, texts = form.getlist("entry_kind"), form.getlist("entry_value")
    # One line more than a page may have, so that it is refused and not cut.
    most = limits.STATUS_PAGE_ENTRIES_MAX + 1
    kinds, texts = kinds[:most], texts[:most]
    entries = [
        Entry(kind, text)  # type: ignore[arg-type]
        for kind, text in zip(kinds, texts, strict=False)
        if kind in _KINDS and (kind != "check" or _is_number(text))
    ]
    number = form.get("page", "")
    return Typed(number if _is_number(number) else "", values, tuple(entries), form.get("sought", ""))


def with_slug(typed: Typed, taken: Sequence[str]) -> Typed:
    """The form with a slug that is made of its title, if none was typed and one can be made."""
    if typed.values["slug"]:
        return typed
    hint = slug_hint(typed.values["name"])
    free = next((slug for slug in numbered(hint, 99) if slug not in taken), "") if hint else ""
    return replace(typed, values={**typed.values, "slug": free})


def rearrange(typed: Typed, button: str, names: Mapping[int, str]) -> Arranged:
    """The form after its `button` ("up:3", "remove:0", "add:check:7", "heading") was pressed; `names` of the checks."""
    entries = list(typed.entries)
    what, _, rest = button.partition(":")
    place = int(rest) if rest.isascii() and rest.isdigit() and len(rest) < 5 else -1

    def done(focus: str, said: str) -> Arranged:
        return Arranged(replace(typed, entries=tuple(entries)), focus, said)

    if what in ("up", "down") and 0 <= place < len(entries):
        to = place + (-1 if what == "up" else 1)
        if not 0 <= to < len(entries):
            return Arranged(typed)
        entries[place], entries[to] = entries[to], entries[place]
        # At the end the button is no more; the other one takes over.
        stays = 0 < to < len(entries) - 1 or (what == "up") == (to > 0)
        focus = what if stays else {"up": "down", "down": "up"}[what]
        return done(f"{focus}-{to}", f"{spoken(entries[to], names)} is {to + 1} of {len(entries)} now.")
    if what == "remove" and 0 <= place < len(entries):
        gone = entries.pop(place)
        near = min(place, len(entries) - 1)
        return done(f"remove-{near}" if entries else "sought", f"{spoken(gone, names)} is taken off.")
    if len(entries) >= limits.STATUS_PAGE_ENTRIES_MAX:
        return Arranged(typed, "", f"A page has at most {limits.STATUS_PAGE_ENTRIES_MAX} lines.")
    if what == "heading":
        entries.append(Entry("heading", ""))
        return done(f"entry-{len(entries) - 1}", "A heading is added at the end.")
    kind, _, text = rest.partition(":")
    if what == "add" and kind in ("check", "tag") and text and (kind == "tag" or _is_number(text)):
        new = Entry(kind, text)  # type: ignore[arg-type]
        if new not in entries:
            entries.append(new)
        return done("sought", f"{spoken(new, names)} is added at the end.")
    return Arranged(typed)


def spoken(entry: Entry, names: Mapping[int, str]) -> str:
    """What a line is called."""
    match entry.kind:
        case "check":
            return names.get(int(entry.value), "A check that is gone")
        case "tag":
            return f"The tag {entry.value}"
    return f"The heading {entry.value}" if entry.value else "The heading"


def errors_by_field(errors: Sequence[FieldError]) -> dict[str, str]:
    """The first sentence about each field of the form."""
    found: dict[str, str] = {}
    for error in errors:
        found.setdefault("notice_text" if error.field == "notice" else error.field, error.message)
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15 and int(text) > 0
