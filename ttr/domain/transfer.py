"""An account as one file, format version 1: what stands in it, and what is read from one. Pure.

Read as well: the seed's own files of version 1, which know fewer fields and hold secrets in clear, its older bare lists
of checks, and what the API of Healthchecks answers. Kinds of channel and their settings are named by the caller.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field

from ttr.domain import limits
from ttr.domain.check import Check, CheckSettings
from ttr.domain.check_input import CheckInput, check_fields, parse_check_fields
from ttr.domain.healthchecks_file import LeftBehind, entry_of, in_their_words, is_theirs, judge_key
from ttr.domain.invalid import FieldError, Invalid, parse_object
from ttr.domain.json_pieces import JsonPieces
from ttr.domain.transfer_pages import FilePage, read_page
from ttr.domain.turns import Turns
from ttr.domain.uuids import is_uuid

VERSION = 1

Kinds = Mapping[str, Sequence[str]]
"""Kind of channel -> its settings, as files name them."""

# Null stands for the default where a check can't have null: the seed wrote it for what was never set.
_NEVER_NULL = frozenset(
    name
    for name, described in CheckInput.model_fields.items()
    if not described.is_required() and described.default is not None
)
_BEFORE_ANY_CALENDAR = 0
# Only what names a year can run out; to find that "Mon *-02-31" never comes takes 60 ms each time.
_YEAR = re.compile(r"\d{4}")
_LISTS = ("channels", "checks", "status_pages")
_MEMBERS_MAX = 50
"""Members of the file's object: 9 are known. Without a limit 20 MB of them take 7 s."""


class ChannelEntry(BaseModel):
    """A channel in a file; the settings of its kind stand beside these."""

    model_config = ConfigDict(extra="allow")

    ref: int | str
    kind: str
    name: str = Field(min_length=1, max_length=limits.NAME_MAX)
    enabled: bool = True
    default: bool = False
    secrets: str | None = None


@dataclass(frozen=True, slots=True)
class FileChannel:
    """A channel that was read; `settings` are those of its kind that are not empty, unjudged."""

    index: int
    ref: str
    kind: str
    name: str
    enabled: bool
    default: bool
    settings: Mapping[str, object]
    sealed: str
    """Its secrets under the file's passphrase; "" when there are none."""


@dataclass(frozen=True, slots=True)
class OwnChannel:
    """What a check's entry says of the channel of one kind that it has to itself; the settings are unjudged."""

    enabled: bool
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A check that was read."""

    index: int
    settings: CheckSettings
    """Its channels are None: `refs` name them."""
    sent: frozenset[str]
    """The fields that its entry has."""
    uuid: str | None
    paused: bool | None
    refs: tuple[str, ...] | None
    own: Mapping[str, OwnChannel]
    """By kind; a kind of which the entry says nothing, or only that it is off, is left out."""
    sealed: str
    """The secrets of its own channels under the file's passphrase; "" when there are none."""
    over: bool
    """Whether its calendar has run out."""
    theirs: bool = False
    """Whether Healthchecks listed it: only a check with its UUID is the same, and its slug may be another's too."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that can't be taken: which one, and why."""

    index: int
    name: str
    errors: tuple[FieldError, ...]


@dataclass(slots=True)
class AccountFile:
    """A file that was read; `refused` holds the checks that can't be made of it, `faults` what is wrong elsewhere."""

    user_slug: str = ""
    public_slug: str = ""
    passphrase: str = ""
    secrets: object = None
    """How the passphrase opens what is sealed (`ttr/transfer/passphrase.py`)."""
    channels: dict[str, FileChannel] = field(default_factory=dict)
    """By ref."""
    checks: list[FileCheck] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    faults: list[FieldError] = field(default_factory=list)
    pages: list[FilePage] = field(default_factory=list)
    left: LeftBehind = field(default_factory=LeftBehind)
    """What checks of Healthchecks have that is not taken over."""
    cut: bool = False
    """Whether so many checks were refused as an answer tells, and what comes after was not read."""
    field_sets: dict[frozenset[str], frozenset[str]] = field(default_factory=dict)
    """Each set of fields once: most entries have the same."""


