"""POST /api/v1/token and POST /admin/token/refresh: tokens for admins, by a password and by the token before."""

from hmac import compare_digest
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from quart import Blueprint, Response, jsonify, request
from typing_extensions import TypedDict

from ttr import admin_tokens, current
from ttr.address import counted_as
from ttr.admin_cookies import REFRESH_COOKIE, set_access, set_refresh
from ttr.admins import Tokens, WrongPassword, counted_for_login, log_in, refresh_claims, renew
from ttr.api import limits
from ttr.api.admin_auth import unauthorized
from ttr.api.describe import operation
from ttr.api.errors import install, problem
from ttr.domain.invalid import FieldError, Invalid, parse_form
from ttr.now import now_ms
from ttr.origin import from_elsewhere

_FORM = "application/x-www-form-urlencoded"


class TokenInput(BaseModel):
    """A name and a password, as OAuth 2 has them in a form."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"username": "ops", "password": "correct horse battery staple"}]}
    )

    username: str = Field(min_length=1, description="The admin's name.")
    password: str = Field(min_length=1, description="The admin's password.")
    grant_type: Literal["password"] = Field("password", description="What OAuth 2 calls this.")


class TokenJson(TypedDict):
    """What a login gives; the refresh token comes as the cookie `admin_refresh`, which only /admin sees."""

    access_token: Annotated[str, Field(description="What `Authorization: Bearer` takes.")]
    token_type: Literal["bearer"]
    expires_in: Annotated[int, Field(description="Seconds that the access token lasts.")]
    csrf_token: Annotated[str, Field(description="What `POST /admin/token/refresh` wants as X-CSRF-Token.")]


@operation(
    "Log in as an admin",
    tag="Admin",
    encoded=TokenInput,
    answers={200: TokenJson},
    refusals=(401, 403, 415),
    public=True,
)
async def create() -> Response:
    """Tokens for the name and password of an admin. A login counts against the address, and against the name whether
    there is such an admin or not; a page of another site can't send it.
    """
    if from_elsewhere():
        return problem(403, "A page of another site can't log in here.")
    if request.mimetype != _FORM:
        return problem(415, f"Send name and password as {_FORM}.")
    form = await request.form
    if twice := [name for name in TokenInput.model_fields if len(form.getlist(name)) > 1]:
        raise Invalid([FieldError(name, "This field is sent twice.") for name in twice])
    sent = parse_form(TokenInput, form)
    address = current.address()
    for who in counted_for_login(address, sent.username):
        await limits.spend("admin-login", who)
    try:
        tokens = await log_in(
            current.store(),
            current.passwords(),
            current.settings(),
            username=sent.username,
            password=sent.password,
            address=address,
            now=now_ms(),
        )
    except WrongPassword as error:
        return unauthorized(str(error))
    return _answer(tokens)


async def refresh() -> Response:
    """New tokens for the refresh token in the cookie, which is worth nothing from here on.

    One that comes a second time, later than 10 s, is a copy: the login ends.
    """
    if from_elsewhere():
        return problem(403, "A page of another site can't renew tokens here.")
    store, settings, address = current.store(), current.settings(), current.address()
    await limits.spend("admin-refresh", counted_as(address))
    cookie = request.cookies.get(REFRESH_COOKIE, "")
    claims = refresh_claims(settings, cookie)
    if claims is None:
        return _over("There is no refresh token, or it is none any more. POST /api/v1/token gives one.")
    expected = admin_tokens.csrf_token(settings.signing_key, claims.family)
    told = request.headers.get("X-CSRF-Token", "")
    if not compare_digest(told.encode("utf-8", "replace"), expected.encode()):
        return problem(403, "Send the csrf_token of the answer that gave the token as X-CSRF-Token.")
    tokens = await renew(store, settings, cookie, address=address, now=now_ms())
    return _answer(tokens) if tokens else _over("This login has ended; POST /api/v1/token opens another.")


def _answer(tokens: Tokens) -> Response:
    settings = current.settings()
    shown: TokenJson = {
        "access_token": tokens.access,
        "token_type": "bearer",
        "expires_in": settings.admin_access_seconds,
        "csrf_token": admin_tokens.csrf_token(settings.signing_key, tokens.admin.family),
    }
    response = jsonify(shown)
    response.headers["Cache-Control"] = "no-store"
    set_refresh(response, tokens)
    return response


def _over(why: str) -> Response:
    response = unauthorized(why)
    set_access(response, None)
    set_refresh(response, None)
    return response


# Beside the API's own prefix: its cookie goes to /admin alone.
token_blueprint = Blueprint("tokens", __name__)
token_blueprint.add_url_rule("/admin/token/refresh", view_func=refresh, methods=["POST"])
install(token_blueprint)
limits.install(token_blueprint)
