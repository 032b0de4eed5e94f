"""Every error of the API in one shape: {"detail": sentence, "errors": [{"field", "message"}, ...]}."""

from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response, jsonify
from quart.typing import ResponseReturnValue
from typing_extensions import TypedDict
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ttr.api.auth import Forbidden, Unauthorized
from ttr.domain.invalid import Contradiction, FieldError, Invalid
from ttr.passwords import RETRY_SECONDS as PASSWORD_SECONDS
from ttr.passwords import PasswordsBusy
from ttr.store.errors import (
    AccountSlugTaken,
    Busy,
    ChannelNeeded,
    ChoreLost,
    KeyEnded,
    LastKey,
    LastWayIn,
    NotDead,
    NotFound,
    PageSlugTaken,
    QuotaReached,
    SlugTaken,
    StoreUnavailable,
    TooMany,
    UnknownChannel,
)
from ttr.transfer.turns import RETRY_SECONDS, Crowded

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class FaultJson(TypedDict):
    """One thing that is wrong."""

    field: Annotated[
        str, Field(description="Where; empty when it concerns the whole request.", examples=["slug"])
    ]
    message: Annotated[str, Field(description="What, as a sentence.")]


class ProblemJson(TypedDict):
    """Every refusal and every error of ours."""

    detail: Annotated[str, Field(description="What is wrong, in one sentence.")]
    errors: Annotated[list[FaultJson], Field(description="Field by field, where it can be told.")]


def problem(status: int, detail: str, errors: tuple[FieldError, ...] = ()) -> Response:
    """An error answer."""
    shown: ProblemJson = {
        "detail": detail,
        "errors": [{"field": error.field, "message": error.message} for error in errors],
    }
    answer = jsonify(shown)
    answer.status_code = status
    answer.headers["Cache-Control"] = "no-store"
    return answer


def install(blueprint: Blueprint) -> None:
    """Answer the exceptions of the blueprint's handlers."""

    @blueprint.errorhandler(Invalid)
    async def _invalid(error: Invalid) -> ResponseReturnValue:
        status = 409 if isinstance(error, Contradiction) else 400
        return problem(status, str(error), error.errors)

    @blueprint.errorhandler(UnknownChannel)
    async def _channel(error: UnknownChannel) -> ResponseReturnValue:
        return _conflict("channels", error)

    @blueprint.errorhandler(Unauthorized)
    async def _unauthorized(error: Unauthorized) -> ResponseReturnValue:
        return problem(401, str(error))

    @blueprint.errorhandler(Forbidden)
    async def _forbidden(error: Forbidden) -> ResponseReturnValue:
        return problem(403, str(error))

    @blueprint.errorhandler(NotFound)
    async def _not_found(error: NotFound) -> ResponseReturnValue:
        return problem(404, _missing(str(error)))

    async def _as_it_says(error: Exception) -> ResponseReturnValue:
        return problem(409, str(error))

    for kind in (Busy, ChannelNeeded, LastKey, LastWayIn, NotDead, QuotaReached):
        blueprint.register_error_handler(kind, _as_it_says)

    async def _taken(error: Exception) -> ResponseReturnValue:
        return _conflict("slug", error)

    blueprint.register_error_handler(SlugTaken, _taken)
    blueprint.register_error_handler(PageSlugTaken, _taken)

    @blueprint.errorhandler(AccountSlugTaken)
    async def _account_slug(error: AccountSlugTaken) -> ResponseReturnValue:
        return _conflict("slug" if error.field == "user_slug" else error.field, error)

    @blueprint.errorhandler(KeyEnded)
    async def _ended(error: KeyEnded) -> ResponseReturnValue:
        return problem(401, str(error))

    @blueprint.errorhandler(Crowded)
    async def _crowded(error: Crowded) -> ResponseReturnValue:
        answer = problem(503, str(error))
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
        return answer

    @blueprint.errorhandler(PasswordsBusy)
    async def _passwords(error: PasswordsBusy) -> ResponseReturnValue:
        answer = problem(503, str(error))
        answer.headers["Retry-After"] = str(PASSWORD_SECONDS)
        return answer

    @blueprint.errorhandler(ChoreLost)
    async def _lost(error: ChoreLost) -> ResponseReturnValue:
        answer = problem(503, str(error))
        answer.headers["Retry-After"] = "5"
        return answer

    @blueprint.errorhandler(TooMany)
    async def _too_many(error: TooMany) -> ResponseReturnValue:
        answer = problem(429, str(error))
        answer.headers["Retry-After"] = str(error.allowance.retry_seconds)
        return answer

    @blueprint.errorhandler(StoreUnavailable)
    async def _away(error: StoreUnavailable) -> ResponseReturnValue:
        answer = problem(503, "The database is away; try again in a few seconds.")
        answer.headers["Retry-After"] = "5"
        return answer


async def http_problem(error: HTTPException) -> Response:
    """What Quart refuses by itself (404, 405, 413, ...) and our own faults (500, logged by Quart)."""
    answer = problem(error.code or 500, _http_sentence(error))
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            answer.headers[name] = value
    return answer


def _conflict(field: str, error: Exception) -> Response:
    """A 409 about one field, its sentence as an Invalid's is."""
    invalid = Contradiction([FieldError(field, str(error))])
    return problem(409, str(invalid), invalid.errors)


def _missing(text: str) -> str:
    if text.endswith("."):
        return text
    return f"You have {text}." if text.startswith("no such ") else "You have no such check."


def _http_sentence(error: HTTPException) -> str:
    """Werkzeug's sentences are about typed addresses and HTML."""
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        return f"This address takes {', '.join(name for name in _METHODS if name in error.valid_methods)}."
    if error.code == 404:
        return "There is no such call; /docs/api lists them."
    return error.description or error.name
