"""In with a key, and out again."""

from quart import Response, g, request

from ttr import current
from ttr.address import counted_as
from ttr.domain.access_key import AccessKey, address_refusal, origin_of, origin_refusal
from ttr.now import now_ms
from ttr.store.access_keys import user_by_key
from ttr.store.allowances import spend
from ttr.store.errors import KeyEnded
from ttr.store.sessions import close_session, open_session
from ttr.store.users import User
from ttr.web.home import front
from ttr.web.reply import see
from ttr.web.security import SESSION_COOKIE, end_session, operator_id, start_session

_UNKNOWN = "No account has this key. It has 32 characters; check that none is missing."


async def create() -> Response:
    """Log in with an access key; one that nobody has is a 422 and makes no account. Raises TooMany.

    A right key counts like a wrong one: the limit tells nobody which it was.
    """
    if address := current.address():
        limit = current.settings().limit("login")
        await spend(current.store(), limit, counted_as(address), now=now_ms())
    auth_key = (await request.form).get("auth_key", "").strip()
    try:
        user = await user_by_key(current.store(), auth_key)
    except KeyEnded as error:
        return await front(422, login_error=str(error))
    if user is None:
        return await front(422, login_error=_UNKNOWN if auth_key else "Give your access key.")
    if fault := _fault(user.key):
        return await front(422, login_error=fault)
    await sign_in(user, now_ms())
    return see("/dashboard")


def _fault(key: AccessKey | None) -> str:
    """Why a key that opens the account does not log in here; "" when it does."""
    if key is None:
        return _UNKNOWN
    if key.scope == "read":
        return "This access key only reads, over the API; it does not log in."
    enforced = current.settings().enforced
    origin = origin_of(request.headers.get("Origin", ""), request.headers.get("Referer", ""))
    return address_refusal(key, current.address(), enforced) or origin_refusal(key, origin, enforced)


async def destroy() -> Response:
    """End the session, here and in the store."""
    await _close()
    end_session()
    return see("/")


async def sign_in(user: User, now: int, *, opened_by: str = "") -> None:
    """Open a session under a new id; whatever id the browser brought along is worth nothing from here on. It lives as
    long as what has opened it: the key that `user` came with, unless `opened_by` names something else.
    """
    await _close()
    start_session(
        await open_session(
            current.store(),
            user,
            now,
            opened_by=opened_by,
            address=current.address(),
            agent=request.headers.get("User-Agent", ""),
        )
    )
    g.user = user


async def _close() -> None:
    for session in (request.cookies.get(SESSION_COOKIE), operator_id()):
        if session:
            await close_session(current.store(), session)
