"""Weak ETags of what one account sees: a caller that has it already gets a 304, for which no list is read."""

import hashlib

from quart import Response, request

from ttr import __version__, current
from ttr.store.check_list import list_version
from ttr.store.users import User


async def account_tag(user: User, *, now: int) -> str:
    """The ETag of this request's answer at `now` (ms): it changes with anything in any list of the account.

    Read it before what it stands for: a change in between makes the answer newer than its tag, never older.
    """
    version = await list_version(current.store(), user, now=now)
    # The URL of a ping is made of the slug and the host, and another release may show other fields.
    seen = (
        version,
        user.id,
        user.user_slug,
        current.base_url(),
        request.path,
        request.query_string,
        __version__,
    )
    return f'W/"{hashlib.sha256(repr(seen).encode()).hexdigest()[:32]}"'


def unchanged(tag: str) -> Response | None:
    """The 304 for a caller whose `If-None-Match` names `tag`, weak or strong, alone or in a list, or says `*`."""
    asked = ",".join(request.headers.getlist("If-None-Match"))
    # Neither quote can be inside another's tag, so the quoted text is only found where it was sent as one.
    if asked.strip() != "*" and tag.removeprefix("W/") not in asked:
        return None
    answer = Response(status=304)
    for name in ("Content-Type", "Content-Length"):
        answer.headers.pop(name, None)
    return tagged(answer, tag)


def tagged(answer: Response, tag: str) -> Response:
    """`answer` for its owner alone, with its ETag: it may be kept, and is asked for again each time."""
    answer.headers["ETag"] = tag
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
