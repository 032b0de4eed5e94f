"""Who may see the admin pages: two cookies that go nowhere else, and what puts them into the answer."""

from urllib.parse import urlsplit

from quart import Response, g, request

from ttr import current
from ttr.address import counted_as
from ttr.admins import Admin, Tokens, admin_of, refresh_claims, renew
from ttr.now import now_ms
from ttr.store.allowances import spend
from ttr.web.security import ForeignForm, is_secure

__all__ = ["Admin", "NotAdmin", "require_admin"]

ACCESS_COOKIE = "admin_access"
REFRESH_COOKIE = "admin_refresh"
PATH = "/admin"


class NotAdmin(Exception):
    """The page is for admins and the request carries no living login of one."""


async def require_admin() -> Admin:
    """The admin whose cookies came along; a login whose access token is over goes on by its refresh token.

    Raises NotAdmin, and TooMany for an address that renews too often.
    """
    admin = await visiting_admin()
    if admin is None:
        raise NotAdmin
    return admin


async def visiting_admin() -> Admin | None:
    """The admin whose cookies came along, if any. Raises TooMany."""
    if "admin" in g:
        return _found()
    store, settings = current.store(), current.settings()
    g.admin = None
    if access := request.cookies.get(ACCESS_COOKIE, ""):
        g.admin = await admin_of(store, settings, access)
    if g.admin is None and _may_renew():
        address, now = current.address(), now_ms()
        await spend(store, settings.limit("admin-refresh"), counted_as(address), now=now)
        tokens = await renew(store, settings, request.cookies[REFRESH_COOKIE], address=address, now=now)
        if tokens is None:
            end_login()
        else:
            start_login(tokens)
    return _found()


def _found() -> Admin | None:
    found: Admin | None = g.admin
    return found


def _may_renew() -> bool:
    # A token that is none costs nothing here, and no allowance of the address.
    return refresh_claims(current.settings(), request.cookies.get(REFRESH_COOKIE, "")) is not None


def start_login(tokens: Tokens) -> None:
    """Let the answer carry a login's tokens."""
    g.admin, g.admin_tokens = tokens.admin, tokens


def end_login() -> None:
    """Let the answer take a login's tokens away."""
    g.admin, g.admin_tokens = None, None


def refuse_other_origins() -> None:
    """Before every write: no other site may send it, not even a neighbour on our own domain, to which SameSite means
    nothing. Raises ForeignForm.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise ForeignForm
    origin = request.headers.get("Origin")
    # The host alone: behind a proxy that ends TLS we don't know the browser's scheme.
    hosts = {request.host, urlsplit(current.settings().public_url or "").netloc}
    if origin is not None and urlsplit(origin).netloc not in hosts - {""}:
        raise ForeignForm


async def show_login(response: Response) -> Response:
    """Put the tokens of this request's login into its answer, or take them away."""
    if "admin_tokens" in g:
        carry(response, g.admin_tokens)
    return response


def carry(response: Response, tokens: Tokens | None) -> None:
    """Cookies that only our own pages below /admin send and no script reads; None takes them away."""
    settings = current.settings()
    for name, value, seconds in (
        (ACCESS_COOKIE, tokens.access if tokens else "", settings.admin_access_seconds),
        (REFRESH_COOKIE, tokens.refresh if tokens else "", settings.admin_refresh_seconds),
    ):
        response.set_cookie(
            name,
            value,
            max_age=seconds if value else 0,
            path=PATH,
            httponly=True,
            samesite="Strict",
            secure=is_secure(),
        )
