"""The account as a file, in the browser: taken out, and read in after a look at what that would change.

The looked-at file is kept sealed for a quarter of an hour (`ttr/store/uploads.py`), so it is not chosen twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from quart import Response, request

from ttr import current
from ttr.domain.account_slug import account_slug_fault
from ttr.domain.invalid import FieldError, Invalid
from ttr.domain.limits import PASSPHRASE_MAX, PASSPHRASE_MIN, SLUG_MAX
from ttr.now import now_ms
from ttr.store.allowances import spend
from ttr.store.errors import Busy, QuotaReached
from ttr.store.uploads import KEPT_SECONDS, Upload, keep_upload, take_upload
from ttr.store.users import User
from ttr.transfer.export import FILE_NAME, export_account
from ttr.transfer.importing import import_account
from ttr.transfer.report import ImportRefused, Report
from ttr.transfer.turns import Crowded
from ttr.upload import uploaded
from ttr.web.account import account_page
from ttr.web.reply import page, see
from ttr.web.security import CSRF_COOKIE, finish, judge_token, owner_only, require_user, session_id

SHOWN = 100
"""Entries of each kind that a page shows; it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of many: those shown, and how many there are."""

    shown: Sequence[object]
    count: int


async def export() -> Response:
    """The file, with secrets under a passphrase if one is given."""
    user = await require_user()
    form = await request.form
    if form.get("with_secrets"):
        owner_only(user)
    passphrase, again = form.get("passphrase", ""), form.get("passphrase_again", "")
    if form.get("with_secrets") and (fault := _passphrase_fault(passphrase, again)):
        return await account_page(user, 422, errors={"passphrase": fault})
    await _spend("bulk", user)
    data = await export_account(
        current.store(),
        current.settings(),
        user,
        passphrase=passphrase if form.get("with_secrets") else None,
        now=now_ms(),
    )
    answer = Response(data, mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    # As long as it takes: a large file over a slow line is not cut off.
    answer.timeout = None
    return finish(answer)


async def look() -> Response:
    """What a file would change. Nothing is changed, and the file is kept for the next step."""
    user = await require_user()
    await _spend("bulk", user)
    data, fields = await uploaded("file")
    judge_token(fields.get(CSRF_COOKIE, ""))
    slug = fields.get("import_user_slug", "").strip()[: SLUG_MAX + 1]
    upload = Upload(data, fields.get("import_passphrase", ""), slug)
    try:
        if not data:
            raise Invalid([FieldError("file", "Choose a file first.")])
        report = await _import(user, upload, dry_run=True)
        upload_id = ""
        if not report.refused and not report.faults:
            upload_id = await keep_upload(
                current.store(), user, session_id(), upload, master=current.settings().master_key
            )
    except (Invalid, QuotaReached, Busy, Crowded) as error:
        return await account_page(user, 422, errors=_errors(error, user, slug), import_user_slug=slug)
    return await _report(report, upload_id=upload_id)


async def run() -> Response:
    """Import the file that was looked at, all of it or nothing."""
    user = await require_user()
    upload_id = (await request.form).get("upload", "")
    await _spend("bulk", user)
    upload = await take_upload(
        current.store(), user, session_id(), upload_id, master=current.settings().master_key
    )
    if upload is None:
        minutes = KEPT_SECONDS // 60
        gone = f"This file is not kept any more: it is for {minutes} minutes, and used once. Choose it again."
        return await account_page(user, 422, errors={"file": gone})
    try:
        report = await _import(user, upload, dry_run=False)
    except (Invalid, QuotaReached, Busy, Crowded) as error:
        return await account_page(user, 422, errors=_errors(error, user, upload.user_slug))
    return await _report(report)


async def moved() -> Response:
    """To the page with the forms."""
    return see("/account")


async def _import(user: User, upload: Upload, *, dry_run: bool) -> Report:
    return await import_account(
        current.store(),
        current.settings(),
        current.means(),
        user,
        upload.data,
        passphrase=upload.passphrase,
        user_slug=upload.user_slug,
        dry_run=dry_run,
        may_rename=partial(_spend, "account", user),
    )


async def _spend(zone: str, user: User) -> None:
    await spend(current.store(), current.settings().limit(zone), user.id, now=now_ms())


async def _report(report: Report, *, upload_id: str = "") -> Response:
    return await page(
        "account/import.html",
        report=report,
        upload=upload_id,
        minutes=KEPT_SECONDS // 60,
        created=_part(report.created),
        changed=_part(report.changed),
        pages_created=_part(report.pages_created),
        pages_changed=_part(report.pages_changed),
        pages_count=len(report.pages_created) + len(report.pages_changed) + report.pages_unchanged,
        refused=_part(report.refused),
        faults=_part(report.faults),
        warnings=_part(report.warnings),
    )


def _part(entries: Sequence[object]) -> Part:
    return Part(entries[:SHOWN], len(entries))


def _passphrase_fault(passphrase: str, again: str) -> str:
    if not PASSPHRASE_MIN <= len(passphrase) <= PASSPHRASE_MAX:
        return f"From {PASSPHRASE_MIN} to {PASSPHRASE_MAX} characters."
    return "" if passphrase == again else "The two are not the same."


def _errors(error: Exception, user: User, typed_slug: str) -> dict[str, str]:
    """What is wrong with the passphrase or the typed slug stands beside it, all else beside the file."""
    if not isinstance(error, Invalid):
        return {"file": str(error)}
    found: dict[str, str] = {}
    fields = _fields(user, typed_slug)
    for fault in error.errors[:SHOWN]:
        beside = f"import_{fault.field}" if fault.field in fields else "file"
        plain = fault.field in ("", "file", *fields)
        said = fault.message if plain else f"{fault.field}: {fault.message}"
        found[beside] = f"{found[beside]} {said}" if beside in found else said
    if isinstance(error, ImportRefused):
        found["file"] = f"{error} {found.get('file', '')}".strip()
    return found


def _fields(user: User, typed_slug: str) -> tuple[str, ...]:
    """What errors may be about that the form has a field for. The file has a `user_slug` too: what is wrong with that
    does not belong to a field that is empty, or right, or not there.
    """
    has_slug = current.settings().user_slug_enabled and not user.operator
    typed_wrong = bool(typed_slug) and account_slug_fault(typed_slug) is not None
    return ("passphrase", "user_slug") if has_slug and typed_wrong else ("passphrase",)
