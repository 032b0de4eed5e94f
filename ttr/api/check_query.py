"""The query of the lists of checks: what to show, in which order, and which page of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator

from ttr.api.comma_list import one_or_more_of, pattern_of
from ttr.domain.folding import fold
from ttr.domain.invalid import parse_form
from ttr.domain.limits import FILTER_TAGS_MAX
from ttr.store.check_list import STATUSES, Filter, Place, SortBy
from ttr.store.cursor import read_cursor

WORDS_MAX = 8
"""Words of a search."""


class CheckQuery(BaseModel):
    """Which checks, in which order, and which page of them."""

    size: int = Field(25, ge=1, le=100, description="Checks a page.", examples=[100])
    sort_by: SortBy = Field(
        "id",
        description="Checks without a value of this field come last in both directions, equal ones go by number. "
        "`status` is, ascending, down, new, up, paused, and within one what changed last comes first.",
    )
    sort_direction: Literal["asc", "desc", "asc_prev", "desc_prev"] = Field(
        "desc",
        description="With `_prev` the page before the cursor, or the last page when there is no cursor.",
    )
    cursor: str = Field(
        "",
        description="`next_cursor` or `prev_cursor` of a page with the same `sort_by`.",
        json_schema_extra={"format": "cursor"},
    )
    tag: str = Field(
        "",
        description="Names of tags, comma separated: checks that carry all of them.",
        json_schema_extra={"pattern": f"^(?:[^,]*,){{0,{FILTER_TAGS_MAX - 1}}}[^,]*$"},
    )
    tag_match: Literal["all", "any"] = Field(
        "all", description="With `any`: checks that carry one of the tags."
    )
    q: str = Field(
        "",
        max_length=100,
        description="Words: checks that have each of them in their name, slug or tags, in any case.",
        json_schema_extra={"pattern": rf"^\s*(?:\S+(?:\s+|$)){{0,{WORDS_MAX}}}$"},
    )
    status: Annotated[str, one_or_more_of(STATUSES)] = Field(
        "",
        description=f"{', '.join(STATUSES[:-1])} or {STATUSES[-1]}; comma separated, checks of any of them.",
        examples=["down,late"],
        json_schema_extra={"pattern": pattern_of(STATUSES)},
    )

    @field_validator("tag")
    @classmethod
    def _tag(cls, value: str) -> str:
        if value.count(",") >= FILTER_TAGS_MAX:
            raise ValueError(f"At most {FILTER_TAGS_MAX} tags.")
        return value

    @field_validator("q")
    @classmethod
    def _words(cls, value: str) -> str:
        if len(value.split()) > WORDS_MAX:
            raise ValueError(f"At most {WORDS_MAX} words.")
        return value


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of a list, in the words of the store."""

    sort: SortBy
    descending: bool
    filter: Filter
    size: int
    place: Place | None
    backward: bool


def parse_query(fields: Mapping[str, str]) -> Asked:
    """The page that a query asks for. Raises Invalid."""
    query = parse_form(CheckQuery, fields)
    cursor = read_cursor(query.cursor, query.sort_by) if query.cursor else None
    direction, _, before = query.sort_direction.partition("_")
    return Asked(
        sort=query.sort_by,
        descending=direction == "desc",
        filter=Filter(
            tags=_distinct(tag.strip() for tag in query.tag.split(",")),
            any_tag=query.tag_match == "any",
            statuses=_distinct(query.status.split(",")),
            # One by one, as some words fold to several.
            words=_distinct(fold(word).strip() for word in query.q.split()),
        ),
        size=query.size,
        place=cursor.place if cursor else None,
        backward=bool(before) or (cursor is not None and cursor.backward),
    )


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
