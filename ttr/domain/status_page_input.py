"""What people send about a status page, as JSON or as a form, turned into StatusPageSettings. Pure.

Every rule is written once, here and in `limits.py`. Whether a check is the account's and a slug is free is decided
where they are stored.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ttr.domain import limits
from ttr.domain.invalid import (
    WHOLE,
    Contradiction,
    FieldError,
    Invalid,
    has_control,
    parse_form,
    parse_json,
    parse_object,
)
from ttr.domain.preferences import SCHEMES, THEMES
from ttr.domain.status_page import (
    LAYOUTS,
    LEVELS,
    VISIBILITIES,
    Entry,
    Level,
    Notice,
    StatusPageSettings,
    Visibility,
)
from ttr.domain.text import line, lines

SLUG_PATTERN = r"^[a-z0-9_-]+$"
_SLUG = re.compile(r"[a-z0-9_-]+", re.ASCII)
_LINE = {"type": "string", "maxLength": limits.NAME_MAX, "pattern": line(limits.NAME_MAX)}


def _one_line(value: str) -> str:
    value = value.strip()
    if not value:
        raise ValueError("This can't be empty.")
    if has_control(value):
        raise ValueError("Control characters can't be in it.")
    return value


def _many_lines(value: str) -> str:
    value = value.replace("\r\n", "\n").strip()
    if has_control(value, allowed="\n\t"):
        raise ValueError("Control characters can't be in it.")
    return value


def say_entry(schema: dict[str, Any]) -> None:
    """Say in the schema of an entry what pydantic can't know."""
    schema["properties"] = {
        "heading": {
            "type": "string",
            "pattern": line(limits.NAME_MAX),
            "description": "A heading for what follows it.",
        },
        "check": {
            "type": "integer",
            "minimum": 1,
            "maximum": limits.NUMBER_MAX,
            "description": "The number of a check of the account.",
        },
        "tag": {
            "type": "string",
            "pattern": line(limits.TAG_MAX, without=","),
            "description": "A tag: it stands for the checks that carry it, by name.",
        },
    }
    schema["oneOf"] = [{"required": [name]} for name in ("heading", "check", "tag")]
    schema["additionalProperties"] = False


class EntryInput(BaseModel):
    """One line of a page's order: a heading, a check or a tag."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=say_entry)

    heading: str = ""
    check: Annotated[int, Field(ge=1, le=limits.NUMBER_MAX), WHOLE] = 1
    tag: str = ""


def _say_notice(schema: dict[str, Any]) -> None:
    schema["properties"]["level"] |= {"description": "What it is about."}
    schema["properties"]["text"] = {
        "type": "string",
        "maxLength": limits.STATUS_PAGE_NOTICE_MAX,
        "pattern": lines(),
        "description": "Markdown; empty or blanks: there is no notice.",
    }


class NoticeInput(BaseModel):
    """The message that is pinned to a page; its time is when its words or level last changed."""

    model_config = ConfigDict(json_schema_extra=_say_notice)

    level: Literal[LEVELS] = "info"  # type: ignore[valid-type]  # the tuple of the type itself
    text: str = Field(max_length=limits.STATUS_PAGE_NOTICE_MAX)

    @field_validator("text")
    @classmethod
    def _text(cls, value: str) -> str:
        return _many_lines(value)


def say_page(schema: dict[str, Any]) -> None:
    """Say in the schema of a page what pydantic can't know."""
    fields = schema["properties"]
    about: dict[str, dict[str, Any]] = {
        "name": _LINE | {"description": "Its title."},
        "slug": {
            "type": "string",
            "maxLength": limits.SLUG_MAX,
            "pattern": SLUG_PATTERN,
            "description": "Its name in its address; the slugs of an account's pages are all different.",
        },
        "visibility": {
            "description": "public: listed among the account's pages, and search engines may keep it; "
            "unlisted: for who has its address; off: for nobody but you."
        },
        "is_public": {
            "description": "false is visibility off; true is public where it was off. Of visibility and is_public "
            "that disagree, the one that is as before gives way."
        },
        "layout": {"description": "What visitors see who have not chosen another."},
        "theme": {},
        "scheme": {},
        "intro": {
            "type": "string",
            "maxLength": limits.STATUS_PAGE_INTRO_MAX,
            "pattern": lines(),
            "description": "Markdown that stands above the checks.",
        },
        "notice": {"description": "A message pinned to the page; null takes it off."},
        "entries": {"description": "What stands on the page, in order."},
        "check_ids": {
            "description": "The numbers of the checks that are chosen one by one, in order; headings and tags stay "
            "where they are. Of entries and check_ids that disagree, the one that is as before gives way."
        },
    }
    for name, said in about.items():
        if name in fields:
            fields[name] = {
                key: value
                for key, value in fields[name].items()
                if key not in ("default", "title") and not ("type" in said and key in ("type", "anyOf"))
            } | said
    if schema["title"] == "StatusPagePatch":
        schema["examples"] = list(CHANGE_EXAMPLES.values())
    else:
        schema["required"] = ["name", "slug"]
        schema["examples"] = list(EXAMPLES.values())


