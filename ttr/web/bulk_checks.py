"""The dashboard's selection: paused, resumed, tagged or deleted, all of it or nothing."""

import json

from quart import Response, request

from ttr import current
from ttr.bulk import change_all, delete_all
from ttr.domain.bulk_input import read_change, read_names
from ttr.domain.check import Check
from ttr.domain.invalid import FieldError, Invalid
from ttr.now import now_ms
from ttr.store.allowances import spend
from ttr.store.checks import get_checks
from ttr.store.errors import Busy
from ttr.store.users import User
from ttr.web.dashboard import list_page, list_view, query_of
from ttr.web.reply import by_htmx, fragment, page, see, way_back
from ttr.web.said import saying
from ttr.web.security import require_user

_DONE = {
    "pause": "paused",
    "resume": "watched again",
    "tag": "tagged",
    "untag": "without these tags",
    "delete": "deleted",
}


async def create() -> Response:
    """Do what the form says to the checks that it names. What can't be done changes nothing, and is said."""
    user = await require_user()
    form = await request.form
    what, back, tags = form.get("do", ""), await way_back("/dashboard"), form.get("tags", "")
    # Numbers only: what the page sends.
    sent = [name for name in form.getlist("check") if name.isascii() and name.isdigit() and len(name) <= 15]
    names = [int(name) for name in sent if int(name)]
    try:
        if not names:
            raise Invalid([FieldError("", "Select some checks first.")])
        if what not in _DONE:
            raise Invalid([FieldError("", "Say what to do with them.")])
        if what == "delete" and form.get("sure") != "yes":
            return await _ask(user, names, back)
        await spend(current.store(), current.settings().limit("bulk"), user.id, now=now_ms())
        count = await _do(user, names, what, tags)
    except (Invalid, Busy) as error:
        return await _refused(user, names, back, tags, error)
    said = f"{count:,} check{'' if count == 1 else 's'} {'is' if count == 1 else 'are'} {_DONE[what]}."
    if by_htmx():
        return await fragment("dashboard/_list.html", said=said, **await list_view(user, query_of(back)))
    return saying(see(back), said)


async def moved() -> Response:
    """To the dashboard."""
    return see("/dashboard")


async def _refused(user: User, names: list[int], back: str, tags: str, error: Invalid | Busy) -> Response:
    """The line of words for htmx; without it the page again, with what was selected and typed."""
    words = " ".join(fault.message for fault in error.errors) if isinstance(error, Invalid) else str(error)
    if by_htmx():
        raise Invalid([FieldError("", words)])
    return await list_page(user, query_of(back), 422, selected=names, refused=words, tags_typed=tags)


async def _do(user: User, names: list[int], what: str, tags: str) -> int:
    store = current.store()
    if what == "delete":
        return await delete_all(store, user, read_names(_json(checks=names)))
    if what in ("pause", "resume"):
        change = read_change(_json(checks=names, paused=what == "pause"))
    else:
        wanted = [tag.strip() for tag in tags.split(",") if tag.strip()]
        if not wanted:
            raise Invalid([FieldError("tags", "Give a tag.")])
        change = read_change(_json(checks=names, **{"add_tags" if what == "tag" else "remove_tags": wanted}))
    return len(await change_all(store, user, change))


async def _ask(user: User, names: list[int], back: str) -> Response:
    found = await get_checks(current.store(), user, [str(name) for name in names])
    checks: list[Check] = [check for check in found if check is not None]
    if not checks:
        raise Invalid([FieldError("", "These checks are gone already.")])
    return await page("dashboard/delete.html", checks=checks, back=back)


def _json(**fields: object) -> bytes:
    """As the API is sent it, so that one place judges both."""
    return json.dumps(fields).encode()
