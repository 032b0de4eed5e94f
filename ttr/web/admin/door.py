"""Who may see the admin pages, and what puts a login's tokens into the answer."""

from quart import Response, g, request

from ttr import current
from ttr.address import counted_as
from ttr.admin_cookies import ACCESS_COOKIE, REFRESH_COOKIE, set_access, set_refresh
from ttr.admins import Admin, Tokens, admin_of, refresh_claims, renew
from ttr.noted import note_means
from ttr.now import now_ms
from ttr.store.allowances import spend

__all__ = ["Admin", "NotAdmin", "require_admin"]


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
    if g.admin is not None:
        note_means("admin")
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


async def show_login(response: Response) -> Response:
    """Put the tokens of this request's login into its answer, or take them away."""
    if "admin_tokens" in g:
        set_access(response, g.admin_tokens)
        set_refresh(response, g.admin_tokens)
    return response
