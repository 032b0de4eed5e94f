"""What people see when something is refused or breaks: a calm page, or a line on the page they are on."""

from contextlib import suppress
from typing import Any

from quart import Blueprint, Response, g, request
from werkzeug.exceptions import HTTPException

from ttr.archive.errors import ArchiveUnavailable
from ttr.domain.invalid import Invalid
from ttr.domain.limits import IMPORT_BODY_MAX
from ttr.domain.links import BadLink
from ttr.domain.telegram_login import BadTelegramLogin
from ttr.logs import get_logger
from ttr.noted import route
from ttr.store.errors import (
    KeyEnded,
    LastWayIn,
    NotFound,
    StoreUnavailable,
    TelegramLinked,
    TelegramTaken,
    TooMany,
    UnknownChannel,
)
from ttr.web.kept import is_kept, kept
from ttr.web.reply import by_htmx, fragment, page, see
from ttr.web.security import (
    UPLOADS,
    AnotherAccount,
    ForeignForm,
    NotSignedIn,
    OwnerNeeded,
    finish,
    form_max,
    visitor,
)

log = get_logger(__name__)

_RETRY_SECONDS = 5
_KEPT = (401, 403, 500, 503)
"""Refusals that say nothing against what was typed."""


async def not_signed_in(_: NotSignedIn | KeyEnded) -> Response:
    """To the front page, where a key opens the door; a form that was filled in waits for that. Also when the account
    ends while a change of it is under way."""
    if is_kept():
        return await _explain(
            401,
            "You are logged out",
            "Nothing was saved. What you typed is still here: log in in another tab, then send it again.",
        )
    return see("/")


async def another_account(_: AnotherAccount) -> Response:
    """The rows of one account do not belong among those of another: the whole page is asked for anew."""
    return finish(Response("", 200, headers={"HX-Refresh": "true"}))


async def not_found(_: Exception) -> Response:
    """Also for a check of somebody else's: nobody learns that it exists."""
    return await _explain(
        404, "Not found", "There is nothing at this address. What it showed may have been deleted."
    )


async def bad_link(_: BadLink) -> Response:
    """A signed link that was cut or changed."""
    return await _explain(
        404,
        "This link does not work",
        "It is not complete, or not one of ours. Open it again from the message, whole: "
        "some programs break long links in two.",
    )


async def bad_telegram_login(error: BadTelegramLogin) -> Response:
    """A login by Telegram that proves nothing here and now."""
    return await _explain(403, "This did not work", f"{error} Nothing was changed; begin again.")


async def conflict(error: Exception) -> Response:
    """Right by itself, but not with what is there."""
    return await _explain(409, "That can't be done now", str(error))


async def foreign_form(_: ForeignForm) -> Response:
    """A stale or foreign form, in words that help the innocent."""
    if is_kept():
        return await _explain(
            403,
            "This form was older than your login",
            "Nothing was saved. What you typed is still here: look it through and send it again.",
        )
    return await _explain(
        403,
        "This form has expired",
        "It did not come from a page that this browser has open here, so nothing was changed. "
        "Go back, reload the page and send it again. Cookies must be allowed.",
    )


async def owner_needed(_: OwnerNeeded) -> Response:
    """An operator in an account, at what belongs to its owner alone."""
    return await _explain(
        403,
        "Only the owner can do that",
        "Keys, logins, names, an export with secrets and the end of an account are its owner's. Nothing was changed.",
    )


async def invalid(error: Invalid) -> Response:
    """What no form of ours asks for, in the domain's own words."""
    return await _explain(422, "That can't be done", " ".join(fault.message for fault in error.errors))


async def too_many(error: TooMany) -> Response:
    """A limit on how often, and when there is more."""
    return await _explain(429, "That is too often", str(error), retry_after=error.allowance.retry_seconds)


async def store_unavailable(error: StoreUnavailable) -> Response:
    """Redis is away: say so, and when to come back."""
    log.warning("a page had no Redis: %s", error)
    return await _explain(
        503,
        "The database is away",
        "Nothing was changed. Pings are not taken at the moment either, and nobody is alerted because of that. "
        "Try again in a few seconds.",
        retry_after=_RETRY_SECONDS,
    )


async def archive_unavailable(error: ArchiveUnavailable) -> Response:
    """What Redis has forgotten, while Postgres is away."""
    log.warning("a page had no Postgres: %s", error)
    return await _explain(
        503,
        "This can't be read at the moment",
        "It is kept in Postgres, which does not answer. Nothing is lost, and your checks go on being watched. "
        "Try again in a few seconds.",
        retry_after=_RETRY_SECONDS,
    )


async def http_error(error: HTTPException) -> Response:
    """What Quart refuses by itself: a bad method, a broken or too large body."""
    match error.code:
        case 404:
            return await not_found(error)
        case 413:
            most = f"form has at most {form_max(request.path) // 1_000} kB"
            if request.path in UPLOADS:
                most = f"file has at most {IMPORT_BODY_MAX // 1_000_000} MB"
            return await _explain(413, "That is too much", f"A {most}.")
        case 405:
            return await _explain(405, "Not that way", "This address does not answer to that method.")
    return await _explain(error.code or 400, "Not understood", "The request could not be read.")


async def broken(error: Exception) -> Response:
    """A fault of ours."""
    log.error("a page failed", method=request.method, route=route(), exc_info=error)
    return await _explain(
        500, "Something broke", "The fault is ours and has been logged. Your checks go on being watched."
    )


def register(blueprint: Blueprint) -> None:
    """Give the HTML door these answers."""
    handlers: dict[type[Exception], Any] = {
        NotSignedIn: not_signed_in,
        KeyEnded: not_signed_in,
        AnotherAccount: another_account,
        NotFound: not_found,
        UnknownChannel: not_found,
        Invalid: invalid,
        BadLink: bad_link,
        BadTelegramLogin: bad_telegram_login,
        TelegramTaken: conflict,
        TelegramLinked: conflict,
        LastWayIn: conflict,
        ForeignForm: foreign_form,
        OwnerNeeded: owner_needed,
        TooMany: too_many,
        StoreUnavailable: store_unavailable,
        ArchiveUnavailable: archive_unavailable,
        HTTPException: http_error,
        Exception: broken,
    }
    for kind, handler in handlers.items():
        blueprint.register_error_handler(kind, handler)


async def _explain(status: int, title: str, sentence: str, *, retry_after: int | None = None) -> Response:
    if status in _KEPT and is_kept():
        response = await kept(status, title, sentence)
    elif by_htmx():
        response = await fragment("errors/_notice.html", status, title=title, sentence=sentence)
        # A poll's trouble has a place of its own, which the next poll that succeeds clears.
        poll = request.method == "GET"
        response.headers["HX-Retarget"] = "#outage" if poll else "#notice"
        response.headers["HX-Reswap"] = "innerHTML" if poll else "innerHTML show:top"
    else:
        if status < 500 and "user" not in g:
            # For the way back in the header; without Redis the page does without.
            with suppress(StoreUnavailable):
                await visitor()
        response = await page("errors/error.html", status, status=status, title=title, sentence=sentence)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response
