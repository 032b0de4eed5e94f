"""Whose call it is on the admins' side: the Bearer token of the `Authorization` header, and nothing else."""

from quart import Response, request

from ttr import current
from ttr.address import counted_as
from ttr.admins import Admin, admin_of
from ttr.api import limits
from ttr.api.errors import problem
from ttr.noted import note_means


class NotAdmin(Exception):
    """No token, or one that is none of an admin's, or not any more; 401."""


async def admin_caller() -> Admin:
    """The admin whose access token was sent. A call without one counts against its address.

    Raises NotAdmin and TooMany.
    """
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        await limits.spend("api-address", counted_as(current.address()))
        raise NotAdmin("Send an admin's access token as Authorization: Bearer; POST /api/v1/token gives one.")
    admin = await admin_of(current.store(), current.settings(), token.strip())
    if admin is None:
        await limits.spend("api-address", counted_as(current.address()))
        raise NotAdmin("This token opens nothing, or not any more.")
    note_means("admin")
    return admin


def unauthorized(why: str) -> Response:
    """A 401 that names what would open the door (RFC 6750)."""
    answer = problem(401, why)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="ttr admin"'
    return answer


async def not_admin(error: NotAdmin) -> Response:
    """What a call without an admin's token hears."""
    return unauthorized(str(error))