def check_entry(check: Check, refs: Mapping[int, int]) -> dict[str, object]:
    """A check as it stands in a file, but for its own channels; `refs` are the numbers of the file's channels."""
    return {
        "uuid": check.uuid,
        **check_fields(check.settings),
        "paused": check.paused,
        "channels": [refs[number] for number in check.channels if number in refs],
    }


def read_account_file(
    data: bytes, kinds: Kinds, *, now: int, checks_max: int, channels_max: int, pages_max: int
) -> Turns[AccountFile]:
    """The account in a file, read entry by entry. Raises Invalid when it is none at all, is of another version, or
    holds more entries than an account may have; what is wrong with single entries is kept.
    """
    pieces = JsonPieces(data)
    file = AccountFile()
    if pieces.next_is("["):
        yield from _read_list("checks", pieces, file, kinds, now, checks_max)
    elif pieces.next_is("{"):
        most = {"checks": checks_max, "channels": channels_max, "status_pages": pages_max}
        yield from _read_object(pieces, file, kinds, now, most)
    else:
        raise Invalid([FieldError("", "The file is a JSON object with checks, or a list of checks.")])
    if not file.cut:
        pieces.end()
    return file


def _read_object(
    pieces: JsonPieces, file: AccountFile, kinds: Kinds, now: int, most: Mapping[str, int]
) -> Turns[None]:
    known = set[str]()
    for name in pieces.members():
        if name in known:
            raise Invalid([FieldError(name, "This stands in the file twice.")])
        known.add(name)
        if len(known) > _MEMBERS_MAX:
            raise Invalid([FieldError("", f"The file has more than {_MEMBERS_MAX} members.")])
        yield
        if name in _LISTS:
            yield from _read_list(name, pieces, file, kinds, now, most[name])
            if file.cut:
                return
            continue
        value = pieces.value()
        if name == "version" and (value != VERSION or isinstance(value, bool)):
            raise Invalid([FieldError("version", f"Only version {VERSION} can be read.")])
        if name in ("user_slug", "public_slug", "passphrase"):
            if not isinstance(value, str | None):
                raise Invalid([FieldError(name, "Text is needed.")])
            setattr(file, name, value or "")
        if name == "secrets":
            file.secrets = value
    if "checks" not in known:
        raise Invalid([FieldError("checks", "This field is required.")])


def _read_list(
    name: str, pieces: JsonPieces, file: AccountFile, kinds: Kinds, now: int, most: int
) -> Turns[None]:
    if not pieces.next_is("["):
        if pieces.value() is None and name != "checks":
            return
        raise Invalid([FieldError(name, "A list is needed.")])
    for index, entry in enumerate(pieces.items()):
        if index == most:
            raise Invalid([FieldError(name, f"At most {most:,}.")])
        yield
        if name == "status_pages":
            _read_page(index, entry, file, now)
        elif name == "channels":
            _read_channel(index, entry, file, kinds)
        else:
            _read_check(index, entry, file, kinds, now)
            # The worst take 0.1 s each.
            if len(file.refused) == limits.ERRORS_TOLD:
                file.cut = True
                return


def _read_channel(index: int, entry: object, file: AccountFile, kinds: Kinds) -> None:
    try:
        read = parse_object(ChannelEntry, _object(entry))
        if str(read.ref) in file.channels:
            raise Invalid([FieldError("ref", "Another channel of this file has this ref.")])
        if read.kind not in kinds:
            raise Invalid(
                [FieldError("kind", f"There is no such integration; there are {', '.join(kinds)}.")]
            )
    except Invalid as invalid:
        file.faults += [replace(error, field=_path("channels", index, error)) for error in invalid.errors]
        return
    settings = _given(cast(dict[str, object], read.model_extra), kinds[read.kind])
    file.channels[str(read.ref)] = FileChannel(
        index, str(read.ref), read.kind, read.name, read.enabled, read.default, settings, read.secrets or ""
    )


def _read_page(index: int, entry: object, file: AccountFile, now: int) -> None:
    try:
        file.pages.append(read_page(index, _object(entry), now=now))
    except Invalid as invalid:
        file.faults += [replace(error, field=_path("status_pages", index, error)) for error in invalid.errors]