EXAMPLES: dict[str, dict[str, Any]] = {
    "Groups by tag": {
        "name": "Production",
        "slug": "production",
        "layout": "cards",
        "intro": "What runs every **night**.",
        "entries": [{"heading": "Backups"}, {"tag": "backup"}, {"heading": "Reports"}, {"tag": "reports"}],
    },
    "A notice on a page without checks": {
        "name": "Maintenance",
        "slug": "maintenance",
        "visibility": "unlisted",
        "notice": {"level": "maintenance", "text": "The database moves on Sunday."},
        "check_ids": [],
    },
}
"""Bodies that make a page."""

CHANGE_EXAMPLES: dict[str, dict[str, Any]] = {
    "Pin a notice": {"notice": {"level": "outage", "text": "Backups are late; we are on it."}},
    "Take it off, and hide the page": {"notice": None, "visibility": "off"},
}
"""Bodies that change one."""


class StatusPageInput(BaseModel):
    """The fields of a status page in requests; unknown ones are ignored, so an answer can be sent back."""

    model_config = ConfigDict(json_schema_extra=say_page)

    name: str = Field(max_length=limits.NAME_MAX)
    slug: str = Field(max_length=limits.SLUG_MAX)
    visibility: Literal[VISIBILITIES] | None = None  # type: ignore[valid-type]
    is_public: bool | None = None
    layout: Literal[LAYOUTS] = "cards"  # type: ignore[valid-type]
    theme: Literal[THEMES] = THEMES[0]  # type: ignore[valid-type]
    scheme: Literal[SCHEMES] = "system"  # type: ignore[valid-type]
    intro: str = Field("", max_length=limits.STATUS_PAGE_INTRO_MAX)
    notice: NoticeInput | None = None
    # Longer lists are refused before each of their items becomes an error.
    entries: list[EntryInput] | None = Field(None, max_length=limits.STATUS_PAGE_ENTRIES_MAX)
    check_ids: list[Annotated[int, Field(ge=1, le=limits.NUMBER_MAX), WHOLE]] | None = Field(
        None, max_length=limits.STATUS_PAGE_ENTRIES_MAX
    )

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        return _one_line(value)

    @field_validator("slug")
    @classmethod
    def _slug(cls, value: str) -> str:
        if not value:
            raise ValueError("This can't be empty.")
        if not _SLUG.fullmatch(value):
            raise ValueError("Only a-z, 0-9, _ and - can be in a slug.")
        return value

    @field_validator("intro")
    @classmethod
    def _intro(cls, value: str) -> str:
        return _many_lines(value)


class StatusPagePatch(StatusPageInput):
    """The fields of a status page that a PATCH may send: any of them, and what is not sent stays as it is."""

    name: str = Field("", max_length=limits.NAME_MAX)
    slug: str = Field("", max_length=limits.SLUG_MAX)


def parse_status_page_json(
    body: bytes, *, now: int, current: StatusPageSettings | None = None, patch: bool = False
) -> StatusPageSettings:
    """The settings in a JSON body. With `current`, what is not sent stays; with `patch`, that is any field.

    Raises Invalid, Contradiction when two fields disagree and neither is as it was.
    """
    return _settings(parse_json(StatusPagePatch if patch else StatusPageInput, body), now, current)


def parse_status_page_fields(
    fields: Mapping[str, Any], *, now: int, current: StatusPageSettings | None = None
) -> StatusPageSettings:
    """The settings in an object that was decoded already; with `current`, what it does not hold stays. Raises Invalid,
    Contradiction as `parse_status_page_json` does."""
    return _settings(parse_object(StatusPageInput, fields), now, current)


def parse_status_page_form(
    fields: Mapping[str, str],
    entries: Sequence[Entry],
    *,
    now: int,
    current: StatusPageSettings | None = None,
) -> StatusPageSettings:
    """The settings in a form's fields; the notice is in `notice_text` and `notice_level`. Raises Invalid."""
    given: dict[str, Any] = {name: value for name, value in fields.items() if name != "notice"}
    given["notice"] = {"level": fields.get("notice_level", "info"), "text": fields.get("notice_text", "")}
    given["entries"] = [
        {entry.kind: int(entry.value) if entry.kind == "check" else entry.value} for entry in entries
    ]
    return _settings(parse_form(StatusPageInput, given), now, current)


