"""What people send about many checks at once, read item by item. Pure.

Each reader is a generator: it yields between two items, so that whoever drives it can let others have their turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from ttr.domain import limits
from ttr.domain.check import CheckSettings
from ttr.domain.check_input import CheckInput, CheckPatch, TagName, parse_check_fields, patch_check
from ttr.domain.check_schema import TAGS
from ttr.domain.invalid import Contradiction, FieldError, Invalid, parse_json, parse_object
from ttr.domain.turns import Turns


class BulkCreate(BaseModel):
    """Checks to make."""

    # Items are judged one at a time, so that each error tells which one it is about.
    checks: list[SkipValidation[CheckInput]] = Field(min_length=1, max_length=limits.BULK_MAX)


class BulkNames(BaseModel):
    """Checks by number, UUID or slug."""

    checks: list[SkipValidation[Annotated[int, Field(ge=1)] | Annotated[str, Field(min_length=1)]]] = Field(
        min_length=1, max_length=limits.BULK_MAX, examples=[[1, "nightly-backup"]]
    )


def _say_something(schema: dict[str, Any]) -> None:
    some_tag = {"type": "array", "minItems": 1}
    schema["anyOf"] = [
        {"title": title, "properties": {name: said}, "required": [name]}
        for title, name, said in (
            ("other settings", "changes", {"type": "object", "minProperties": 1}),
            ("more tags", "add_tags", some_tag),
            ("fewer tags", "remove_tags", some_tag),
            ("a pause or its end", "paused", {"type": "boolean"}),
        )
    ]


class BulkChange(BulkNames):
    """Checks to change, and what to change about all of them."""

    model_config = ConfigDict(json_schema_extra=_say_something)

    changes: SkipValidation[CheckPatch] = Field(
        default_factory=CheckPatch.model_construct,
        description="Fields of a check; what is not sent stays as it is.",
    )
    add_tags: list[SkipValidation[TagName]] | None = Field(
        None,
        max_length=1_000,
        description="Tags they all get.",
        examples=[["nightly"]],
        json_schema_extra=TAGS,
    )
    remove_tags: list[SkipValidation[TagName]] | None = Field(
        None, max_length=1_000, description="Tags they all lose.", json_schema_extra=TAGS
    )
    paused: bool | None = Field(None, description="Pauses or resumes them; null leaves them as they are.")


@dataclass(frozen=True, slots=True)
class CommonChange:
    """One change of many checks."""

    names: tuple[str, ...]
    """Numbers, UUIDs and slugs, in the order in which they were sent."""
    given: CheckPatch
    add_tags: tuple[str, ...]
    remove_tags: frozenset[str]
    paused: bool | None

    @property
    def edits(self) -> bool:
        """Whether it changes any settings."""
        return bool(self.given.model_fields_set or self.add_tags or self.remove_tags)

    def apply(self, current: CheckSettings, *, now: int) -> CheckSettings:
        """The settings of one check after it. Raises Invalid when it doesn't fit this check."""
        after = patch_check(self.given, now=now, current=current) if self.given.model_fields_set else current
        kept = [tag for tag in after.tags if tag not in self.remove_tags]
        tags = tuple(dict.fromkeys([*kept, *self.add_tags]))
        if len(tags) > limits.TAGS_MAX:
            raise Contradiction([FieldError("tags", f"At most {limits.TAGS_MAX} tags.")])
        channels = after.channels if "channels" in self.given.model_fields_set else None
        return replace(after, tags=tags, channels=channels)


class Findings:
    """What is wrong with many items; at most a hundred errors of them."""

    def __init__(self) -> None:
        self._errors: list[FieldError] = []
        self._contradicts = True

    def add(self, field: str, message: str, *, contradicts: bool = False) -> None:
        """One more error; it `contradicts` what is right by itself. Raises as `judge` when that is enough."""
        self._errors.append(FieldError(field, message))
        self._contradicts &= contradicts
        if len(self._errors) >= limits.ERRORS_TOLD:
            self.judge()

    def take(self, error: Invalid, *within: str | int) -> None:
        """The errors of one item, whose fields lie `within` these. Raises as `judge` when that is enough."""
        for one in error.errors:
            field = ".".join(str(part) for part in (*within, one.field) if part != "")
            self.add(field, one.message, contradicts=isinstance(error, Contradiction))

    def judge(self) -> None:
        """Raise Invalid if anything was wrong by itself, else Contradiction if anything was wrong."""
        if self._errors:
            raise (Contradiction if self._contradicts else Invalid)(self._errors)


def read_new_checks(body: bytes, *, now: int) -> Turns[list[CheckSettings]]:
    """The checks of a BulkCreate in a JSON body. Raises Invalid with fields such as `checks.3.name`."""
    found, slugs, findings = list[CheckSettings](), dict[str, int](), Findings()
    sent: Sequence[object] = parse_json(BulkCreate, body).checks
    for index, item in enumerate(sent):
        yield
        if not isinstance(item, Mapping):
            findings.add(f"checks.{index}", "A check is a JSON object.")
            continue
        try:
            settings = parse_check_fields(item, now=now)
        except Invalid as error:
            findings.take(error, "checks", index)
            continue
        if settings.slug and (first := slugs.setdefault(settings.slug, index)) != index:
            findings.add(f"checks.{index}.slug", f"checks.{first} has the same slug.", contradicts=True)
        found.append(settings)
    findings.judge()
    return found


def read_names(body: bytes) -> tuple[str, ...]:
    """The names of a BulkNames in a JSON body. Raises Invalid."""
    return _names(parse_json(BulkNames, body).checks)


def read_change(body: bytes) -> CommonChange:
    """The change of a BulkChange in a JSON body. Raises Invalid with fields such as `changes.name`."""
    sent = parse_json(BulkChange, body)
    findings = Findings()
    names = tuple[str, ...]()
    try:
        names = _names(sent.checks)
    except Invalid as error:
        findings.take(error)
    changes: object = sent.changes if "changes" in sent.model_fields_set else {}
    if changes == {} and not (sent.add_tags or sent.remove_tags) and sent.paused is None:
        # A misspelt name is an unknown field, and would be ignored.
        findings.add("", "Send changes, add_tags, remove_tags or paused.")
    given = parse_object(CheckPatch, {})
    if not isinstance(changes, Mapping):
        findings.add("changes", "A JSON object is needed.")
    else:
        try:
            given = parse_object(CheckPatch, changes)
        except Invalid as error:
            findings.take(error, "changes")
    tags: dict[str, tuple[str, ...]] = {}
    for field, wanted in (("add_tags", sent.add_tags), ("remove_tags", sent.remove_tags)):
        try:
            tags[field] = tuple(parse_object(CheckPatch, {"tags": wanted}).tags or ())
        except Invalid as error:
            findings.take(Invalid([FieldError(field, one.message) for one in error.errors]))
    if given.slug and len(names) > 1:
        findings.add(
            "changes.slug", "A slug belongs to one check; change it for that one alone.", contradicts=True
        )
    findings.judge()
    return CommonChange(names, given, tags["add_tags"], frozenset(tags["remove_tags"]), sent.paused)


def _names(sent: Sequence[Any]) -> tuple[str, ...]:
    findings = Findings()
    for index, name in enumerate(sent):
        if not (isinstance(name, str) and name) and not (
            type(name) in (int, float) and name > 0 and name == int(name)
        ):
            findings.add(f"checks.{index}", "A check's number, UUID or slug is needed.")
    findings.judge()
    return tuple(name if isinstance(name, str) else str(int(name)) for name in sent)
