"""Whose call it is: the account of the `X-Auth-Key` header, and whether it may call again. The API reads no cookie."""

from typing import Literal

from quart import request

from ttr import current
from ttr.address import counted_as
from ttr.api import limits
from ttr.domain.access_key import AccessKey
from ttr.noted import note_means
from ttr.now import now_ms
from ttr.store.access_keys import user_by_key_fields
from ttr.store.allowances import look_up_key
from ttr.store.errors import KeyEnded
from ttr.store.users import User


class Unauthorized(Exception):
    """No key, or one that opens nothing; 401."""


async def caller(zone: Literal["bulk", "account", "slug"] | None = None) -> User:
    """The account whose key was sent; the call counts against the key, and against the account in `zone`.

    A call without a valid key counts against its address. Raises Unauthorized, or TooMany when a limit is used up;
    both come after one round trip.
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
    note_means("key", auth_key[-4:])
    if zone is not None:
        await limits.spend(zone, user.id)
    return user


def key_of(user: User) -> AccessKey:
    """The key that this caller sent."""
    if user.key is None:
        raise Unauthorized("Send your access key in the X-Auth-Key header.")
    return user.key
