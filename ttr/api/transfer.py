"""/api/v1/checks/export and /import: the account as one file, there and back."""

import asyncio
import json
from functools import partial
from typing import Annotated, Any, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from quart import Response, request
from typing_extensions import TypedDict

from ttr import current
from ttr.api import limits
from ttr.api.auth import caller
from ttr.api.body import body_bytes
from ttr.api.describe import Moment, operation
from ttr.api.errors import FaultJson
from ttr.domain.account_slug import FORM as SLUG_FORM
from ttr.domain.check_input import CheckInput
from ttr.domain.invalid import parse_form, parse_json
from ttr.domain.limits import PASSPHRASE_MAX, PASSPHRASE_MIN, STATUS_PAGE_ENTRIES_MAX
from ttr.domain.status_page_input import StatusPageInput, say_entry, say_page
from ttr.domain.transfer import Refused
from ttr.now import now_ms
from ttr.transfer import importing
from ttr.transfer.export import FILE_NAME, export_account
from ttr.transfer.report import Imported, Report
from ttr.upload import uploaded

_SLICE = 200


class ExportInput(BaseModel):
    """What an export with secrets is sealed with."""

    passphrase: str = Field(
        min_length=PASSPHRASE_MIN,
        max_length=PASSPHRASE_MAX,
        description="Only with it can the secrets be read again; it is kept nowhere.",
        examples=["correct horse battery staple"],
    )


class FileCheckInput(CheckInput):
    """A check in a file: its fields as everywhere, and what only a file says."""

    uuid: str | None = Field(None, description="Kept if it is free.", json_schema_extra={"format": "uuid"})
    paused: bool | None = None
    channels: Any = Field(None, description="The refs of the file's channels that it uses.")
    secrets: str | None = Field(None, description="Those of its own channels, sealed.")


def _say_file_entry(schema: dict[str, Any]) -> None:
    say_entry(schema)
    schema["properties"]["check"] = {"type": "string", "description": "The slug or UUID of a check."}


def _say_file_page(schema: dict[str, Any]) -> None:
    say_page(schema)
    fields = schema["properties"]
    del fields["check_ids"]
    for name in ("layout", "theme", "scheme", "intro"):
        # As if it were not there.
        fields[name] = {"anyOf": [fields[name], {"type": "null"}]}


class FileEntryInput(BaseModel):
    """One line of a page's order: a heading, a check by its slug or UUID, or a tag."""

    model_config = ConfigDict(json_schema_extra=_say_file_entry)

    heading: str = ""
    check: str = ""
    tag: str = ""


class FilePageInput(StatusPageInput):
    """A status page in a file: its fields as everywhere, but that checks are named by slug or UUID."""

    model_config = ConfigDict(json_schema_extra=_say_file_page)

    entries: list[FileEntryInput] | None = Field(  # type: ignore[assignment]  # numbers mean nothing elsewhere
        None, max_length=STATUS_PAGE_ENTRIES_MAX, description="What stands on it, in order."
    )
    check_slugs: list[str] | None = Field(
        None,
        max_length=STATUS_PAGE_ENTRIES_MAX,
        description="The slugs or UUIDs of its checks in order; read when there are no entries.",
    )


class AccountInput(BaseModel):
    """A file of format version 1, as an export gives it; a bare list of checks and what `GET /api/v3/checks/` of
    Healthchecks answers are taken as well.
    """

    model_config = ConfigDict(extra="allow")

    version: Literal[1] = 1
    user_slug: str | None = Field(None, description="Becomes the account's if it is free.")
    public_slug: str | None = None
    passphrase: str | None = Field(None, max_length=PASSPHRASE_MAX, description="Opens the file's secrets.")
    secrets: dict[str, Any] | None = Field(None, description="How the passphrase opens what is sealed.")
    channels: list[dict[str, Any]] | None = None
    checks: list[FileCheckInput]
    status_pages: list[FilePageInput] | None = None


class FileForm(BaseModel):
    """The file in a form."""

    file: bytes = Field(
        description="A file as an export gives it, or the checks of Healthchecks.",
        json_schema_extra={"format": "account-file"},
    )
    passphrase: str | None = Field(None, max_length=PASSPHRASE_MAX, description="Opens the file's secrets.")
    user_slug: Annotated[str, WithJsonSchema({"anyOf": [{"const": ""}, SLUG_FORM]})] = Field(
        "", description="Becomes the account's in place of the file's, if it is free. Empty: the file's."
    )


class ImportQuery(BaseModel):
    """Whether an import is only tried."""

    dry_run: bool = Field(False, description="Tell what would happen, and change nothing.")


class ExportJson(TypedDict):
    """An account in format version 1."""

    version: Literal[1]
    user_slug: str
    public_slug: str
    exported_at: Moment
    channels: Annotated[list[dict[str, Any]], Field(description="Its channels; checks name them by `ref`.")]
    checks: Annotated[list[dict[str, Any]], Field(description="Its checks; fields that are secret are null.")]
    status_pages: Annotated[
        list[dict[str, Any]], Field(description="Its status pages; they name checks by slug or UUID.")
    ]
    secrets: NotRequired[
        Annotated[dict[str, Any], Field(description="How the passphrase opens what is sealed.")]
    ]


class ImportedJson(TypedDict):
    """A check that was made or changed."""

    index: Annotated[int, Field(description="Its place in the file, from 0.")]
    id: Annotated[int | None, Field(description="Null in a dry run for a check that would be new.")]
    uuid: Annotated[str | None, Field(description="Null in a dry run if it would get a new one.")]
    name: str
    slug: str | None


class RefusedJson(TypedDict):
    """A check that can't be imported."""

    index: Annotated[int, Field(description="Its place in the file, from 0.")]
    name: str
    errors: list[FaultJson]


