"""What a view says of itself for the OpenAPI document: its query, body, answers and refusals.

TypedDicts named in `answers` come from typing_extensions: on Python 3.11 pydantic reads no others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, WithJsonSchema

View = TypeVar("View", bound=Callable[..., Any])

Moment = Annotated[
    str,
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-22T15:01:09.250Z"]}),
]
"""A moment in an answer, as `ttr.domain.moments.iso` writes it."""

TAGS = {
    "Checks": "The jobs that are watched.",
    "Bulk": "Many checks in one call; all of it happens or none.",
    "History": "What pings left behind: the log, changes of status, uptime.",
    "Channels": "Where alerts go, and which checks use them.",
    "Status pages": "What is shown to others: checks in groups, and a notice.",
    "Deliveries": "What was sent to which channel, attempt by attempt.",
    "Account": "The account itself, its access key and slugs.",
    "Import and export": "The whole account as one file.",
    "Admin": "For those who run the installation. An access key opens nothing here, their token nothing else.",
}
"""The groups of the document in their order, with a sentence on each."""

_ATTRIBUTE = "ttr_operation"


@dataclass(frozen=True, slots=True)
class Operation:
    """What one view takes and answers."""

    summary: str
    tag: str
    query: type[BaseModel] | None
    body: type[BaseModel] | Mapping[str, type[BaseModel]] | None
    form: type[BaseModel] | None
    encoded: type[BaseModel] | None
    answers: Mapping[int, Any]
    refusals: tuple[int, ...]
    public: bool
    storeless: bool
    admin: bool
    examples: Mapping[str, Mapping[str, Any]]


def operation(
    summary: str,
    *,
    tag: str,
    answers: Mapping[int, Any],
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | Mapping[str, type[BaseModel]] | None = None,
    form: type[BaseModel] | None = None,
    encoded: type[BaseModel] | None = None,
    refusals: Sequence[int] = (),
    public: bool = False,
    storeless: bool = False,
    admin: bool = False,
    examples: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable[[View], View]:
    """Describe the view below; it changes nothing about how the view works.

    `summary` is a few words without a full stop; the view's docstring is the description. `body` is the model of the
    JSON body, or that of each `kind` in the path, `form` that of a multipart form taken in its place,
    `encoded` that of a URL-encoded one. An `admin`'s token opens it in place of an access key, and what is `public` as
    well where operators have closed it. `answers` maps each
    status to what its body is: a TypedDict, `bytes` for a download, None for an empty answer. `refusals` are the
    statuses that can't be told from the rest: 400 follows from a query or a body, 401 unless `public`, 404 from path
    parameters, 413 from a body; 429 and 503 can come unless `storeless`. `examples` names JSON bodies; without it the
    body model's own examples are shown. Raises ValueError for a tag that is not in TAGS.
    """
    if tag not in TAGS:
        raise ValueError(f"unknown tag {tag}")

    def describe(view: View) -> View:
        said = Operation(
            summary=summary,
            tag=tag,
            query=query,
            body=body,
            form=form,
            encoded=encoded,
            answers=dict(answers),
            refusals=tuple(refusals),
            public=public,
            storeless=storeless,
            admin=admin,
            examples=dict(examples or {}),
        )
        setattr(view, _ATTRIBUTE, said)
        return view

    return describe


def described(view: Callable[..., Any]) -> Operation | None:
    """What `operation` said of a view; None when it was not described."""
    found = getattr(view, _ATTRIBUTE, None)
    return found if isinstance(found, Operation) else None
