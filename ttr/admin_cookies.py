"""The cookies of a login of an admin: they go to our own pages below /admin and to nobody else."""

from quart import Response

from ttr import current
from ttr.admins import Tokens

ACCESS_COOKIE = "admin_access"
REFRESH_COOKIE = "admin_refresh"
_PATH = "/admin"


def set_access(response: Response, tokens: Tokens | None) -> None:
    """Let the browser have the access token; None takes it away."""
    _set(response, ACCESS_COOKIE, tokens.access if tokens else "", current.settings().admin_access_seconds)


def set_refresh(response: Response, tokens: Tokens | None) -> None:
    """Let the browser have the refresh token; None takes it away."""
    _set(response, REFRESH_COOKIE, tokens.refresh if tokens else "", current.settings().admin_refresh_seconds)


def _set(response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds if value else 0,
        path=_PATH,
        httponly=True,
        samesite="Strict",
        secure=current.is_secure(),
    )