class SigningSecretJson(TypedDict):
    """A signing secret that was made for a new channel. It is shown here and never again."""

    channel_id: int
    name: str
    signing_secret: str


class ReportJson(TypedDict):
    """What an import did, or would do."""

    dry_run: bool
    imported_count: Annotated[int, Field(description="Checks of the file that the account now has.")]
    failed_count: Annotated[int, Field(description="Checks that are refused; above 0 only in a dry run.")]
    errors: Annotated[list[str], Field(description="The same as sentences.")]
    warnings: Annotated[list[str], Field(description="What was left out, or is not as in the file.")]
    created: list[ImportedJson]
    changed: list[ImportedJson]
    unchanged_count: int
    refused: list[RefusedJson]
    channels_created: int
    signing_secrets: list[SigningSecretJson]
    status_pages_imported: Annotated[
        int, Field(description="Status pages of the file that the account now has.")
    ]
    user_slug_updated: bool


@operation("Export the account", tag="Import and export", answers={200: ExportJson})
async def export() -> Response:
    """Checks, channels and status pages as one file. Secrets are null in it."""
    return await _file(None)


@operation(
    "Export the account with its secrets",
    tag="Import and export",
    body=ExportInput,
    answers={200: ExportJson},
    examples={"A passphrase": {"passphrase": "correct horse battery staple"}},
)
async def export_with_secrets() -> Response:
    """Checks, channels and status pages as one file, with tokens, URLs and signing secrets sealed with a passphrase."""
    return await _file(await body_bytes())


@operation(
    "Import an account",
    tag="Import and export",
    query=ImportQuery,
    body=AccountInput,
    form=FileForm,
    answers={200: ReportJson},
    refusals=(409,),
    examples={
        "One check": {
            "version": 1,
            "checks": [
                {
                    "name": "Weekly report",
                    "slug": "weekly-report",
                    "schedule_type": "cron",
                    "schedule": "0 6 * * 1",
                    "tz": "Europe/Berlin",
                    "grace_seconds": 3_600,
                }
            ],
        }
    },
)
async def import_account() -> Response:
    """Make of the account what a file says: its checks are made, or changed if they are there (by UUID, else by slug),
    its status pages likewise (by slug), and its channels made if they are not (by kind and name). All of it happens or
    nothing.

    The file is the field `file` of a form, or the body. Up to 20 MB. It may be what `GET /api/v3/checks/` of
    Healthchecks answers to a read-write key.
    """
    user = await caller("bulk")
    query = parse_form(ImportQuery, request.args)
    data, fields = await uploaded("file")
    report = await importing.import_account(
        current.store(),
        current.settings(),
        current.means(),
        user,
        data,
        passphrase=fields.get("passphrase", ""),
        user_slug=fields.get("user_slug", ""),
        dry_run=query.dry_run,
        may_rename=partial(limits.spend, "account", user.id),
    )
    return _download(await asyncio.to_thread(_text, report))


async def _file(body: bytes | None) -> Response:
    user = await caller("bulk")
    passphrase = None if body is None else parse_json(ExportInput, body).passphrase
    answer = _download(
        await export_account(current.store(), current.settings(), user, passphrase=passphrase, now=now_ms())
    )
    answer.headers["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    # As long as it takes: a large file over a slow line is not cut off.
    answer.timeout = None
    return answer


def _download(data: bytes) -> Response:
    answer = Response(data, mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _text(report: Report) -> bytes:
    """The report as JSON, in slices that keep no other thread waiting: it may tell of 10,000 checks."""
    shown = report_json(report)
    parts = list[str]()
    for name, value in shown.items():
        parts.append(f"{',' if parts else '{'}{json.dumps(name)}:")
        if not isinstance(value, list):
            parts.append(json.dumps(value))
            continue
        parts.append("[")
        for first in range(0, len(value), _SLICE):
            parts += ["," if first else "", json.dumps(value[first : first + _SLICE])[1:-1]]
        parts.append("]")
    return "".join([*parts, "}\n"]).encode()


def report_json(report: Report) -> ReportJson:
    """The report as JSON; the seed's names where it has them."""
    return {
        "dry_run": report.dry_run,
        "imported_count": len(report.created) + len(report.changed) + report.unchanged,
        "failed_count": len(report.refused),
        "errors": [
            *(f"{fault.field}: {fault.message}" for fault in report.faults),
            *(_sentence(entry) for entry in report.refused),
        ],
        "warnings": report.warnings,
        "created": [_imported(one) for one in report.created],
        "changed": [_imported(one) for one in report.changed],
        "unchanged_count": report.unchanged,
        "refused": [_refused(entry) for entry in report.refused],
        "channels_created": report.channels_created,
        "signing_secrets": [
            {"channel_id": one.channel_id, "name": one.name, "signing_secret": one.secret}
            for one in report.signing_secrets
        ],
        "status_pages_imported": len(report.pages_created)
        + len(report.pages_changed)
        + report.pages_unchanged,
        "user_slug_updated": report.user_slug_updated,
    }


def _imported(one: Imported) -> ImportedJson:
    return {"index": one.index, "id": one.id, "uuid": one.uuid, "name": one.name, "slug": one.slug}


def _refused(entry: Refused) -> RefusedJson:
    return {
        "index": entry.index,
        "name": entry.name,
        "errors": [{"field": error.field, "message": error.message} for error in entry.errors],
    }


def _sentence(entry: Refused) -> str:
    """As people count: the first check is number 1."""
    faults = "; ".join(f"{e.field}: {e.message}" if e.field else e.message for e in entry.errors)
    return f"Check {entry.index + 1}{f' ({entry.name})' if entry.name else ''}: {faults}"
