"""Whose call it is: the account of the `X-Auth-Key` header, and whether it may call again. The API reads no cookie."""

from contextlib import suppress
from typing import Literal

from quart import request

from ttr import current
from ttr.address import counted_as
from ttr.api import limits
from ttr.domain.access_key import AccessKey, address_refusal, origin_of, origin_refusal
from ttr.noted import note_means
from ttr.now import now_ms
from ttr.store.access_keys import USE_EVERY_MS, Use, note_use, user_by_key_fields
from ttr.store.allowances import look_up_key
from ttr.store.errors import KeyEnded, StoreUnavailable
from ttr.store.users import User


class Unauthorized(Exception):
    """No key, or one that opens nothing; 401."""


class Forbidden(Exception):
    """A key that opens the account, but not for this call or from here; 403."""


async def caller(zone: Literal["bulk", "account", "slug"] | None = None) -> User:
    """The account whose key was sent; the call counts against the key, and against the account in `zone`.

    A call without a valid key, or with one that refuses it, counts against its address. Raises Unauthorized, Forbidden,
    or TooMany when a limit is used up.
    """
    settings, address = current.settings(), counted_as(current.address())
    auth_key = request.headers.get("X-Auth-Key", "")
    if not auth_key:
        await limits.spend("api-address", address)
        raise Unauthorized("Send your access key in the X-Auth-Key header.")
    look = await look_up_key(
        current.store(),
        auth_key,
        address,
        per_key=settings.limit("api-key"),
        per_address=settings.limit("api-address"),
        now=now_ms(),
    )
    user, why = None, "This access key opens no account."
    if look is not None:
        user_id, ended = look.fields
        limits.note(look.refused if user_id is None or ended is not None else look.allowance)
        try:
            user = await user_by_key_fields(current.store(), auth_key, look.fields)
        except KeyEnded as error:
            why = str(error)
    if user is None:
        await limits.spend("api-address", address)
        raise Unauthorized(why)
    if refused := _refusal(key_of(user)):
        await limits.spend("api-address", address)
        raise Forbidden(refused)
    note_means("key", auth_key[-4:])
    await _note_use(user)
    if zone is not None:
        await limits.spend(zone, user.id)
    return user


def origin() -> str:
    """The origin of the page that calls; "" when none is named."""
    return origin_of(request.headers.get("Origin", ""), request.headers.get("Referer", ""))


def _refusal(key: AccessKey) -> str:
    """Why a key that opens the account does not do so for this call; "" when it does."""
    if key.scope == "read" and request.method not in ("GET", "HEAD"):
        return "This access key only reads: it takes GET and HEAD."
    enforced = current.settings().enforced
    return address_refusal(key, current.address(), enforced) or origin_refusal(key, origin(), enforced)


async def _note_use(user: User) -> None:
    now = now_ms()
    if 0 <= now - user.key_used_at < USE_EVERY_MS:
        return
    # A Redis that takes no writes for the moment still answers what is asked.
    with suppress(StoreUnavailable):
        await note_use(current.store(), user, key_of(user), Use(now, current.address()))


def key_of(user: User) -> AccessKey:
    """The key that this caller sent."""
    if user.key is None:
        raise Unauthorized("Send your access key in the X-Auth-Key header.")
    return user.key