def _read_check(index: int, entry: object, file: AccountFile, kinds: Kinds, now: int) -> None:
    name = entry.get("name") if isinstance(entry, dict) else None
    errors: list[FieldError] = []
    read: FileCheck | None = None
    judge_key(entry)
    try:
        ours = entry_of(entry) if is_theirs(entry) else _object(entry)
        read = _check(index, ours, file, kinds, now, errors)
    except Invalid as invalid:
        errors += invalid.errors
    if is_theirs(entry):
        errors = in_their_words(errors)
    if errors or read is None:
        shown = name[: limits.NAME_MAX] if isinstance(name, str) else ""
        file.refused.append(Refused(index, shown, tuple(errors)))
        return
    if is_theirs(entry):
        read = replace(read, theirs=True)
        file.left.note(entry, read.settings.name)
    file.checks.append(read)


def _check(
    index: int, entry: dict[str, Any], file: AccountFile, kinds: Kinds, now: int, errors: list[FieldError]
) -> FileCheck:
    uuid = _uuid(entry, errors)
    refs = _refs(entry, errors)
    paused = _flag(entry, "paused", errors)
    sealed = entry.get("secrets")
    if not isinstance(sealed, str | None):
        errors.append(FieldError("secrets", "Text is needed."))
    own = {kind: said for kind in kinds if (said := _own(entry, kind, kinds[kind], errors))}
    fields = {
        name: value
        for name, value in entry.items()
        if name in CheckInput.model_fields
        and name != "channels"
        and not (value is None and name in _NEVER_NULL)
    }
    over = False
    try:
        settings = parse_check_fields(fields, now=now)
    except Invalid:
        if fields.get("schedule_type") != "oncalendar" or not _YEAR.search(str(fields.get("schedule"))):
            raise
        # A check whose last day is past is part of the account all the same.
        settings, over = parse_check_fields(fields, now=_BEFORE_ANY_CALENDAR), True
    sent = frozenset(fields)
    sent = file.field_sets.setdefault(sent, sent)
    return FileCheck(index, settings, sent, uuid, paused, refs, own, str(sealed or ""), over)


def _uuid(entry: dict[str, Any], errors: list[FieldError]) -> str | None:
    """The entry's UUID. The seed wrote it as the slug of checks that had none: it is part of the ping URL."""
    uuid, slug = entry.get("uuid"), entry.get("slug")
    if isinstance(slug, str) and is_uuid(slug.lower()) and uuid in (None, slug):
        entry["slug"], uuid = None, slug
    if uuid is None:
        return None
    if not isinstance(uuid, str) or not is_uuid(uuid.lower()):
        errors.append(FieldError("uuid", "This is no UUID."))
        return None
    return uuid.lower()


def _refs(entry: dict[str, Any], errors: list[FieldError]) -> tuple[str, ...] | None:
    refs = entry.get("channels")
    if refs is None:
        return None
    if not isinstance(refs, list) or not all(isinstance(ref, int | str) for ref in refs):
        errors.append(FieldError("channels", "A list of refs is needed."))
        return None
    if len(refs) > limits.CHANNELS_MAX:
        errors.append(FieldError("channels", f"At most {limits.CHANNELS_MAX}."))
        return None
    return tuple(dict.fromkeys(str(ref) for ref in refs))


def _own(
    entry: dict[str, Any], kind: str, names: Sequence[str], errors: list[FieldError]
) -> OwnChannel | None:
    enabled = _flag(entry, f"{kind}_enabled", errors) or False
    settings = _given(entry, names)
    return OwnChannel(enabled, settings) if enabled or settings else None


def _flag(entry: dict[str, Any], name: str, errors: list[FieldError]) -> bool | None:
    value = entry.get(name)
    if value is None or isinstance(value, bool):
        return value
    errors.append(FieldError(name, "true or false is needed."))
    return None


def _given(entry: Mapping[str, object], names: Sequence[str]) -> dict[str, object]:
    """Settings that are not empty; null is what a file without secrets holds in their place."""
    return {name: entry[name] for name in names if entry.get(name) not in (None, "")}


def _object(entry: object) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise Invalid([FieldError("", "An object is needed.")])
    return entry


def _path(place: str, index: int, error: FieldError) -> str:
    return f"{place}.{index}.{error.field}" if error.field else f"{place}.{index}"


def faults_of(refused: Iterable[Refused]) -> Iterator[FieldError]:
    """What is wrong with checks, with the place in the file as the field: "checks.3.schedule"."""
    for entry in refused:
        for error in entry.errors:
            yield replace(error, field=_path("checks", entry.index, error))
