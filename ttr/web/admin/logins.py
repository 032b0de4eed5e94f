"""In with a name and a password, and out again."""

from quart import Response, request

from ttr import current
from ttr.admin_cookies import ACCESS_COOKIE, REFRESH_COOKIE
from ttr.admins import Admin, WrongPassword, admin_of, counted_for_login, log_in, log_out, refresh_claims
from ttr.now import now_ms
from ttr.passwords import RETRY_SECONDS, PasswordsBusy
from ttr.store.admin_families import end_family, family_lives
from ttr.store.admins import is_any_admin
from ttr.store.allowances import spend
from ttr.store.errors import TooMany
from ttr.web.admin.door import end_login, start_login, visiting_admin
from ttr.web.reply import page, see


async def show() -> Response:
    """The form; who is logged in goes on."""
    return see("/admin") if await visiting_admin() else await _form()


async def create() -> Response:
    """Log in. Whatever login the browser brought along ends."""
    form = await request.form
    # Names have no capitals, and phones begin every field with one.
    username, password = form.get("username", "").strip().lower(), form.get("password", "")
    if not username or not password:
        return await _form(422, username=username, error="Give your name and your password.")
    store, settings, address, now = current.store(), current.settings(), current.address(), now_ms()
    try:
        for who in counted_for_login(address, username):
            await spend(store, settings.limit("admin-login"), who, now=now)
        tokens = await log_in(
            store,
            current.passwords(),
            settings,
            username=username,
            password=password,
            address=address,
            now=now,
        )
    except WrongPassword as error:
        return await _form(422, username=username, error=str(error))
    except TooMany as error:
        response = await _form(429, username=username, error=str(error))
        response.headers["Retry-After"] = str(error.allowance.retry_seconds)
        return response
    except PasswordsBusy as error:
        response = await _form(503, username=username, error=str(error))
        response.headers["Retry-After"] = str(RETRY_SECONDS)
        return response
    if before := refresh_claims(settings, request.cookies.get(REFRESH_COOKIE, "")):
        await end_family(store, before.username, before.family)
    start_login(tokens)
    return see("/admin")


async def destroy() -> Response:
    """End the login, here and in the store. It renews none: who has used that limit up may still go."""
    store, settings = current.store(), current.settings()
    admin = await admin_of(store, settings, request.cookies.get(ACCESS_COOKIE, ""))
    claims = refresh_claims(settings, request.cookies.get(REFRESH_COOKIE, ""))
    if admin is None and claims and await family_lives(store, claims.username, claims.family):
        admin = Admin(claims.username, claims.family)
    if admin:
        await log_out(store, admin, address=current.address(), now=now_ms())
    end_login()
    return see("/admin/login")


async def moved() -> Response:
    """To the form."""
    return see("/admin/login")


async def _form(status: int = 200, *, username: str = "", error: str = "") -> Response:
    return await page(
        "admin/login.html",
        status,
        username=username,
        error=error,
        nobody=not await is_any_admin(current.store()),
    )
