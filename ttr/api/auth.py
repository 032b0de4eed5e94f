"""Whose call it is: the account of the `X-Auth-Key` header. The API never reads a cookie."""

from quart import request

from ttr import current
from ttr.store.users import User, user_by_key


class Unauthorized(Exception):
    """No key, or one that opens nothing; 401."""


async def caller() -> User:
    """The account whose key was sent. Raises Unauthorized."""
    auth_key = request.headers.get("X-Auth-Key", "")
    if not auth_key:
        raise Unauthorized("Send your access key in the X-Auth-Key header.")
    user = await user_by_key(current.store(), auth_key)
    if user is None:
        raise Unauthorized("This access key opens no account.")
    return user