def _settings(given: StatusPageInput, now: int, current: StatusPageSettings | None) -> StatusPageSettings:
    wrong: list[FieldError] = []
    contrary: list[FieldError] = []
    sent = given.model_fields_set
    before = current or StatusPageSettings(name="", slug="")
    chosen: dict[str, Any] = {
        name: getattr(given, name)
        for name in ("name", "slug", "layout", "theme", "scheme", "intro")
        if name in sent
    }
    settings = replace(
        before,
        **chosen,
        visibility=_visibility(given, current.visibility if current else None, contrary),
        notice=_notice(given.notice, before.notice, now) if "notice" in sent else before.notice,
        entries=_entries(given, before.entries, wrong, contrary),
    )
    if wrong:
        raise Invalid(list(dict.fromkeys(wrong)))
    if contrary:
        raise Contradiction(contrary)
    return settings


def _visibility(given: StatusPageInput, before: Visibility | None, errors: list[FieldError]) -> Visibility:
    """`before` is None for a new page."""
    told: Visibility | None = given.visibility
    public = given.is_public
    if told is None or (told == before and public is not None):
        kept = before or "public"
        if public is None or public == (kept != "off"):
            return kept
        return "public" if public else "off"
    # What somebody read and sends back with another visibility still says what was so before.
    stale = before is not None and public == (before != "off")
    if public is not None and public == (told == "off") and not stale:
        errors.append(FieldError("is_public", f"This says otherwise than visibility, which is {told}."))
    return told


def _notice(given: NoticeInput | None, before: Notice | None, now: int) -> Notice | None:
    if given is None or not given.text:
        return None
    level: Level = given.level
    if before is not None and (before.level, before.text) == (level, given.text):
        return before
    return Notice(level, given.text, now)


def _entries(
    given: StatusPageInput,
    before: tuple[Entry, ...],
    wrong: list[FieldError],
    contrary: list[FieldError],
) -> tuple[Entry, ...]:
    asked = None if given.check_ids is None else tuple(dict.fromkeys(given.check_ids))
    if given.entries is None:
        return before if asked is None else _choose(asked, before, wrong)
    entries = _once(entry for one in given.entries if (entry := _entry(one, wrong)))
    for kind, most in (("heading", limits.STATUS_PAGE_HEADINGS_MAX), ("tag", limits.STATUS_PAGE_TAGS_MAX)):
        if sum(entry.kind == kind for entry in entries) > most:
            wrong.append(FieldError("entries", f"At most {most} {kind}s."))
    if asked is None or asked == _checks(entries) or asked == _checks(before):
        return entries
    if entries == before:
        return _choose(asked, before, wrong)
    contrary.append(FieldError("check_ids", "Send entries or check_ids; these two disagree."))
    return entries


def _choose(asked: tuple[int, ...], before: tuple[Entry, ...], wrong: list[FieldError]) -> tuple[Entry, ...]:
    """`before` with these checks chosen one by one, in this order. Those that were there share out their places, each
    new one follows the one before it in the list, and headings and tags stay where they are."""
    had = set(_checks(before))
    # Each check that stays, with the new ones that follow it; before the first one, new ones alone.
    runs: list[list[int]] = [[]]
    for check in asked:
        if check in had and any(one in had for one in runs[-1]):
            runs.append([])
        runs[-1].append(check)
    waiting = iter(runs)
    entries: list[Entry] = []
    for entry in before:
        if entry.kind != "check":
            entries.append(entry)
        elif int(entry.value) in asked:
            entries += (Entry("check", str(check)) for check in next(waiting))
    entries += (Entry("check", str(check)) for run in waiting for check in run)
    if len(entries) > limits.STATUS_PAGE_ENTRIES_MAX:
        most = limits.STATUS_PAGE_ENTRIES_MAX
        wrong.append(FieldError("check_ids", f"At most {most:,}, with the page's headings and tags."))
    return tuple(entries)


def _once(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Of a check or tag that comes twice, the first place counts; two headings may say the same."""
    kept: dict[Entry | int, Entry] = {}
    for place, entry in enumerate(entries):
        kept.setdefault(place if entry.kind == "heading" else entry, entry)
    return tuple(kept.values())


def _checks(entries: Iterable[Entry]) -> tuple[int, ...]:
    return tuple(int(entry.value) for entry in entries if entry.kind == "check")


def _entry(given: EntryInput, errors: list[FieldError]) -> Entry | None:
    if len(given.model_fields_set) != 1:
        errors.append(FieldError("entries", "Each is a heading, a check or a tag."))
        return None
    if "check" in given.model_fields_set:
        return Entry("check", str(given.check))
    kind: Literal["heading", "tag"] = "tag" if "tag" in given.model_fields_set else "heading"
    most = limits.TAG_MAX if kind == "tag" else limits.NAME_MAX
    text = (given.tag if kind == "tag" else given.heading).strip()
    fault = ""
    if not text:
        fault = f"A {kind} can't be empty."
    elif len(text) > most:
        fault = f"A {kind} has at most {most} characters."
    elif has_control(text) or (kind == "tag" and "," in text):
        fault = f"{'Commas and control' if kind == 'tag' else 'Control'} characters can't be in a {kind}."
    if fault:
        errors.append(FieldError("entries", fault))
        return None
    return Entry(kind, text)
